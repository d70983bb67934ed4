#include "engine/tree/make_room.h"

#include <algorithm>

#include "engine/base/result.h"
#include "engine/tree/node_edit.h"

namespace holdfast {
namespace {

constexpr const char* kOutOfOrder = "node's heads don't tell the order of its keys";

// A sibling fuller than this is not asked: the next insert would ask again.
constexpr std::uint32_t spill_limit(std::uint32_t page_size) {
  return page_size / 10 * 6;
}

// False when there is no room in the gap, or the key doesn't begin with the node's prefix.
Result<bool> store_in_gap(TreeRef tree, Editor& editor, const NodeView& node,
                          const NewEntry& entry) {
  if (!entry.key.starts_with(node.prefix())) return false;
  const Record record{entry.key.substr(node.prefix().size()), entry.payload, entry.overflow};
  if (!entry.replaces) return insert_entry(editor, node, entry.index, record);
  Record was;
  if (!node.record(entry.index, was))
    return damaged(tree.id, node.id(), "node's record lies outside its heap");
  return replace_entry(editor, node, entry.index, was, record);
}

// Compaction logs the whole page: for a record's worth of room that is too much, and the next
// insert would want it again. A node this full may as well split. A changed prefix needs the
// rewrite anyway.
bool worth_compacting(const NodeView& node, const NewEntry& entry) {
  const std::uint32_t spare = node.page_size() - node.gap() - node.bytes_used();
  return spare >= node.page_size() / 16 || node.count() < 2 ||
         !entry.key.starts_with(node.prefix());
}

// The node's entries with the new one among them.
Result<NodeBatch> collect(TreeRef tree, const NodeView& node, const NewEntry& entry) {
  const std::string_view base =
      node.prefix().substr(0, common_prefix_bytes(node.prefix(), entry.key));
  NodeBatch batch(node.kind(), node.level(), node.page_size(), base);
  if (const char* wrong = batch.take(node)) return damaged(tree.id, node.id(), wrong);
  if (entry.replaces) {
    batch.replace(entry.index, entry.payload, entry.overflow);
  } else {
    batch.insert(entry.index, entry.key, entry.payload, entry.overflow);
  }
  if (!batch.in_order(entry.index)) return damaged(tree.id, node.id(), kOutOfOrder);
  return batch;
}

std::unexpected<Error> too_large(TreeRef tree, PageId page) {
  return damaged(tree.id, page, "node's entries are larger than the limits allow");
}

// Where to split. A run of inserts, ascending or descending, leaves the full part full.
std::uint32_t split_at(const NodeBatch& batch, const NodeView& node, const NewEntry& entry) {
  if (!entry.replaces && node.hint() != kNoHint) {
    const bool ascending = entry.index == node.hint() + 1u;
    const bool descending = entry.index == node.hint();
    const std::uint32_t at = ascending ? entry.index : entry.index + 1;
    const std::uint32_t quarter = node.page_size() / 4;
    if ((ascending || descending) && at > 0 && at < batch.size() && batch.fits(0, at) &&
        batch.fits(at, batch.size()) &&
        batch.least_bytes(ascending ? 0 : at, ascending ? at : batch.size()) >= quarter) {
      return at;
    }
  }
  return batch.middle();
}

std::uint16_t hint_after_split(const NewEntry& entry, std::uint32_t from, std::uint32_t to) {
  const bool here = !entry.replaces && entry.index >= from && entry.index < to;
  return here ? static_cast<std::uint16_t>(entry.index - from) : kNoHint;
}

struct Promotion {
  std::string separator;
  PageId right = kNoPage;
};

class Split {
 public:
  Split(PageSink& sink, TreeRef tree, const NodeView& node, const NodeBatch& batch,
        const NewEntry& entry, KeyBounds bounds)
      : sink_(sink),
        tree_(tree),
        node_(node),
        batch_(batch),
        entry_(entry),
        bounds_(std::move(bounds)) {}

  // The root keeps its page: its content goes down into two new ones.
  Result<void> root(Editor& root) {
    at_ = split_at(batch_, node_, entry_);
    const std::uint8_t level = node_.level();
    if (at_ == 0 || level + 1u >= kMaxTreeLevels) return too_large(tree_, tree_.root);
    const std::string separator = batch_.separator(at_);
    Editor left = TRY(sink_.create(tree_.id, node_.kind(), level));
    Editor right = TRY(sink_.create(tree_.id, node_.kind(), level));
    TRY(write_left(left, separator));
    TRY(write_right(right, separator));
    NodeBatch top(PageKind::kInner, level + 1, node_.page_size(), {});
    top.insert(0, {}, child_bytes(left.id()), false);
    top.insert(1, separator, child_bytes(right.id()), false);
    if (!top.write(root, 0, 2, {}, kNoHint)) return too_large(tree_, tree_.root);
    return {};
  }

