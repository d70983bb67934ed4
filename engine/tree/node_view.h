// A node as it is read. Bytes of a page are claims until they are checked: open() tests the head
// once per visit, record() each record it touches.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/types.h"
#include "engine/tree/node_format.h"
#include "engine/tree/record.h"
#include "holdfast/error.h"

namespace holdfast {

// kDamaged at a page of a tree.
[[gnu::cold]] std::unexpected<Error> damaged(TreeId tree, PageId page, std::string message);

// Where a key is or would be.
struct NodePlace {
  std::uint32_t index = 0;
  bool found = false;
};

class NodeView {
 public:
  NodeView() = default;

  // Nothing, when all that the head claims lies within the page; else what is wrong with it.
  static const char* open(const std::byte* page, std::uint32_t page_size, TreeId tree,
                          NodeView& view);

  [[nodiscard]] const std::byte* page() const { return page_; }
  [[nodiscard]] std::uint32_t page_size() const { return page_size_; }
  [[nodiscard]] PageId id() const { return page_id(page_); }
  [[nodiscard]] TreeId tree() const { return page_tree(page_); }
  [[nodiscard]] PageKind kind() const { return leaf_ ? PageKind::kLeaf : PageKind::kInner; }
  [[nodiscard]] bool leaf() const { return leaf_; }
  [[nodiscard]] std::uint8_t level() const { return page_level(page_); }
  [[nodiscard]] std::uint32_t count() const { return count_; }
  [[nodiscard]] std::uint32_t capacity() const { return load16(page_ + node_at::kCapacity); }
  [[nodiscard]] std::uint32_t garbage() const { return load16(page_ + node_at::kGarbage); }
  [[nodiscard]] std::uint16_t hint() const { return load16(page_ + node_at::kHint); }
  [[nodiscard]] std::uint32_t gap() const { return page_gap_end(page_) - page_gap_begin(page_); }
  [[nodiscard]] std::uint32_t heap_end() const { return heap_end_; }
  [[nodiscard]] std::string_view prefix() const {
    return as_view(page_ + heap_end_, page_size_ - heap_end_);
  }
  // Bytes the node would take without garbage and spare heads.
  [[nodiscard]] std::uint32_t bytes_used() const {
    return page_size_ - gap() - garbage() -
           static_cast<std::uint32_t>(kHeadBytes) * (capacity() - count_);
  }

  [[nodiscard]] std::uint32_t head(std::uint32_t index) const {
    return load32(page_ + kNodeHeadEnd + kHeadBytes * index);
  }
  [[nodiscard]] std::uint32_t offset(std::uint32_t index) const {
    return load16(page_ + offsets_ + kOffsetBytes * index);
  }
  [[nodiscard]] std::uint32_t offset_at(std::uint32_t index) const {  // In the page, of the offset.
    return offsets_ + static_cast<std::uint32_t>(kOffsetBytes) * index;
  }

  // False when the record claims bytes outside the heap. Needs index < count().
  [[nodiscard]] bool record(std::uint32_t index, Record& record) const {
    const std::uint32_t at = offset(index);
    return at >= page_gap_end(page_) &&
           decode_record(page_ + at, page_ + heap_end_, leaf_, record) != nullptr;
  }
  [[nodiscard]] std::uint32_t bytes_of(const Record& record) const {
    return static_cast<std::uint32_t>(
        record_bytes(leaf_, record.suffix.size(), record.payload.size()));
  }

  // The first entry at or after `key`; false when a record that had to be looked at is damaged.
  [[nodiscard]] bool lower_bound(std::string_view key, NodePlace& place) const;
  // Of an inner node: the last entry whose key is at or before `key`.
  [[nodiscard]] bool child_for(std::string_view key, std::uint32_t& index) const;
  [[nodiscard]] bool child(std::uint32_t index, PageId& id) const;
  // Prefix and suffix put together.
  [[nodiscard]] bool key(std::uint32_t index, std::string& key) const;

 private:
  [[nodiscard]] bool search(std::string_view suffix, std::uint32_t from, NodePlace& place) const;

  const std::byte* page_ = nullptr;
  std::uint32_t page_size_ = 0;
  std::uint32_t count_ = 0;
  std::uint32_t offsets_ = 0;
  std::uint32_t heap_end_ = 0;
  bool leaf_ = true;
};

}  // namespace holdfast
