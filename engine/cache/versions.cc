// Publishing transactions, collecting the versions nobody needs, and what a checkpoint takes and
// leaves. See page_cache.h for the rules C1 to C5.
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

std::uint32_t PageCache::slots_for(std::span<const WrittenPage> pages,
                                   std::span<const IdRun> freed) const {
  std::vector<std::uint32_t> leaves;
  auto add = [&](std::uint32_t leaf) {
    if (leaves.empty() || leaves.back() != leaf) leaves.push_back(leaf);
  };
  for (const WrittenPage& page : pages) add(raw(page.page) / table_.fanout());
  for (const IdRun& run : freed) {
    const std::uint32_t last = (raw(run.first) + run.count - 1) / table_.fanout();
    for (std::uint32_t leaf = raw(run.first) / table_.fanout(); leaf <= last; ++leaf) add(leaf);
  }
  std::sort(leaves.begin(), leaves.end());
  const auto distinct = std::unique(leaves.begin(), leaves.end()) - leaves.begin();
  return static_cast<std::uint32_t>(pages.size()) +
         static_cast<std::uint32_t>(distinct) * config_.map->pages_per_leaf_change();
}

std::uint32_t PageCache::list_dirty(PageId id) {
  const std::uint32_t index = raw(id) / table_.fanout();
  TableLeaf* leaf = table_.peek_leaf(index);
  if (leaf == nullptr || leaf->listed[raw(id) % table_.fanout()] != 0) return 0;
  leaf->listed[raw(id) % table_.fanout()] = 1;
  dirty_list_.push_back(id);
  dirty_count_.store(dirty_list_.size(), std::memory_order_relaxed);
  ++dirty_reserved_;
  return 1 + list_leaf(index);
}

// The next checkpoint writes this leaf of the map, and what lies above.
std::uint32_t PageCache::list_leaf(std::uint32_t index) {
  TableLeaf* leaf = table_.peek_leaf(index);
  if (leaf == nullptr || leaf->leaf_listed) return 0;
  leaf->leaf_listed = true;
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

void PageCache::link(const WrittenPage& page, TxnNumber txn, std::vector<Superseded>& superseded) {
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
    superseded.push_back({page.page, older, page_txn(pool_->data(older)), txn});
  }
}

std::uint32_t PageCache::publish(std::span<const WrittenPage> pages, std::span<const IdRun> freed,
                                 TxnNumber txn, const std::function<void()>& append) {
  MutexLock lock(versions_);
  std::vector<Superseded> superseded;
  superseded.reserve(pages.size());
  std::uint32_t reserved = 0;
  for (const WrittenPage& page : pages) {
    link(page, txn, superseded);
    reserved += list_dirty(page.page);
  }
  for (const IdRun& run : freed) {
    mark_freed(run);
    freed_.push_back({run, txn});
    reserved += list_leaves(run);
  }
  // The log has it before anyone can ask for it to be synced.
  append();
  newest_.store(raw(txn));
  for (const Superseded& version : superseded) dispose(version);
  return reserved;
}

void PageCache::dispose(const Superseded& version) {
  const std::uint64_t begin = raw(version.begin);
  const std::uint64_t end = raw(version.end);
  auto covers = [&](std::uint64_t point) { return begin <= point && point < end; };
  if (covers(durable_.load()) || covers(group_end_.load())) {
    recent_.push_back(version);
    return;
  }
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
  if (keeper == nullptr) {
    free_version(version);
    return;
  }
  keeper->kept.push_back(version);
  keeper->has_kept.store(true);
  // Its snapshot may have ended meanwhile, without seeing has_kept.
  if (keeper->snapshot.load() == 0) dispose_kept(*keeper);
}