  // Answers what the parent must be told; `parent` and `index` say where it names this node.
  Result<Promotion> half(Editor& here, PageId parent, std::uint32_t index) {
    at_ = split_at(batch_, node_, entry_);
    if (at_ == 0) return too_large(tree_, node_.id());
    std::string separator = batch_.separator(at_);
    Editor fresh = TRY(sink_.create(tree_.id, node_.kind(), node_.level()));
    const bool only_new = !entry_.replaces && (node_.leaf() || entry_.index != 0);
    if (only_new && entry_.index == at_ && at_ + 1 == batch_.size()) {
      // Ascending: the full node stays as it is.
      TRY(write_right(fresh, separator));
      return Promotion{std::move(separator), fresh.id()};
    }
    if (only_new && node_.leaf() && entry_.index == 0 && at_ == 1) {
      // Descending: the same, but the new page takes this one's place in the parent.
      TRY(write_left(fresh, separator));
      TRY(rename_child(parent, index, fresh.id()));
      return Promotion{std::move(separator), here.id()};
    }
    const PageId right = fresh.id();
    TRY(write_right(fresh, separator));
    if (!TRY(keep_left(here, separator))) TRY(write_left(here, separator));
    return Promotion{std::move(separator), right};
  }

  static std::string child_bytes(PageId id) {
    std::string bytes(kChildBytes, '\0');
    store(reinterpret_cast<std::byte*>(bytes.data()), id);
    return bytes;
  }

 private:
  // The left half by moving its records together, if its prefix stays as it is.
  Result<bool> keep_left(Editor& here, const std::string& separator) {
    const KeyBounds bounds{bounds_.low, separator};
    if (batch_.prefix_bytes(0, at_, bounds) != node_.prefix().size()) return false;
    const bool new_here = entry_.index < at_;
    if (!pack_entries(here, node_, new_here && !entry_.replaces ? at_ - 1 : at_)) return false;
    if (!new_here) return true;
    const NodeView packed = TRY(view_of(tree_.id, here));
    return store_in_gap(tree_, here, packed, entry_);
  }
  Result<void> write_left(Editor& to, const std::string& separator) {
    return write(to, 0, at_, {bounds_.low, separator});
  }
  Result<void> write_right(Editor& to, const std::string& separator) {
    KeyBounds bounds{separator, bounds_.high};
    if (!bounds.high && at_ + 1 == batch_.size()) bounds.low = guess_of_run();
    return write(to, at_, batch_.size(), bounds);
  }
  // The end of an ascending run knows no upper bound. What the full neighbour's keys share with the
  // new one, less a byte for the next carry, is a good guess for those to come.
  [[nodiscard]] std::string guess_of_run() const {
    const std::string first = batch_.key(node_.leaf() ? 0 : 1);
    const std::size_t shared = common_prefix_bytes(first, batch_.key(batch_.size() - 1));
    return first.substr(0, shared - (shared != 0 ? 1 : 0));
  }
  Result<void> write(Editor& to, std::uint32_t from, std::uint32_t end, const KeyBounds& bounds) {
    if (!batch_.write(to, from, end, bounds, hint_after_split(entry_, from, end))) {
      return too_large(tree_, to.id());
    }
    return {};
  }

  Result<void> rename_child(PageId parent, std::uint32_t index, PageId child) {
    Editor editor = TRY(sink_.edit(parent));
    const NodeView node = TRY(view_of(tree_.id, editor));
    Record was;
    if (index >= node.count() || !node.record(index, was)) {
      return damaged(tree_.id, parent, "inner node's record is damaged");
    }
    set_child(editor, was, child);
    return {};
  }

