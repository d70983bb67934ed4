#include "engine/cache/parked_pool.h"

#include <algorithm>

namespace holdfast {

ParkedPool::ParkedPool(std::uint32_t most)
    : most_(std::max(most / kChunk, 1U) * kChunk), chunks_(new Atomic<Chunk*>[most_ / kChunk]()) {}

ParkedPool::~ParkedPool() {
  for (std::uint32_t chunk = 0; chunk * kChunk < made_; ++chunk) delete chunks_[chunk].load();
}

void ParkedPool::reclaim_locked(std::uint64_t oldest_guard) {
  const auto still_seen = std::find_if(limbo_.begin(), limbo_.end(), [&](VersionRef ref) {
    return at(ref).retired_at >= oldest_guard;
  });
  free_.insert(free_.end(), limbo_.begin(), still_seen);
  in_use_.fetch_sub(static_cast<std::uint32_t>(still_seen - limbo_.begin()),
                    std::memory_order_relaxed);
  limbo_.erase(limbo_.begin(), still_seen);
}

std::size_t ParkedPool::reclaim(std::uint64_t oldest_guard) {
  MutexLock lock(mutex_);
  reclaim_locked(oldest_guard);
  return limbo_.size();
}

VersionRef ParkedPool::take(std::uint64_t oldest_guard) {
  MutexLock lock(mutex_);
  if (free_.empty()) reclaim_locked(oldest_guard);
  if (free_.empty() && !make_more()) return kNoVersion;
  const VersionRef ref = free_.back();
  free_.pop_back();
  in_use_.fetch_add(1, std::memory_order_relaxed);
  Parked& taken = at(ref);
  taken.frame.store(kNoFrame);
  taken.older.store(kNoVersion);
  taken.owns_slot = false;
  taken.dirty = false;
  taken.set_aside = false;
  return ref;
}

VersionRef ParkedPool::take_if_any(std::uint64_t oldest_guard) noexcept {
  try {
    return take(oldest_guard);
  } catch (const std::bad_alloc&) {
    return kNoVersion;
  }
}

bool ParkedPool::make_more() {
  const std::uint32_t made = made_.load();
  if (made + kChunk > most_) return false;
  free_.reserve(made + kChunk);
  limbo_.reserve(made + kChunk);
  chunks_[made / kChunk].store(new Chunk(), std::memory_order_release);
  bytes_.fetch_add(kChunk * kBytesEach, std::memory_order_relaxed);
  for (std::uint32_t i = kChunk; i > 0; --i) free_.push_back((made + i - 1) | kParkedBit);
  made_.store(made + kChunk);
  return true;
}

void ParkedPool::give_back(VersionRef ref) noexcept {
  MutexLock lock(mutex_);
  free_.push_back(ref);
  in_use_.fetch_sub(1, std::memory_order_relaxed);
}

void ParkedPool::retire(VersionRef ref, std::uint64_t epoch) noexcept {
  MutexLock lock(mutex_);
  at(ref).retired_at = epoch;
  limbo_.push_back(ref);
}

}  // namespace holdfast
