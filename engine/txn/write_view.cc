#include "engine/txn/write_view.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>
#include <utility>

#include "engine/base/result.h"

namespace holdfast {
WriteView::WriteView(PageCache& cache, SlotClaim slot, IdSpace& ids, TxnNumber number,
                     MakeRoom make_room)
    : cache_(cache),
      ids_(ids),
      number_(number),
      base_(cache.newest()),
      make_room_(std::move(make_room)),
      slot_(&slot.take()) {}

void WriteView::end() noexcept {
  if (slot_ == nullptr) return;
  drop();
  cache_.readers().release(*std::exchange(slot_, nullptr));
}

void WriteView::drop() noexcept {
  let_go_of_current();
  while (!savepoints_.empty()) end_savepoint();
  for (PrivatePage& page : pages_) forget(page);
  while (!runs_.empty()) free_run(runs_.begin());
  ids_.give_back(std::move(bottom_.allocated));
  clear();
}

void WriteView::hand_over() noexcept {
  let_go_of_current();
  hand_over_runs();
  ids_.give_back(std::move(bottom_.given_up));
  clear();
}

void WriteView::clear() noexcept {
  pages_.clear();
  live_ = 0;
  in_frames_ = 0;
  hand_ = 0;
  finished_.clear();
  run_.reset();
  edited_.clear();
  edit_bytes_ = 0;
  cache_.charge_transaction(0);
  index_.clear();
  released_.clear();
  cuts_.clear();
  bottom_.allocated.clear();
  bottom_.given_up.clear();
  bottom_.freed.clear();
}

void WriteView::let_go_of_frame(PrivatePage& page) noexcept {
  if (page.frame == kNoFrame) return;
  cache_.give_back(std::exchange(page.frame, kNoFrame));
  --in_frames_;
}

void WriteView::forget_slot(PrivatePage& page) noexcept {
  free_slot(std::exchange(page.slot, kNoSlot), std::exchange(page.slot_shared, false));
}

void WriteView::forget(PrivatePage& page) noexcept {
  let_go_of_frame(page);
  forget_slot(page);
  edit_bytes_ -= std::exchange(page.edits_noted, 0U);
}

void WriteView::note_edits(PrivatePage& page) noexcept {
  edit_bytes_ -= page.edits_noted;
  page.edits_noted = static_cast<std::uint32_t>(page.edits.bytes().size());
  edit_bytes_ += page.edits_noted;
}

void WriteView::drop_unchanged(PrivatePage& page) {
  forget(page);
  index_.erase(page.page);
  --live_;
}

void WriteView::let_go_of_current() {
  if (current_ != kNoFrame) cache_.unpin_base(std::exchange(current_, kNoFrame));
  if (borrowed_ != kNoFrame) cache_.give_back(std::exchange(borrowed_, kNoFrame));
}

void WriteView::leave() {
  if (--depth_ == 0) let_go_of_current();
}

WriteView::PrivatePage* WriteView::find_private(PageId id) {
  auto found = index_.find(id);
  if (found == index_.end()) return nullptr;
  PrivatePage& page = pages_[found->second];
  page.used = true;
  return page.released() ? nullptr : &page;  // Released; a savepoint may bring it back.
}

Editor WriteView::editor_of(PrivatePage& page) {
  ++changes_;
  edited_.push_back(index_.find(page.page)->second);
  page.as_in_slot = false;
  return Editor(cache_.bytes(page.frame), &page.edits);
}

// Marks an error as this transaction's: it may be half through a change, and is doomed.
std::unexpected<Error> WriteView::doomed(const Error& error) const {
  return std::unexpected(
      error.at({.file = {}, .offset = {}, .page = {}, .tree = {}, .txn = raw(number_)}));
}

Result<RowPin> WriteView::pin_row(PageId id) {
  auto row = cache_.pin_row(id);
  if (!row) return doomed(row.error());
  return row;
}

Result<FrameIndex> WriteView::find_shared(PageId id) {
  const SlotGuard guard(cache_.readers(), *slot_);
  auto frame = cache_.find(id, base_, *slot_);
  if (frame) cache_.pin_base(*frame);
  if (!frame) return doomed(frame.error());
  return frame;
}

Result<void> WriteView::read_base(const PrivatePage& page, std::span<std::byte> into) {
  const bool parked = page.slot != kNoSlot;
  const FrameIndex base = parked ? TRY(cache_.take_frame()) : TRY(find_shared(page.page));
  const auto read =
      parked ? cache_.read_back(page.page, page.slot, page.check, base) : Result<void>();
  if (read) std::memcpy(into.data(), cache_.data(base), into.size());
  if (parked) {
    cache_.give_back(base);
  } else {
    cache_.unpin_base(base);
  }
  return read;
}

Result<const std::byte*> WriteView::page(PageId id) {
  if (PrivatePage* mine = find_private(id)) return content(*mine);
  if (const PlacedPage* placed = find_placed(id)) {
    // A few are kept at hand: the upper levels of what was loaded.
    if (pages_.size() < cache_.frame_limit() && has_room(2)) return content(*TRY(take_placed(id)));
    return borrow(id, placed->slot, placed->check());
  }
  const FrameIndex frame = TRY(find_shared(id));
  let_go_of_current();
  current_ = frame;
  return cache_.data(frame);
}

// A private page's, wherever it is: where there is no room it is borrowed until the next page.
Result<const std::byte*> WriteView::content(PrivatePage& page) {
  if (page.frame == kNoFrame && has_room(2)) TRY(load(page));
  if (page.frame != kNoFrame) return cache_.data(page.frame);
  return borrow(page.page, page.slot, page.check);
}

Result<const std::byte*> WriteView::borrow(PageId id, Slot slot, std::uint64_t check) {
  let_go_of_current();
  auto frame = cache_.take_frame();
  if (!frame) return doomed(frame.error());
  borrowed_ = *frame;
  auto read = cache_.read_back(id, slot, check, borrowed_);
  if (!read) return doomed(read.error());
  return cache_.data(borrowed_);
}

bool WriteView::at_hand(PageId id) noexcept {
  return index_.contains(id) || find_placed(id) != nullptr || cache_.at_hand(id);
}

void WriteView::fetch(std::span<const PageId> ids) {
  std::array<PageId, 2 * kFetchMost> shared;
  std::size_t count = 0;
  for (const PageId id : ids.first(std::min(ids.size(), shared.size()))) {
    if (!index_.contains(id) && find_placed(id) == nullptr) shared[count++] = id;
  }
  cache_.fetch(std::span(shared).first(count), *slot_);
}

// A private copy needs no pin, and changes under a cursor; the token says which it is.
Result<PagePin> WriteView::pin(PageId id) {
  if (PrivatePage* mine = find_private(id)) {
    if (mine->frame == kNoFrame && has_room(2)) TRY(load(*mine));
    if (mine->frame == kNoFrame) return PagePin();
    return PagePin(this, cache_.data(mine->frame), kNoFrame);
  }
  if (find_placed(id) != nullptr) return PagePin();
  const FrameIndex frame = TRY(find_shared(id));
  const bool kept = cache_.pin(frame);
  cache_.unpin_base(frame);
  if (!kept) return PagePin();
  return PagePin(this, cache_.data(frame), frame);
}

void WriteView::unpin(std::uint32_t token) noexcept {
  if (token != kNoFrame) cache_.unpin(token);
}

// An eighth of the frames is never ours: readers go on whatever a transaction changes.
bool WriteView::has_room(std::uint64_t more) const {
  const std::uint64_t spoken_for = std::uint64_t{cache_.held()} + in_frames_ + aside_ + more;
  return spoken_for <= std::uint64_t{cache_.frame_limit()} * 7 / 8;
}

Result<FrameIndex> WriteView::take_frame() {
  if (!has_room(2)) {
    if (auto made = make_room_(2); !made) return doomed(made.error());
  }
  if (!has_room(2)) {
    return fail(
        ErrorCode::kLimitExceeded,
        "the change needs more than " + std::to_string(in_frames_) +
            " pages in memory, the transaction's savepoints keep " + std::to_string(aside_) +
            " as they were, and " + std::to_string(cache_.held()) +
            " more can't leave the cache of " + std::to_string(cache_.frame_limit()) +
            " pages; commit smaller transactions, end old snapshots, or set a larger cache_bytes",
        {.file = {}, .offset = {}, .page = {}, .tree = {}, .txn = raw(number_)});
  }
  auto frame = cache_.take_frame();
  if (!frame) return doomed(frame.error());
  return frame;
}

Result<Editor> WriteView::edit(PageId id) {
  if (PrivatePage* mine = find_private(id)) {
    if (mine->level != depth()) TRY(set_aside(*mine));
    TRY(load(*mine));
    return editor_of(*mine);
  }
  if (find_placed(id) != nullptr) {
    PrivatePage& mine = *TRY(take_placed(id));
    TRY(load(mine));
    return editor_of(mine);
  }
  if (run_ && raw(id) - raw(run_->ids.first) < run_->ids.count && !index_.contains(id))
    return add_fresh(id, run_->tree, PageKind::kOverflow, 0);
  if (released_.contains(id)) {
    return fail(ErrorCode::kDamaged, "a page is to be changed that is free",
                {.file = {}, .offset = {}, .page = raw(id), .tree = {}, .txn = raw(number_)});
  }
  PrivatePage& mine = *TRY(add_private(id));
  const FrameIndex base = TRY(find_shared(id));
  std::byte* copy = cache_.data(mine.frame);
  std::memcpy(copy, cache_.data(base), cache_.page_size());
  cache_.unpin_base(base);
  mine.row = TRY(pin_row(id));
  mine.base = page_txn(copy);
  mine.edits = EditList::on(mine.base);
  store(copy + page_at::kTxn, number_);
  return editor_of(mine);
}

// Listed before it has anything, so that drop() gives back whatever it comes to have. An error from
// here on dooms the transaction.
Result<WriteView::PrivatePage*> WriteView::add_private(PageId id) {
  PrivatePage& mine = pages_.emplace_back();
  mine.page = id;
  mine.level = depth();
  mine.used = true;
  mine.frame = TRY(take_frame());
  ++in_frames_;
  index_[id] = static_cast<std::uint32_t>(pages_.size() - 1);
  ++live_;
  return &mine;
}

Result<Editor> WriteView::add_fresh(PageId id, TreeId tree, PageKind kind, std::uint8_t level) {
  RowPin row = TRY(pin_row(id));
  PrivatePage& mine = *TRY(add_private(id));
  mine.row = std::move(row);
  mine.fresh = true;
  format_page(cache_.bytes(mine.frame), cache_.tag(), number_, id, tree, kind, level);
  return editor_of(mine);
}

Result<IdRun> WriteView::take_ids(std::uint32_t count) {
  IdRun& mine = level().allocated.emplace_back();  // First: what is taken can then be given back.
  auto run = ids_.take(count);
  if (!run) return doomed(run.error());
  mine = *run;
  cache_.set_id_limit(ids_.high_water());
  IdRuns& all = level().allocated;
  if (all.size() > 1) {
    // Most follow each other: one entry then.
    IdRun& before = *std::prev(all.end(), 2);
    if (before.first + before.count == mine.first) {
      before.count += mine.count;
      all.pop_back();
    }
  }
  return run;
}

Result<Editor> WriteView::create(TreeId tree, PageKind kind, std::uint8_t level) {
  const IdRun run = TRY(take_ids(1));
  return add_fresh(run.first, tree, kind, level);
}

Result<PageId> WriteView::create_run(TreeId tree, std::uint32_t count) {
  const IdRun run = TRY(take_ids(count));
  run_ = FreshRun{run, tree};
  return run.first;
}

Result<void> WriteView::release(PageId first, std::uint32_t count) {
  ++changes_;
  if (TRY(release_run(first, count))) return {};
  for (std::uint32_t i = 0; i < count; ++i) {
    if (find_placed(first + i) != nullptr) (void)TRY(take_placed(first + i));
    // A checkpoint will have to write its leaf of the map anew: this loads it.
    const PageId id = first + i;
    auto there = find_private(id) != nullptr ? Result<bool>(true) : cache_.has_page(id);
    if (!there) return doomed(there.error());
    if (!*there || released_.contains(id)) {
      return fail(ErrorCode::kDamaged, "a page is to be freed that is free already",
                  {.file = {}, .offset = {}, .page = raw(id), .tree = {}, .txn = raw(number_)});
    }
    TRY(release_one(id));
  }
  return {};
}

// A run of this transaction's own is noted page by page already: nothing is gained by putting it
// off.
Result<void> WriteView::cut(const CutPart& part) {
  ++changes_;
  if (part.run_pages != 0 &&
      (find_private(part.first) != nullptr || find_placed(part.first) != nullptr))
    return release(part.first, part.run_pages);
  if (part.run_pages != 0) {
    const PageId last = part.first + (part.run_pages - 1);
    for (const PageId id : {part.first, last}) {
      const auto there = cache_.has_page(id);
      if (!there) return doomed(there.error());
      if (*there && !released_.contains(id)) continue;
      return fail(
          ErrorCode::kDamaged, "a long value's pages are to be freed that are free already",
          {.file = {}, .offset = {}, .page = raw(id), .tree = raw(part.tree), .txn = raw(number_)});
    }
  }
  cuts_.push_back(part);
  return {};
}

// What can fail comes first. Lists that then say too much are those of a doomed transaction: a
// rollback empties them.
Result<void> WriteView::release_one(PageId id) {
  PrivatePage* mine = find_private(id);
  const bool keep = mine != nullptr && mine->level != depth();
  if (keep) level().set_aside.emplace_back(index_.find(id)->second, mine->level);
  TRY(note_released(id, mine != nullptr && mine->fresh));
  if (mine == nullptr) return {};
  --live_;
  if (keep) {
    move_content(*mine, level().set_aside.back());
    mine->level = depth();
  } else if (depth() != 0) {
    forget(*mine);  // A savepoint further down may have it back.
  } else {
    forget(*mine);
    index_.erase(id);
  }
  return {};
}

Result<void> WriteView::note_released(PageId id, bool fresh) {
  IdRuns& runs = fresh ? level().given_up : level().freed;
  if (runs.empty() || raw(runs.back().first) + runs.back().count != raw(id)) {
    if (!cache_.make_frames_left(bytes_noted(), live_ + placed_)) {
      return fail(ErrorCode::kLimitExceeded,
                  "what the transaction frees takes " + std::to_string(freed_bytes()) +
                      " bytes to note, and the cache has no room for more: erase in smaller "
                      "transactions, or set a larger cache_bytes",
                  {.file = {}, .offset = {}, .page = {}, .tree = {}, .txn = raw(number_)});
    }
    runs.push_back({id, 0});
  }
  (void)released_.insert(id);
  ++runs.back().count;
  return {};
}

}  // namespace holdfast
