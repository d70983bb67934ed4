// The head that every page of the tree file begins with, map pages too.
//
//   0       8       16      24      28      32     33     34     36         38        40
//   +-------+-------+-------+-------+-------+------+------+------+----------+---------+
//   | check | tag   | txn   | page  | tree  | kind | level| count| gap_begin| gap_end | body …
//   +-------+-------+-------+-------+-------+------+------+------+----------+---------+
//     u64     u64     u64     u32     u32     u8     u8     u16    u16        u16
//
// check      xxh3-64 of bytes [8, page_size) with the gap's bytes zero.
// tag        first 8 bytes of the database's uuid: a page of another database is never accepted.
// txn        the transaction that made this content.
// page, tree the page's id and its tree's. A map page has its index in its level, and kMapTree.
// kind       PageKind.  level: 0 for leaves, children one below their parent.
// count      entries, as the kind defines.
// gap        [gap_begin, gap_end) means nothing: zero on disk, anything in memory. gap_end is at
//            most page_size; an empty gap has gap_begin == gap_end.
//
// A page in memory has no valid check; seal() computes it just before a write, verify_page() tests
// it just after a read (the same function on both sides of the disk).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/base/bytes.h"
#include "engine/base/types.h"
#include "holdfast/error.h"

namespace holdfast {

enum class PageKind : std::uint8_t {
  kNone = 0,
  kLeaf = 1,
  kInner = 2,
  kOverflow = 3,
  kMapLeaf = 4,
  kMapInner = 5
};

namespace page_at {  // Byte offsets of the head's fields.
inline constexpr std::size_t kCheck = 0;
inline constexpr std::size_t kTag = 8;
inline constexpr std::size_t kTxn = 16;
inline constexpr std::size_t kPage = 24;
inline constexpr std::size_t kTree = 28;
inline constexpr std::size_t kKind = 32;
inline constexpr std::size_t kLevel = 33;
inline constexpr std::size_t kCount = 34;
inline constexpr std::size_t kGapBegin = 36;
inline constexpr std::size_t kGapEnd = 38;
}  // namespace page_at

inline constexpr std::size_t kPageHeadBytes = 40;
inline constexpr TreeId kMapTree{0xFFFFFFFF};
static_assert(page_at::kGapEnd + 2 == kPageHeadBytes);

inline TxnNumber page_txn(const std::byte* page) {
  return load<TxnNumber>(page + page_at::kTxn);
}
inline PageId page_id(const std::byte* page) {
  return load<PageId>(page + page_at::kPage);
}
inline TreeId page_tree(const std::byte* page) {
  return load<TreeId>(page + page_at::kTree);
}
inline PageKind page_kind(const std::byte* page) {
  return load<PageKind>(page + page_at::kKind);
}
inline std::uint8_t page_level(const std::byte* page) {
  return load<std::uint8_t>(page + page_at::kLevel);
}
inline std::uint16_t page_count(const std::byte* page) {
  return load16(page + page_at::kCount);
}
inline std::uint16_t page_gap_begin(const std::byte* page) {
  return load16(page + page_at::kGapBegin);
}
inline std::uint16_t page_gap_end(const std::byte* page) {
  return load16(page + page_at::kGapEnd);
}

// Makes an empty page in `page`: all zero but the head; the gap is the whole body.
void format_page(std::span<std::byte> page, std::uint64_t tag, TxnNumber txn, PageId id,
                 TreeId tree, PageKind kind, std::uint8_t level);

// Zeroes the gap and sets the check; answers the check. The head must be sane (format_page's
// rules).
std::uint64_t seal_page(std::span<std::byte> page);

// What a page read from disk must be. `check` comes from its parent in the map; `check_bits` says
// how many low bits of it are known (32 at a map leaf's entry, 64 elsewhere).
struct PageExpectation {
  std::uint64_t tag = 0;
  PageId id = kNoPage;
  std::uint64_t check = 0;
  unsigned check_bits = 64;
};

// kDamaged with the reason; the caller adds the place. Everything the head claims is within bounds
// afterwards.
Result<void> verify_page(std::span<const std::byte> page, const PageExpectation& expected);

}  // namespace holdfast
