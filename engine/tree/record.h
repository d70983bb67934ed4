// One record of a node, decoded and encoded; and what keys need: heads, common prefixes,
// separators.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "engine/base/bytes.h"
#include "engine/tree/node_format.h"

namespace holdfast {

// What a record says. A child's id and an overflow stub are payloads like any value.
struct Record {
  std::string_view suffix;
  std::string_view payload;
  bool overflow = false;
};

constexpr std::size_t varint_bytes(std::size_t n) {
  return n < 0x80 ? 1 : 2;
}

inline std::byte* put_varint(std::byte* at, std::size_t n) {
  if (n < 0x80) {
    *at = static_cast<std::byte>(n);
    return at + 1;
  }
  at[0] = static_cast<std::byte>(n | 0x80);
  at[1] = static_cast<std::byte>(n >> 7);
  return at + 2;
}

// Where the number ends; nullptr when it doesn't end in time.
inline const std::byte* get_varint(const std::byte* at, const std::byte* end, std::uint32_t& n) {
  if (at >= end) return nullptr;
  n = static_cast<std::uint32_t>(*at++);
  if (n < 0x80) return at;
  if (at >= end) return nullptr;
  const auto high = static_cast<std::uint32_t>(*at++);
  n = (n & 0x7F) | (high << 7);
  return high < 0x80 ? at : nullptr;
}

constexpr std::size_t record_bytes(bool leaf, std::size_t suffix_bytes, std::size_t payload_bytes) {
  return varint_bytes(suffix_bytes) + suffix_bytes + payload_bytes +
         (leaf ? varint_bytes(2 * payload_bytes) : 0);
}

// Writes record_bytes() bytes; answers their end.
inline std::byte* encode_record(std::byte* at, bool leaf, const Record& record) {
  at = put_varint(at, record.suffix.size());
  if (leaf) at = put_varint(at, 2 * record.payload.size() + (record.overflow ? 1 : 0));
  if (!record.suffix.empty()) std::memcpy(at, record.suffix.data(), record.suffix.size());
  at += record.suffix.size();
  if (!record.payload.empty()) std::memcpy(at, record.payload.data(), record.payload.size());
  return at + record.payload.size();
}

// The record's end; nullptr when it doesn't lie within [at, end).
inline const std::byte* decode_record(const std::byte* at, const std::byte* end, bool leaf,
                                      Record& record) {
  std::uint32_t suffix = 0;
  std::uint32_t payload = kChildBytes;
  at = get_varint(at, end, suffix);
  if (at == nullptr) return nullptr;
  if (leaf) {
    at = get_varint(at, end, payload);
    if (at == nullptr) return nullptr;
    record.overflow = (payload & 1) != 0;
    payload >>= 1;
  }
  if (static_cast<std::size_t>(end - at) < std::size_t{suffix} + payload) return nullptr;
  record.suffix = as_view(at, suffix);
  record.payload = as_view(at + suffix, payload);
  return at + suffix + payload;
}

// Order of heads is order of suffixes, up to ties.
inline std::uint32_t head_of(std::string_view suffix) {
  std::uint32_t head = 0;
  if (suffix.size() >= kHeadBytes) {
    std::memcpy(&head, suffix.data(), kHeadBytes);
    return std::byteswap(head);
  }
  for (std::size_t i = 0; i < suffix.size(); ++i) {
    head |= static_cast<std::uint32_t>(static_cast<unsigned char>(suffix[i])) << (24 - 8 * i);
  }
  return head;
}

inline std::size_t common_prefix_bytes(std::string_view a, std::string_view b) {
  const std::size_t most = std::min(a.size(), b.size());
  return static_cast<std::size_t>(
      std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(most), b.begin()).first -
      a.begin());
}

// The shortest string s with left < s <= right, as a beginning of `right`. Needs left < right.
inline std::string_view shortest_separator(std::string_view left, std::string_view right) {
  return right.substr(0, common_prefix_bytes(left, right) + 1);
}

}  // namespace holdfast
