// Frames: page-sized buffers in one arena, what is known of each, and the way from use back to
// free.
//
// A frame's life: free -> (taken) -> published or private -> limbo -> free. In limbo it is unlinked
// from every table and chain, but readers that found it before may still look at it: it becomes
// free when no guard is as old as its retirement and no pin holds it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/base/sync.h"
#include "engine/base/types.h"
#include "holdfast/error.h"

namespace holdfast {

using FrameIndex = std::uint32_t;  // From 1.
inline constexpr FrameIndex kNoFrame = 0;

enum class FrameState : std::uint8_t { kFree, kTaken, kPublished, kLimbo };

// Members are atomics because evictor, collector and checkpoint look at frames they don't own; each
// says who may change it.
struct Frame {
  Atomic<FrameState> state{FrameState::kFree};
  // Can't be evicted: not parked, and dirty, superseded, or before an older version. Version lock.
  Atomic<bool> held{false};
  Atomic<PageId> page{kNoPage};  // Whoever took the frame, before publishing.
  // Next older version of the page (a VersionRef). Version lock. Once the version is parked, only
  // for those who found the frame before.
  Atomic<std::uint32_t> older{0};
  Atomic<std::uint32_t> parked{0};  // The descriptor that names this frame, if one does.
  Atomic<Slot> slot{kNoSlot};       // Where the same content is in the tree file; none: dirty.
  Atomic<std::uint32_t> pins{0};    // Cursors, open write transactions, and whoever writes it out.
  std::uint64_t retired_at = 0;     // Pool lock.
};

class FramePool {
 public:
  // What a frame costs beside its page: itself, a reference bit, a place in three lists.
  static constexpr std::size_t kBytesBeside = sizeof(Frame) + 1 + 3 * sizeof(FrameIndex);

  // Room for `budget_bytes` of frames; the arena is the caller's or an anonymous mapping that costs
  // memory only where it is touched.
  // Afterwards nothing here takes memory.
  static Result<std::unique_ptr<FramePool>> create(std::uint32_t page_size, std::uint32_t frames,
                                                   std::span<std::byte> arena);
  ~FramePool();
  FramePool(const FramePool&) = delete;
  FramePool& operator=(const FramePool&) = delete;

  [[nodiscard]] std::uint32_t page_size() const { return page_size_; }
  [[nodiscard]] std::uint32_t frames() const { return count_; }
  // Frames that aren't free, limbo included.
  [[nodiscard]] std::uint32_t in_use() const { return in_use_.load(std::memory_order_relaxed); }
  Frame& frame(FrameIndex index) { return frames_[index - 1]; }
  std::byte* data(FrameIndex index) { return arena_ + std::size_t{index - 1} * page_size_; }
  std::span<std::byte> bytes(FrameIndex index) { return {data(index), page_size_}; }
  [[nodiscard]] bool contains(const void* bytes) const {
    const auto offset =
        reinterpret_cast<std::uintptr_t>(bytes) - reinterpret_cast<std::uintptr_t>(arena_);
    return offset < std::size_t{count_} * page_size_;
  }

  // Recency, apart from the frames so that a reader's test touches a dense array. Tested before it
  // is set: a page in steady use is written to by nobody.
  void touch(FrameIndex index) {
    Atomic<std::uint8_t>& bit = referenced_[index - 1];
    if (bit.load(std::memory_order_relaxed) == 0) bit.store(1, std::memory_order_relaxed);
  }
  // Answers and clears the bit.
  bool was_touched(FrameIndex index) {
    Atomic<std::uint8_t>& bit = referenced_[index - 1];
    if (bit.load(std::memory_order_relaxed) == 0) return false;
    bit.store(0, std::memory_order_relaxed);
    return true;
  }
  [[nodiscard]] std::size_t in_limbo() const { return in_limbo_.load(std::memory_order_relaxed); }

  // A free frame in state kTaken, or kNoFrame. `limit` bounds the frames in use.
  FrameIndex take(std::uint32_t limit);
  // Gives back a frame that nobody else ever saw.
  void give_back(FrameIndex index);
  // Into limbo, as of `epoch`. The frame must be unlinked.
  void retire(FrameIndex index, std::uint64_t epoch);
  // So much has been retired since the last reclaim() that one more is worth its while.
  [[nodiscard]] bool reclaim_due() const {
    return in_limbo_.load(std::memory_order_relaxed) >= due_.load(std::memory_order_relaxed);
  }
  // Frees what limbo holds from before `oldest_guard`; answers how many.
  std::size_t reclaim(std::uint64_t oldest_guard);

 private:
  FramePool(std::uint32_t page_size, std::uint32_t frames);
  void put_free(FrameIndex index);

  const std::uint32_t page_size_;
  const std::uint32_t count_;
  std::unique_ptr<Frame[]> frames_;
  std::unique_ptr<Atomic<std::uint8_t>[]> referenced_;
  std::byte* arena_ = nullptr;
  std::size_t mapped_bytes_ = 0;                    // 0 when the arena is the caller's.
  static constexpr std::size_t kReclaimEvery = 16;  // Frames.

  Atomic<std::uint32_t> in_use_{0};
  Atomic<std::size_t> in_limbo_{0};
  Atomic<std::size_t> due_{kReclaimEvery};  // Frames in limbo.
  Mutex mutex_;
  // Each has room for all frames.
  std::vector<FrameIndex> free_;
  std::vector<FrameIndex> cold_;   // Free, and their memory given back to the system.
  std::vector<FrameIndex> limbo_;  // Oldest first.
  std::uint32_t never_used_ = 1;   // Frames from here on were never taken.
  std::uint32_t limit_ = 0;        // Of frames in use, when one was last taken.
};

// A frame that was taken and that nobody else has seen: given back unless it is kept.
class TakenFrame {
 public:
  TakenFrame(FramePool& pool, FrameIndex index) : pool_(pool), index_(index) {}
  ~TakenFrame() {
    if (index_ != kNoFrame) pool_.give_back(index_);
  }
  TakenFrame(const TakenFrame&) = delete;
  TakenFrame& operator=(const TakenFrame&) = delete;
  [[nodiscard]] FrameIndex index() const { return index_; }
  void keep() { index_ = kNoFrame; }

 private:
  FramePool& pool_;
  FrameIndex index_;
};

}  // namespace holdfast
