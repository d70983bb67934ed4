// Runs of zero bytes, looked at a piece at a time: what is set aside in a log and in a file is
// mostly zero, and is read whenever a database opens after a crash.
#pragma once

#include <array>
#include <cstddef>
#include <cstring>
#include <span>

namespace holdfast {

inline constexpr std::array<std::byte, 256> kZeroPiece{};

// How many zeros the bytes begin with.
inline std::size_t zeros_ahead(std::span<const std::byte> bytes) noexcept {
  std::size_t at = 0;
  while (bytes.size() - at >= kZeroPiece.size() &&
         std::memcmp(bytes.data() + at, kZeroPiece.data(), kZeroPiece.size()) == 0) {
    at += kZeroPiece.size();
  }
  while (at < bytes.size() && bytes[at] == std::byte{0}) ++at;
  return at;
}

// How many bytes are left without the zeros that they end with.
inline std::size_t size_without_zeros(std::span<const std::byte> bytes) noexcept {
  std::size_t end = bytes.size();
  while (end >= kZeroPiece.size() && std::memcmp(bytes.data() + end - kZeroPiece.size(),
                                                 kZeroPiece.data(), kZeroPiece.size()) == 0) {
    end -= kZeroPiece.size();
  }
  while (end > 0 && bytes[end - 1] == std::byte{0}) --end;
  return end;
}

// True for no bytes.
inline bool all_zero(std::span<const std::byte> bytes) noexcept {
  return zeros_ahead(bytes) == bytes.size();
}

}  // namespace holdfast
