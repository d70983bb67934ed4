// Which slots of the tree file are free, which are spoken for, and how far the file reaches.
//
// Free space is derived, never stored: at opening all slots up to the high-water mark count as used
// until release_unused() has been told what the maps name.
//
// F1 Whoever will need a slot reserved it before, physically: only reserve() meets a full disk, and
//    only writers and beginning checkpoints call it. Should too little have been reserved,
//    allocate() grows the file.
// F2 A slot given to free() is needed by nobody: no durable map, no map being written, no reader.
// Thread-safe.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/base/sync.h"
#include "engine/base/types.h"
#include "engine/file/meta_format.h"
#include "engine/storage/storage.h"

namespace holdfast {

class SlotSpace {
 public:
  SlotSpace(StorageFile& file, std::uint32_t page_size) : file_(file), page_size_(page_size) {}

  // All slots up to `high_water` are used, as far as the file reaches, nothing beyond; the file's
  // present size is what is allocated.
  Result<void> open(std::uint32_t high_water);
  // Slots that the file has room for.
  [[nodiscard]] std::uint32_t allocated() const;

  // After a scan of the maps: `used` has a bit per slot; what it lacks among slots that were
  // there at open() becomes free.
  void release_unused(const std::vector<bool>& used);
  [[nodiscard]] bool scanned() const;

  // Sets `count` free, physically allocated slots aside, growing the file if need be.
  Result<void> reserve(std::uint32_t count);
  void unreserve(std::uint32_t count);
  // Uses up one reserved slot; as near to `near` as can be found quickly. Errors: those of growing
  // the file, kDiskFull above all.
  Result<Slot> allocate(Slot near);
  void free(Slot slot);
  // While set, allocate() takes the lowest free slot whatever is near: to empty the file's tail.
  void prefer_low(bool low);

  // Cuts the file after the highest used slot, keeping what is reserved. Only with a durable meta
  // that needs nothing beyond.
  Result<void> trim();

  [[nodiscard]] std::uint32_t high_water() const;
  [[nodiscard]] std::uint64_t free_slots() const;
  [[nodiscard]] std::uint64_t used_slots() const;
  [[nodiscard]] std::uint64_t reserved_slots() const;
  [[nodiscard]] bool is_used(Slot slot) const;

  [[nodiscard]] std::uint64_t offset_of(Slot slot) const {
    return kHeaderRegionBytes + std::uint64_t{raw(slot) - 1} * page_size_;
  }

 private:
  Result<void> grow(std::uint32_t count);
  [[nodiscard]] bool used(std::uint32_t slot) const {
    return (bits_[slot / 64] >> (slot % 64)) & 1;
  }
  void set_used(std::uint32_t slot) { bits_[slot / 64] |= std::uint64_t{1} << (slot % 64); }
  [[nodiscard]] std::uint32_t find_free(std::uint32_t near) const;
  void cover(std::uint32_t slot);

  StorageFile& file_;
  const std::uint32_t page_size_;
  mutable Mutex mutex_;
  std::vector<std::uint64_t> bits_;  // Bit s set: slot s is used. Bit 0 is always set.
  std::uint32_t allocated_ = 0;      // Slots that physically exist.
  std::uint32_t opened_high_water_ = 0;
  std::uint64_t free_ = 0;  // Clear bits among slots 1 … allocated_.
  std::uint64_t reserved_ = 0;
  std::uint32_t next_ = 1;  // Where a search without a better idea begins.
  bool scanned_ = false;
  bool prefer_low_ = false;
};

}  // namespace holdfast
