#include "engine/tree/mend.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "engine/base/result.h"
#include "engine/tree/make_room.h"
#include "engine/tree/node_edit.h"

namespace holdfast {
namespace {

std::unexpected<Error> bad_record(TreeRef tree, PageId page) {
  return damaged(tree.id, page, "inner node's record is damaged");
}

enum class Joined : std::uint8_t { kNo, kBorrowed, kMerged };

class Mender {
 public:
  Mender(PageSink& sink, TreeRef tree, const Path& path) : sink_(sink), tree_(tree), path_(path) {}

  // Up to the first node that has lost nothing, or through all of the path.
  Result<void> run(bool all) {
    bool emptied = false;
    std::uint32_t depth = path_.depth - 1;
    for (; depth > 0; --depth) {
      const PageId id = path_.steps[depth].page;
      bool full_enough = false;
      if (!emptied) {
        const NodeView node = TRY(visit(sink_, tree_, id));
        emptied = node.count() == 0;
        full_enough = !emptied && node.bytes_used() >= underfull_limit(node.page_size());
      }
      if (emptied) {
        TRY(sink_.release(id, 1));
        emptied = TRY(drop_child(depth - 1));
      } else if (full_enough || !TRY(join(depth))) {
        if (!all) return {};
      }
    }
    if (emptied) return empty_root();
    return collapse_root();
  }

 private:
  // True when that was the last child: then the node at `depth` is to be unlinked itself.
  Result<bool> drop_child(std::uint32_t depth) {
    const auto [page, index] = path_.steps[depth];
    if (TRY(visit(sink_, tree_, page)).count() == 1) return true;
    Editor editor = TRY(sink_.edit(page));
    const NodeView node = TRY(view_of(tree_.id, editor));
    std::uint32_t gone = index;
    if (index == 0) {
      // Entry 0 is the one without a key: the next child moves there.
      Record first;
      PageId child;
      if (!node.record(0, first) || !node.child(1, child)) return bad_record(tree_, page);
      set_child(editor, first, child);
      gone = 1;
    }
    Record was;
    if (gone >= node.count() || !node.record(gone, was)) return bad_record(tree_, page);
    erase_entry(editor, node, gone, was);
    return false;
  }

  // With the right sibling, else with the left one. True when the parent lost a child.
  Result<bool> join(std::uint32_t depth) {
    const auto [parent, own] = path_.steps[depth - 1];
    const std::uint32_t children = TRY(visit(sink_, tree_, parent)).count();
    Joined joined = Joined::kNo;
    if (own + 1 < children) joined = TRY(join_pair(depth, own, true));
    if (joined == Joined::kNo && own > 0) joined = TRY(join_pair(depth, own - 1, false));
    return joined == Joined::kMerged;
  }

  // Two neighbours whose parent names them at `index` and the next.
  struct Pair {
    PageId parent;
    std::uint32_t index;
    PageId left;
    PageId right;
    std::string between;  // The separator.
    int level;
    KeyBounds bounds;  // Of both together.
  };

  Result<Pair> pair_at(std::uint32_t depth, std::uint32_t index) {
    Path path = path_;
    auto& [parent_id, own] = path.steps[depth - 1];
    own = index;
    KeyBounds bounds = TRY(bounds_at(sink_, tree_, path, depth));
    own = index + 1;
    bounds.high = TRY(bounds_at(sink_, tree_, path, depth)).high;
    const NodeView parent = TRY(visit(sink_, tree_, parent_id));
    Pair pair{parent_id, index, kNoPage, kNoPage, {}, parent.level() - 1, std::move(bounds)};
    if (index + 1 >= parent.count() || !parent.child(index, pair.left) ||
        !parent.child(index + 1, pair.right) || !parent.key(index + 1, pair.between)) {
      return bad_record(tree_, parent_id);
    }
    return pair;
  }

