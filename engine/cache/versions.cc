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

void PageCache::link(const WrittenPage& page, TxnNumber txn, Versions& spare,
                     Versions& superseded) {
  TablePage* row = table_.peek(page.page);
  Frame& frame = pool_->frame(page.frame);
  frame.page.store(page.page);
  frame.slot.store(kNoSlot);
  Word word{row->word.load()};
  FrameIndex older = kNoFrame;
  bool resurrected = false;
  do {
    older = word.frame();
    if (older == kNoFrame && page.base != kNoFrame) {
      // The base was evicted since it was copied; the pin kept its content.
      MutexLock lock(evict_mutex_);
      pool_->resurrect(page.base);
      resurrected = true;
      older = page.base;
    }
    frame.older.store(older);
    frame.state.store(FrameState::kPublished);
  } while (!row->word.compare_exchange_strong(word.bits, word.published(page.frame).bits));
  // A reader may have loaded the same version anew in between.
  if (resurrected && older != page.base) pool_->retire(page.base, readers_.next_epoch());
  if (page.base != kNoFrame) unpin_base(page.base);
  pool_->touch(page.frame);
  set_held(page.frame, true);
  if (older != kNoFrame) {
    set_held(older, true);
    superseded.splice(superseded.end(), spare, spare.begin());
    superseded.back() = {page.page, older, page_txn(pool_->data(older)), txn};
  }
}

std::uint32_t PageCache::publish(std::span<const WrittenPage> pages, IdRuns& freed, TxnNumber txn,
                                 const std::function<void()>& append) {
  Versions spare(pages.size());
  std::list<FreedBy> freed_by;
  if (!freed.empty()) freed_by.push_back({txn, false, {}});
  std::size_t leaves = pages.size();
  for (const IdRun& run : freed) leaves += run.count / table_.fanout() + 2;
  MutexLock lock(versions_);
  make_room_in_lists(pages.size(), leaves);
  // That was all the memory there is to take: from here on there is no way back.
  Versions superseded;
  std::uint32_t reserved = 0;
  for (const WrittenPage& page : pages) {
    link(page, txn, spare, superseded);
    reserved += list_dirty(page.page);
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
    if (keeper->snapshot.load() == 0) dispose_kept(*keeper);
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
    if (snapshot == 0) return;
    const std::uint64_t point = snapshot & ~ReaderSlot::kEntering;
    const bool entering = snapshot != point;
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
  TablePage* row = table_.peek(version.page);
  FrameIndex newer = row == nullptr ? kNoFrame : Word{row->word.load()}.frame();
  while (newer != kNoFrame && pool_->frame(newer).older.load() != version.frame) {
    newer = pool_->frame(newer).older.load();
  }
  // The page may have been freed since this was noted, and its id and the frame used again.
  if (newer == kNoFrame || page_txn(pool_->data(version.frame)) != version.begin) return;
  const FrameIndex older = pool_->frame(version.frame).older.load();
  pool_->frame(newer).older.store(older);
  set_held(version.frame, false);
  if (older == kNoFrame && Word{row->word.load()}.frame() == newer &&
      pool_->frame(newer).slot.load() != kNoSlot) {
    set_held(newer, false);  // Clean, and nothing hangs behind it any more.
  }
  pool_->retire(version.frame, readers_.next_epoch());
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

Result<FrameIndex> PageCache::page_to_redo(PageId id, bool blank) {
  TablePage* row = TRY(table_.row(id));
  if (blank) lost_.erase(id);
  Word word{row->word.load()};
  if (word.frame() == kNoFrame && !blank) {
    TRY(load(id));
    word.bits = row->word.load();
  }
  FrameIndex index = word.frame();
  if (index == kNoFrame) {
    index = TRY(take_frame());
    pool_->frame(index).page.store(id);
    pool_->frame(index).state.store(FrameState::kPublished);
    row->word.store(word.published(index).bits);
  }
  pool_->frame(index).slot.store(kNoSlot);
  MutexLock lock(versions_);
  set_held(index, true);
  unbacked_ += list_dirty(id);
  return index;
}

void PageCache::lose_page(PageId id, const Error& why) {
  lost_.insert_or_assign(id, why);
  TablePage* row = table_.peek(id);
  if (row == nullptr) return;
  const Word word{row->word.load()};
  if (word.frame() == kNoFrame) return;
  row->word.store(word.published(kNoFrame).bits);
  set_held(word.frame(), false);
  pool_->retire(word.frame(), readers_.next_epoch());
}

void PageCache::start_at(TxnNumber txn) {
  newest_.store(raw(txn));
  durable_.store(raw(txn));
  group_end_.store(raw(txn));
}

void PageCache::note_freed(IdRun run, TxnNumber txn) {
  // What can't be read now is for the checkpoint to report.
  const std::uint32_t end =
      std::min(config_.map->leaf_count(), (raw(run.first) + run.count - 1) / table_.fanout() + 1);
  for (std::uint32_t leaf = raw(run.first) / table_.fanout(); leaf < end; ++leaf)
    (void)table_.leaf(leaf);
  lost_.erase(lost_.lower_bound(run.first), lost_.lower_bound(run.first + run.count));
  MutexLock lock(versions_);
  mark_freed(run);
  if (freed_.empty() || freed_.back().txn != txn) freed_.push_back({txn, false, {}});
  freed_.back().runs.push_back(run);
  unbacked_ += list_leaves(run);
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

IdRuns PageCache::settle_frees(TxnNumber checkpointed) {
  MutexLock lock(versions_);
  // A snapshot that has ended may not have let go of its versions yet.
  readers_.for_each([&](ReaderSlot& slot) {
    if (slot.has_kept.load() && slot.snapshot.load() == 0) dispose_kept(slot);
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
    const std::uint32_t id = raw(run.first) + i;
    if (TableLeaf* leaf = table_.peek_leaf(id / table_.fanout()))
      leaf->freed[id % table_.fanout()] = true;
  }
}

Result<bool> PageCache::has_page(PageId id) {
  const std::uint32_t index = raw(id) / table_.fanout();
  if (raw(id) == 0 || raw(id) >= id_limit_.load() || !table_.has_leaf(index)) return false;
  const TableLeaf* leaf = TRY(table_.leaf(index));
  const TablePage& row = leaf->pages[raw(id) % table_.fanout()];
  MutexLock lock(versions_);
  return !leaf->freed[raw(id) % table_.fanout()] &&
         (Word{row.word.load()}.frame() != kNoFrame || entry_slot(row.entry.load()) != kNoSlot);
}

void PageCache::release_page(PageId id) {
  TablePage* row = table_.peek(id);
  if (row == nullptr) return;
  table_.peek_leaf(raw(id) / table_.fanout())->freed[raw(id) % table_.fanout()] = false;
  Word word{row->word.load()};
  while (!row->word.compare_exchange_strong(word.bits, word.published(kNoFrame).bits)) {
  }
  for (FrameIndex frame = word.frame(); frame != kNoFrame;) {
    const FrameIndex older = pool_->frame(frame).older.load();
    set_held(frame, false);
    pool_->retire(frame, readers_.next_epoch());
    frame = older;
  }
  config_.slots->free(entry_slot(row->entry.exchange(MapEntry{})));
}

}  // namespace holdfast
