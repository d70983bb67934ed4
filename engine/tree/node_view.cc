#include "engine/tree/node_view.h"

#include "engine/base/result.h"

namespace holdfast {

std::unexpected<Error> damaged(TreeId tree, PageId page, std::string message) {
  ErrorPlace place;
  place.tree = raw(tree);
  place.page = raw(page);
  return fail(ErrorCode::kDamaged, std::move(message), std::move(place));
}

const char* NodeView::open(const std::byte* page, std::uint32_t page_size, TreeId tree,
                           NodeView& view) {
  const PageKind kind = page_kind(page);
  const unsigned level = page_level(page);
  if (page_tree(page) != tree) return "page belongs to another tree";
  if (kind != PageKind::kLeaf && kind != PageKind::kInner) return "page is not a tree node";
  if ((kind == PageKind::kLeaf) != (level == 0)) return "node's kind doesn't fit its level";
  if (level >= kMaxTreeLevels) return "node's level is impossible";
  const std::uint32_t count = page_count(page);
  const std::uint32_t capacity = load16(page + node_at::kCapacity);
  const std::uint32_t prefix = load16(page + node_at::kPrefixBytes);
  const std::uint32_t gap_begin = page_gap_begin(page);
  const std::uint32_t gap_end = page_gap_end(page);
  const std::uint32_t offsets = kNodeHeadEnd + kHeadBytes * capacity;
  if (count > capacity) return "node counts more entries than it has room for";
  if (offsets + kOffsetBytes * count != gap_begin)
    return "node's arrays don't end where its gap begins";
  if (gap_begin > gap_end || gap_end > page_size) return "node's gap is impossible";
  if (prefix > page_size - gap_end || prefix > max_key_bytes(page_size))
    return "node's prefix is too long";
  if (load16(page + node_at::kGarbage) > page_size - prefix - gap_end)
    return "node has more garbage than records";
  if (kind == PageKind::kInner && count == 0) return "inner node has no children";
  view.page_ = page;
  view.page_size_ = page_size;
  view.count_ = count;
  view.offsets_ = offsets;
  view.heap_end_ = page_size - prefix;
  view.leaf_ = kind == PageKind::kLeaf;
  return nullptr;
}

bool NodeView::search(std::string_view suffix, std::uint32_t from, NodePlace& place) const {
  // A branchy search: the processor runs ahead into one half while the other's head is on its way.
  const std::uint32_t wanted = head_of(suffix);
  const std::byte* heads = page_ + kNodeHeadEnd;
  std::uint32_t low = from;
  std::uint32_t high = count_;
  while (low < high) {
    const std::uint32_t middle = (low + high) / 2;
    const std::uint32_t there = load32(heads + kHeadBytes * middle);
    if (there < wanted) {
      low = middle + 1;
    } else if (there > wanted) {
      high = middle;
    } else {
      Record at;
      if (!record(middle, at)) return false;
      const int order = at.suffix.compare(suffix);
      if (order == 0) {
        place = {middle, true};
        return true;
      }
      if (order < 0) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
  }
  place = {low, false};
  return true;
}

bool NodeView::lower_bound(std::string_view key, NodePlace& place) const {
  const std::string_view common = prefix();
  if (!common.empty()) {
    const int order = key.substr(0, common.size()).compare(common);
    if (order != 0) {
      place = {order < 0 ? 0 : count_, false};
      return true;
    }
    key.remove_prefix(common.size());
  }
  return search(key, 0, place);
}

bool NodeView::child_for(std::string_view key, std::uint32_t& index) const {
  const std::string_view common = prefix();
  if (!common.empty()) {
    const int order = key.substr(0, common.size()).compare(common);
    if (order != 0) {
      index = order < 0 ? 0 : count_ - 1;
      return true;
    }
    key.remove_prefix(common.size());
  }
  NodePlace place;
  if (!search(key, 1, place)) return false;
  index = place.found ? place.index : place.index - 1;
  return true;
}

bool NodeView::child(std::uint32_t index, PageId& id) const {
  Record at;
  if (!record(index, at)) return false;
  id = load<PageId>(reinterpret_cast<const std::byte*>(at.payload.data()));
  return id != kNoPage;
}

bool NodeView::key(std::uint32_t index, std::string& key) const {
  Record at;
  if (!record(index, at)) return false;
  key.assign(prefix());
  key.append(at.suffix);
  return true;
}

}  // namespace holdfast
