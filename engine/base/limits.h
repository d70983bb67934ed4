// Every limit, named once. docs/LIMITS.md explains them; tests stand at, below and above each.
#pragma once

#include <cstddef>
#include <cstdint>

namespace holdfast {

inline constexpr std::uint32_t kPageSizeMin = 4096;
inline constexpr std::uint32_t kPageSizeMax = 32768;
inline constexpr std::size_t kMinCacheBytes = std::size_t{1} << 20;
inline constexpr std::uint32_t kMinFrames = 32;  // Whatever the page size.
inline constexpr std::size_t kMaxTreeNameBytes = 255;
inline constexpr std::uint64_t kMaxValueBytes = (std::uint64_t{1} << 32) - 1;
inline constexpr unsigned kMaxTreeLevels = 32;  // Deeper means a damaged or hostile file.
inline constexpr std::uint32_t kPageIdEnd = 0xFFFFFF00;
// Generations, epochs, transactions and log positions stay below: nobody reaches it, and what is
// larger on disk is damage. The bits above are free to say other things.
inline constexpr std::uint64_t kNumberEnd = std::uint64_t{1} << 62;
inline constexpr std::uint64_t kBatchPayloadMax = std::uint64_t{1} << 20;
inline constexpr std::uint64_t kLogSegmentMin = std::uint64_t{64} << 10;
inline constexpr std::uint64_t kLogSegmentMax = std::uint64_t{1} << 30;

constexpr std::size_t max_key_bytes(std::uint32_t page_size) noexcept {
  return page_size / 4;
}
constexpr std::size_t max_inline_value_bytes(std::uint32_t page_size) noexcept {
  return page_size / 8;
}

}  // namespace holdfast
