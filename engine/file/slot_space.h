// Which slots of the tree file are free, which are spoken for, and how far the file reaches.
//
// Free space is derived, never stored: at opening all slots up to the high-water mark count as used
// until release_unused() has been told what the maps name.
//
// F1 Whoever will need a slot reserved it before, physically: only reserve() meets a full disk, and
//    only writers and beginning checkpoints call it. Should too little have been reserved,
//    allocate() grows the file.
// F4 Emergency reserve: the file's first growth brings 64 slots more, at its very end, and whoever
//    isn't in an emergency leaves 64 slots alone, there or elsewhere. An emergency is a checkpoint,
//    or a transaction that only frees: after both there is more room than before, but for what
//    kept checkpoints and open snapshots need.
// F2 A slot given to free() is needed by nobody: no durable map, no map being written, no reader.
// F3 A slot that a kept checkpoint needs is given to nobody, whoever else frees it, until that
//    checkpoint is dropped.
// Thread-safe.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/base/sync.h"
#include "engine/base/types.h"
#include "engine/file/meta_format.h"
#include "engine/storage/storage.h"

namespace holdfast {

inline constexpr std::uint32_t kMaxSlot = 0xFFFFFFF0;
inline constexpr std::uint32_t kEmergencySlots = 64;

class SlotSpace {
 public:
  enum class Use : std::uint8_t { kGrowth, kEmergency };
  SlotSpace(StorageFile& file, std::uint32_t page_size) : file_(file), page_size_(page_size) {}

  // All slots up to `high_water` are used, as far as the file reaches, nothing beyond; the file's
  // present size is what is allocated.
  Result<void> open(std::uint32_t high_water);
  // Slots that the file has room for, those of the emergency reserve at its end included.
  [[nodiscard]] std::uint32_t allocated() const;

  // After a scan of the maps: `used` has a bit per slot; what it lacks among slots that were
  // there at open() becomes free.
  void release_unused(const std::vector<bool>& used);
  [[nodiscard]] bool scanned() const;

  // Sets `count` free, physically allocated slots aside, growing the file if need be. F4
  Result<void> reserve(std::uint32_t count, Use use = Use::kGrowth);
  void unreserve(std::uint32_t count);
  // Uses up one reserved slot; as near to `near` as can be found quickly. Errors: those of growing
  // the file, kDiskFull above all.
  Result<Slot> allocate(Slot near);
  // Uses up one to `most` reserved slots that follow each other: after `after` where those are
  // free, else a stretch of that length, else what is there. Errors as allocate().
  struct SlotRun {
    Slot first{};
    std::uint32_t count = 0;
  };
  Result<SlotRun> allocate_run(std::uint32_t most, Slot after);
  void free(Slot slot);

  // While it isn't 0, slots above it are given out only where none is free below: the file's tail
  // is being emptied.
  void set_ceiling(std::uint32_t ceiling);
  // As reserve(), where that takes nothing but slots that are free below the ceiling.
  bool reserve_below(std::uint32_t count);
  // As allocate(), likewise. kNoSlot: none is free there.
  Slot allocate_below(Slot near);
  // Slots in use above it, but for those that only kept checkpoints need.
  [[nodiscard]] std::uint64_t used_above(std::uint32_t slot) const;

  // Bit s of these words set: the kept checkpoint `id` needs slot s. In place of what was said of
  // it before. Throws before it changes anything.
  void keep(std::uint64_t id, std::vector<std::uint64_t> bits);
  // What it needs isn't known: nothing up to `high_water` is given out.
  void keep_all(std::uint64_t id, std::uint32_t high_water);
  void drop_kept(std::uint64_t id) noexcept;
  // What `id` needs is needed by `as`, a new one, instead.
  void rename_kept(std::uint64_t id, std::uint64_t as) noexcept;
  // Whether it needs that slot.
  [[nodiscard]] bool is_kept(std::uint64_t id, Slot slot) const;
  // The highest slot that any needs, and which of them does.
  [[nodiscard]] std::uint32_t highest_kept() const;
  [[nodiscard]] std::uint64_t keeper_of(std::uint32_t slot) const;
  // Slots that nothing but kept checkpoints needs.
  [[nodiscard]] std::uint64_t only_kept_slots() const;
  // Memory for one more, and for those there are.
  [[nodiscard]] std::size_t bytes_to_keep() const;
  [[nodiscard]] std::size_t kept_bytes() const {
    return kept_bytes_.load(std::memory_order_relaxed);
  }

