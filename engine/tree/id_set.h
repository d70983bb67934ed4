// A set of page ids, a bit each: small where they lie close together.
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>

#include "engine/base/types.h"

namespace holdfast {

class IdSet {
 public:
  // False when it was there already.
  bool insert(PageId id) {
    std::uint64_t& word = blocks_[raw(id) / kBlockIds][raw(id) % kBlockIds / 64];
    const std::uint64_t bit = std::uint64_t{1} << (raw(id) % 64);
    const bool fresh = (word & bit) == 0;
    word |= bit;
    return fresh;
  }

  void erase(PageId id) noexcept {
    const auto found = blocks_.find(raw(id) / kBlockIds);
    if (found != blocks_.end())
      found->second[raw(id) % kBlockIds / 64] &= ~(std::uint64_t{1} << (raw(id) % 64));
  }
  void clear() noexcept { blocks_.clear(); }
  [[nodiscard]] bool contains(PageId id) const {
    const auto found = blocks_.find(raw(id) / kBlockIds);
    return found != blocks_.end() &&
           (found->second[raw(id) % kBlockIds / 64] >> (raw(id) % 64) & 1) != 0;
  }

 private:
  static constexpr std::uint32_t kBlockIds = 4096;
  std::unordered_map<std::uint32_t, std::array<std::uint64_t, kBlockIds / 64>> blocks_;
};

}  // namespace holdfast
