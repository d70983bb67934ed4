// Snapshots: how they begin and end, which are open, and giving up the oldest one where memory has
// no room for what it needs. See reader_slots.h for the rules G1 to G3.
#include <algorithm>
#include <limits>

#include "engine/base/result.h"
#include "engine/cache/page_cache.h"

namespace holdfast {
namespace {

constexpr int kLimboWaits = 4000;  // Of 250 µs each.

}  // namespace

TxnNumber PageCache::begin_snapshot(ReaderSlot& slot, TxnNumber at_least, bool stays) {
  slot.snapshot.store(ReaderSlot::kEntering | durable_.load());
  const TxnNumber durable_now = durable();
  const TxnNumber snapshot = durable_now >= at_least ? durable_now : newest();
  slot.snapshot.store(raw(snapshot) | (stays ? ReaderSlot::kStays : 0));
  return snapshot;
}

TxnNumber PageCache::begin_snapshot_at(ReaderSlot& slot, const std::function<TxnNumber()>& pick) {
  slot.snapshot.store(ReaderSlot::kEntering | durable_.load());
  const TxnNumber snapshot = pick();
  slot.snapshot.store(raw(snapshot) | ReaderSlot::kStays);
  return snapshot;
}

void PageCache::end_snapshot(ReaderSlot& slot) {
  slot.snapshot.store(0);
  if (!slot.has_kept.load()) return;
  MutexLock lock(versions_);
  dispose_kept(slot);
}

TxnNumber PageCache::oldest_snapshot() const {
  std::uint64_t oldest = std::numeric_limits<std::uint64_t>::max();
  readers_.for_each([&](const ReaderSlot& slot) {
    const std::uint64_t snapshot = slot.snapshot.load();
    if (ReaderSlot::needs_any(snapshot)) oldest = std::min(oldest, ReaderSlot::point_of(snapshot));
  });
  return TxnNumber{oldest};
}

std::uint32_t PageCache::open_snapshots() const {
  std::uint32_t count = 0;
  readers_.for_each([&](const ReaderSlot& slot) {
    count += ReaderSlot::needs_any(slot.snapshot.load()) ? 1 : 0;
  });
  return count;
}

OldestReader PageCache::oldest_reader() const {
  OldestReader oldest;
  readers_.for_each([&](const ReaderSlot& slot) {
    const std::uint32_t thread = slot.thread.load(std::memory_order_relaxed);
    const std::uint64_t word = slot.snapshot.load();
    const std::uint64_t snapshot = ReaderSlot::point_of(word);
    if (thread == 0 || !ReaderSlot::needs_any(word)) return;
    if (oldest.thread != 0 && oldest.txn <= TxnNumber{snapshot}) return;
    oldest = {TxnNumber{snapshot}, thread, slot.since_ms.load(std::memory_order_relaxed)};
  });
  return oldest;
}

// A slot that was claimed anew meanwhile has another word, or a snapshot of the same age.
OldestReader PageCache::give_up_oldest() {
  OldestReader given;
  {
    MutexLock lock(versions_);
    for (bool done = false; !done;) {
      ReaderSlot* oldest = nullptr;
      std::uint64_t point = newest_.load();
      readers_.for_each([&](ReaderSlot& slot) {
        const std::uint64_t snapshot = slot.snapshot.load();
        if (snapshot == 0 || snapshot >= point || ReaderSlot::point_of(snapshot) != snapshot)
          return;
        oldest = &slot;
        point = snapshot;
      });
      if (oldest == nullptr) return {};
      given = {TxnNumber{point}, oldest->thread.load(std::memory_order_relaxed),
               oldest->since_ms.load(std::memory_order_relaxed)};
      std::uint64_t expected = point;
      done = oldest->snapshot.compare_exchange_strong(expected, point | ReaderSlot::kGivenUp);
      if (done) dispose_kept(*oldest);  // Only now: G3.
    }
  }
  given_up_.fetch_add(1);
  // What was let go of can be used again when no guard may look at it, and guards end soon.
  for (int i = 0; i < kLimboWaits && parked_.reclaim(readers_.oldest_guard()) != 0; ++i)
    sleep_thread(std::chrono::microseconds(250));
  return given;
}

std::unexpected<Error> PageCache::too_old(TxnNumber snapshot) const {
  return fail(ErrorCode::kSnapshotTooOld,
              "the snapshot of transaction " + std::to_string(raw(snapshot)) +
                  " was given up: " + std::to_string(raw(newest()) - raw(snapshot)) +
                  " transactions have been committed since, and the cache of " +
                  std::to_string(config_.budget_bytes) +
                  " bytes has no room to note more of the versions that it sees; read in shorter "
                  "transactions, set a larger cache_bytes, or have writers refused instead with "
                  "Options::old_snapshots",
              {.file = {}, .offset = {}, .page = {}, .tree = {}, .txn = raw(snapshot)});
}

}  // namespace holdfast
