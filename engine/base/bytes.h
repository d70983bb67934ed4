// Fixed-width little-endian integers in byte buffers: the only way numbers reach the disk.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

namespace holdfast {

static_assert(std::endian::native == std::endian::little,
              "big-endian machines need byte swaps here");

template <class T>
  requires(std::is_unsigned_v<T> || std::is_enum_v<T>)
T load(const std::byte* at) noexcept {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

template <class T>
  requires(std::is_unsigned_v<T> || std::is_enum_v<T>)
void store(std::byte* at, T value) noexcept {
  std::memcpy(at, &value, sizeof value);
}

inline std::uint16_t load16(const std::byte* at) noexcept {
  return load<std::uint16_t>(at);
}
inline std::uint32_t load32(const std::byte* at) noexcept {
  return load<std::uint32_t>(at);
}
inline std::uint64_t load64(const std::byte* at) noexcept {
  return load<std::uint64_t>(at);
}
inline void store16(std::byte* at, std::uint16_t v) noexcept {
  store(at, v);
}
inline void store32(std::byte* at, std::uint32_t v) noexcept {
  store(at, v);
}
inline void store64(std::byte* at, std::uint64_t v) noexcept {
  store(at, v);
}

inline std::span<const std::byte> as_bytes(std::string_view s) noexcept {
  return {reinterpret_cast<const std::byte*>(s.data()), s.size()};
}
inline std::string_view as_view(const std::byte* data, std::size_t size) noexcept {
  return {reinterpret_cast<const char*>(data), size};
}

constexpr std::uint64_t align_up(std::uint64_t n, std::uint64_t to) noexcept {
  return (n + to - 1) / to * to;
}
constexpr std::uint64_t align_down(std::uint64_t n, std::uint64_t to) noexcept {
  return n / to * to;
}

}  // namespace holdfast
