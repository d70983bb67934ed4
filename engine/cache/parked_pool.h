// Parked versions: content that lies in a slot of the tree file and need not be in memory.
//
// A descriptor takes the frame's place in the chain of a page's versions. Whoever wants its content
// reads it back into a frame, which hangs in the descriptor until it is evicted again. The slot is
// named by nothing durable but the map's entry, if that: a crash forgets what was parked.
//
// Like frames, descriptors are found without locks; one that is unlinked is reused when no guard is
// as old as its retirement.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/base/sync.h"
#include "engine/base/types.h"
#include "engine/cache/frame_pool.h"

namespace holdfast {

// A version in a chain: a frame, or with kParkedBit the descriptor of a parked one. 0: none.
using VersionRef = std::uint32_t;
inline constexpr VersionRef kNoVersion = 0;
inline constexpr VersionRef kParkedBit = 0x80000000;
constexpr bool is_parked(VersionRef version) {
  return (version & kParkedBit) != 0;
}

// Unlinked: whoever finds this in `frame` looks again at the chain.
inline constexpr FrameIndex kGone = UINT32_MAX;

struct Parked {
  Atomic<FrameIndex> frame{kNoFrame};    // Where it is in memory too; kNoFrame, kGone.
  Atomic<VersionRef> older{kNoVersion};  // Version lock.
  Atomic<Slot> slot{kNoSlot};            // Version lock.
  // Set before it is linked, and constant then.
  Atomic<PageId> page{kNoPage};
  Atomic<TxnNumber> txn{};
  Atomic<std::uint64_t> check{0};
  Atomic<std::uint32_t> check_bits{64};  // Of `check` that are known.
  // Version lock. The slot is given back with the version: nobody else needs it.
  bool owns_slot = false;
  bool dirty = false;  // No checkpoint has it.
  // The slot is the one that was set aside for the next checkpoint, which will adopt it.
  bool set_aside = false;
  std::uint64_t retired_at = 0;  // Pool lock.
};

class ParkedPool {
 public:
  // With its place in two lists.
  static constexpr std::size_t kBytesEach = sizeof(Parked) + 2 * sizeof(VersionRef);
  // They are made so many bytes at a time.
  static constexpr std::size_t kBytesTogether = 256 * kBytesEach;

  // Of so many descriptors at most.
  explicit ParkedPool(std::uint32_t most);
  ~ParkedPool();
  ParkedPool(const ParkedPool&) = delete;
  ParkedPool& operator=(const ParkedPool&) = delete;

  Parked& at(VersionRef ref) {
    const std::uint32_t index = ref & ~kParkedBit;
    return (*chunks_[index / kChunk].load(std::memory_order_acquire))[index % kChunk];
  }
  // kNoVersion when there are no more. Takes memory now and then.
  VersionRef take(std::uint64_t oldest_guard);
  // The same when there is no memory for more.
  VersionRef take_if_any(std::uint64_t oldest_guard) noexcept;
  // One that nobody else ever saw.
  void give_back(VersionRef ref) noexcept;
  // As of `epoch`. It must be unlinked.
  void retire(VersionRef ref, std::uint64_t epoch) noexcept;
  // Has those be taken again that nobody looks at any more; answers how many are left.
  std::size_t reclaim(std::uint64_t oldest_guard);

  [[nodiscard]] std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  // Linked or about to be, or waiting for readers to look away.
  [[nodiscard]] std::uint32_t in_use() const { return in_use_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint32_t most() const { return most_; }
  [[nodiscard]] std::uint32_t made() const { return made_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::uint32_t kChunk = kBytesTogether / kBytesEach;
  using Chunk = std::array<Parked, kChunk>;

  void reclaim_locked(std::uint64_t oldest_guard);
  bool make_more();

  const std::uint32_t most_;
  std::unique_ptr<Atomic<Chunk*>[]> chunks_;
  Atomic<std::uint64_t> bytes_{0};
  Atomic<std::uint32_t> in_use_{0};
  Mutex mutex_;
  Atomic<std::uint32_t> made_{0};  // Descriptors that exist.
  std::vector<VersionRef> free_;   // Both have room for all that exist.
  std::vector<VersionRef> limbo_;  // Oldest first.
};

}  // namespace holdfast