  // The entries of both; nothing where unlike prefixes would make them grow beyond measure.
  Result<std::optional<NodeBatch>> collect(const Pair& pair) {
    NodeView view = TRY(visit(sink_, tree_, pair.left, pair.level));
    const std::string prefix(view.prefix());
    const std::uint32_t left_count = view.count();
    view = TRY(visit(sink_, tree_, pair.right, pair.level));
    std::size_t base = common_prefix_bytes(prefix, view.prefix());
    // The separator comes down between inner nodes.
    if (!view.leaf()) base = std::min(base, common_prefix_bytes(prefix, pair.between));
    const std::size_t grown =
        left_count * (prefix.size() - base) + view.count() * (view.prefix().size() - base);
    if (grown > view.page_size()) return std::nullopt;

    NodeBatch batch(view.kind(), view.level(), view.page_size(), prefix.substr(0, base));
    view = TRY(visit(sink_, tree_, pair.left, pair.level));
    if (const char* wrong = batch.take(view)) return damaged(tree_.id, pair.left, wrong);
    view = TRY(visit(sink_, tree_, pair.right, pair.level));
    if (const char* wrong = batch.take(view, pair.between))
      return damaged(tree_.id, pair.right, wrong);
    return batch;
  }

  Result<Joined> join_pair(std::uint32_t depth, std::uint32_t index, bool own_is_left) {
    const Pair pair = TRY(pair_at(depth, index));
    const std::optional<NodeBatch> batch = TRY(collect(pair));
    if (!batch) return Joined::kNo;
    if (batch->least_bytes(0, batch->size()) <= merge_limit(sink_.page_size())) {
      TRY(merge(pair, *batch));
      return Joined::kMerged;
    }
    const std::uint32_t at = batch->middle();
    if (at == 0) return Joined::kNo;
    const std::size_t own_bytes =
        own_is_left ? batch->least_bytes(0, at) : batch->least_bytes(at, batch->size());
    if (own_bytes < underfull_limit(sink_.page_size())) return Joined::kNo;
    if (!TRY(replace_separator(sink_, tree_, pair.parent, index + 1, batch->separator(at)))) {
      return Joined::kNo;
    }
    Editor left = TRY(sink_.edit(pair.left));
    Editor right = TRY(sink_.edit(pair.right));
    TRY(write_pair(tree_, *batch, at, left, right, pair.bounds));
    return Joined::kBorrowed;
  }

  Result<void> merge(const Pair& pair, const NodeBatch& batch) {
    Editor left = TRY(sink_.edit(pair.left));
    if (!batch.write(left, 0, batch.size(), pair.bounds, kNoHint)) {
      return damaged(tree_.id, pair.left, "node's entries are larger than the limits allow");
    }
    TRY(sink_.release(pair.right, 1));
    Editor parent = TRY(sink_.edit(pair.parent));
    const NodeView node = TRY(view_of(tree_.id, parent));
    Record was;
    if (!node.record(pair.index + 1, was)) return bad_record(tree_, pair.parent);
    erase_entry(parent, node, pair.index + 1, was);
    return {};
  }

  Result<void> empty_root() {
    Editor root = TRY(sink_.edit(tree_.root));
    const NodeBatch nothing(PageKind::kLeaf, 0, sink_.page_size(), {});
    if (!nothing.write(root, 0, 0, {}, kNoHint)) return bad_record(tree_, tree_.root);
    return {};
  }

  Result<void> collapse_root() {
    for (;;) {
      NodeView node = TRY(visit(sink_, tree_, tree_.root));
      if (node.leaf() || node.count() > 1) return {};
      PageId child;
      if (!node.child(0, child)) return bad_record(tree_, tree_.root);
      const int level = node.level() - 1;
      Editor root = TRY(sink_.edit(tree_.root));
      node = TRY(visit(sink_, tree_, child, level));
      const std::span body(node.page(), node.page_size());
      const std::size_t begin = page_gap_begin(node.page());
      root.write(page_at::kKind, body.subspan(page_at::kKind, begin - page_at::kKind));
      root.write(page_gap_end(node.page()), body.subspan(page_gap_end(node.page())));
      TRY(sink_.release(child, 1));
    }
  }

  PageSink& sink_;
  TreeRef tree_;
  const Path& path_;
};

}  // namespace

Result<void> mend(PageSink& sink, TreeRef tree, const Path& path) {
  return Mender(sink, tree, path).run(false);
}

Result<void> mend_all(PageSink& sink, TreeRef tree, const Path& path) {
  return Mender(sink, tree, path).run(true);
}

}  // namespace holdfast
