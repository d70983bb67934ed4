#include "engine/cache/reader_slots.h"

#include <algorithm>
#include <string>

#include "engine/base/result.h"

namespace holdfast {

ReaderSlots::ReaderSlots() : chunks_(new Atomic<Chunk*>[kMaxChunks]) {}

ReaderSlots::~ReaderSlots() {
  for (std::uint32_t c = 0; c < chunk_count_.load(); ++c) delete chunks_[c].load();
}

// Threads begin their search at different slots, so that those who begin and end many short
// transactions don't share a cache line.
ReaderSlot* ReaderSlots::try_claim(std::uint32_t chunk) {
  static Atomic<std::uint32_t> threads{0};
  thread_local const std::uint32_t home = threads.fetch_add(1);
  Chunk& slots = *chunks_[chunk].load();
  for (std::uint32_t i = 0; i < kChunkSlots; ++i) {
    ReaderSlot& slot = slots[(home + i) % kChunkSlots];
    if (slot.claimed.load(std::memory_order_relaxed)) continue;
    if (!slot.claimed.exchange(true)) return &slot;
  }
  return nullptr;
}

Result<ReaderSlot*> ReaderSlots::claim() {
  for (;;) {
    const std::uint32_t chunks = chunk_count_.load();
    // The newest first: where there are many, the older ones are the full ones.
    for (std::uint32_t c = chunks; c-- > 0;) {
      if (ReaderSlot* slot = try_claim(c)) return slot;
    }
    MutexLock lock(grow_mutex_);
    if (chunk_count_.load() != chunks) continue;
    if (chunks == kMaxChunks) {
      return fail(ErrorCode::kLimitExceeded,
                  std::to_string(kMaxReaders) +
                      " transactions are open, and that is the limit; end some of them");
    }
    chunks_[chunks].store(new Chunk());
    chunk_count_.store(chunks + 1);
  }
}

void ReaderSlots::release(ReaderSlot& slot) {
  slot.thread.store(0, std::memory_order_relaxed);
  slot.claimed.store(false);
}

std::uint64_t ReaderSlots::oldest_guard() const {
  // A reader that enters once its slot has been looked at can find what is retired after that.
  std::uint64_t oldest = epoch_.load();
  for_each([&](const ReaderSlot& slot) {
    const std::uint64_t guard = slot.guard.load();
    if (guard != 0) oldest = std::min(oldest, guard);
  });
  return oldest;
}

bool ReaderSlots::any_guard() const {
  bool any = false;
  for_each([&](const ReaderSlot& slot) { any = any || slot.guard.load() != 0; });
  return any;
}

}  // namespace holdfast
