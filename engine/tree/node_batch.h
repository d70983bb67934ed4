// Entries taken out of one or two neighbouring nodes, to be laid out anew: what compaction, splits,
// merges and moves between siblings are made of.
//
// All keys share a base prefix and are kept without it. Bytes are copied, so the nodes they came
// from may be overwritten.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/page/edit.h"
#include "engine/tree/node_view.h"

namespace holdfast {

// Every key of a node is at or after low and before high. Absent: there is none.
struct KeyBounds {
  std::optional<std::string> low;
  std::optional<std::string> high;
};

class NodeBatch {
 public:
  NodeBatch(PageKind kind, std::uint8_t level, std::uint32_t page_size, std::string_view base)
      : leaf_(kind == PageKind::kLeaf), level_(level), page_size_(page_size), base_(base) {}

  // Appends the node's entries. Its keys must begin with base(). `first_key` is the full key of an
  // inner node's entry 0 unless that comes first here. Answers what is wrong with the node, if
  // anything is.
  const char* take(const NodeView& node, std::string_view first_key = {});
  // `key` is whole.
  void insert(std::uint32_t index, std::string_view key, std::string_view payload, bool overflow);
  void replace(std::uint32_t index, std::string_view payload, bool overflow);
  // Whether the entry stands between its neighbours. Laying out anew relies on order, and a search
  // that believed a damaged node's heads may have answered any index.
  [[nodiscard]] bool in_order(std::uint32_t index) const;

  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(entries_.size()); }
  [[nodiscard]] std::string_view base() const { return base_; }
  [[nodiscard]] std::string key(std::uint32_t index) const;

  // Bytes of a node that holds [from, to) without spare heads, under the longest prefix they share.
  [[nodiscard]] std::size_t least_bytes(std::uint32_t from, std::uint32_t to) const;
  [[nodiscard]] bool fits(std::uint32_t from, std::uint32_t to) const {
    return least_bytes(from, to) <= page_size_;
  }

  // The string that tells [0, at) from [at, …): shortest possible between leaves, the key that goes
  // up between inner nodes.
  [[nodiscard]] std::string separator(std::uint32_t at) const;

  // Where to cut in two nodes that both fit: near the middle by bytes, and there where the
  // separator is shortest. 0 when there is no such place (the entries break the limits on sizes).
  [[nodiscard]] std::uint32_t middle() const;

  // Of the prefix that write() would choose.
  [[nodiscard]] std::size_t prefix_bytes(std::uint32_t from, std::uint32_t to,
                                         const KeyBounds& bounds) const {
    return base_.size() + choose_cut(from, to, bounds);
  }

  // Lays [from, to) out in the editor's page, under the longest prefix that no key within the
  // bounds can break; at an edge of the tree, which has a bound missing, under the one they share
  // now. False, and nothing is written, when they don't fit.
  [[nodiscard]] bool write(Editor& editor, std::uint32_t from, std::uint32_t to,
                           const KeyBounds& bounds, std::uint16_t hint) const;

 private:
  struct Entry {
    std::uint32_t at;  // In bytes_: suffix, then payload.
    std::uint16_t suffix;
    std::uint16_t payload;
    bool overflow;
  };

  [[nodiscard]] std::string_view suffix(std::uint32_t index) const;
  [[nodiscard]] std::string_view payload(std::uint32_t index) const;
  [[nodiscard]] std::size_t entry_bytes(std::uint32_t index, std::size_t cut) const;
  [[nodiscard]] std::size_t bytes(std::uint32_t from, std::uint32_t to, std::size_t cut) const;
  [[nodiscard]] std::optional<std::size_t> shared(std::uint32_t from, std::uint32_t to) const;
  [[nodiscard]] std::size_t choose_cut(std::uint32_t from, std::uint32_t to,
                                       const KeyBounds& bounds) const;
  Entry add(std::string_view suffix_head, std::string_view suffix, std::string_view payload,
            bool overflow);

  bool leaf_;
  std::uint8_t level_;
  std::uint32_t page_size_;
  std::string base_;
  std::string bytes_;
  std::vector<Entry> entries_;
};

}  // namespace holdfast
