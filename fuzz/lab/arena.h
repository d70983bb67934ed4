// Memory for page frames, aligned as Options::arena wants it, and used again from life to life.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "engine/base/bytes.h"

namespace holdfast {

class Arena {
 public:
  explicit Arena(std::size_t bytes) : memory_(new std::byte[bytes + kAlignment]), bytes_(bytes) {}
  [[nodiscard]] std::span<std::byte> bytes() const {
    const auto at = reinterpret_cast<std::uintptr_t>(memory_.get());
    return {memory_.get() + (align_up(at, kAlignment) - at), bytes_};
  }

 private:
  static constexpr std::size_t kAlignment = 4096;
  std::unique_ptr<std::byte[]> memory_;  // Not cleared.
  std::size_t bytes_;
};

}  // namespace holdfast
