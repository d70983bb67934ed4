#include "engine/cache/frame_pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <limits>

#include "engine/base/bytes.h"
#include "engine/base/result.h"

namespace holdfast {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;

void reset(Frame& frame) {
  frame.held.store(false, std::memory_order_relaxed);
  frame.page.store(kNoPage, std::memory_order_relaxed);
  frame.older.store(0, std::memory_order_relaxed);
  frame.parked.store(0, std::memory_order_relaxed);
  frame.slot.store(kNoSlot, std::memory_order_relaxed);
}

}  // namespace

FramePool::FramePool(std::uint32_t page_size, std::uint32_t frames)
    : page_size_(page_size),
      count_(frames),
      frames_(new Frame[frames]),
      referenced_(new Atomic<std::uint8_t>[frames]()) {
  free_.reserve(frames);
  cold_.reserve(frames);
  limbo_.reserve(frames);
}

Result<std::unique_ptr<FramePool>> FramePool::create(std::uint32_t page_size, std::uint32_t frames,
                                                     std::span<std::byte> arena) {
  if (!arena.empty()) {
    if (reinterpret_cast<std::uintptr_t>(arena.data()) % kHugePage % 4096 != 0) {
      return fail(ErrorCode::kInvalidArgument, "Options::arena must be aligned to 4096 bytes");
    }
    frames = static_cast<std::uint32_t>(std::min<std::size_t>(frames, arena.size() / page_size));
  }
  std::unique_ptr<FramePool> pool(new FramePool(page_size, frames));
  if (!arena.empty()) {
    pool->arena_ = arena.data();
    return pool;
  }
  const std::size_t bytes = align_up(std::size_t{frames} * page_size, kHugePage);
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    return fail(ErrorCode::kOutOfMemory, "no memory for a cache of " + std::to_string(bytes) +
                                             " bytes; set a smaller cache_bytes");
  }
  // Large caches gain from huge pages; a small one would pay 2 MiB for its first frame.
  if (bytes >= 16 * kHugePage) madvise(memory, bytes, MADV_HUGEPAGE);
  pool->arena_ = static_cast<std::byte*>(memory);
  pool->mapped_bytes_ = bytes;
  return pool;
}

FramePool::~FramePool() {
  if (mapped_bytes_ != 0) munmap(arena_, mapped_bytes_);
}

FrameIndex FramePool::take(std::uint32_t limit) {
  MutexLock lock(mutex_);
  limit_ = limit;
  if (in_use_.load(std::memory_order_relaxed) >= limit) return kNoFrame;
  FrameIndex index = kNoFrame;
  if (!free_.empty()) {
    index = free_.back();
    free_.pop_back();
  } else if (!cold_.empty()) {
    index = cold_.back();
    cold_.pop_back();
  } else if (never_used_ <= count_) {
    index = never_used_++;
  } else {
    return kNoFrame;
  }
  in_use_.fetch_add(1, std::memory_order_relaxed);
  Frame& taken = frame(index);
  reset(taken);
  taken.state.store(FrameState::kTaken);
  return index;
}

// Where the limit has fallen since, others take memory of the budget: these give it back.
void FramePool::put_free(FrameIndex index) {
  frame(index).state.store(FrameState::kFree);
  const std::uint32_t others = in_use_.fetch_sub(1, std::memory_order_relaxed) - 1;
  if (mapped_bytes_ != 0 && others + free_.size() >= limit_) {
    madvise(data(index), page_size_, MADV_DONTNEED);
    cold_.push_back(index);
  } else {
    free_.push_back(index);
  }
}

void FramePool::give_back(FrameIndex index) {
  MutexLock lock(mutex_);
  put_free(index);
}

void FramePool::retire(FrameIndex index, std::uint64_t epoch) {
  MutexLock lock(mutex_);
  Frame& retired = frame(index);
  retired.retired_at = epoch;
  retired.state.store(FrameState::kLimbo);
  limbo_.push_back(index);
  in_limbo_.store(limbo_.size(), std::memory_order_relaxed);
}

std::size_t FramePool::reclaim(std::uint64_t oldest_guard) {
  MutexLock lock(mutex_);
  const std::size_t freed = std::erase_if(limbo_, [&](FrameIndex index) {
    Frame& candidate = frame(index);
    if (candidate.retired_at >= oldest_guard || candidate.pins.load() != 0) return false;
    put_free(index);
    return true;
  });
  in_limbo_.store(limbo_.size(), std::memory_order_relaxed);
  due_.store(limbo_.size() + kReclaimEvery, std::memory_order_relaxed);
  return freed;
}

}  // namespace holdfast
