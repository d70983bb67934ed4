// How the budget is shared out: frames, the page table, descriptors, what a transaction notes; and
// how the page table gives back what it takes.
#include <algorithm>

#include "engine/base/limits.h"
#include "engine/base/result.h"
#include "engine/cache/page_cache.h"

namespace holdfast {
namespace {

constexpr std::size_t kFramesShare = 16;         // Of the budget, frames keep at least this.
constexpr std::size_t kAnyTransactionShare = 8;  // This much each may have noted.
constexpr std::size_t kTableShare = 2;           // Of what it shares with frames, the table's most.
constexpr std::size_t kTableLeastShare = 16;     // Of the budget.
// Where nothing could be dropped it is tried again after so many loads, or as much growth.
constexpr std::uint32_t kLoadsBetween = 256;
constexpr std::size_t kGrowthShare = 32;
constexpr int kGuardWaits = 4000;  // Of 250 µs each.

// Beside the table, the open transaction and the frames. Each sum asks for each part once, since
// others change them meanwhile.
std::size_t bytes_of_the_rest(const CacheConfig& config, const ParkedPool& parked) {
  return parked.bytes() + config.log_bytes + config.slots->kept_bytes() +
         config.slots->table_bytes() + config.map->reference_bytes();
}

}  // namespace

std::size_t PageCache::bytes_beside_frames() const {
  return bytes_of_the_rest(config_, parked_) + table_.bytes() +
         transaction_bytes_.load(std::memory_order_relaxed);
}

std::uint32_t PageCache::frame_limit() const {
  const std::size_t per_frame = config_.page_size + FramePool::kBytesBeside;
  const std::size_t beside = bytes_beside_frames();
  const std::size_t left = config_.budget_bytes > beside ? config_.budget_bytes - beside : 0;
  const auto frames =
      static_cast<std::uint32_t>(std::min<std::size_t>(left / per_frame, pool_->frames()));
  return std::max(frames, kMinFrames);
}

bool PageCache::leaves_frames(std::size_t transaction_bytes, std::size_t descriptors) const {
  const std::size_t per_frame = config_.page_size + FramePool::kBytesBeside;
  const std::size_t least = std::max(kMinFrames * per_frame, config_.budget_bytes / kFramesShare);
  const std::size_t unused =
      (parked_.made() - std::min(parked_.made(), parked_.in_use())) * ParkedPool::kBytesEach;
  const std::size_t more = descriptors * ParkedPool::kBytesEach;
  if (parked_.in_use() + descriptors <= parked_.most() &&
      transaction_bytes + more <= config_.budget_bytes / kAnyTransactionShare)
    return true;
  const std::size_t others = bytes_of_the_rest(config_, parked_) + table_.bytes();
  return parked_.in_use() + descriptors <= parked_.most() &&
         others + transaction_bytes + more + least <= config_.budget_bytes + unused;
}

// What is let go of counts until no guard may look at it any more, and guards end soon.
bool PageCache::make_frames_left(std::size_t transaction_bytes, std::size_t descriptors) {
  if (leaves_frames(transaction_bytes, descriptors)) return true;
  for (int i = 0;; ++i) {
    bool waits = parked_.reclaim(readers_.oldest_guard()) != 0;  // Of snapshots that have ended.
    if (leaves_frames(transaction_bytes, descriptors)) return true;
    shrink_table(0);
    waits = waits || table_.has_gone();
    if (leaves_frames(transaction_bytes, descriptors)) return true;
    if (!waits || i == kGuardWaits) return false;
    sleep_thread(std::chrono::microseconds(250));
  }
}

// Half of what is left for it and the frames: per byte it saves more reads than they do.
std::size_t PageCache::table_limit() const {
  const std::size_t others =
      bytes_of_the_rest(config_, parked_) + transaction_bytes_.load(std::memory_order_relaxed);
  const std::size_t left = config_.budget_bytes > others ? config_.budget_bytes - others : 0;
  return std::max(left / kTableShare, config_.budget_bytes / kTableLeastShare);
}

Result<RowPin> PageCache::pin_row(PageId id) {
  if (auto pinned = table_.pin_loaded(id)) return *std::move(pinned);
  const std::size_t limit = config_.drops_table ? 0 : table_limit();
  const std::size_t bytes = table_.bytes();
  if (bytes + PageTable::kGroupBytes > limit &&
      (config_.drops_table || bytes >= shrink_again_at_.load(std::memory_order_relaxed) ||
       loads_since_shrink_.fetch_add(1, std::memory_order_relaxed) >= kLoadsBetween))
    shrink_table(limit - limit / 16);
  // Alone, where its neighbours would only drive others out.
  return table_.pin(id, table_.bytes() + table_.leaf_bytes() <= limit - limit / 4);
}

void PageCache::keep_table(bool stays) noexcept {
  MutexLock lock(versions_);
  table_stays_ = stays;
}

// What stays is in use: nobody waits here for it.
void PageCache::shrink_table(std::size_t most) {
  {
    MutexLock versions(versions_);
    if (table_stays_) return;
    MutexLock evicting(evict_mutex_);
    table_.shrink(most, readers_,
                  [this](TableGroup& group, bool again) { return empty_group(group, again); });
  }
  const std::size_t bytes = table_.bytes();
  loads_since_shrink_.store(0, std::memory_order_relaxed);
  shrink_again_at_.store(bytes <= most ? 0 : bytes + config_.budget_bytes / kGrowthShare,
                         std::memory_order_relaxed);
}

// Clean frames go for it, those in use only where nothing else could be dropped.
bool PageCache::empty_group(TableGroup& group, bool again) {
  bool empty = true;
  for (TablePage& row : group.pages) {
    const VersionRef version = Word{row.word.load()}.version();
    if (version == kNoVersion) continue;
    if (is_parked(version)) return false;
    if (again) (void)pool_->was_touched(version);
    if (!try_evict(version)) {
      empty = false;
      continue;
    }
    pool_->retire(version, readers_.next_epoch());
    pages_evicted_.fetch_add(1, std::memory_order_relaxed);
  }
  return empty;
}

bool PageCache::table_tight() const {
  const std::size_t limit = table_limit();
  return table_.bytes() > limit && dirty_pages() * PageTable::kGroupBytes > limit / 4;
}

bool PageCache::descriptors_short() const {
  return descriptors_left() < parked_.most() / 2 && dirty_pages() > parked_.most() / 4;
}

bool PageCache::needs_checkpoint() const {
  return (descriptors_left() < parked_.most() / 8 && dirty_pages() > parked_.most() / 4) ||
         table_tight();
}

// With more the frames would be too few, or the budget overdrawn.
bool PageCache::may_describe_more() const {
  return parked_.in_use() < parked_.made() ||
         bytes_beside_frames() + ParkedPool::kBytesTogether +
                 kMinFrames * (config_.page_size + FramePool::kBytesBeside) <=
             config_.budget_bytes;
}

CacheCounters PageCache::counters() const {
  return {.pages_read = pages_read_.load(),
          .pages_evicted = pages_evicted_.load(),
          .pages_parked = pages_parked_.load(),
          .frames_in_use = pool_->in_use(),
          .held = held_.load(),
          .parked = parked_slots_.load(),
          .table_bytes = table_.bytes(),
          .file_table_bytes = config_.slots->table_bytes() + config_.map->reference_bytes(),
          .parked_table_bytes = parked_.bytes(),
          .transaction_bytes = transaction_bytes_.load(std::memory_order_relaxed),
          .given_up = given_up_.load()};
}

}  // namespace holdfast
