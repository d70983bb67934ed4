// Parking: versions that can't be evicted are written to slots of their own. See page_cache.h for
// the rules C1 to C6.
//
// What is already in the file only gets a descriptor. The rest is copied, sealed and written in
// small sets, under no lock that readers or the writer wait for; meanwhile the frame is pinned, and
// afterwards it is looked at again: a version that went in between gives its slot back.
#include <algorithm>
#include <array>
#include <cstring>

#include "engine/base/boundary.h"
#include "engine/base/result.h"
#include "engine/cache/page_cache.h"
#include "engine/page/page_format.h"
#include "engine/storage/storage.h"

namespace holdfast {
namespace {

constexpr std::size_t kParkBatch = 16;
constexpr std::uint32_t kLookedAtOnce = 512;  // Frames, under the version lock.

}  // namespace

Result<std::uint32_t> PageCache::park(std::uint32_t wanted, SlotSpace::Use use) {
  MutexLock one_at_a_time(park_mutex_);
  park_buffer_.resize(kParkBatch * config_.page_size);
  std::uint32_t parked = 0;
  std::optional<Error> error;
  for (std::uint32_t looked = 0; looked < 2 * pool_->frames() && parked < wanted && !error;
       looked += kLookedAtOnce) {
    std::array<ToPark, kParkBatch> batch;
    const std::size_t most = std::min<std::size_t>(kParkBatch, wanted - parked);
    const std::size_t count =
        choose_to_park(std::span(batch).first(most), parked, looked >= pool_->frames());
    if (count == 0) continue;
    looked = looked < pool_->frames() ? 0 : pool_->frames();
    const std::span<ToPark> chosen = std::span(batch).first(count);
    const auto written = at_boundary([&] { return write_parked(chosen, use); });
    if (!written) error = written.error();
    if (error && error->code() == ErrorCode::kOutOfMemory) {
      for (ToPark& each : chosen) each.slot = kNoSlot;  // What reached the slots isn't known.
    }
    MutexLock lock(versions_);
    for (const ToPark& each : chosen) {
      const bool put = each.slot != kNoSlot && page_txn(pool_->data(each.frame)) == each.txn &&
                       pool_->frame(each.frame).held.load() &&
                       pool_->frame(each.frame).slot.load() == kNoSlot &&
                       put_descriptor(each.frame, each.slot, each.check, 64, true);
      if (!put) config_.slots->free(each.slot);
      unpin_base(each.frame);
      parked += put ? 1 : 0;
    }
  }
  if (parked == 0 && error) return std::unexpected(*error);
  return parked;
}

// Those not used of late first. What is in the file is parked here, and counted.
std::size_t PageCache::choose_to_park(std::span<ToPark> chosen, std::uint32_t& parked,
                                      bool touched_too) {
  std::size_t count = 0;
  MutexLock lock(versions_);
  for (std::uint32_t i = 0; i < kLookedAtOnce && count < chosen.size(); ++i) {
    const FrameIndex index = park_hand_;
    park_hand_ = park_hand_ == pool_->frames() ? 1 : park_hand_ + 1;
    Frame& frame = pool_->frame(index);
    if (!frame.held.load() || frame.pins.load() != 0) continue;
    if (pool_->was_touched(index) && !touched_too) continue;
    if (frame.slot.load() != kNoSlot) {
      parked += put_descriptor(index, kNoSlot, 0, 0, false) ? 1 : 0;
      continue;
    }
    pin_base(index);
    chosen[count++] = {.frame = index,
                       .page = frame.page.load(),
                       .txn = page_txn(pool_->data(index)),
                       .slot = kNoSlot,
                       .check = 0};
  }
  return count;
}

Result<void> PageCache::write_out(std::span<ToPark> pages) {
  MutexLock one_at_a_time(park_mutex_);
  park_buffer_.resize(kParkBatch * config_.page_size);
  std::optional<Error> error;
  while (!pages.empty() && !error) {
    const std::span<ToPark> some = pages.first(std::min(pages.size(), kParkBatch));
    if (auto written = write_parked(some, SlotSpace::Use::kGrowth); !written)
      error = written.error();
    for (const ToPark& each : some) {
      if (each.slot != kNoSlot) pages_parked_.fetch_add(1, std::memory_order_relaxed);
    }
    pages = pages.subspan(some.size());
  }
  if (error) return std::unexpected(*error);
  return {};
}

// The descriptor takes the frame's place in its chain. A clean frame's slot and check are those of
// the map's entry, and no slot is given. False: there are no more descriptors, or the map has
// another version by now.
bool PageCache::put_descriptor(FrameIndex frame, Slot slot, std::uint64_t check,
                               unsigned check_bits, bool owns_slot) {
  Frame& content = pool_->frame(frame);
  const PageId id = content.page.load();
  TablePage* row = table_.peek(id);
  if (row == nullptr) return false;
  const bool clean = slot == kNoSlot;
  if (clean) {
    const MapEntry entry = row->entry.load();
    if (entry_slot(entry) != content.slot.load()) return false;
    slot = entry_slot(entry);
    check = entry_check(entry);
    check_bits = 32;
  }
  Word word{row->word.load()};
  VersionRef newer = kNoVersion;
  VersionRef at = word.version();
  while (at != kNoVersion && at != frame) {
    newer = at;
    at = older_of(at);
  }
  if (at == kNoVersion) return false;
  if (!may_describe_more()) return false;
  const VersionRef version = parked_.take_if_any(readers_.oldest_guard());
  if (version == kNoVersion) return false;
  Parked& parked = parked_.at(version);
  parked.page.store(id);
  parked.txn.store(page_txn(pool_->data(frame)));
  parked.slot.store(slot);
  parked.check.store(check);
  parked.check_bits.store(check_bits);
  parked.older.store(content.older.load());
  parked.frame.store(frame);
  set_owns_slot(parked, owns_slot);
  parked.dirty = !clean;
  content.parked.store(version);
  if (newer != kNoVersion) {
    set_older(newer, version);
  } else {
    row->word.store(word.moved(version).bits);  // A held frame isn't evicted meanwhile.
    if (!clean) use_reservation(id, parked);
  }
  set_held(frame, false);
  pages_parked_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

// A slot to which a write failed stays unused here too.
Result<void> PageCache::write_fresh(std::span<std::byte> pages, Slot after,
                                    std::span<PlacedPage> placed) {
  const std::size_t page_size = config_.page_size;
  const auto count = static_cast<std::uint32_t>(pages.size() / page_size);
  if (config_.before_parking) TRY(config_.before_parking());
  std::vector<IoRequest> requests;
  requests.reserve(count);
  TRY(config_.slots->reserve(count, SlotSpace::Use::kGrowth));
  std::optional<Error> error;
  std::uint32_t given = 0;
  while (given < count && !error) {
    const auto run = config_.slots->allocate_run(count - given, after);
    if (!run) {
      config_.slots->unreserve(count - given);
      error = run.error();
      break;
    }
    IoRequest& request = requests.emplace_back();
    request.kind = IoRequest::Kind::kWrite;
    request.file = config_.file;
    request.offset = config_.slots->offset_of(run->first);
    request.buffer = pages.subspan(given * page_size, run->count * page_size);
    for (std::uint32_t i = 0; i < run->count; ++i, ++given) {
      const std::uint64_t check = seal_page(pages.subspan(given * page_size, page_size));
      after = Slot{raw(run->first) + i};
      placed[given] = {after, static_cast<std::uint32_t>(check),
                       static_cast<std::uint32_t>(check >> 32)};
    }
  }
  if (!error) {
    config_.storage->submit(requests);
    config_.storage->complete(requests);
  }
  for (const IoRequest& request : requests) {
    if (request.error && !error) error = request.error;
  }
  if (!error) {
    pages_parked_.fetch_add(count, std::memory_order_relaxed);
    return {};
  }
  std::uint32_t at = 0;
  for (const IoRequest& request : requests) {
    for (std::size_t i = 0; i < request.buffer.size() / page_size; ++i, ++at) {
      if (!request.error) config_.slots->free(placed[at].slot);
    }
  }
  return std::unexpected(*error);
}

// A slot to which a write failed stays unused. Those that were written have theirs afterwards.
Result<void> PageCache::write_parked(std::span<ToPark> chosen, SlotSpace::Use use) {
  const std::size_t page_size = config_.page_size;
  if (config_.before_parking) TRY(config_.before_parking());
  TRY(config_.slots->reserve(static_cast<std::uint32_t>(chosen.size()), use));
  std::array<IoRequest, kParkBatch> requests;
  std::optional<Error> error;
  std::size_t count = 0;
  for (ToPark& each : chosen) {
    const std::span<std::byte> page(park_buffer_.data() + count * page_size, page_size);
    std::memcpy(page.data(), pool_->data(each.frame), page_size);
    each.check = seal_page(page);
    auto slot = config_.slots->allocate(entry_slot(table_.entry_of(each.page)));
    if (!slot) {
      config_.slots->unreserve(static_cast<std::uint32_t>(chosen.size() - count));
      error = slot.error();
      break;
    }
    each.slot = *slot;
    requests[count].kind = IoRequest::Kind::kWrite;
    requests[count].file = config_.file;
    requests[count].offset = config_.slots->offset_of(*slot);
    requests[count].buffer = page;
    ++count;
  }
  const std::span<IoRequest> set = std::span(requests).first(count);
  config_.storage->submit(set);
  config_.storage->complete(set);
  for (std::size_t i = 0; i < count; ++i) {
    if (!set[i].error) continue;
    if (!error) error = set[i].error;
    chosen[i].slot = kNoSlot;
  }
  if (error) return std::unexpected(*error);
  return {};
}

}  // namespace holdfast
