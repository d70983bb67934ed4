// What an open database counts and tells of itself: Stats' times, and the calls to an
// EventListener. Thread-safe but for what is said below.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

#include "engine/base/environment.h"
#include "engine/base/sync.h"
#include "engine/cache/page_cache.h"
#include "holdfast/events.h"
#include "holdfast/options.h"
#include "holdfast/stats.h"

namespace holdfast {

class Watch {
 public:
  using Time = std::chrono::steady_clock::time_point;

  Watch(const Options& options, Clock& clock);

  // A clock for what must cost nothing: it moves when tick() is called.
  void tick() { tick_ms_.store(now_ms(), std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t ticked_ms() const { return tick_ms_.load(std::memory_order_relaxed); }

  void recovered(const RecoveryReport& report) noexcept;
  void synced(std::chrono::steady_clock::duration took) noexcept;
  // These three under the checkpoint's lock.
  void checkpoint_begins() { checkpoint_began_ = clock_.now(); }
  void checkpoint_done(std::uint64_t txn, std::uint64_t pages_written) noexcept;
  void checkpoint_failed(const Error& error) noexcept;
  void damaged(const Error& error) noexcept;
  void given_up(const OldestReader& reader, TxnNumber newest) noexcept;
  void poisoned(const Error& error) noexcept;
  // Tells of the oldest snapshot when it has become old. By one thread at a time.
  void look_at_snapshots(const PageCache& cache) noexcept;

  void fill(Stats& stats, const PageCache& cache) const noexcept;

 private:
  [[nodiscard]] std::uint64_t now_ms() const;
  [[nodiscard]] std::chrono::microseconds since_checkpoint_began() const;

  EventListener* const listener_;
  const std::chrono::milliseconds slow_sync_;
  const std::chrono::milliseconds old_snapshot_;
  Clock& clock_;
  Atomic<std::uint64_t> tick_ms_{0};
  std::array<Atomic<std::uint64_t>, LatencyHistogram{}.counts.size()> syncs_{};
  Time checkpoint_began_{};
  Atomic<std::uint64_t> checkpoints_failed_{0};
  Atomic<std::uint64_t> last_checkpoint_us_{0};
  Atomic<std::uint64_t> longest_checkpoint_us_{0};
  std::uint64_t told_of_ms_ = 0;  // When the snapshot began that was told of last.
};

}  // namespace holdfast
