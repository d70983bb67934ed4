// Recovery's side: pages are changed in place, before anybody else uses the cache.
#include <algorithm>

#include "engine/base/result.h"
#include "engine/cache/page_cache.h"

namespace holdfast {

Result<FrameIndex> PageCache::page_to_redo(PageId id, bool blank) {
  const RowPin row = TRY(pin_row(id));
  if (blank) lost_.erase(id);
  // Where pages are lost the opening is refused, having changed nothing. An opening may have all
  // there is: its pages had slots set aside before the crash.
  if (held() >= frame_limit() - frame_limit() / 8 && config_.may_park && lost_.empty())
    TRY(park(std::max(frame_limit() / 8, 1U), SlotSpace::Use::kEmergency));
  Word word{row->word.load()};
  if (word.version() == kNoVersion && !blank) {
    TRY(load(id, nullptr));
    word.bits = row->word.load();
  }
  if (is_parked(word.version())) TRY(bring_back(*row, id, blank));
  word.bits = row->word.load();
  FrameIndex index = word.version();
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

// The parked newest version into a frame, to be changed there; its slot is free.
Result<void> PageCache::bring_back(TablePage& row, PageId id, bool blank) {
  const Word word{row.word.load()};
  Parked& parked = parked_.at(word.version());
  FrameIndex frame = parked.frame.load();
  if (frame == kNoFrame && !blank) {
    TakenFrame taken(*pool_, TRY(take_frame()));
    TRY(read_into(id, parked.slot.load(), parked.check.load(), parked.check_bits.load(),
                  taken.index()));
    frame = taken.index();
    taken.keep();
    pool_->frame(frame).page.store(id);
    pool_->frame(frame).state.store(FrameState::kPublished);
    pool_->touch(frame);
  }
  MutexLock lock(versions_);
  unbacked_ += set_aside_again(parked);
  parked.frame.store(kNoFrame);
  if (frame != kNoFrame) pool_->frame(frame).parked.store(kNoVersion);
  row.word.store(word.published(frame).bits);
  let_go_of_parked(word.version());
  return {};
}

void PageCache::lose_page(PageId id, const Error& why) {
  lost_.insert_or_assign(id, why);
  TablePage* row = table_.peek(id);
  if (row == nullptr) return;
  const Word word{row->word.load()};
  if (word.version() == kNoVersion) return;
  row->word.store(word.published(kNoVersion).bits);
  if (is_parked(word.version())) {
    let_go_of_parked(word.version());
    return;
  }
  set_held(word.version(), false);
  pool_->retire(word.version(), readers_.next_epoch());
}

Result<void> PageCache::place_to_redo(PageId id, Slot slot, std::uint64_t check, TxnNumber txn) {
  const RowPin row = TRY(pin_row(id));
  lost_.erase(id);
  MutexLock lock(versions_);
  TRY(take_spares(1));
  make_room(placed_, 1);
  make_room_in_lists(1, 1);
  const VersionRef before = Word{row->word.load()}.version();
  const VersionRef version = describe(id, txn, slot, check, 64);
  parked_.at(version).dirty = true;
  row->word.store(Word{row->word.load()}.published(version).bits);
  unbacked_ += list_parked(id, parked_.at(version), before);
  if (is_parked(before)) {
    let_go_of_parked(before);
  } else if (before != kNoVersion) {
    set_held(before, false);
    pool_->retire(before, readers_.next_epoch());
  }
  placed_.push_back({id, slot, txn});
  return {};
}

void PageCache::start_at(TxnNumber txn) {
  newest_.store(raw(txn));
  durable_.store(raw(txn));
  group_end_.store(raw(txn));
}

void PageCache::note_freed(IdRun run, TxnNumber txn) {
  // What can't be read now is for the checkpoint to report.
  const std::uint64_t end =
      std::min<std::uint64_t>(std::uint64_t{config_.map->leaf_count()} * table_.fanout(),
                              std::uint64_t{raw(run.first)} + run.count);
  for (std::uint64_t id = raw(run.first); id < end; id = table_.group_end(id)) {
    const auto row = pin_row(PageId{static_cast<std::uint32_t>(id)});
    if (!row) continue;
    MutexLock lock(versions_);
    mark_freed({PageId{static_cast<std::uint32_t>(id)},
                static_cast<std::uint32_t>(std::min(end, table_.group_end(id)) - id)});
  }
  lost_.erase(lost_.lower_bound(run.first), lost_.lower_bound(run.first + run.count));
  MutexLock lock(versions_);
  mark_freed(run);
  if (freed_.empty() || freed_.back().txn != txn) freed_.push_back({txn, false, {}});
  freed_.back().runs.push_back(run);
  unbacked_ += list_leaves(run);
}

}  // namespace holdfast
