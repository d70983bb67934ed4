// A node of the tree: a leaf (level 0) or an inner page, after the head that every page has.
//
//   0           40      42      44       46       48
//   +-----------+-------+-------+--------+---------+
//   | page head | hint  | prefix| garbage| capacity|
//   +-----------+-------+-------+--------+---------+
//                 u16     u16     u16      u16
//   48                48 + 4 * capacity  gap_begin  gap_end             page size
//   +-----------------+------------------+----------+---------+---------+
//   | heads           | offsets          | gap      | records | prefix  |
//   +-----------------+------------------+----------+---------+---------+
//     u32 * capacity    u16 * count
//
// hint      index at which the last insert went, kNoHint if unknown: tells ascending runs from
//           random inserts. It stands beside count and gap so that one small edit writes them all.
// prefix    bytes that all keys of the node begin with, stored once, at the very end of the page.
// garbage   bytes between gap_end and the prefix that belong to no record.
// capacity  heads that there is room for; grows in steps, so an insert moves at most two arrays.
// heads     the first four bytes of each key after the prefix as a big-endian number, zero-padded.
//           Equal heads say nothing: then the keys themselves are compared.
// offsets   of the records, in key order.
//
// Leaf record:    suffix length, value field (varints), suffix, value.
//                 The value field is the value's length times two, plus one if what stands here is
//                 the stub of a run of overflow pages: first page u32, pages u32, value bytes u32.
// Inner record:   suffix length (varint), suffix, child page id u32. Child i holds the keys at or
//                 after key i and before key i+1; key 0 counts as minus infinity and is stored
//                 empty.
// Overflow page:  page head, then the value's bytes up to the gap.
//
// Room (C15). A record takes at most P/4 key, P/8 value, 4 bytes of varints and 6 of head and
// offset; storing a prefix once never costs more than storing it in each key. So a leaf always
// holds two records (3P/4 + 20 <= P - 48) and an inner node three separators beside its first child
// (3P/4 + 36 + 11 <= P - 48). Filling the left page as far as it goes then leaves less than two
// records for the right one: every node that one entry has made too large splits in two.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/base/limits.h"
#include "engine/page/page_format.h"

namespace holdfast {

namespace node_at {  // Byte offsets of the node head's fields.
inline constexpr std::size_t kHint = 40;
inline constexpr std::size_t kPrefixBytes = 42;
inline constexpr std::size_t kGarbage = 44;
inline constexpr std::size_t kCapacity = 46;
}  // namespace node_at

inline constexpr std::size_t kNodeHeadEnd = 48;
inline constexpr std::size_t kHeadBytes = 4;
inline constexpr std::size_t kOffsetBytes = 2;
inline constexpr std::size_t kEntryBytes = kHeadBytes + kOffsetBytes;  // Beside the record itself.
inline constexpr std::size_t kChildBytes = 4;
inline constexpr std::size_t kStubBytes = 12;
inline constexpr std::size_t kVarintBytesMax = 2;  // Lengths stay under 2^14.
inline constexpr std::uint32_t kCapacityStep = 16;
inline constexpr std::uint16_t kNoHint = 0xFFFF;

static_assert(node_at::kHint == kPageHeadBytes);
static_assert(kNodeHeadEnd == node_at::kCapacity + 2);
static_assert(kNodeHeadEnd % kHeadBytes == 0, "heads are aligned in the page");
static_assert(kPageSizeMax <= 0x8000, "offsets are 16 bits, and gap_end may be the page size");
static_assert(max_key_bytes(kPageSizeMax) < (1u << 14), "a suffix length fits a two-byte varint");
static_assert(2 * max_inline_value_bytes(kPageSizeMax) + 1 < (1u << 14), "so does a value field");
static_assert(2 * (max_key_bytes(kPageSizeMin) + max_inline_value_bytes(kPageSizeMin) +
                   2 * kVarintBytesMax + kEntryBytes) <=
                  kPageSizeMin - kNodeHeadEnd,
              "a leaf holds two of the largest records");
static_assert(3 * (max_key_bytes(kPageSizeMin) + kVarintBytesMax + kChildBytes + kEntryBytes) +
                      (1 + kChildBytes + kEntryBytes) <=
                  kPageSizeMin - kNodeHeadEnd,
              "an inner node holds three of the longest separators");

constexpr std::size_t overflow_page_capacity(std::size_t page_size) {
  return page_size - kPageHeadBytes;
}

}  // namespace holdfast
