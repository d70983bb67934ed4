#include "engine/file/slot_space.h"

#include <algorithm>
#include <bit>

#include "engine/base/bytes.h"
#include "engine/base/result.h"

namespace holdfast {
namespace {

constexpr std::uint64_t kGrowBytes = std::uint64_t{1} << 20;

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
  table_bytes_.store(bits_.size() * sizeof(bits_[0]), std::memory_order_relaxed);
  for (std::uint32_t slot = 0; slot <= opened_high_water_; ++slot) set_used(slot);
  free_ = allocated_ > opened_high_water_ ? allocated_ - opened_high_water_ : 0;
  next_ = opened_high_water_ + 1;
  return {};
}

std::uint32_t SlotSpace::allocated() const {
  MutexLock lock(mutex_);
  return allocated_ + emergency_;
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
  low_word_ = 0;
}

bool SlotSpace::scanned() const {
  MutexLock lock(mutex_);
  return scanned_;
}

Result<void> SlotSpace::reserve(std::uint32_t count, Use use) {
  MutexLock lock(mutex_);
  const std::uint64_t apart = use == Use::kGrowth ? kEmergencySlots - emergency_ : 0;
  if (free_ < reserved_ + count + apart) {
    const std::uint64_t wanted = reserved_ + count;
    TRY(grow(static_cast<std::uint32_t>(wanted - std::min(free_, wanted)), use));
  }
  reserved_ += count;
  return {};
}

void SlotSpace::unreserve(std::uint32_t count) {
  MutexLock lock(mutex_);
  reserved_ -= std::min<std::uint64_t>(reserved_, count);
}

Result<void> SlotSpace::allocate_physically(std::uint64_t end) {
  const std::uint64_t has = std::uint64_t{allocated_} + emergency_;
  if (end <= has) return {};
  return file_.allocate(kHeaderRegionBytes + has * page_size_, (end - has) * page_size_);
}

void SlotSpace::extend_to(std::uint32_t end) {
  for (std::uint32_t slot = allocated_ + 1; slot <= end; ++slot) free_ += taken(slot) ? 0 : 1;
  allocated_ = end;
}

// The emergency reserve stays behind all others, and is made whole again.
Result<void> SlotSpace::grow(std::uint32_t count, Use use) {
  // Larger files grow in larger steps; a small one stays small.
  const std::uint64_t step =
      std::min<std::uint64_t>(kGrowBytes / page_size_, std::uint64_t{16} + allocated_ / 4);
  const std::uint64_t most = kMaxSlot - (use == Use::kGrowth ? kEmergencySlots : 0);
  if (allocated_ + std::uint64_t{count} > most)
    return fail(ErrorCode::kLimitExceeded, "the tree file has reached its largest number of slots");
  // It may find no memory.
  cover(static_cast<std::uint32_t>(
      std::min<std::uint64_t>(kMaxSlot, allocated_ + std::max<std::uint64_t>(step, count))));
  Result<void> made;
  for (const std::uint64_t want : {std::max<std::uint64_t>(step, count), std::uint64_t{count}}) {
    if (allocated_ + want + kEmergencySlots > kMaxSlot) continue;
    made = allocate_physically(allocated_ + want + kEmergencySlots);
    if (made) {
      emergency_ = kEmergencySlots;
      extend_to(allocated_ + static_cast<std::uint32_t>(want));
      return {};
    }
    if (made.error().code() != ErrorCode::kDiskFull) return made;
  }
  if (use == Use::kGrowth) return made;
  TRY(allocate_physically(std::uint64_t{allocated_} + count));
  emergency_ -= std::min(emergency_, count);
  extend_to(allocated_ + count);
  return {};
}

void SlotSpace::cover(std::uint32_t slot) {
  if (slot / 64 < bits_.size()) return;
  bits_.resize(slot / 64 + 1, 0);
  table_bytes_.store(bits_.size() * sizeof(bits_[0]), std::memory_order_relaxed);
}

void SlotSpace::free(Slot slot) {
  if (slot == kNoSlot) return;
  MutexLock lock(mutex_);
  if (raw(slot) > allocated_ || !used(raw(slot))) return;
  bits_[raw(slot) / 64] &= ~(std::uint64_t{1} << (raw(slot) % 64));
  ++(kept(raw(slot)) ? only_kept_ : free_);
  low_word_ = std::min(low_word_, raw(slot) / 64);
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

void SlotSpace::rename_kept(std::uint64_t id, std::uint64_t as) noexcept {
  MutexLock lock(mutex_);
  const auto known = std::ranges::find(kept_, id, &Kept::id);
  if (known != kept_.end()) known->id = as;
}

void SlotSpace::kept_changed() noexcept {
  std::fill(kept_any_.begin(), kept_any_.end(), 0);
  std::size_t bytes = kept_any_.size() * sizeof(std::uint64_t);
  for (const Kept& each : kept_) {
    for (std::size_t word = 0; word < each.bits.size(); ++word) kept_any_[word] |= each.bits[word];
    bytes += each.bits.size() * sizeof(std::uint64_t);
  }
  kept_bytes_.store(kept_.empty() ? 0 : bytes, std::memory_order_relaxed);
  low_word_ = 0;
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

std::uint64_t SlotSpace::keeper_of(std::uint32_t slot) const {
  MutexLock lock(mutex_);
  for (const Kept& each : kept_) {
    if (slot / 64 < each.bits.size() && ((each.bits[slot / 64] >> (slot % 64)) & 1) != 0)
      return each.id;
  }
  return 0;
}

std::uint64_t SlotSpace::only_kept_slots() const {
  MutexLock lock(mutex_);
  return only_kept_;
}

std::size_t SlotSpace::bytes_to_keep() const {
  MutexLock lock(mutex_);
  return (std::size_t{allocated_} / 64 + 1) * sizeof(std::uint64_t) * (kept_.empty() ? 2 : 1);
}

Result<std::uint32_t> SlotSpace::trim(std::uint32_t floor, std::uint32_t most) {
  MutexLock lock(mutex_);
  if (!scanned_) return 0U;
  const std::uint64_t spare = free_ - std::min(free_, reserved_);
  const std::uint32_t last = std::max(floor, last_taken(allocated_));
  if (last >= allocated_) return 0U;
  const auto cut =
      static_cast<std::uint32_t>(std::min<std::uint64_t>({allocated_ - last, spare, most}));
  if (cut == 0) return 0U;
  TRY(file_.truncate(kHeaderRegionBytes +
                     (std::uint64_t{allocated_ - cut} + emergency_) * page_size_));
  free_ -= cut;
  allocated_ -= cut;
  return cut;
}

Result<void> SlotSpace::close_up() {
  MutexLock lock(mutex_);
  const std::uint64_t spare = free_ - std::min(free_, reserved_);
  const std::uint32_t last = scanned_ ? last_taken(allocated_) : allocated_;
  const auto cut = static_cast<std::uint32_t>(std::min<std::uint64_t>(allocated_ - last, spare));
  const std::uint64_t end = kHeaderRegionBytes + std::uint64_t{allocated_ - cut} * page_size_;
  if (TRY(file_.size()) <= end) return {};
  TRY(file_.truncate(end));
  free_ -= cut;
  allocated_ -= cut;
  emergency_ = 0;
  return {};
}

Result<bool> SlotSpace::lend_emergency(std::uint32_t floor, std::uint32_t most) {
  MutexLock lock(mutex_);
  std::uint32_t of_reserve = (emergency_ + 1) / 2;
  std::uint32_t of_tail = 0;
  if (of_reserve == 0) {
    const std::uint64_t spare = free_ - std::min(free_, reserved_);
    const std::uint32_t last = std::max(floor, last_taken(allocated_));
    of_tail = static_cast<std::uint32_t>(
        std::min<std::uint64_t>({most, spare, allocated_ - std::min(last, allocated_)}));
    if (of_tail == 0) return false;
  }
  const std::uint64_t left = std::uint64_t{allocated_} + emergency_ - of_reserve - of_tail;
  TRY(file_.truncate(kHeaderRegionBytes + left * page_size_));
  emergency_ -= of_reserve;
  free_ -= of_tail;
  allocated_ -= of_tail;
  return true;
}

std::uint32_t SlotSpace::last_taken(std::uint32_t from) const {
  std::uint32_t word = from / 64;
  std::uint64_t taken_bits =
      (bits_[word] | kept_word(word)) & (~std::uint64_t{0} >> (63 - from % 64));
  while (taken_bits == 0 && word > 0) {
    --word;
    taken_bits = bits_[word] | kept_word(word);
  }
  return taken_bits == 0
             ? 0
             : word * 64 + 63 - static_cast<std::uint32_t>(std::countl_zero(taken_bits));
}

SlotSpace::SlotRun SlotSpace::free_run_from(std::uint32_t from) const {
  MutexLock lock(mutex_);
  std::uint32_t first = from;
  while (first <= allocated_ && taken(first))
    first += first % 64 == 0 && bits_[first / 64] == ~std::uint64_t{0} ? 64 : 1;
  std::uint32_t end = first;
  while (end <= allocated_ && !taken(end)) ++end;
  return {Slot{first}, end - first};
}

std::uint32_t SlotSpace::high_water() const {
  MutexLock lock(mutex_);
  return last_taken(static_cast<std::uint32_t>(bits_.size() * 64 - 1));
}

std::uint64_t SlotSpace::used_above(std::uint32_t slot) const {
  MutexLock lock(mutex_);
  std::uint64_t above = slot % 64 == 63 ? 0 : ~std::uint64_t{0} << (slot % 64 + 1);
  std::uint64_t count = 0;
  for (std::uint32_t word = slot / 64; word <= allocated_ / 64; ++word) {
    count += static_cast<std::uint64_t>(std::popcount(bits_[word] & above));
    above = ~std::uint64_t{0};
  }
  return count;
}

std::uint64_t SlotSpace::free_slots() const {
  MutexLock lock(mutex_);
  return free_ + emergency_;
}

std::uint64_t SlotSpace::used_slots() const {
  MutexLock lock(mutex_);
  return allocated_ - free_;
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
