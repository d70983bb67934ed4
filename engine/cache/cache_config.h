// What a page cache works on, and how much it may take.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "engine/file/page_map.h"
#include "engine/file/slot_space.h"

namespace holdfast {

struct CacheConfig {
  Storage* storage = nullptr;
  StorageFile* file = nullptr;
  SlotSpace* slots = nullptr;
  PageMap* map = nullptr;
  std::uint32_t page_size = 0;
  std::uint64_t tag = 0;
  std::size_t budget_bytes = 0;
  std::size_t log_bytes = 0;  // Of the budget, for the log's queue and buffers.
  bool may_park = true;       // Not so: nothing is written.
  // The page table keeps nothing that it could load again: for harnesses, whose files are small,
  // and which give fewer frames than the budget says.
  bool drops_table = false;
  // Asked before each set of pages is parked: whether slots that look free may be written to.
  std::function<Result<void>()> before_parking;
  std::span<std::byte> arena;
  std::function<void(const Error&)> on_damage;  // Of each page that is read and isn't sound.
  // Why nothing is written any more, if so: a sync that failed may have lost what was parked.
  std::function<std::optional<Error>()> frozen_by;
};

}  // namespace holdfast
