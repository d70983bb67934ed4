// Publishing transactions, and collecting the versions and freed pages that nobody needs. What a
// checkpoint takes and leaves is in dirty_pages.cc. See page_cache.h for the rules C1 to C5.
//
// What changes the versions of pages can't stop half-way: memory is taken first, and from then on
// versions and frees move from list to list as the nodes they are.
#include <algorithm>
#include <utility>

#include "engine/base/result.h"
#include "engine/cache/page_cache.h"

namespace holdfast {
void PageCache::set_held(FrameIndex index, bool held) {
  if (pool_->frame(index).held.exchange(held) == held) return;
  if (held) {
    held_.fetch_add(1, std::memory_order_relaxed);
  } else {
    held_.fetch_sub(1, std::memory_order_relaxed);
  }
}

VersionRef PageCache::describe(PageId page, TxnNumber txn, Slot slot, std::uint64_t check,
                               std::uint32_t check_bits) {
  const VersionRef version = spare_parked_.back();
  spare_parked_.pop_back();
  Parked& parked = parked_.at(version);
  parked.page.store(page);
  parked.txn.store(txn);
  parked.slot.store(slot);
  parked.check.store(check);
  parked.check_bits.store(check_bits);
  return version;
}

// Answers how many slots it set aside.
std::uint32_t PageCache::link(const WrittenPage& page, TxnNumber txn, Versions& spare,
                              Versions& superseded) {
  TablePage* row = table_.peek(page.page);
  VersionRef linked = page.frame;
  if (page.frame != kNoFrame) {
    pool_->frame(page.frame).page.store(page.page);
    pool_->frame(page.frame).slot.store(kNoSlot);
  } else {
    linked = describe(page.page, txn, page.slot, page.check, 64);
    parked_.at(linked).dirty = true;
  }
  Word word{row->word.load()};
  VersionRef older = kNoVersion;
  VersionRef described = kNoVersion;
  do {
    older = word.version();
    if (older == kNoVersion && !page.fresh) {
      // The version that was newest is on disk only. Superseded, it must be found in a chain.
      const MapEntry entry = row->entry.load();
      if (described == kNoVersion)
        described = describe(page.page, page.base, entry_slot(entry), entry_check(entry), 32);
      older = described;
    }
    set_older(linked, older);
    if (page.frame != kNoFrame) pool_->frame(page.frame).state.store(FrameState::kPublished);
  } while (!row->word.compare_exchange_strong(word.bits, word.published(linked).bits));
  // A reader has loaded the same version in between.
  if (described != kNoVersion && older != described) spare_parked_.push_back(described);
  if (page.frame != kNoFrame) {
    pool_->touch(page.frame);
    set_held(page.frame, true);
  }
  std::uint32_t reserved = 0;
  if (is_parked(linked)) {
    reserved = list_parked(page.page, parked_.at(linked), older);
  } else {
    if (is_parked(older)) reserved = set_aside_again(parked_.at(older));
    reserved += list_dirty(page.page);
  }
  if (older == kNoVersion) return reserved;
  superseded.splice(superseded.end(), spare, spare.begin());
  superseded.back() = {page.page, txn_of(older), txn};
  if (is_parked(older)) return reserved;
  set_held(older, true);
  // Where memory is short, what is on disk needn't stay in memory.
  if (pool_->frame(older).slot.load() != kNoSlot && held() > frame_limit() / 2)
    (void)put_descriptor(older, kNoSlot, 0, 0, false);
  return reserved;
}

Result<void> PageCache::take_spares(std::size_t count) {
  spare_parked_.reserve(count);
  while (spare_parked_.size() < count) {
    const VersionRef spare = parked_.take(readers_.oldest_guard());
    if (spare == kNoVersion) {
      return fail(ErrorCode::kLimitExceeded,
                  "the transaction needs to note where " + std::to_string(count) +
                      " versions of pages lie, and the cache has room for " +
                      std::to_string(parked_.most()) +
                      " in all; commit smaller transactions, end old snapshots, or set a larger "
                      "cache_bytes");
    }
    spare_parked_.push_back(spare);
  }
  return {};
}

// Of pages that follow each other one pin does.
Result<void> PageCache::pin_rows(std::span<const WrittenPage> pages, const IdRuns& freed,
                                 std::vector<RowPin>& rows) {
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  auto pin = [&](std::uint64_t id) -> Result<void> {
    if (id >= from && id < to) return {};
    rows.push_back(TRY(pin_row(PageId{static_cast<std::uint32_t>(id)})));
    from = id;
    to = table_.group_end(id);
    return {};
  };
  for (const WrittenPage& page : pages) TRY(pin(raw(page.page)));
  for (const IdRun& run : freed) {
    const std::uint64_t end = std::uint64_t{raw(run.first)} + run.count;
    for (std::uint64_t id = raw(run.first); id < end; id = to) TRY(pin(id));
  }
  return {};
}

Result<std::uint32_t> PageCache::publish(std::span<const WrittenPage> pages, IdRuns& freed,
                                         TxnNumber txn, const std::function<void()>& append) {
  std::list<FreedBy> freed_by;
  if (!freed.empty()) freed_by.push_back({txn, false, {}});
  std::size_t leaves = pages.size();
  for (const IdRun& run : freed) leaves += run.count / table_.fanout() + 2;
  std::size_t replaced = 0;
  std::size_t described = 0;
  std::size_t placed = 0;
  std::vector<RowPin> rows;
  TRY(pin_rows(pages, freed, rows));
  MutexLock lock(versions_);
  for (const WrittenPage& page : pages) {
    replaced += page.fresh && newest_of(page.page) == kNoVersion ? 0 : 1;
    described += page.frame == kNoFrame ? 1 : 0;
    placed += page.slot != kNoSlot ? 1 : 0;
  }
  Versions spare(replaced);
  TRY(take_spares(replaced + described));
  make_room(placed_, placed);
  make_room_in_lists(pages.size(), leaves);
  // That was all the memory there is to take: from here on there is no way back.
  Versions superseded;
  std::uint32_t reserved = 0;
  for (const WrittenPage& page : pages) {
    reserved += link(page, txn, spare, superseded);
    if (page.slot != kNoSlot) placed_.push_back({page.page, page.slot, txn});
  }
  for (const IdRun& run : freed) {
    mark_freed(run);
    reserved += list_leaves(run);
  }
  if (!freed_by.empty()) freed_by.front().runs.swap(freed);
  freed_.splice(freed_.end(), freed_by);
  // The log has it before anyone can ask for it to be synced.
  append();
  newest_.store(raw(txn));
  dispose(superseded);
  return reserved;
}

// Each goes to whoever needs it, or is let go of.
void PageCache::dispose(Versions& versions) {
  while (!versions.empty()) {
    const Superseded& version = versions.front();
    auto covers = [&](std::uint64_t point) {
      return raw(version.begin) <= point && point < raw(version.end);
    };
    if (covers(durable_.load()) || covers(group_end_.load())) {
      recent_.splice(recent_.end(), versions, versions.begin());
      continue;
    }
    ReaderSlot* keeper = keeper_of(version);
    if (keeper == nullptr) {
      free_version(version);
      versions.pop_front();
      continue;
    }
    keeper->kept.splice(keeper->kept.end(), versions, versions.begin());
    keeper->has_kept.store(true);
    // Its snapshot may have ended meanwhile, without seeing has_kept.
    if (!ReaderSlot::needs_any(keeper->snapshot.load())) dispose_kept(*keeper);
  }
}

// The newest of the snapshots that see this version.
ReaderSlot* PageCache::keeper_of(const Superseded& version) const {
  const std::uint64_t begin = raw(version.begin);
  const std::uint64_t end = raw(version.end);
  ReaderSlot* keeper = nullptr;
  std::uint64_t keeper_point = 0;
  readers_.for_each([&](ReaderSlot& slot) {
    const std::uint64_t snapshot = slot.snapshot.load();
    if (!ReaderSlot::needs_any(snapshot)) return;
    const std::uint64_t point = ReaderSlot::point_of(snapshot);
    const bool entering = ReaderSlot::is_entering(snapshot);
    if (point >= end || (point < begin && !entering)) return;
    if (keeper != nullptr && point < keeper_point) return;
    keeper = &slot;
    keeper_point = point;
  });
  return keeper;
}

void PageCache::dispose_kept(ReaderSlot& slot) {
  slot.has_kept.store(false);
  Versions kept;
  kept.swap(slot.kept);
  dispose(kept);
}

void PageCache::free_version(const Superseded& version) {
  VersionRef newer = newest_of(version.page);
  VersionRef gone = newer == kNoVersion ? kNoVersion : older_of(newer);
  while (gone != kNoVersion && txn_of(gone) != version.begin) {
    newer = gone;
    gone = older_of(gone);
  }
  if (gone == kNoVersion) return;  // The page was freed since this was noted.
  set_older(newer, older_of(gone));
  if (is_parked(gone)) {
    let_go_of_parked(gone);
  } else {
    set_held(gone, false);
    pool_->retire(gone, readers_.next_epoch());
  }
  settle_newest(version.page);
}

void PageCache::set_owns_slot(Parked& parked, bool owns) {
  if (parked.owns_slot == owns) return;
  parked.owns_slot = owns;
  parked_slots_.fetch_add(owns ? 1 : UINT32_MAX, std::memory_order_relaxed);
}

// It is unlinked.
void PageCache::let_go_of_parked(VersionRef version) {
  Parked& parked = parked_.at(version);
  const FrameIndex frame = parked.frame.exchange(kGone);
  const std::uint64_t epoch = readers_.next_epoch();
  if (frame != kNoFrame) pool_->retire(frame, epoch);
  if (parked.owns_slot) config_.slots->free(parked.slot.load());
  set_owns_slot(parked, false);
  parked_.retire(version, epoch);
}

// A clean newest version with nothing behind it needs neither to be held nor to be described.
void PageCache::settle_newest(PageId id) {
  TablePage* row = table_.peek(id);
  if (row == nullptr) return;
  Word word{row->word.load()};
  const VersionRef newest = word.version();
  if (newest == kNoVersion || older_of(newest) != kNoVersion) return;
  if (!is_parked(newest)) {
    if (pool_->frame(newest).slot.load() != kNoSlot) set_held(newest, false);
    return;
  }
  Parked& parked = parked_.at(newest);
  if (parked.dirty || parked.owns_slot) return;
  const FrameIndex frame = parked.frame.exchange(kGone);
  if (frame != kNoFrame) {
    pool_->frame(frame).older.store(kNoVersion);
    pool_->frame(frame).slot.store(parked.slot.load());
    pool_->frame(frame).parked.store(kNoVersion);
  }
  while (!row->word.compare_exchange_strong(word.bits, word.moved(frame).bits)) {
  }
  parked_.retire(newest, readers_.next_epoch());
}

void PageCache::became_durable(TxnNumber txn) {
  MutexLock lock(versions_);
  if (raw(txn) <= durable_.load()) return;
  durable_.store(raw(txn));
  Versions going;
  while (!recent_.empty() && recent_.front().end <= txn)
    going.splice(going.end(), recent_, recent_.begin());
  dispose(going);
}

std::vector<Slot> PageCache::placed_slots() const {
  MutexLock lock(versions_);
  std::vector<Slot> slots;
  slots.reserve(placed_.size());
  for (const Placed& placed : placed_) slots.push_back(placed.slot);
  return slots;
}

std::vector<FreedRun> PageCache::frees_through(TxnNumber d) const {
  MutexLock lock(versions_);
  std::vector<FreedRun> found;
  for (const FreedBy& freed : freed_) {
    if (freed.txn > d) break;
    for (const IdRun& run : freed.runs) found.push_back({run, freed.txn, freed.left_out});
  }
  return found;
}

bool PageCache::freed_by(PageId id, TxnNumber snapshot) const {
  MutexLock lock(versions_);
  auto holds = [id](const IdRun& run) {
    return raw(id) >= raw(run.first) && raw(id) - raw(run.first) < run.count;
  };
  return std::any_of(freed_.begin(), freed_.end(), [&](const FreedBy& freed) {
    return freed.txn <= snapshot && std::any_of(freed.runs.begin(), freed.runs.end(), holds);
  });
}

// A run in its list, and the part of the page table that stays for it.
std::size_t PageCache::freed_bytes() const {
  constexpr std::size_t kRunBytes = 40 + PageTable::kGroupBytes;
  MutexLock lock(versions_);
  std::size_t bytes = 0;
  for (const FreedBy& freed : freed_) {
    for (const IdRun& run : freed.runs)
      bytes += kRunBytes + run.count / kGroupPages * PageTable::kGroupBytes;
  }
  return bytes;
}

IdRuns PageCache::settle_frees(TxnNumber checkpointed) {
  MutexLock lock(versions_);
  // A snapshot that has ended may not have let go of its versions yet.
  readers_.for_each([&](ReaderSlot& slot) {
    if (slot.has_kept.load() && !ReaderSlot::needs_any(slot.snapshot.load())) dispose_kept(slot);
  });
  const TxnNumber oldest = oldest_snapshot();
  for (FreedBy& freed : freed_) freed.left_out = freed.left_out || freed.txn <= checkpointed;
  IdRuns settled;
  while (!freed_.empty() && freed_.front().txn <= checkpointed && freed_.front().txn <= oldest) {
    for (const IdRun& run : freed_.front().runs) {
      for (std::uint32_t i = 0; i < run.count; ++i) release_page(run.first + i);
    }
    settled.splice(settled.end(), freed_.front().runs);
    freed_.pop_front();
  }
  return settled;
}

void PageCache::mark_freed(IdRun run) {
  for (std::uint32_t i = 0; i < run.count; ++i) {
    const PageId id = run.first + i;
    if (TableGroup* group = table_.peek_group(id)) group->freed |= table_.bit_of(id);
  }
}

Result<bool> PageCache::has_page(PageId id) {
  const std::uint32_t index = raw(id) / table_.fanout();
  if (raw(id) == 0 || raw(id) >= id_limit_.load() || !table_.has_leaf(index)) return false;
  const RowPin row = TRY(pin_row(id));
  MutexLock lock(versions_);
  return !row.is_freed() && (Word{row->word.load()}.version() != kNoVersion ||
                             entry_slot(row->entry.load()) != kNoSlot);
}

void PageCache::release_page(PageId id) {
  TablePage* row = table_.peek(id);
  if (row == nullptr) return;
  table_.peek_group(id)->freed &= ~table_.bit_of(id);
  Word word{row->word.load()};
  while (!row->word.compare_exchange_strong(word.bits, word.published(kNoVersion).bits)) {
  }
  for (VersionRef version = word.version(); version != kNoVersion;) {
    const VersionRef older = older_of(version);
    if (is_parked(version)) {
      let_go_of_parked(version);
    } else {
      set_held(version, false);
      pool_->retire(version, readers_.next_epoch());
    }
    version = older;
  }
  config_.slots->free(entry_slot(row->entry.exchange(MapEntry{})));
}

}  // namespace holdfast