  // Memory for what is used: a bit for each slot.
  [[nodiscard]] std::size_t table_bytes() const {
    return table_bytes_.load(std::memory_order_relaxed);
  }

  // Cuts free slots off the file's end, `most` of them, as long as what is reserved stays and
  // `floor`, which is as far as the durable meta says that slots reach. Answers how many.
  Result<std::uint32_t> trim(std::uint32_t floor, std::uint32_t most);
  // The file is about to be closed: cuts all that is free at its end, the emergency reserve
  // and an old hint of free space too.
  Result<void> close_up();
  // Gives half of what is left of the emergency reserve at the file's end back to the file system,
  // for a log that finds no room elsewhere; where it isn't there, up to `most` free slots above
  // `floor`, as in trim(). False: there are none.
  Result<bool> lend_emergency(std::uint32_t floor, std::uint32_t most);

  // The next stretch of slots that nobody uses or keeps, from `from` on. Of 0 slots: there is none.
  [[nodiscard]] SlotRun free_run_from(std::uint32_t from) const;
  [[nodiscard]] std::uint32_t high_water() const;
  [[nodiscard]] std::uint64_t free_slots() const;
  [[nodiscard]] std::uint64_t used_slots() const;
  [[nodiscard]] std::uint64_t reserved_slots() const;
  [[nodiscard]] bool is_used(Slot slot) const;

  [[nodiscard]] std::uint64_t offset_of(Slot slot) const {
    return kHeaderRegionBytes + std::uint64_t{raw(slot) - 1} * page_size_;
  }

 private:
  Result<void> grow(std::uint32_t count, Use use);
  Result<void> allocate_physically(std::uint64_t end);
  void extend_to(std::uint32_t end);
  struct Kept {
    std::uint64_t id = 0;
    std::vector<std::uint64_t> bits;
  };

  [[nodiscard]] bool used(std::uint32_t slot) const {
    return (bits_[slot / 64] >> (slot % 64)) & 1;
  }
  [[nodiscard]] std::uint64_t kept_word(std::uint32_t word) const {
    return word < kept_any_.size() ? kept_any_[word] : 0;
  }
  [[nodiscard]] bool kept(std::uint32_t slot) const {
    return (kept_word(slot / 64) >> (slot % 64)) & 1;
  }
  [[nodiscard]] bool taken(std::uint32_t slot) const { return used(slot) || kept(slot); }
  void kept_changed() noexcept;
  void set_used(std::uint32_t slot) { bits_[slot / 64] |= std::uint64_t{1} << (slot % 64); }
  [[nodiscard]] std::uint32_t free_in_word(std::uint32_t word, std::uint32_t last) const;
  [[nodiscard]] std::uint32_t find_near(std::uint32_t near, std::uint32_t last) const;
  [[nodiscard]] std::uint32_t find_free(std::uint32_t near);
  [[nodiscard]] std::uint32_t find_below(std::uint32_t near);
  [[nodiscard]] std::uint32_t last_taken(std::uint32_t from) const;
  void give_out(std::uint32_t slot);
  [[nodiscard]] std::uint32_t find_stretch(std::uint32_t length) const;
  void cover(std::uint32_t slot);

  StorageFile& file_;
  const std::uint32_t page_size_;
  mutable Mutex mutex_;
  std::vector<std::uint64_t> bits_;  // Bit s set: slot s is used, whoever else keeps it. Bit 0 is.
  std::vector<Kept> kept_;
  std::vector<std::uint64_t> kept_any_;  // Of all kept_ together.
  std::uint64_t only_kept_ = 0;
  Atomic<std::size_t> kept_bytes_{0};
  Atomic<std::size_t> table_bytes_{0};
  std::uint32_t allocated_ = 0;  // Slots that physically exist,
  std::uint32_t emergency_ = 0;  // but for these, after them.
  std::uint32_t opened_high_water_ = 0;
  std::uint64_t free_ = 0;  // Slots 1 … allocated_ that are neither used nor kept.
  std::uint64_t reserved_ = 0;
  std::uint32_t next_ = 1;      // Where a search without a better idea begins.
  std::uint32_t ceiling_ = 0;   // 0: none.
  std::uint32_t low_word_ = 0;  // Below the ceiling nothing is free before this word.
  bool scanned_ = false;
};

}  // namespace holdfast
