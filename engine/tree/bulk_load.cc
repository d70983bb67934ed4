#include "engine/tree/bulk_load.h"

#include <algorithm>

#include "engine/base/limits.h"
#include "engine/base/result.h"
#include "engine/tree/cursor.h"
#include "engine/tree/make_room.h"
#include "engine/tree/node_edit.h"
#include "engine/tree/overflow.h"

namespace holdfast {
namespace {

// Ids that a run speaks for: few at first, since what it doesn't need leaves a hole in them.
constexpr std::uint32_t kFirstRunPages = 64;
constexpr std::uint32_t kRunPages = 4096;
constexpr std::size_t kShown = 40;  // Bytes of a key in a message.

// As text in quotes, what isn't printable as \hh.
std::string shown(std::string_view key) {
  const char* digits = "0123456789abcdef";
  std::string text = "\"";
  for (const char c : key.substr(0, kShown)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7F && c != '\\' && c != '"') {
      text += c;
    } else {
      text += {'\\', digits[byte >> 4], digits[byte & 15]};
    }
  }
  return text + (key.size() > kShown ? "\"…" : "\"");
}

std::string child_bytes(PageId id) {
  std::string bytes(kChildBytes, '\0');
  store(reinterpret_cast<std::byte*>(bytes.data()), id);
  return bytes;
}

}  // namespace

BulkLoader::BulkLoader(PageSink& sink, TreeRef tree, unsigned fill_percent)
    : sink_(sink),
      tree_(tree),
      full_(std::size_t{sink.page_size()} * std::clamp(fill_percent, 50U, 100U) / 100),
      batch_(PageKind::kLeaf, 0, sink.page_size(), {}) {}

// What the tree's last key is.
Result<void> BulkLoader::begin() {
  TreeCursor cursor(sink_, tree_);
  empty_ = !TRY(cursor.last());
  if (!empty_) last_.assign(cursor.key());
  begun_ = true;
  return {};
}

Result<void> BulkLoader::check_order(std::string_view key) const {
  if ((empty_ && records_ == 0) || key > last_) return {};
  const std::string before = records_ == 0 ? "the tree's last key, " : "the key before it, ";
  return fail(ErrorCode::kInvalidArgument,
              "record " + std::to_string(records_ + 1) + " of a bulk load has the key " +
                  shown(key) + ", which doesn't come after " + before + shown(last_),
              {.file = {}, .offset = {}, .page = {}, .tree = raw(tree_.id), .txn = {}});
}

std::size_t BulkLoader::bytes() const {
  return kNodeHeadEnd + plain_ - common_prefix_bytes(first_, last_) * (batch_.size() - 1);
}

// Of the leaf, if this record were its last: under the prefix that its keys would share.
std::size_t BulkLoader::bytes_with(std::string_view key, std::size_t payload) const {
  const std::size_t entry = kEntryBytes + record_bytes(true, key.size(), payload);
  const std::size_t shared = batch_.size() == 0 ? 0 : common_prefix_bytes(first_, key);
  return kNodeHeadEnd + plain_ + entry - shared * batch_.size();
}

Result<std::string> BulkLoader::value_run(std::string_view value) {
  const std::size_t capacity = overflow_page_capacity(sink_.page_size());
  const auto pages = static_cast<std::uint32_t>((value.size() + capacity - 1) / capacity);
  if (values_ == nullptr || values_left_ < pages) {
    if (values_ != nullptr) TRY(values_->join());
    values_.reset();
    values_run_ = std::clamp(2 * values_run_, kFirstRunPages, kRunPages);
    values_left_ = std::max(values_run_, pages);
    values_ = TRY(sink_.begin_run(tree_.id, values_left_));
  }
  values_left_ -= pages;
  pages_ += pages;
  const OverflowStub stub{values_->first() + values_->pages(), pages,
                          static_cast<std::uint32_t>(value.size())};
  TRY(write_overflow(*values_, value));
  return stub.encode();
}

Result<void> BulkLoader::add(std::string_view key, std::string_view value) {
  TRY(check_limits(sink_, tree_, key, value.size()));
  if (!begun_) TRY(begin());
  TRY(check_order(key));
  if (records_ == 0 && !empty_) low_ = shortest_separator(last_, key);
  const bool overflow = value.size() > max_inline_value_bytes(sink_.page_size());
  const std::size_t payload = overflow ? kStubBytes : value.size();
  if (batch_.size() != 0 && (bytes() >= full_ || bytes_with(key, payload) > sink_.page_size())) {
    TRY(close_leaf(key));
  }
  std::string stub;
  if (overflow) {
    stub = TRY(value_run(value));
    value = stub;
  }
  if (batch_.size() == 0) first_.assign(key);
  batch_.insert(batch_.size(), key, value, overflow);
  plain_ += kEntryBytes + record_bytes(true, key.size(), value.size());
  last_.assign(key);
  ++records_;
  return {};
}

