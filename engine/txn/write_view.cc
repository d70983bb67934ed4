#include "engine/txn/write_view.h"

#include <cstring>
#include <utility>

#include "engine/base/result.h"

namespace holdfast {
namespace {

// What is freed may take a sixteenth of the frames' memory to note.
constexpr std::size_t kFreedShare = 16;
constexpr std::size_t kFreedRunBytes = 40;  // A run in its list, with its share of released_.

}  // namespace

WriteView::WriteView(PageCache& cache, SlotClaim slot, IdSpace& ids, TxnNumber number,
                     std::function<Result<void>()> make_room)
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
  ids_.give_back(std::move(bottom_.allocated));
  clear();
}

void WriteView::hand_over() noexcept {
  let_go_of_current();
  for (PrivatePage& page : pages_) {
    if (page.frame == kNoFrame) forget(page);
  }
  ids_.give_back(std::move(bottom_.given_up));
  clear();
}

void WriteView::clear() noexcept {
  pages_.clear();
  live_ = 0;
  index_.clear();
  released_.clear();
  cuts_.clear();
  bottom_.allocated.clear();
  bottom_.given_up.clear();
  bottom_.freed.clear();
}

void WriteView::forget(PrivatePage& page) noexcept {
  if (page.frame != kNoFrame) cache_.give_back(std::exchange(page.frame, kNoFrame));
}

void WriteView::drop_unchanged(PrivatePage& page) {
  forget(page);
  index_.erase(page.page);
  --live_;
}

void WriteView::let_go_of_current() {
  if (current_ != kNoFrame) cache_.unpin_base(std::exchange(current_, kNoFrame));
}

void WriteView::leave() {
  if (--depth_ == 0) let_go_of_current();
}

WriteView::PrivatePage* WriteView::find_private(PageId id) {
  auto found = index_.find(id);
  if (found == index_.end()) return nullptr;
  PrivatePage& page = pages_[found->second];
  return page.frame == kNoFrame ? nullptr : &page;  // Released; a savepoint may bring it back.
}

Editor WriteView::editor_of(PrivatePage& page) {
  ++changes_;
  return Editor(cache_.bytes(page.frame), &page.edits);
}

// Marks an error as this transaction's: it may be half through a change, and is doomed.
std::unexpected<Error> WriteView::doomed(const Error& error) const {
  return std::unexpected(
      error.at({.file = {}, .offset = {}, .page = {}, .tree = {}, .txn = raw(number_)}));
}

Result<FrameIndex> WriteView::find_shared(PageId id) {
  const SlotGuard guard(cache_.readers(), *slot_);
  auto frame = cache_.find(id, base_, *slot_);
  if (frame) cache_.pin_base(*frame);
  if (!frame) return doomed(frame.error());
  return frame;
}

Result<const std::byte*> WriteView::page(PageId id) {
  if (PrivatePage* mine = find_private(id)) return cache_.data(mine->frame);
  const FrameIndex frame = TRY(find_shared(id));
  let_go_of_current();
  current_ = frame;
  return cache_.data(frame);
}

// A private copy needs no pin, and changes under a cursor; the token says which it is.
Result<PagePin> WriteView::pin(PageId id) {
  if (PrivatePage* mine = find_private(id))
    return PagePin(this, cache_.data(mine->frame), kNoFrame);
  const FrameIndex frame = TRY(find_shared(id));
  const bool kept = cache_.pin(frame);
  cache_.unpin_base(frame);
  if (!kept) return PagePin();
  return PagePin(this, cache_.data(frame), frame);
}

void WriteView::unpin(std::uint32_t token) noexcept {
  if (token != kNoFrame) cache_.unpin(token);
}