void PageCache::dispose_kept(ReaderSlot& slot) {
  slot.has_kept.store(false);
  for (const Superseded& version : std::exchange(slot.kept, {})) dispose(version);
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
  while (!recent_.empty() && recent_.front().end <= txn) {
    const Superseded version = recent_.front();
    recent_.pop_front();
    dispose(version);
  }
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

Result<void> PageCache::back_reservations() {
  MutexLock lock(versions_);
  if (unbacked_ == 0) return {};
  TRY(config_.slots->reserve(unbacked_));
  unbacked_ = 0;
  return {};
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
  freed_.push_back({run, txn});
  unbacked_ += list_leaves(run);
}

Result<PageCache::DirtyPages> PageCache::take_dirty(TxnNumber d) {
  MutexLock lock(versions_);
  std::vector<PageId> again;
  std::vector<std::uint32_t> leaves_again;
  for (PageId id : dirty_list_) {
    const FrameIndex newest_frame = Word{table_.peek(id)->word.load()}.frame();
    if (newest_frame == kNoFrame || page_txn(pool_->data(newest_frame)) <= d) continue;
    again.push_back(id);
    leaves_again.push_back(raw(id) / table_.fanout());
  }
  for (auto freed = freed_.rbegin(); freed != freed_.rend() && freed->txn > d; ++freed) {
    const std::uint32_t last = (raw(freed->run.first) + freed->run.count - 1) / table_.fanout();
    for (std::uint32_t leaf = raw(freed->run.first) / table_.fanout(); leaf <= last; ++leaf)
      leaves_again.push_back(leaf);
  }
  std::sort(leaves_again.begin(), leaves_again.end());
  leaves_again.erase(std::unique(leaves_again.begin(), leaves_again.end()), leaves_again.end());
  TRY(config_.slots->reserve(static_cast<std::uint32_t>(
      again.size() + leaves_again.size() * config_.map->pages_per_leaf_change())));
  DirtyPages taken{std::exchange(dirty_list_, {}), std::exchange(dirty_reserved_, 0U)};
  for (PageId id : taken.pages) {
    table_.peek_leaf(raw(id) / table_.fanout())->listed[raw(id) % table_.fanout()] = 0;
  }
  for (std::uint32_t leaf : std::exchange(dirty_leaves_, {}))
    table_.peek_leaf(leaf)->leaf_listed = false;
  for (PageId id : again) list_dirty(id);
  for (std::uint32_t leaf : leaves_again) list_leaf(leaf);
  dirty_count_.store(dirty_list_.size(), std::memory_order_relaxed);
  std::sort(taken.pages.begin(), taken.pages.end());
  return taken;
}

Result<void> PageCache::make_dirty(PageId id) {
  TablePage* row = TRY(table_.row(id));
  if (Word{row->word.load()}.frame() == kNoFrame) TRY(load(id));
  MutexLock lock(versions_);
  const FrameIndex newest_frame = Word{row->word.load()}.frame();
  if (newest_frame == kNoFrame) return {};  // Evicted again: it can wait.
  const std::uint32_t most = 1 + config_.map->pages_per_leaf_change();
  TRY(config_.slots->reserve(most));
  config_.slots->unreserve(most - list_dirty(id));
  pool_->frame(newest_frame).slot.store(kNoSlot);
  set_held(newest_frame, true);
  return {};
}

void PageCache::return_dirty(const DirtyPages& dirty) {
  MutexLock lock(versions_);
  const std::uint32_t before = dirty_reserved_;
  for (PageId id : dirty.pages) list_dirty(id);
  // Their slots stay set aside; what listing them again counted is part of that.
  dirty_reserved_ = before + dirty.reserved;
}

FrameIndex PageCache::dirty_version_at(PageId id, TxnNumber d) {
  MutexLock lock(versions_);
  FrameIndex frame = Word{table_.peek(id)->word.load()}.frame();
  while (frame != kNoFrame && page_txn(pool_->data(frame)) > d)
    frame = pool_->frame(frame).older.load();
  if (frame == kNoFrame || pool_->frame(frame).slot.load() != kNoSlot) return kNoFrame;
  return frame;
}

Slot PageCache::became_clean(PageId id, FrameIndex frame, MapEntry entry) {
  MutexLock lock(versions_);
  TablePage* row = table_.peek(id);
  const Slot before = entry_slot(row->entry.load());
  row->entry.store(entry);
  pool_->frame(frame).slot.store(entry_slot(entry));
  // With an older version behind it, it stays until that one is let go of.
  if (Word{row->word.load()}.frame() == frame && pool_->frame(frame).older.load() == kNoFrame)
    set_held(frame, false);
  return before;
}

std::vector<FreedRun> PageCache::frees_through(TxnNumber d) const {
  MutexLock lock(versions_);
  std::vector<FreedRun> found;
  for (const FreedRun& freed : freed_) {
    if (freed.txn <= d) found.push_back(freed);
  }
  return found;
}

bool PageCache::freed_by(PageId id, TxnNumber snapshot) const {
  MutexLock lock(versions_);
  return std::any_of(freed_.begin(), freed_.end(), [&](const FreedRun& freed) {
    return freed.txn <= snapshot && raw(id) >= raw(freed.run.first) &&
           raw(id) - raw(freed.run.first) < freed.run.count;
  });
}

std::vector<IdRun> PageCache::settle_frees(TxnNumber checkpointed) {
  MutexLock lock(versions_);
  // A snapshot that has ended may not have let go of its versions yet.
  readers_.for_each([&](ReaderSlot& slot) {
    if (slot.has_kept.load() && slot.snapshot.load() == 0) dispose_kept(slot);
  });
  const TxnNumber oldest = oldest_snapshot();
  for (FreedRun& freed : freed_) freed.left_out = freed.left_out || freed.txn <= checkpointed;
  std::vector<IdRun> settled;
  while (!freed_.empty() && freed_.front().txn <= checkpointed && freed_.front().txn <= oldest) {
    const IdRun run = freed_.front().run;
    freed_.pop_front();
    for (std::uint32_t i = 0; i < run.count; ++i) release_page(run.first + i);
    settled.push_back(run);
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
