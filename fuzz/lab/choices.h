// Where a run's choices come from: a seed, or a fuzzer's bytes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "fuzz/lab/rng.h"

namespace holdfast {

class Choices {
 public:
  explicit Choices(std::uint64_t seed) : rng_(seed) {}
  // Each choice takes as many bytes as it needs; once they are used up every choice is 0.
  explicit Choices(std::span<const std::byte> bytes) : bytes_(bytes), from_bytes_(true) {}

  // In [0, n); 0 for n == 0.
  std::uint64_t below(std::uint64_t n) {
    if (!from_bytes_) return rng_.below(n);
    std::uint64_t value = 0;
    for (std::uint64_t range = 1; range < n && !bytes_.empty() && range < (1ULL << 56);
         range <<= 8) {
      value = value << 8 | std::to_integer<std::uint64_t>(bytes_.front());
      bytes_ = bytes_.subspan(1);
    }
    return n == 0 ? 0 : value % n;
  }
  // True `times` out of `of`; false once bytes are used up.
  bool chance(std::uint64_t times, std::uint64_t of) { return of - 1 - below(of) < times; }
  // From 1 to `most`, each power of two as likely as the next.
  std::uint64_t scale(std::uint64_t most) {
    unsigned bits = 0;
    while ((std::uint64_t{2} << bits) <= most) ++bits;
    const std::uint64_t top = std::uint64_t{1} << below(bits + 1);
    return top + below(std::min(top, most - top + 1));
  }
  // A seed for something that needs many choices of its own.
  std::uint64_t seed() { return from_bytes_ ? below(256) : rng_.next(); }
  // Never, for a seed.
  [[nodiscard]] bool used_up() const { return from_bytes_ && bytes_.empty(); }

 private:
  Rng rng_;
  std::span<const std::byte> bytes_;
  bool from_bytes_ = false;
};

}  // namespace holdfast
