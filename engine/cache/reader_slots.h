// Who is reading: per reader one padded slot with the two clocks of DESIGN section 4.
//
// The *guard* says which memory may be touched: while a slot announces guard epoch e, no frame
// retired at e or later is reused. The *snapshot* says which versions must exist.
//
// G1 A starting reader announces kEntering | c, c being a durable txn it knew, before it reads
// which
//    state it will see. Collectors take that for "c and everything after".
// G2 Announcing and looking are seq_cst on both sides, so either the reader sees what a collector
//    did before it looked, or the collector sees the reader.
//
// G3 A snapshot that has begun may be given up: marked by one exchange of its word, before anything
//    that it alone needed is let go of. Whoever reads by it looks at the mark after it has found a
//    page, or failed to, and before it believes either. Seq_cst on both sides: who sees no mark has
//    found the page before anything was let go of, and its guard keeps what it found.
//
// Claiming a slot takes a short lock only when all that there are are taken.
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <memory>
#include <utility>

#include "engine/base/sync.h"
#include "engine/base/types.h"
#include "holdfast/error.h"

namespace holdfast {

// A superseded version that somebody may still need: visible to snapshots in [begin, end).
struct Superseded {
  PageId page{};
  TxnNumber begin{};
  TxnNumber end{};
};

struct alignas(128) ReaderSlot {
  // What the two highest bits of `snapshot` say; the others are a txn. None: it has begun.
  static constexpr std::uint64_t kEntering = std::uint64_t{2} << 62;
  static constexpr std::uint64_t kGivenUp = std::uint64_t{1} << 62;
  static constexpr std::uint64_t kStays = std::uint64_t{3} << 62;  // Begun, and never given up.
  static constexpr std::uint64_t point_of(std::uint64_t snapshot) { return snapshot & ~kStays; }
  static constexpr bool is_entering(std::uint64_t snapshot) { return snapshot >> 62 == 2; }
  // Whether there is one that versions are kept for.
  static constexpr bool needs_any(std::uint64_t snapshot) {
    return snapshot != 0 && snapshot >> 62 != 1;
  }
  [[nodiscard]] bool given_up() const { return snapshot.load() >> 62 == 1; }

  Atomic<std::uint64_t> guard{0};     // 0: touches nothing.
  Atomic<std::uint64_t> snapshot{0};  // 0: none; see G1, G3.
  Atomic<bool> claimed{false};
  Atomic<bool> has_kept{false};       // `kept` may be non-empty.
  Atomic<std::uint32_t> thread{0};    // Of a reader, the operating system's number; else 0.
  Atomic<std::uint64_t> since_ms{0};  // When it began, by a clock that ticks now and then.
  unsigned guard_depth = 0;           // The owner's.
  std::list<Superseded> kept;  // Under the cache's version lock: what this snapshot alone keeps.
};

inline constexpr std::size_t kMaxReaders = 65'536;  // Transactions open at once.

class ReaderSlots {
 public:
  ReaderSlots();
  ~ReaderSlots();
  ReaderSlots(const ReaderSlots&) = delete;
  ReaderSlots& operator=(const ReaderSlots&) = delete;

  // kLimitExceeded, with the number, when all slots are taken.
  Result<ReaderSlot*> claim();
  void release(ReaderSlot& slot);

  void enter(ReaderSlot& slot) {
    if (slot.guard_depth++ == 0) slot.guard.store(epoch_.load());
  }
  void leave(ReaderSlot& slot) {
    if (--slot.guard_depth == 0) slot.guard.store(0, std::memory_order_release);
  }

  // The epoch at which something unlinked just now is retired.
  std::uint64_t next_epoch() { return epoch_.fetch_add(1); }
  // What was retired before this epoch is touched by nobody, now or later.
  [[nodiscard]] std::uint64_t oldest_guard() const;
  [[nodiscard]] bool any_guard() const;

  template <class F>
  void for_each(F&& visit) const {
    const std::uint32_t chunks = chunk_count_.load();
    for (std::uint32_t c = 0; c < chunks; ++c) {
      for (ReaderSlot& slot : *chunks_[c].load()) visit(slot);
    }
  }

 private:
  static constexpr std::size_t kChunkSlots = 16;
  static constexpr std::size_t kMaxChunks = kMaxReaders / kChunkSlots;
  using Chunk = std::array<ReaderSlot, kChunkSlots>;

  ReaderSlot* try_claim(std::uint32_t chunk);

  Atomic<std::uint64_t> epoch_{1};
  Atomic<std::uint32_t> chunk_count_{0};
  std::unique_ptr<Atomic<Chunk*>[]> chunks_;
  Mutex grow_mutex_;
};

// A claimed slot on its way to the transaction that will own it.
class SlotClaim {
 public:
  SlotClaim(ReaderSlots& slots, ReaderSlot* slot) : slots_(slots), slot_(slot) {}
  ~SlotClaim() {
    if (slot_ != nullptr) slots_.release(*slot_);
  }
  SlotClaim(SlotClaim&& other) noexcept
      : slots_(other.slots_), slot_(std::exchange(other.slot_, nullptr)) {}
  SlotClaim& operator=(SlotClaim&&) = delete;
  // The caller's to release from now on.
  ReaderSlot& take() noexcept { return *std::exchange(slot_, nullptr); }

 private:
  ReaderSlots& slots_;
  ReaderSlot* slot_;
};

// Within a guard; or, as GuardPause, out of all guards of this slot for the time of some I/O.
class SlotGuard {
 public:
  SlotGuard(ReaderSlots& slots, ReaderSlot& slot) : slots_(slots), slot_(slot) {
    slots_.enter(slot_);
  }
  ~SlotGuard() { slots_.leave(slot_); }
  SlotGuard(const SlotGuard&) = delete;
  SlotGuard& operator=(const SlotGuard&) = delete;

 private:
  ReaderSlots& slots_;
  ReaderSlot& slot_;
};

class GuardPause {
 public:
  GuardPause(ReaderSlots& slots, ReaderSlot& slot)
      : slots_(slots), slot_(slot), depth_(std::exchange(slot.guard_depth, 0U)) {
    if (depth_ != 0) slot_.guard.store(0, std::memory_order_release);
  }
  ~GuardPause() {
    if (depth_ != 0) slots_.enter(slot_);
    slot_.guard_depth = depth_;
  }
  GuardPause(const GuardPause&) = delete;
  GuardPause& operator=(const GuardPause&) = delete;

 private:
  ReaderSlots& slots_;
  ReaderSlot& slot_;
  const unsigned depth_;
};

}  // namespace holdfast
