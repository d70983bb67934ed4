// Which free slot is given out: near the page's old one, so that aged files keep their scan order;
// in long stretches for what comes in bulk; below the ceiling while the file's tail is emptied.
#include <algorithm>
#include <bit>

#include "engine/base/result.h"
#include "engine/file/slot_space.h"

namespace holdfast {
namespace {

constexpr std::uint32_t kNearWords = 16;  // How far a search for a near slot looks, 64 slots each.

}  // namespace

void SlotSpace::set_ceiling(std::uint32_t ceiling) {
  MutexLock lock(mutex_);
  ceiling_ = ceiling;
  low_word_ = 0;
}

bool SlotSpace::reserve_below(std::uint32_t count) {
  MutexLock lock(mutex_);
  if (find_below(next_) == 0 || free_ < reserved_ + count) return false;
  reserved_ += count;
  return true;
}

std::uint32_t SlotSpace::free_in_word(std::uint32_t word, std::uint32_t last) const {
  const std::uint64_t free_bits = ~(bits_[word] | kept_word(word));
  if (free_bits == 0) return 0;
  const std::uint32_t slot = word * 64 + static_cast<std::uint32_t>(std::countr_zero(free_bits));
  return slot <= last ? slot : 0;
}

// Among the slots up to `last`.
std::uint32_t SlotSpace::find_near(std::uint32_t near, std::uint32_t last) const {
  const std::uint32_t words = last / 64 + 1;
  const std::uint32_t home = std::min(near / 64, words - 1);
  for (std::uint32_t distance = 0; distance < kNearWords; ++distance) {
    if (home + distance < words) {
      if (const std::uint32_t slot = free_in_word(home + distance, last)) return slot;
    }
    if (distance != 0 && home >= distance) {
      if (const std::uint32_t slot = free_in_word(home - distance, last)) return slot;
    }
  }
  return 0;
}

std::uint32_t SlotSpace::find_below(std::uint32_t near) {
  const std::uint32_t last = std::min(ceiling_, allocated_);
  if (last == 0) return 0;
  if (const std::uint32_t slot = find_near(near, last)) return slot;
  for (; low_word_ <= last / 64; ++low_word_) {
    if (const std::uint32_t slot = free_in_word(low_word_, last)) return slot;
  }
  return 0;
}

std::uint32_t SlotSpace::find_free(std::uint32_t near) {
  if (const std::uint32_t slot = find_below(near)) return slot;
  if (const std::uint32_t slot = find_near(near, allocated_)) return slot;
  const std::uint32_t words = allocated_ / 64 + 1;
  for (std::uint32_t i = 0, word = std::min(next_ / 64, words - 1); i < words;
       ++i, word = (word + 1) % words) {
    if (const std::uint32_t slot = free_in_word(word, allocated_)) return slot;
  }
  return 0;
}

void SlotSpace::give_out(std::uint32_t slot) {
  set_used(slot);
  --free_;
  if (reserved_ != 0) --reserved_;
}

Result<Slot> SlotSpace::allocate(Slot near) {
  MutexLock lock(mutex_);
  const std::uint32_t from = near == kNoSlot ? next_ : raw(near);
  std::uint32_t slot = find_free(from);
  if (slot == 0) {
    TRY(grow(1, Use::kEmergency));
    slot = find_free(from);
  }
  give_out(slot);
  if (near == kNoSlot) next_ = slot + 1;
  return Slot{slot};
}

Slot SlotSpace::allocate_below(Slot near) {
  MutexLock lock(mutex_);
  const std::uint32_t slot = find_below(raw(near));
  if (slot != 0) give_out(slot);
  return Slot{slot};
}

// The first free slot of a stretch; 0: there is none.
std::uint32_t SlotSpace::find_stretch(std::uint32_t length) const {
  std::uint32_t found = 0;
  for (std::uint32_t slot = 1; slot <= allocated_; ++slot) {
    if (slot % 64 == 0 && (bits_[slot / 64] | kept_word(slot / 64)) == ~std::uint64_t{0}) {
      found = 0;
      slot += 63;
      continue;
    }
    found = taken(slot) ? 0 : found + 1;
    if (found == length) return slot + 1 - length;
  }
  return 0;
}

Result<SlotSpace::SlotRun> SlotSpace::allocate_run(std::uint32_t most, Slot after) {
  MutexLock lock(mutex_);
  std::uint32_t first = after == kNoSlot ? 0 : raw(after) + 1;
  if (first == 0 || first > allocated_ || taken(first)) first = find_stretch(most);
  if (ceiling_ != 0 && (first == 0 || first > ceiling_)) first = find_below(next_);
  if (first == 0) first = find_free(next_);
  if (first == 0) {
    TRY(grow(most, Use::kGrowth));
    first = find_free(next_);
  }
  std::uint32_t count = 0;
  while (count < most && first + count <= allocated_ && !taken(first + count))
    set_used(first + count++);
  free_ -= count;
  reserved_ -= std::min<std::uint64_t>(reserved_, count);
  return SlotRun{Slot{first}, count};
}

}  // namespace holdfast
