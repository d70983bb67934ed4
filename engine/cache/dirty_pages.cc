// Which pages the next checkpoint must write, the slots set aside for them, and what a checkpoint
// takes and leaves. See page_cache.h for the rules C1 to C5.
//
// A transaction is listed while it is published, and nothing may fail then: the lists keep room for
// what is to come, and for what the checkpoint under way has taken and may return.
#include <algorithm>
#include <utility>

#include "engine/base/result.h"
#include "engine/cache/page_cache.h"

namespace holdfast {
std::uint32_t PageCache::slots_for(std::span<const WrittenPage> pages, const IdRuns& freed) const {
  std::vector<std::uint32_t> leaves;
  auto add = [&](std::uint32_t leaf) {
    if (leaves.empty() || leaves.back() != leaf) leaves.push_back(leaf);
  };
  std::uint32_t in_frames = 0;
  for (const WrittenPage& page : pages) {
    add(raw(page.page) / table_.fanout());
    in_frames += page.frame != kNoFrame ? 1 : 0;
  }
  for (const IdRun& run : freed) {
    const std::uint32_t last = (raw(run.first) + run.count - 1) / table_.fanout();
    for (std::uint32_t leaf = raw(run.first) / table_.fanout(); leaf <= last; ++leaf) add(leaf);
  }
  std::sort(leaves.begin(), leaves.end());
  const auto distinct = std::unique(leaves.begin(), leaves.end()) - leaves.begin();
  return in_frames + static_cast<std::uint32_t>(distinct) * config_.map->pages_per_leaf_change();
}

void PageCache::make_room_in_lists(std::size_t pages, std::size_t leaves) {
  make_room(dirty_list_, taken_pages_ + pages);
  make_room(dirty_leaves_, taken_leaves_ + leaves);
}

std::uint32_t PageCache::list_dirty(PageId id) {
  const std::uint32_t index = raw(id) / table_.fanout();
  TableGroup* group = table_.peek_group(id);
  if (group == nullptr || (group->listed & table_.bit_of(id)) != 0) return 0;
  group->listed |= table_.bit_of(id);
  dirty_list_.push_back(id);
  dirty_count_.store(dirty_list_.size(), std::memory_order_relaxed);
  ++dirty_reserved_;
  return 1 + list_leaf(index);
}

// The next checkpoint writes this leaf of the map, and what lies above.
std::uint32_t PageCache::list_leaf(std::uint32_t index) {
  TableLeaf* leaf = table_.peek_leaf(index);
  if (leaf == nullptr || leaf->listed) return 0;
  leaf->listed = true;
  dirty_leaves_.push_back(index);
  const std::uint32_t reserved = config_.map->pages_per_leaf_change();
  dirty_reserved_ += reserved;
  return reserved;
}

std::uint32_t PageCache::list_leaves(IdRun freed) {
  std::uint32_t reserved = 0;
  const std::uint32_t last = (raw(freed.first) + freed.count - 1) / table_.fanout();
  for (std::uint32_t leaf = raw(freed.first) / table_.fanout(); leaf <= last; ++leaf)
    reserved += list_leaf(leaf);
  return reserved;
}

// A dirty newest version that is parked lies where the next checkpoint wants it: the slot that was
// set aside for it isn't needed as well.
void PageCache::use_reservation(PageId id, Parked& parked) {
  const TableGroup* group = table_.peek_group(id);
  if (group == nullptr || (group->listed & table_.bit_of(id)) == 0 || dirty_reserved_ == 0) return;
  parked.set_aside = true;
  --dirty_reserved_;
  if (unbacked_ != 0) {
    --unbacked_;
  } else {
    config_.slots->unreserve(1);
  }
}

// Its successor will need one.
std::uint32_t PageCache::set_aside_again(Parked& parked) {
  if (!parked.set_aside) return 0;
  parked.set_aside = false;
  ++dirty_reserved_;
  return 1;
}

// As list_dirty(), for a newest version that is parked: it needs no slot but what lies above it.
std::uint32_t PageCache::list_parked(PageId id, Parked& now, VersionRef before) {
  const std::uint32_t reserved = list_dirty(id);
  if (reserved != 0) {
    now.set_aside = true;
    --dirty_reserved_;
    return reserved - 1;
  }
  if (is_parked(before) && parked_.at(before).set_aside) {
    parked_.at(before).set_aside = false;
    now.set_aside = true;
  } else {
    use_reservation(id, now);
  }
  return 0;
}

Result<void> PageCache::back_reservations() {
  MutexLock lock(versions_);
  if (unbacked_ == 0) return {};
  TRY(config_.slots->reserve(unbacked_, SlotSpace::Use::kEmergency));
  unbacked_ = 0;
  return {};
}

Result<PageCache::DirtyPages> PageCache::take_dirty(TxnNumber d) {
  MutexLock lock(versions_);
  std::vector<PageId> again;
  std::vector<std::uint32_t> leaves_again;
  for (PageId id : dirty_list_) {
    const VersionRef newest = newest_of(id);
    if (newest == kNoVersion || txn_of(newest) <= d) continue;
    again.push_back(id);
    leaves_again.push_back(raw(id) / table_.fanout());
  }
  for (auto freed = freed_.rbegin(); freed != freed_.rend() && freed->txn > d; ++freed) {
    for (const IdRun& run : freed->runs) {
      const std::uint32_t last = (raw(run.first) + run.count - 1) / table_.fanout();
      for (std::uint32_t leaf = raw(run.first) / table_.fanout(); leaf <= last; ++leaf)
        leaves_again.push_back(leaf);
    }
  }
  std::sort(leaves_again.begin(), leaves_again.end());
  leaves_again.erase(std::unique(leaves_again.begin(), leaves_again.end()), leaves_again.end());
  std::vector<PageId> pages_left;
  std::vector<std::uint32_t> leaves_left;
  pages_left.reserve(again.size() + dirty_list_.size());
  leaves_left.reserve(leaves_again.size() + dirty_leaves_.size());
  TRY(config_.slots->reserve(
      static_cast<std::uint32_t>(again.size() +
                                 leaves_again.size() * config_.map->pages_per_leaf_change()),
      SlotSpace::Use::kEmergency));
  DirtyPages taken{std::exchange(dirty_list_, std::move(pages_left)),
                   std::exchange(dirty_reserved_, 0U)};
  taken_pages_ = taken.pages.size();
  taken_leaves_ = dirty_leaves_.size();
  for (PageId id : taken.pages) table_.peek_group(id)->listed &= ~table_.bit_of(id);
  for (std::uint32_t leaf : std::exchange(dirty_leaves_, std::move(leaves_left)))
    table_.peek_leaf(leaf)->listed = false;
  for (PageId id : again) list_dirty(id);
  for (std::uint32_t leaf : leaves_again) list_leaf(leaf);
  dirty_count_.store(dirty_list_.size(), std::memory_order_relaxed);
  std::sort(taken.pages.begin(), taken.pages.end());
  return taken;
}

void PageCache::lack_slots(std::uint32_t count) noexcept {
  MutexLock lock(versions_);
  unbacked_ += count;
}

void PageCache::return_dirty(const DirtyPages& dirty) {
  MutexLock lock(versions_);
  const std::uint32_t before = dirty_reserved_;
  for (PageId id : dirty.pages) list_dirty(id);
  // Their slots stay set aside; what listing them again counted is part of that.
  dirty_reserved_ = before + dirty.reserved;
}

PageCache::DirtyVersion PageCache::dirty_version_at(PageId id, TxnNumber d) {
  MutexLock lock(versions_);
  VersionRef version = newest_of(id);
  while (version != kNoVersion && txn_of(version) > d) version = older_of(version);
  if (version == kNoVersion) return {};
  if (is_parked(version)) {
    const Parked& parked = parked_.at(version);
    if (!parked.dirty) return {};
    return {.frame = kNoFrame, .parked = make_entry(parked.slot.load(), parked.check.load())};
  }
  if (pool_->frame(version).slot.load() != kNoSlot) return {};
  pin_base(version);
  return {.frame = version, .parked = {}};
}

Slot PageCache::became_clean(PageId id, TxnNumber d, MapEntry entry) noexcept {
  MutexLock lock(versions_);
  TablePage* row = table_.peek(id);
  const MapEntry before = row->entry.load();
  row->entry.store(entry);
  // Somebody may be loading it, or have begun to before others did, and has noted the old slot:
  // looks again.
  Word word{row->word.load()};
  while (!row->word.compare_exchange_strong(word.bits, word.published(word.version()).bits)) {
  }
  VersionRef version = newest_of(id);
  while (version != kNoVersion && txn_of(version) > d) version = older_of(version);
  // A row that was read from the new map, as a moved page's may be, has no old slot.
  const bool same_slot = entry_slot(before) == entry_slot(entry);
  if (version == kNoVersion) return same_slot ? kNoSlot : entry_slot(before);
  if (is_parked(version)) {
    // What it was parked in, where the checkpoint had written it by then, holds the same.
    Parked& parked = parked_.at(version);
    const Slot parked_in = parked.slot.exchange(entry_slot(entry));
    if (parked.owns_slot && parked_in != entry_slot(entry)) config_.slots->free(parked_in);
    set_owns_slot(parked, false);
    parked.dirty = false;
    parked.set_aside = false;
  } else {
    pool_->frame(version).slot.store(entry_slot(entry));
  }
  const bool stays = same_slot || keep_old_slot(older_of(version), before);
  settle_newest(id);
  return stays ? kNoSlot : entry_slot(before);
}

void PageCache::settle_placed(TxnNumber d) noexcept {
  MutexLock lock(versions_);
  const auto later = std::find_if(placed_.begin(), placed_.end(),
                                  [d](const Placed& placed) { return placed.txn > d; });
  for (auto placed = placed_.begin(); placed != later; ++placed) {
    const TablePage* row = table_.peek(placed->page);
    if (row != nullptr && entry_slot(row->entry.load()) == placed->slot) continue;
    if (!keep_old_slot(newest_of(placed->page), make_entry(placed->slot, 0)))
      config_.slots->free(placed->slot);
  }
  placed_.erase(placed_.begin(), later);
}

// Whether a snapshot needs the version that the map has named until now: then the slot is its own.
bool PageCache::keep_old_slot(VersionRef version, MapEntry before) {
  if (entry_slot(before) == kNoSlot) return false;
  for (; version != kNoVersion; version = older_of(version)) {
    if (is_parked(version)) {
      Parked& parked = parked_.at(version);
      if (parked.slot.load() != entry_slot(before)) continue;
      set_owns_slot(parked, true);
      return true;
    }
    Frame& frame = pool_->frame(version);
    if (frame.slot.load() != entry_slot(before)) continue;
    frame.slot.store(kNoSlot);
    return false;
  }
  return false;
}

}  // namespace holdfast
