#include "engine/checkpoint.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "engine/base/boundary.h"
#include "engine/base/result.h"

namespace holdfast {
namespace {

constexpr std::size_t kBatchPages = 16;
constexpr std::size_t kSyncEveryBytes = std::size_t{4} << 20;  // DR-P11: no long flush at the end.

}  // namespace

Checkpoint::~Checkpoint() {
  abandon();
  parts_.cache->end_snapshot(slot_);
  parts_.cache->readers().release(slot_);
}

Result<void> Checkpoint::begin(const std::function<LogPlace()>& durable_place) {
  TRY(parts_.cache->back_reservations());
  parts_.cache->begin_snapshot_at(slot_, [&] {
    place_ = durable_place();
    return place_.end.txn;
  });
  freed_ = parts_.cache->frees_through(txn());
  std::sort(freed_.begin(), freed_.end(),
            [](const FreedRun& a, const FreedRun& b) { return a.run.first < b.run.first; });
  map_update_ = std::make_unique<MapUpdate>(*parts_.map, txn());
  buffer_.resize(std::size_t{parts_.cache->page_size()} * kBatchPages);
  bad_slots_.reserve(kBatchPages);
  dirty_ = TRY(parts_.cache->take_dirty(txn()));
  begun_ = true;
  written_.reserve(dirty_.pages.size());  // A slot that is taken is always noted.
  return {};
}

bool Checkpoint::is_freed(PageId id) const {
  auto after =
      std::upper_bound(freed_.begin(), freed_.end(), id,
                       [](PageId page, const FreedRun& freed) { return page < freed.run.first; });
  if (after == freed_.begin()) return false;
  const IdRun& run = std::prev(after)->run;
  return raw(id) - raw(run.first) < run.count;
}

Result<bool> Checkpoint::step() {
  switch (phase_) {
    case Phase::kPages:
      TRY(write_some_pages());
      if (next_page_ < dirty_.pages.size()) return true;
      pages_written_out();
      return true;
    case Phase::kMoves:
      if (going_ != nullptr && TRY(move_some_pages())) return true;
      std::sort(written_.begin(), written_.end(),
                [](const Written& a, const Written& b) { return a.page < b.page; });
      phase_ = Phase::kMap;
      return true;
    case Phase::kMap:
      for (int i = 0; i < 8 && !leaves_.empty(); ++i) {
        TRY(write_map_leaf(*leaves_.begin()));
        leaves_.erase(leaves_.begin());
      }
      if (!leaves_.empty()) return true;
      TRY(map_update_->finish());
      map_pages_written_ = map_update_->pages_written();
      phase_ = Phase::kSync;
      return true;
    case Phase::kSync:
      slot_high_water_ = parts_.slots->high_water();
      TRY(sync_file());
      phase_ = Phase::kDone;
      return false;
    case Phase::kDone:
      return false;
  }
  return false;
}

void Checkpoint::pages_written_out() {
  for (const FreedRun& freed : freed_) {
    if (freed.left_out) continue;
    for (std::uint32_t i = 0; i < freed.run.count; ++i) {
      leaves_.insert(raw(freed.run.first + i) / parts_.cache->table().fanout());
    }
  }
  moved_from_ = written_.size();
  phase_ = Phase::kMoves;
}

Result<void> Checkpoint::write_some_pages() {
  std::size_t count = 0;
  const std::size_t page_size = parts_.cache->page_size();
  const std::size_t first = written_.size();
  while (next_page_ < dirty_.pages.size() && written_.size() - first < kBatchPages) {
    const PageId id = dirty_.pages[next_page_++];
    if (is_freed(id)) continue;
    const PageCache::DirtyVersion version = parts_.cache->dirty_version_at(id, txn());
    const MapEntry before = parts_.cache->table().entry_of(id);
    if (version.frame != kNoFrame) {
      const std::span<std::byte> page(buffer_.data() + count * page_size, page_size);
      std::memcpy(page.data(), parts_.cache->data(version.frame), page_size);
      parts_.cache->unpin_base(version.frame);
      const std::uint64_t check = seal_page(page);
      const Slot slot = TRY(parts_.slots->allocate(entry_slot(before)));
      written_.push_back({id, make_entry(slot, check), false, kNoSlot});
      ++count;
    } else if (entry_slot(version.parked) != kNoSlot) {
      written_.push_back({id, version.parked, true, kNoSlot});
      ++adopted_;
    } else {
      continue;
    }
    leaves_.insert(raw(id) / parts_.cache->table().fanout());
    pages_gained_ += entry_slot(before) == kNoSlot ? 1 : 0;
  }
  return write_batch(first);
}

Result<void> Checkpoint::write_batch(std::size_t first) {
  const std::size_t page_size = parts_.cache->page_size();
  std::array<IoRequest, kBatchPages> requests;
  std::array<Slot, kBatchPages> slots;
  std::size_t count = 0;
  for (const Written& page : std::span(written_).subspan(first)) {
    if (page.adopted) continue;
    slots[count] = entry_slot(page.entry);
    requests[count].kind = IoRequest::Kind::kWrite;
    requests[count].file = parts_.file;
    requests[count].offset = parts_.slots->offset_of(slots[count]);
    requests[count].buffer = {buffer_.data() + count * page_size, page_size};
    ++count;
  }
  if (count == 0) return {};
  const std::span<IoRequest> set = std::span(requests).first(count);
  parts_.storage->submit(set);
  parts_.storage->complete(set);
  std::optional<Error> error;
  for (std::size_t i = 0; i < count; ++i) {
    if (!set[i].error) continue;
    if (!error) error = set[i].error;
    bad_slots_.push_back(slots[i]);
  }
  if (error) return std::unexpected(*error);
  unsynced_pages_ += count;
  if (unsynced_pages_ * page_size >= kSyncEveryBytes) return sync_file();
  return {};
}

Result<void> Checkpoint::write_map_leaf(std::uint32_t index) {
  const std::uint32_t fanout = parts_.cache->table().fanout();
  std::vector<MapEntry> entries(fanout);
  TRY(parts_.cache->table().read_entries(index, entries));
  const std::uint64_t begin = std::uint64_t{index} * fanout;
  const std::uint64_t end = begin + fanout;
  auto freed = std::upper_bound(
      freed_.begin(), freed_.end(), begin,
      [](std::uint64_t page, const FreedRun& run) { return page < raw(run.run.first); });
  if (freed != freed_.begin()) --freed;
  for (; freed != freed_.end() && raw(freed->run.first) < end; ++freed) {
    const std::uint64_t run_end = std::uint64_t{raw(freed->run.first)} + freed->run.count;
    for (std::uint64_t page = std::max<std::uint64_t>(begin, raw(freed->run.first));
         page < std::min(end, run_end); ++page) {
      // What was left out before isn't named any more, though the table still has it.
      if (entries[page - begin] != MapEntry{} && !freed->left_out) --pages_gained_;
      entries[page - begin] = MapEntry{};
    }
  }
  // written_ is sorted by page.
  auto written =
      std::lower_bound(written_.begin(), written_.end(), begin,
                       [](const Written& page, std::uint64_t id) { return raw(page.page) < id; });
  for (; written != written_.end() && raw(written->page) < end; ++written) {
    entries[raw(written->page) - begin] = written->entry;
  }
  return map_update_->write_leaf(index, entries);
}

Result<void> Checkpoint::sync_file() {
  unsynced_pages_ = 0;
  sync_failed_ = true;  // Until it has succeeded, whichever way it ends.
  TRY(parts_.file->sync());
  sync_failed_ = false;
  return {};
}

void Checkpoint::set_aside_again(std::uint32_t count) noexcept {
  const auto done =
      at_boundary([&] { return parts_.slots->reserve(count, SlotSpace::Use::kEmergency); });
  if (!done) parts_.cache->lack_slots(count);
}

Result<void> Checkpoint::publish(const std::function<Result<void>(const Checkpoint&)>& write_meta) {
  sync_failed_ = true;  // Likewise.
  TRY(write_meta(*this));
  sync_failed_ = false;
  const std::uint64_t allocated = pages_written();
  const std::uint64_t reserved = std::uint64_t{dirty_.reserved} + moves_reserved_;
  // First: from here on whoever loads a part of the table has the new places (C7).
  parts_.cache->keep_table(true);
  const std::vector<Slot> replaced = map_update_->install();
  for (const Written& page : written_) {
    if (page.moved_from == kNoSlot) {
      parts_.slots->free(parts_.cache->became_clean(page.page, txn(), page.entry));
      continue;
    }
    // No other version has ever been where it was. Its row may not be in memory, or may have been
    // read from the new map already.
    if (parts_.cache->table().is_loaded(page.page))
      (void)parts_.cache->became_clean(page.page, txn(), page.entry);
    parts_.slots->free(page.moved_from);
  }
  parts_.cache->settle_placed(txn());
  parts_.cache->keep_table(false);
  for (Slot slot : replaced) parts_.slots->free(slot);
  if (going_ != nullptr) *moves_ = std::move(*going_);
  if (reserved >= allocated) {
    parts_.slots->unreserve(static_cast<std::uint32_t>(reserved - allocated));
  } else {
    // It used what was set aside for others.
    const auto more = static_cast<std::uint32_t>(allocated - reserved);
    set_aside_again(more);
  }
  begun_ = false;
  parts_.cache->end_snapshot(slot_);
  return {};
}

void Checkpoint::abandon() noexcept {
  if (!begun_) return;
  begun_ = false;
  std::uint32_t taken = 0;
  auto put_back = [&](Slot slot) {
    if (slot == kNoSlot) return;
    ++taken;
    if (std::find(bad_slots_.begin(), bad_slots_.end(), slot) == bad_slots_.end())
      parts_.slots->free(slot);
  };
  if (!sync_failed_) {
    for (const Written& page : written_) {
      if (!page.adopted) put_back(entry_slot(page.entry));
    }
    for (Slot slot : map_update_->abandon()) put_back(slot);
    // What it allocated came out of the reservation; the next attempt needs as much again, but for
    // what it was to move.
    const std::uint32_t more = taken - std::min(taken, moves_reserved_);
    parts_.slots->unreserve(moves_reserved_ - std::min(taken, moves_reserved_));
    set_aside_again(more);
  }
  parts_.cache->return_dirty(dirty_);
  parts_.cache->end_snapshot(slot_);
}

}  // namespace holdfast
