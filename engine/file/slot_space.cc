#include "engine/file/slot_space.h"

#include <algorithm>
#include <bit>

#include "engine/base/bytes.h"
#include "engine/base/result.h"

namespace holdfast {
namespace {

constexpr std::uint32_t kMaxSlot = 0xFFFFFFF0;
constexpr std::uint64_t kGrowBytes = std::uint64_t{1} << 20;
constexpr std::uint32_t kNearWords = 16;  // How far a search for a near slot looks, 64 slots each.

}  // namespace

Result<void> SlotSpace::open(std::uint32_t high_water) {
  MutexLock lock(mutex_);
  const std::uint64_t size = TRY(file_.size());
  const std::uint64_t slots =
      size > kHeaderRegionBytes ? (size - kHeaderRegionBytes) / page_size_ : 0;
  allocated_ = static_cast<std::uint32_t>(std::min<std::uint64_t>(slots, kMaxSlot));
  // What lies beyond the file's end is lost anyway: whoever writes doesn't open such a file.
  opened_high_water_ = std::min(high_water, allocated_);
  bits_.assign(allocated_ / 64 + 1, 0);
  for (std::uint32_t slot = 0; slot <= opened_high_water_; ++slot) set_used(slot);
  free_ = allocated_ > opened_high_water_ ? allocated_ - opened_high_water_ : 0;
  next_ = opened_high_water_ + 1;
  return {};
}

std::uint32_t SlotSpace::allocated() const {
  MutexLock lock(mutex_);
  return allocated_;
}

void SlotSpace::release_unused(const std::vector<bool>& used_slots) {
  MutexLock lock(mutex_);
  if (scanned_) return;
  scanned_ = true;
  for (std::uint32_t slot = 1; slot <= std::min(opened_high_water_, allocated_); ++slot) {
    if (slot < used_slots.size() && used_slots[slot]) continue;
    if (!used(slot)) continue;
    bits_[slot / 64] &= ~(std::uint64_t{1} << (slot % 64));
    ++(kept(slot) ? only_kept_ : free_);
  }
  next_ = 1;
}

bool SlotSpace::scanned() const {
  MutexLock lock(mutex_);
  return scanned_;
}

Result<void> SlotSpace::reserve(std::uint32_t count) {
  MutexLock lock(mutex_);
  if (free_ < reserved_ + count) TRY(grow(static_cast<std::uint32_t>(reserved_ + count - free_)));
  reserved_ += count;
  return {};
}

void SlotSpace::unreserve(std::uint32_t count) {
  MutexLock lock(mutex_);
  reserved_ -= std::min<std::uint64_t>(reserved_, count);
}

Result<void> SlotSpace::grow(std::uint32_t count) {
  // Larger files grow in larger steps; a small one stays small.
  const std::uint64_t step =
      std::min<std::uint64_t>(kGrowBytes / page_size_, std::uint64_t{16} + allocated_ / 4);
  for (std::uint64_t want : {std::max<std::uint64_t>(step, count), std::uint64_t{count}}) {
    if (allocated_ + want > kMaxSlot) continue;
    cover(allocated_ + static_cast<std::uint32_t>(want));  // First: it may find no memory.
    const std::uint64_t begin = kHeaderRegionBytes + std::uint64_t{allocated_} * page_size_;
    auto made = file_.allocate(begin, want * page_size_);
    if (!made) {
      if (made.error().code() == ErrorCode::kDiskFull && want > count) continue;
      return made;
    }
    const auto old = allocated_;
    allocated_ += static_cast<std::uint32_t>(want);
    for (std::uint32_t slot = old + 1; slot <= allocated_; ++slot) free_ += taken(slot) ? 0 : 1;
    return {};
  }
  return fail(ErrorCode::kLimitExceeded, "the tree file has reached its largest number of slots");
}

void SlotSpace::cover(std::uint32_t slot) {
  if (slot / 64 >= bits_.size()) bits_.resize(slot / 64 + 1, 0);
}

std::uint32_t SlotSpace::find_free(std::uint32_t near) const {
  const std::uint32_t words = allocated_ / 64 + 1;
  auto in_word = [&](std::uint32_t word) -> std::uint32_t {
    const std::uint64_t free_bits = ~(bits_[word] | kept_word(word));
    if (free_bits == 0) return 0;
    const std::uint32_t slot = word * 64 + static_cast<std::uint32_t>(std::countr_zero(free_bits));
    return slot <= allocated_ ? slot : 0;
  };
  if (prefer_low_) {
    for (std::uint32_t word = 0; word < words; ++word) {
      if (const std::uint32_t slot = in_word(word)) return slot;
    }
    return 0;
  }
  const std::uint32_t home = std::min(near / 64, words - 1);
  for (std::uint32_t distance = 0; distance < kNearWords; ++distance) {
    if (home + distance < words) {
      if (const std::uint32_t slot = in_word(home + distance)) return slot;
    }
    if (distance != 0 && home >= distance) {
      if (const std::uint32_t slot = in_word(home - distance)) return slot;
    }
  }
  for (std::uint32_t i = 0, word = std::min(next_ / 64, words - 1); i < words;
       ++i, word = (word + 1) % words) {
    if (const std::uint32_t slot = in_word(word)) return slot;
  }
  return 0;
}

Result<Slot> SlotSpace::allocate(Slot near) {
  MutexLock lock(mutex_);
  const std::uint32_t from = near == kNoSlot ? next_ : raw(near);
  std::uint32_t slot = find_free(from);
  if (slot == 0) {
    TRY(grow(1));
    slot = find_free(from);
  }
  set_used(slot);
  --free_;
  if (reserved_ != 0) --reserved_;
  if (near == kNoSlot) next_ = slot + 1;
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
  std::uint32_t first = after == kNoSlot || prefer_low_ ? 0 : raw(after) + 1;
  if (first == 0 || first > allocated_ || taken(first))
    first = prefer_low_ ? 0 : find_stretch(most);
  if (first == 0) first = find_free(next_);
  if (first == 0) {
    TRY(grow(most));
    first = find_free(next_);
  }
  std::uint32_t count = 0;
  while (count < most && first + count <= allocated_ && !taken(first + count))
    set_used(first + count++);
  free_ -= count;
  reserved_ -= std::min<std::uint64_t>(reserved_, count);
  return SlotRun{Slot{first}, count};
}

void SlotSpace::free(Slot slot) {
  if (slot == kNoSlot) return;
  MutexLock lock(mutex_);
  if (raw(slot) > allocated_ || !used(raw(slot))) return;
  bits_[raw(slot) / 64] &= ~(std::uint64_t{1} << (raw(slot) % 64));
  ++(kept(raw(slot)) ? only_kept_ : free_);
}

void SlotSpace::keep(std::uint64_t id, std::vector<std::uint64_t> bits) {
  MutexLock lock(mutex_);
  // Slots behind the file's end don't exist.
  bits.resize(std::min<std::size_t>(bits.size(), allocated_ / 64 + 1));
  if (bits.size() == allocated_ / 64 + 1)
    bits.back() &= ~std::uint64_t{0} >> (63 - allocated_ % 64);
  auto known = std::ranges::find(kept_, id, &Kept::id);
  if (bits.size() > kept_any_.size()) kept_any_.resize(bits.size(), 0);
  if (known == kept_.end()) {
    kept_.push_back({id, std::move(bits)});
  } else {
    known->bits = std::move(bits);
  }
  kept_changed();
}

void SlotSpace::keep_all(std::uint64_t id, std::uint32_t high_water) {
  std::vector<std::uint64_t> bits;
  {
    MutexLock lock(mutex_);
    const std::uint32_t last = std::min(high_water, allocated_);
    bits.assign(last / 64 + 1, ~std::uint64_t{0});
    bits.back() = ~std::uint64_t{0} >> (63 - last % 64);
    bits[0] &= ~std::uint64_t{1};
  }
  keep(id, std::move(bits));
}

void SlotSpace::drop_kept(std::uint64_t id) noexcept {
  MutexLock lock(mutex_);
  std::erase_if(kept_, [id](const Kept& each) { return each.id == id; });
  kept_changed();
}

void SlotSpace::kept_changed() noexcept {
  std::fill(kept_any_.begin(), kept_any_.end(), 0);
  std::size_t bytes = kept_any_.size() * sizeof(std::uint64_t);
  for (const Kept& each : kept_) {
    for (std::size_t word = 0; word < each.bits.size(); ++word) kept_any_[word] |= each.bits[word];
    bytes += each.bits.size() * sizeof(std::uint64_t);
  }
  kept_bytes_.store(kept_.empty() ? 0 : bytes, std::memory_order_relaxed);
  only_kept_ = 0;
  free_ = allocated_;
  for (std::uint32_t word = 0; word <= allocated_ / 64; ++word) {
    const std::uint64_t within =
        word < allocated_ / 64 ? ~std::uint64_t{0} : ~std::uint64_t{0} >> (63 - allocated_ % 64);
    const std::uint64_t slots = word == 0 ? within & ~std::uint64_t{1} : within;
    only_kept_ += static_cast<std::uint64_t>(std::popcount(kept_word(word) & ~bits_[word] & slots));
    free_ -= static_cast<std::uint64_t>(std::popcount((kept_word(word) | bits_[word]) & slots));
  }
}

bool SlotSpace::is_kept(std::uint64_t id, Slot slot) const {
  MutexLock lock(mutex_);
  const auto known = std::ranges::find(kept_, id, &Kept::id);
  return known != kept_.end() && raw(slot) / 64 < known->bits.size() &&
         ((known->bits[raw(slot) / 64] >> (raw(slot) % 64)) & 1) != 0;
}

std::uint32_t SlotSpace::highest_kept() const {
  MutexLock lock(mutex_);
  auto last = static_cast<std::uint32_t>(kept_any_.size() * 64);
  while (last > 0 && !kept(last)) --last;
  return last;
}

std::uint64_t SlotSpace::only_kept_slots() const {
  MutexLock lock(mutex_);
  return only_kept_;
}

std::size_t SlotSpace::bytes_to_keep() const {
  MutexLock lock(mutex_);
  return (std::size_t{allocated_} / 64 + 1) * sizeof(std::uint64_t) * (kept_.empty() ? 2 : 1);
}

Result<void> SlotSpace::trim() {
  MutexLock lock(mutex_);
  if (!scanned_ || reserved_ != 0) return {};
  std::uint32_t last = allocated_;
  while (last > 0 && !taken(last)) --last;
  if (last == allocated_) return {};
  TRY(file_.truncate(kHeaderRegionBytes + std::uint64_t{last} * page_size_));
  free_ -= allocated_ - last;
  allocated_ = last;
  return {};
}

std::uint32_t SlotSpace::high_water() const {
  MutexLock lock(mutex_);
  std::uint32_t last = static_cast<std::uint32_t>(bits_.size() * 64 - 1);
  while (last > 0 && !taken(last)) --last;
  return last;
}

std::uint64_t SlotSpace::free_slots() const {
  MutexLock lock(mutex_);
  return free_;
}

std::uint64_t SlotSpace::used_slots() const {
  MutexLock lock(mutex_);
  return allocated_ - free_;
}

void SlotSpace::prefer_low(bool low) {
  MutexLock lock(mutex_);
  prefer_low_ = low;
}

std::uint64_t SlotSpace::reserved_slots() const {
  MutexLock lock(mutex_);
  return reserved_;
}

bool SlotSpace::is_used(Slot slot) const {
  MutexLock lock(mutex_);
  return raw(slot) / 64 < bits_.size() && taken(raw(slot));
}

}  // namespace holdfast
