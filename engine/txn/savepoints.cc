// Savepoints of a write transaction: what WriteView sets aside, puts back, and joins.
#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/base/result.h"
#include "engine/txn/write_view.h"

namespace holdfast {

// What the page holds now stays with the savepoint; edits from here on go into a list of their own.
Result<void> WriteView::set_aside(PrivatePage& page) {
  // Listed before it has anything.
  SetAside& kept = level().set_aside.emplace_back(index_.find(page.page)->second, page.level);
  if (page.frame != kNoFrame) {
    kept.frame = TRY(take_frame());
    std::memcpy(cache_.data(kept.frame), cache_.data(page.frame), cache_.page_size());
    ++aside_;
  }
  kept.taken = true;
  kept.slot = page.slot;
  kept.check = page.check;
  kept.slot_shared = page.slot_shared;
  page.slot_shared = page.slot != kNoSlot;
  EditList follows = EditList::after(page.edits);
  kept.edits = std::exchange(page.edits, std::move(follows));
  page.level = depth();
  return {};
}

// What the page holds is the savepoint's now; the page has nothing.
void WriteView::move_content(PrivatePage& page, SetAside& kept) noexcept {
  kept.taken = true;
  kept.frame = std::exchange(page.frame, kNoFrame);
  if (kept.frame != kNoFrame) {
    --in_frames_;
    ++aside_;
  }
  kept.slot = std::exchange(page.slot, kNoSlot);
  kept.check = page.check;
  kept.slot_shared = std::exchange(page.slot_shared, false);
  kept.edits = std::move(page.edits);
  edit_bytes_ -= std::exchange(page.edits_noted, 0U);
}

void WriteView::release_savepoint() {
  Level& top = savepoints_.back();
  const std::uint32_t to = depth() - 1;
  Level& below = to == 0 ? bottom_ : savepoints_[to - 1];
  // Where the level below hasn't set the page aside itself, this is what the page was then.
  const auto inherited = [to](const SetAside& kept) { return kept.level < to; };
  const std::size_t most = below.set_aside.size() + top.set_aside.size();
  if (to != 0 && most > below.set_aside.capacity())
    below.set_aside.reserve(std::max(most, 2 * below.set_aside.capacity()));
  for (SetAside& kept : top.set_aside) {
    if (!inherited(kept) && pages_[kept.at].slot == kept.slot)
      kept.edits.make_room_for(pages_[kept.at].edits);
  }
  // Nothing fails from here on.
  for (SetAside& kept : top.set_aside) {
    if (!kept.taken) continue;
    PrivatePage& page = pages_[kept.at];
    page.level = to;
    if (inherited(kept)) {
      below.set_aside.push_back(std::move(kept));
      continue;
    }
    if (kept.frame != kNoFrame) {
      cache_.give_back(kept.frame);
      --aside_;
    }
    if (page.released() || page.slot != kept.slot) {
      // Nothing builds on what was parked before; what was parked since stands for all of it.
      free_slot(kept.slot, kept.slot_shared);
      continue;
    }
    page.slot_shared = kept.slot_shared;
    kept.edits.join(page.edits, cache_.page_size());
    page.edits = std::move(kept.edits);
    note_edits(page);
  }
  for (std::size_t at = top.pages; at < pages_.size(); ++at) pages_[at].level = to;
  join_runs(to);
  below.allocated.splice(below.allocated.end(), top.allocated);
  below.given_up.splice(below.given_up.end(), top.given_up);
  below.freed.splice(below.freed.end(), top.freed);
  savepoints_.pop_back();
}

void WriteView::roll_back() noexcept {
  let_go_of_current();
  ++changes_;  // Whoever remembers what it read looks again.
  Level& top = savepoints_.back();
  for (SetAside& kept : top.set_aside) {
    if (!kept.taken) continue;
    PrivatePage& page = pages_[kept.at];
    if (page.released()) ++live_;
    let_go_of_frame(page);
    if (page.slot != kept.slot) forget_slot(page);
    page.frame = kept.frame;
    if (page.frame != kNoFrame) {
      ++in_frames_;
      --aside_;
    }
    page.slot = kept.slot;
    page.check = kept.check;
    page.slot_shared = kept.slot_shared;
    page.edits = std::move(kept.edits);
    page.as_in_slot = false;
    note_edits(page);
    page.level = kept.level;
  }
  top.set_aside.clear();
  drop_added_since(top.pages);
  roll_back_runs();
  forget_released(top.given_up);
  forget_released(top.freed);
  top.given_up.clear();
  top.freed.clear();
  cuts_.clear();
  ids_.give_back(std::move(top.allocated));
  top.allocated.clear();
}

void WriteView::drop_added_since(std::size_t count) noexcept {
  while (pages_.size() > count) {
    PrivatePage& page = pages_.back();
    const auto found = index_.find(page.page);
    if (found != index_.end() && found->second == pages_.size() - 1) {
      if (!page.released()) --live_;
      index_.erase(found);
    }
    forget(page);
    pages_.pop_back();
  }
}

void WriteView::forget_released(const IdRuns& runs) noexcept {
  for (const IdRun& run : runs) {
    for (std::uint32_t i = 0; i < run.count; ++i) released_.erase(run.first + i);
  }
}

}  // namespace holdfast