Result<FrameIndex> WriteView::take_frame() {
  // An eighth of the frames is never ours: readers go on whatever a transaction changes.
  auto room = [&] {
    const std::uint64_t spoken_for = std::uint64_t{cache_.held()} + live_ + aside_ + 2;
    return spoken_for <= std::uint64_t{cache_.frame_limit()} * 7 / 8;
  };
  if (!room()) {
    if (auto made = make_room_(); !made) return doomed(made.error());
  }
  if (!room()) {
    return fail(
        ErrorCode::kLimitExceeded,
        "the transaction changes " + std::to_string(live_ + 1) + " pages, its savepoints keep " +
            std::to_string(aside_) + " as they were, and " + std::to_string(cache_.held()) +
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
    return editor_of(*mine);
  }
  if (released_.contains(id)) {
    return fail(ErrorCode::kDamaged, "a page is to be changed that is free",
                {.file = {}, .offset = {}, .page = raw(id), .tree = {}, .txn = raw(number_)});
  }
  PrivatePage& mine = *TRY(add_private(id));
  const FrameIndex base = TRY(find_shared(id));
  std::byte* copy = cache_.data(mine.frame);
  std::memcpy(copy, cache_.data(base), cache_.page_size());
  cache_.unpin_base(base);
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
  mine.frame = TRY(take_frame());
  index_[id] = static_cast<std::uint32_t>(pages_.size() - 1);
  ++live_;
  return &mine;
}

Result<Editor> WriteView::add_fresh(PageId id, TreeId tree, PageKind kind, std::uint8_t level) {
  TRY(cache_.table().row(id));
  PrivatePage& mine = *TRY(add_private(id));
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
  return run;
}

Result<Editor> WriteView::create(TreeId tree, PageKind kind, std::uint8_t level) {
  const IdRun run = TRY(take_ids(1));
  return add_fresh(run.first, tree, kind, level);
}

Result<PageId> WriteView::create_run(TreeId tree, std::uint32_t count) {
  const IdRun run = TRY(take_ids(count));
  for (std::uint32_t i = 0; i < count; ++i)
    TRY(add_fresh(run.first + i, tree, PageKind::kOverflow, 0));
  return run.first;
}

Result<void> WriteView::release(PageId first, std::uint32_t count) {
  ++changes_;
  for (std::uint32_t i = 0; i < count; ++i) {
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

// A run of this transaction's own has its pages in memory: nothing is gained by putting it off.
Result<void> WriteView::cut(const CutPart& part) {
  ++changes_;
  if (part.run_pages != 0 && find_private(part.first) != nullptr)
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
    SetAside& kept = level().set_aside.back();
    kept.frame = std::exchange(mine->frame, kNoFrame);
    kept.edits = std::move(mine->edits);
    mine->level = depth();
    ++aside_;
  } else if (depth() != 0) {
    // A savepoint further down may have it back.
    cache_.give_back(std::exchange(mine->frame, kNoFrame));
  } else {
    forget(*mine);
    index_.erase(id);
  }
  return {};
}

std::size_t WriteView::freed_runs() const {
  std::size_t runs = bottom_.given_up.size() + bottom_.freed.size();
  for (const Level& level : savepoints_) runs += level.given_up.size() + level.freed.size();
  return runs;
}

std::size_t WriteView::most_freed_runs() const {
  return std::size_t{cache_.frame_limit()} * cache_.page_size() / kFreedShare / kFreedRunBytes;
}

Result<void> WriteView::note_released(PageId id, bool fresh) {
  IdRuns& runs = fresh ? level().given_up : level().freed;
  if (runs.empty() || raw(runs.back().first) + runs.back().count != raw(id)) {
    const std::size_t most = most_freed_runs();
    if (freed_runs() >= most) {
      return fail(ErrorCode::kLimitExceeded,
                  "the transaction frees pages in more than " + std::to_string(most) +
                      " places, which is what the cache of " +
                      std::to_string(cache_.frame_limit()) +
                      " pages has room to note; erase in smaller transactions, or set a larger "
                      "cache_bytes",
                  {.file = {}, .offset = {}, .page = {}, .tree = {}, .txn = raw(number_)});
    }
    runs.push_back({id, 0});
  }
  (void)released_.insert(id);
  ++runs.back().count;
  return {};
}

}  // namespace holdfast