// `next_key` is that of the record that follows, or nothing at the end.
Result<void> BulkLoader::close_leaf(std::string_view next_key) {
  const PageGuard guard(sink_);
  if (leaves_ != nullptr && leaves_->pages() == leaves_run_) {
    TRY(leaves_->join());
    leaves_.reset();
  }
  if (leaves_ == nullptr) {
    leaves_run_ = std::clamp(2 * leaves_run_, kFirstRunPages, kRunPages);
    leaves_ = TRY(sink_.begin_run(tree_.id, leaves_run_));
  }
  KeyBounds bounds{low_, std::nullopt};
  if (!next_key.empty()) bounds.high = shortest_separator(last_, next_key);
  Editor leaf = TRY(leaves_->next(PageKind::kLeaf, 0));
  // At the end of the tree, as for any ascending run: the next record will be the next one.
  const auto hint = static_cast<std::uint16_t>(batch_.size() - 1);
  if (!batch_.write(leaf, 0, batch_.size(), bounds, bounds.high ? kNoHint : hint))
    return fail(ErrorCode::kInternal, "a leaf that was to be full doesn't fit its page");
  const PageId id = leaf.id();
  ++pages_;
  TRY(hang_up(id));
  if (bounds.high) low_ = *std::move(bounds.high);
  batch_ = NodeBatch(PageKind::kLeaf, 0, sink_.page_size(), {});
  plain_ = 0;
  return {};
}

// The leaf becomes its parent's last child.
Result<void> BulkLoader::hang_up(PageId leaf) {
  Path path;
  path.depth = 1;
  path.steps[0] = {tree_.root, 0};
  NodeView node = TRY(visit(sink_, tree_, tree_.root));
  if (node.leaf() && empty_) {
    Editor root = TRY(sink_.edit(tree_.root));
    NodeBatch top(PageKind::kInner, 1, sink_.page_size(), {});
    const std::string child = child_bytes(leaf);
    top.insert(0, {}, child, false);
    if (!top.write(root, 0, 1, {}, kNoHint))
      return fail(ErrorCode::kInternal, "a root of one child doesn't fit its page");
    empty_ = false;
    return {};
  }
  if (node.leaf()) {
    TRY(push_root_down());
    node = TRY(visit(sink_, tree_, tree_.root));
  }
  while (node.level() > 1) {
    if (node.count() == 0) return damaged(tree_.id, node.id(), "inner node has no child");
    node = TRY(visit_child(sink_, tree_, node, node.count() - 1, path));
  }
  const std::uint32_t count = node.count();
  path.back().index = count == 0 ? 0 : count - 1;
  const std::string child = child_bytes(leaf);
  return store_entry(sink_, tree_, path, path.depth - 1, {count, false, low_, child, false});
}

// The root is a leaf with records: they go to a page of their own.
Result<void> BulkLoader::push_root_down() {
  Editor root = TRY(sink_.edit(tree_.root));
  const NodeView node = TRY(view_of(tree_.id, root));
  NodeBatch all(PageKind::kLeaf, 0, sink_.page_size(), node.prefix());
  if (const char* wrong = all.take(node)) return damaged(tree_.id, tree_.root, wrong);
  Editor down = TRY(sink_.create(tree_.id, PageKind::kLeaf, 0));
  NodeBatch top(PageKind::kInner, 1, sink_.page_size(), {});
  const std::string child = child_bytes(down.id());
  top.insert(0, {}, child, false);
  if (!all.write(down, 0, all.size(), {std::nullopt, low_}, kNoHint) ||
      !top.write(root, 0, 1, {}, kNoHint))
    return fail(ErrorCode::kInternal, "a root's records don't fit another page");
  return {};
}

Result<void> BulkLoader::finish() {
  if (empty_ && batch_.size() != 0) {
    const PageGuard guard(sink_);
    Editor root = TRY(sink_.edit(tree_.root));
    const auto hint = static_cast<std::uint16_t>(batch_.size() - 1);
    if (!batch_.write(root, 0, batch_.size(), {}, hint))
      return fail(ErrorCode::kInternal, "a leaf that was to be full doesn't fit its page");
  } else if (batch_.size() != 0) {
    TRY(close_leaf({}));
  }
  for (auto* run : {&values_, &leaves_}) {
    if (*run != nullptr) TRY((*run)->join());
    run->reset();
  }
  return {};
}

}  // namespace holdfast
