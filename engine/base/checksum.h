// xxh3-64, the one hash function of the format, with or without a salt.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace holdfast {

std::uint64_t hash64(std::span<const std::byte> bytes) noexcept;
std::uint64_t hash64(std::span<const std::byte> bytes, std::uint64_t seed) noexcept;

// Of several pieces as if they lay side by side.
class Hasher {
 public:
  explicit Hasher(std::uint64_t seed = 0) noexcept;
  void add(std::span<const std::byte> bytes) noexcept;
  [[nodiscard]] std::uint64_t digest() const noexcept;

 private:
  alignas(64) std::byte state_[576];  // XXH3_state_t, whose size a static_assert in the .cc pins.
};

}  // namespace holdfast
