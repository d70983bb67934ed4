// The numbers the engine speaks in, each a type of its own so that they can't be mixed up.
#pragma once

#include <cstdint>
#include <type_traits>

namespace holdfast {

enum class PageId : std::uint32_t {};       // Stable name of a page; 0 names none.
enum class Slot : std::uint32_t {};         // Place in the tree file, from 1; 0 is no place.
enum class TreeId : std::uint32_t {};       // 0 is the catalog, 1 the default tree.
enum class TxnNumber : std::uint64_t {};    // Dense, from 1; 0 is the empty database.
enum class Lsn : std::uint64_t {};          // Byte position in the log of all epochs.
enum class EpochNumber : std::uint64_t {};  // One opening that wrote; from 1.

inline constexpr PageId kNoPage{0};
inline constexpr Slot kNoSlot{0};
inline constexpr TreeId kCatalogTree{0};
inline constexpr TreeId kDefaultTree{1};
inline constexpr PageId kCatalogRoot{1};  // Fixed, so that no state names it.

template <class E>
  requires std::is_enum_v<E>
constexpr std::underlying_type_t<E> raw(E value) noexcept {
  return static_cast<std::underlying_type_t<E>>(value);
}

constexpr TxnNumber next(TxnNumber n) noexcept {
  return TxnNumber{raw(n) + 1};
}
constexpr PageId operator+(PageId id, std::uint32_t n) noexcept {
  return PageId{raw(id) + n};
}
constexpr Slot operator+(Slot slot, std::uint32_t n) noexcept {
  return Slot{raw(slot) + n};
}
constexpr Lsn operator+(Lsn lsn, std::uint64_t n) noexcept {
  return Lsn{raw(lsn) + n};
}
constexpr std::uint64_t operator-(Lsn a, Lsn b) noexcept {
  return raw(a) - raw(b);
}

}  // namespace holdfast
