// Private pages that memory has no room for: written out, and brought back.
#include <algorithm>
#include <array>

#include "engine/base/result.h"
#include "engine/txn/write_view.h"

namespace holdfast {
namespace {

// Frames that one change may take, finished pages aside: some pages of each level, and their
// neighbours.
constexpr std::uint32_t kChangeFrames = 48;
constexpr std::size_t kParkTogether = 16;

constexpr std::size_t kRunBytes = 40;  // A run in its list, with its share of released_.
constexpr std::size_t kPrivateBytes = sizeof(WriteView::PrivatePage) + 40;  // With its index entry.
// Of a run: where it lies now, as it is published, as the log gets it, and as it lies there.
constexpr std::size_t kPlacedBytes =
    sizeof(PlacedPage) + sizeof(WrittenPage) + 17 + 16 + PageTable::kGroupBytes / kGroupPages;

// Parking would hide an edit that was impossible.
bool may_be_parked(const WriteView::PrivatePage& page) {
  return page.frame != kNoFrame && !page.edits.broken();
}

std::size_t redo_bytes(const WriteView::PrivatePage& page, std::size_t page_size) {
  if (!may_be_parked(page)) return 0;
  return page.edits.is_image() ? page_size : page.edits.bytes().size();
}

}  // namespace

// Of the budget: what is kept of each page, its edits, and at most so much of what savepoints keep.
std::size_t WriteView::bytes_noted() const {
  return pages_.size() * kPrivateBytes + edit_bytes_ + aside_ * cache_.page_size() / 2 +
         freed_bytes() + placed_ * kPlacedBytes + run_bytes_;
}

// What was there before takes a part of the page table too, once this is published.
std::size_t WriteView::freed_bytes() const {
  auto bytes = [](const Level& level) {
    return level.given_up.size() * kRunBytes +
           level.freed.size() * (kRunBytes + PageTable::kGroupBytes);
  };
  std::size_t all = bytes(bottom_);
  for (const Level& level : savepoints_) all += bytes(level);
  return all;
}

Result<void> WriteView::make_room_for_change() {
  run_.reset();
  finished_.clear();
  for (std::uint32_t at : edited_) {
    if (at < pages_.size()) note_edits(pages_[at]);
  }
  edited_.clear();
  TRY(may_grow());
  const std::uint32_t limit = cache_.frame_limit();
  const std::uint32_t wanted = std::min(kChangeFrames, limit * 3 / 8);
  if (TRY(room_from_others(wanted))) return {};
  if (auto parked = park_pages(std::max(wanted, limit / 8)); !parked) return doomed(parked.error());
  return {};
}

// What is committed is parked first: it is written once, ours perhaps again; and where the log
// names what was parked, the commit waits for a sync of the file.
Result<bool> WriteView::room_from_others(std::uint32_t wanted) {
  if (has_room(wanted)) return true;
  if (cache_.held() > cache_.frame_limit() / 8) {
    if (auto made = make_room_(wanted); !made) return doomed(made.error());
  }
  return has_room(wanted);
}

// Each page is noted now, and again where it lies when it is published.
Result<void> WriteView::may_grow() {
  const std::size_t bytes = bytes_noted();
  cache_.charge_transaction(bytes, live_ + placed_);
  if (cache_.make_frames_left(bytes, live_ + placed_)) return {};
  // What is dirty keeps its part of the page table, and perhaps a descriptor; so do old versions.
  if (auto made = make_room_(0); !made) return doomed(made.error());
  if (cache_.transaction_fits()) return {};
  return fail(ErrorCode::kLimitExceeded,
              "the transaction changes " + std::to_string(live_ + placed_) +
                  " pages, and the cache has no room to note more: commit smaller transactions, "
                  "or set a larger cache_bytes",
              {.file = {}, .offset = {}, .page = {}, .tree = {}, .txn = raw(number_)});
}

// Those not used since it last came by, first.
Result<void> WriteView::park_pages(std::uint32_t wanted) {
  let_go_of_current();
  ++changes_;  // Cursors look again.
  std::uint32_t parked = 0;
  std::optional<Error> error;
  for (std::size_t looked = 0; looked < 2 * pages_.size() && parked < wanted && !error;) {
    std::array<ToPark, kParkTogether> chosen;
    std::size_t count = 0;
    const std::size_t most = std::min<std::size_t>(kParkTogether, wanted - parked);
    for (; looked < 2 * pages_.size() && count < most; ++looked) {
      hand_ = hand_ + 1 < pages_.size() ? hand_ + 1 : 0;
      PrivatePage& page = pages_[hand_];
      if (!may_be_parked(page) || std::exchange(page.used, false)) continue;
      if (page.as_in_slot) {
        let_go_of_frame(page);
        ++parked;
        continue;
      }
      chosen[count++] = {page.frame, page.page, number_, kNoSlot, 0};
    }
    parked += park(std::span(chosen).first(count), error);
  }
  if (error) return std::unexpected(*error);
  return {};
}

// Where a page can't be written the commit goes on without: it may need no slot at all.
void WriteView::bound_redo(std::size_t most) {
  std::size_t bytes = 0;
  for (const PrivatePage& page : pages_) bytes += redo_bytes(page, page_size());
  if (bytes > most) {
    let_go_of_current();
    ++changes_;
  }
  std::optional<Error> error;
  for (std::size_t at = 0; bytes > most && at < pages_.size() && !error;) {
    std::array<ToPark, kParkTogether> chosen;
    std::size_t count = 0;
    for (; bytes > most && at < pages_.size() && count < kParkTogether; ++at) {
      const std::size_t its = redo_bytes(pages_[at], page_size());
      if (its == 0) continue;
      chosen[count++] = {pages_[at].frame, pages_[at].page, number_, kNoSlot, 0};
      bytes -= its;
    }
    (void)park(std::span(chosen).first(count), error);
  }
  cache_.charge_transaction(bytes_noted() + bytes);
}

std::uint32_t WriteView::park(std::span<ToPark> chosen, std::optional<Error>& error) {
  if (chosen.empty()) return 0;
  if (auto written = cache_.write_out(chosen); !written) error = written.error();
  std::uint32_t parked = 0;
  for (const ToPark& each : chosen) {
    if (each.slot == kNoSlot) continue;
    PrivatePage& page = pages_[index_.find(each.page)->second];
    forget_slot(page);
    page.slot = each.slot;
    page.check = each.check;
    page.edits = EditList::on(number_);
    note_edits(page);
    let_go_of_frame(page);
    ++parked;
  }
  return parked;
}

Result<void> WriteView::finished(PageId id) {
  finished_.push_back(id);
  if (finished_.size() % kParkTogether != 0) return {};
  TRY(may_grow());
  if (TRY(room_from_others(cache_.frame_limit() / 4))) return {};
  std::optional<Error> error;
  while (!finished_.empty() && !has_room(cache_.frame_limit() / 4) && !error) {
    std::array<ToPark, kParkTogether> chosen;
    std::size_t count = 0;
    for (; count < kParkTogether && !finished_.empty(); finished_.pop_back()) {
      const PrivatePage& page = pages_[index_.find(finished_.back())->second];
      if (may_be_parked(page)) chosen[count++] = {page.frame, page.page, number_, kNoSlot, 0};
    }
    (void)park(std::span(chosen).first(count), error);
  }
  if (error) return doomed(*error);
  return {};
}

Result<void> WriteView::load(PrivatePage& page) {
  if (page.frame != kNoFrame) return {};
  const FrameIndex frame = TRY(take_frame());
  if (auto read = cache_.read_back(page.page, page.slot, page.check, frame); !read) {
    cache_.give_back(frame);
    return doomed(read.error());
  }
  page.frame = frame;
  page.as_in_slot = true;
  ++in_frames_;
  return {};
}

}  // namespace holdfast
