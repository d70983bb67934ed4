// Reading several pages at a time, so that the waits for them overlap: for scans, long values and
// lookups of many keys. What is read here is what load() would read one by one, verified and put
// into the table in the same way; a page that can't be read is left for load() to tell of.
#include <algorithm>
#include <array>
#include <utility>

#include "engine/base/limits.h"
#include "engine/cache/page_cache.h"

namespace holdfast {
namespace {

constexpr std::size_t kSetMost = 32;
constexpr std::uint32_t kSetShare = 16;  // Of the frames, a set takes at most this part.

// One page of a set.
struct Wanted {
  PageId page{};
  RowPin row;
  std::uint64_t word = 0;
  MapEntry entry{};
  FrameIndex frame = kNoFrame;
};

// Those that got no place in the table go back to the pool.
class WantedSet {
 public:
  explicit WantedSet(FramePool& pool) : pool_(pool) {}
  ~WantedSet() {
    for (const Wanted& page : pages()) {
      if (page.frame != kNoFrame) pool_.give_back(page.frame);
    }
  }
  WantedSet(const WantedSet&) = delete;
  WantedSet& operator=(const WantedSet&) = delete;

  std::span<Wanted> pages() { return std::span(pages_).first(count_); }
  [[nodiscard]] std::size_t size() const { return count_; }
  void add(Wanted page) { pages_[count_++] = std::move(page); }

 private:
  FramePool& pool_;
  std::array<Wanted, kSetMost> pages_;
  std::size_t count_ = 0;
};

}  // namespace

// A frame without waiting for anybody.
FrameIndex PageCache::take_frame_at_once() {
  if (pool_->reclaim_due()) pool_->reclaim(readers_.oldest_guard());
  if (const FrameIndex frame = pool_->take(frame_limit())) return frame;
  evict();
  pool_->reclaim(readers_.oldest_guard());
  return pool_->take(frame_limit());
}

void PageCache::fetch(std::span<const PageId> ids, ReaderSlot& reader) {
  const GuardPause pause(readers_, reader);
  WantedSet set(*pool_);
  const std::size_t most = std::min<std::size_t>(kSetMost, frame_limit() / kSetShare);
  std::size_t advised = 0;
  for (const PageId id : ids) {
    if (advised == most) break;
    if (at_hand(id) || raw(id) == 0 || raw(id) >= id_limit_.load(std::memory_order_relaxed) ||
        lost_.contains(id) || !table_.has_leaf(raw(id) / table_.fanout()))
      continue;
    auto row = pin_row(id);  // For the time of the read (C8).
    if (!row) continue;
    const Word word{(*row)->word.load()};
    const MapEntry entry = (*row)->entry.load();
    if (word.version() != kNoVersion || entry_slot(entry) == kNoSlot) continue;
    if (set.size() == most) {
      config_.file->will_read(config_.slots->offset_of(entry_slot(entry)), config_.page_size);
      ++advised;
      continue;
    }
    const FrameIndex frame = take_frame_at_once();
    if (frame == kNoFrame) break;
    set.add({id, *std::move(row), word.bits, entry, frame});
  }
  if (set.size() == 0) return;

  std::array<IoRequest, kSetMost> requests;
  for (std::size_t i = 0; i < set.size(); ++i) {
    const Wanted& page = set.pages()[i];
    requests[i].file = config_.file;
    requests[i].offset = config_.slots->offset_of(entry_slot(page.entry));
    requests[i].buffer = pool_->bytes(page.frame);
  }
  const std::span submitted = std::span(requests).first(set.size());
  config_.storage->submit(submitted);
  config_.storage->complete(submitted);
  for (std::size_t i = 0; i < set.size(); ++i) {
    Wanted& page = set.pages()[i];
    if (submitted[i].error ||
        !check_read(page.page, entry_slot(page.entry), entry_check(page.entry), 32, page.frame,
                    submitted[i].transferred))
      continue;
    if (page.row->entry.load() != page.entry) continue;  // Its slot may have been used again.
    if (install(*page.row, page.word, page.entry, page.page, page.frame)) page.frame = kNoFrame;
  }
}

}  // namespace holdfast
