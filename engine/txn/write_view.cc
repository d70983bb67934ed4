#include "engine/txn/write_view.h"

#include <cstring>
#include <utility>

#include "engine/base/result.h"

namespace holdfast {

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
  for (PrivatePage& page : pages_) forget(page);
  pages_.clear();
  live_ = 0;
  index_.clear();
  freed_.clear();
  released_.clear();
  ids_.give_back(std::move(allocated_));
  given_up_.clear();
}

void WriteView::hand_over() noexcept {
  let_go_of_current();
  pages_.clear();
  live_ = 0;
  index_.clear();
  freed_.clear();
  released_.clear();
  ids_.give_back(std::move(given_up_));
  allocated_.clear();
}

void WriteView::forget(PrivatePage& page) {
  if (page.frame != kNoFrame) cache_.give_back(std::exchange(page.frame, kNoFrame));
  if (page.base != kNoFrame) cache_.unpin_base(std::exchange(page.base, kNoFrame));
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
  return found == index_.end() ? nullptr : &pages_[found->second];
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
  // Each private page may leave a version that readers need; an eighth of the frames is never ours.
  auto room = [&] {
    const std::uint64_t spoken_for = std::uint64_t{cache_.held()} + 2 * live_ + 2;
    return spoken_for <= std::uint64_t{cache_.frame_limit()} * 7 / 8;
  };
  if (!room()) {
    if (auto made = make_room_(); !made) return doomed(made.error());
  }
  if (!room()) {
    return fail(
        ErrorCode::kLimitExceeded,
        "the transaction changes " + std::to_string(live_ + 1) + " pages and " +
            std::to_string(cache_.held()) + " more can't leave the cache of " +
            std::to_string(cache_.frame_limit()) +
            " pages; commit smaller transactions, end old snapshots, or set a larger cache_bytes",
        {.file = {}, .offset = {}, .page = {}, .tree = {}, .txn = raw(number_)});
  }
  auto frame = cache_.take_frame();
  if (!frame) return doomed(frame.error());
  return frame;
}

Result<Editor> WriteView::edit(PageId id) {
  if (PrivatePage* mine = find_private(id)) return editor_of(*mine);
  PrivatePage& mine = *TRY(add_private(id));
  mine.base = TRY(find_shared(id));
  std::byte* copy = cache_.data(mine.frame);
  std::memcpy(copy, cache_.data(mine.base), cache_.page_size());
  mine.edits = EditList::on(page_txn(copy));
  store(copy + page_at::kTxn, number_);
  return editor_of(mine);
}

// Listed before it has anything, so that drop() gives back whatever it comes to have. An error from
// here on dooms the transaction.
Result<WriteView::PrivatePage*> WriteView::add_private(PageId id) {
  PrivatePage& mine = pages_.emplace_back();
  mine.page = id;
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
  IdRun& mine = allocated_.emplace_back();  // First: what is taken can then be given back.
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
    if (!*there || !released_.insert(id)) {
      return fail(ErrorCode::kDamaged, "a page is to be freed that is free already",
                  {.file = {}, .offset = {}, .page = raw(id), .tree = {}, .txn = raw(number_)});
    }
    release_one(id);
  }
  return {};
}

void WriteView::release_one(PageId id) {
  PrivatePage* mine = find_private(id);
  const bool fresh = mine != nullptr && mine->fresh;
  if (mine != nullptr) {
    forget(*mine);
    index_.erase(id);
    --live_;
  }
  IdRuns& runs = fresh ? given_up_ : freed_;
  if (!runs.empty() && raw(runs.back().first) + runs.back().count == raw(id)) {
    ++runs.back().count;
  } else {
    runs.push_back({id, 1});
  }
}

}  // namespace holdfast