  PageSink& sink_;
  TreeRef tree_;
  const NodeView& node_;
  const NodeBatch& batch_;
  const NewEntry& entry_;
  KeyBounds bounds_;
  std::uint32_t at_ = 0;
};

// Shares the overfull leaf's entries with the sibling at `index` of the parent, if that has room.
Result<bool> spill(PageSink& sink, TreeRef tree, const Path& path, std::uint32_t depth,
                   Editor& here, const NodeView& node, const NewEntry& entry, bool to_right) {
  const auto [parent_id, own] = path.steps[depth - 1];
  const NodeView parent = TRY(visit(sink, tree, parent_id, node.level() + 1));
  if (to_right ? own + 1 >= parent.count() : own == 0) return false;
  PageId sibling_id;
  if (!parent.child(to_right ? own + 1 : own - 1, sibling_id)) {
    return damaged(tree.id, parent_id, "inner node's record is damaged");
  }
  const NodeView sibling = TRY(visit(sink, tree, sibling_id, node.level()));
  if (sibling.bytes_used() > spill_limit(node.page_size())) return false;
  const std::string_view both =
      node.prefix().substr(0, common_prefix_bytes(node.prefix(), sibling.prefix()));
  const std::string_view base = both.substr(0, common_prefix_bytes(both, entry.key));
  // Under a shorter prefix entries grow; a lot of that isn't worth the trouble.
  const std::size_t grown = node.count() * (node.prefix().size() - base.size()) +
                            sibling.count() * (sibling.prefix().size() - base.size());
  if (grown > node.page_size() / 8) return false;

  NodeBatch batch(PageKind::kLeaf, 0, node.page_size(), base);
  const NodeView& first = to_right ? node : sibling;
  const NodeView& second = to_right ? sibling : node;
  if (const char* wrong = batch.take(first)) return damaged(tree.id, first.id(), wrong);
  if (const char* wrong = batch.take(second)) return damaged(tree.id, second.id(), wrong);
  const std::uint32_t index = entry.index + (to_right ? 0 : sibling.count());
  if (entry.replaces) {
    batch.replace(index, entry.payload, entry.overflow);
  } else {
    batch.insert(index, entry.key, entry.payload, entry.overflow);
  }
  if (!batch.in_order(index)) return damaged(tree.id, node.id(), kOutOfOrder);
  const std::uint32_t at = batch.middle();
  if (at == 0) return false;
  const std::uint32_t right_index = to_right ? own + 1 : own;
  if (!TRY(replace_separator(sink, tree, parent_id, right_index, batch.separator(at))))
    return false;
  Path pair = path;
  pair.steps[depth - 1].index = right_index - 1;
  const KeyBounds left = TRY(bounds_at(sink, tree, pair, depth));
  pair.steps[depth - 1].index = right_index;
  const KeyBounds right = TRY(bounds_at(sink, tree, pair, depth));
  Editor other = TRY(sink.edit(sibling_id));
  TRY(write_pair(tree, batch, at, to_right ? here : other, to_right ? other : here,
                 {left.low, right.high}));
  return true;
}

}  // namespace

Result<void> write_pair(TreeRef tree, const NodeBatch& batch, std::uint32_t at, Editor& left,
                        Editor& right, const KeyBounds& bounds) {
  const std::string separator = batch.separator(at);
  if (!batch.write(left, 0, at, {bounds.low, separator}, kNoHint) ||
      !batch.write(right, at, batch.size(), {separator, bounds.high}, kNoHint)) {
    return too_large(tree, left.id());
  }
  return {};
}

Result<bool> replace_separator(PageSink& sink, TreeRef tree, PageId page, std::uint32_t index,
                               std::string_view key) {
  Editor editor = TRY(sink.edit(page));
  const NodeView node = TRY(view_of(tree.id, editor));
  Record was;
  if (index == 0 || index >= node.count() || !node.record(index, was)) {
    return damaged(tree.id, page, "inner node's record is damaged");
  }
  if (!key.starts_with(node.prefix())) return false;
  const std::string child(was.payload);
  return replace_entry(editor, node, index, was, {key.substr(node.prefix().size()), child, false});
}

Result<void> store_entry(PageSink& sink, TreeRef tree, const Path& path, std::uint32_t depth,
                         NewEntry entry) {
  Promotion up;
  std::string child;
  for (;;) {
    Editor editor = TRY(sink.edit(path.steps[depth].page));
    const NodeView node = TRY(view_of(tree.id, editor));
    if (TRY(store_in_gap(tree, editor, node, entry))) return {};

    const KeyBounds bounds = TRY(bounds_at(sink, tree, path, depth));
    const NodeBatch batch = TRY(collect(tree, node, entry));
    if (worth_compacting(node, entry) && batch.fits(0, batch.size())) {
      if (batch.prefix_bytes(0, batch.size(), bounds) == node.prefix().size() &&
          pack_entries(editor, node, node.count())) {
        const NodeView packed = TRY(view_of(tree.id, editor));
        if (TRY(store_in_gap(tree, editor, packed, entry))) return {};
      }
      const std::uint16_t hint = entry.replaces ? kNoHint : static_cast<std::uint16_t>(entry.index);
      if (!batch.write(editor, 0, batch.size(), bounds, hint)) return too_large(tree, editor.id());
      return {};
    }
    Split split(sink, tree, node, batch, entry, bounds);
    if (depth == 0) return split.root(editor);
    const bool in_run = !entry.replaces && node.hint() != kNoHint &&
                        (entry.index == node.hint() || entry.index == node.hint() + 1u);
    if (node.leaf() && !in_run) {
      if (TRY(spill(sink, tree, path, depth, editor, node, entry, true))) return {};
      if (TRY(spill(sink, tree, path, depth, editor, node, entry, false))) return {};
    }
    const auto& [parent, index] = path.steps[depth - 1];
    up = TRY(split.half(editor, parent, index));
    child = Split::child_bytes(up.right);
    entry = {index + 1, false, up.separator, child, false};
    --depth;
  }
}

}  // namespace holdfast
