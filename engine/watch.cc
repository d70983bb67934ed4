#include "engine/watch.h"

#include <algorithm>

namespace holdfast {

using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::milliseconds;

Watch::Watch(const Options& options, Clock& clock)
    : listener_(options.events),
      slow_sync_(options.slow_sync),
      old_snapshot_(options.old_snapshot),
      clock_(clock) {
  tick();
}

std::uint64_t Watch::now_ms() const {
  // From 1 on: 0 is nobody's time.
  return static_cast<std::uint64_t>(
             duration_cast<milliseconds>(clock_.now().time_since_epoch()).count()) +
         1;
}

microseconds Watch::since_checkpoint_began() const {
  return duration_cast<microseconds>(clock_.now() - checkpoint_began_);
}

void Watch::recovered(const RecoveryReport& report) noexcept {
  if (listener_ != nullptr) listener_->on_recovery(report);
}

void Watch::synced(std::chrono::steady_clock::duration took) noexcept {
  const auto micros = duration_cast<microseconds>(took);
  syncs_[LatencyHistogram::index_of(
             static_cast<std::uint64_t>(std::max<std::int64_t>(micros.count(), 0)))]
      .fetch_add(1, std::memory_order_relaxed);
  if (listener_ != nullptr && took >= slow_sync_) listener_->on_slow_sync({micros});
}

void Watch::checkpoint_done(std::uint64_t txn, std::uint64_t pages_written) noexcept {
  const microseconds took = since_checkpoint_began();
  const auto micros = static_cast<std::uint64_t>(took.count());
  last_checkpoint_us_.store(micros);
  longest_checkpoint_us_.store(std::max(longest_checkpoint_us_.load(), micros));
  if (listener_ != nullptr) listener_->on_checkpoint({txn, pages_written, took, nullptr});
}

void Watch::checkpoint_failed(const Error& error) noexcept {
  checkpoints_failed_.fetch_add(1);
  if (listener_ != nullptr) listener_->on_checkpoint({0, 0, since_checkpoint_began(), &error});
}

void Watch::damaged(const Error& error) noexcept {
  if (listener_ != nullptr) listener_->on_damage(error);
}

void Watch::given_up(const OldestReader& reader, TxnNumber newest) noexcept {
  if (listener_ == nullptr) return;
  const milliseconds age(ticked_ms() - std::min(ticked_ms(), reader.since_ms));
  listener_->on_snapshot_given_up(
      {raw(reader.txn), raw(newest) - raw(reader.txn), reader.thread, age});
}

void Watch::poisoned(const Error& error) noexcept {
  if (listener_ != nullptr) listener_->on_poisoned(error);
}

void Watch::look_at_snapshots(const PageCache& cache) noexcept {
  if (listener_ == nullptr) return;
  const OldestReader oldest = cache.oldest_reader();
  if (oldest.thread == 0 || oldest.since_ms <= told_of_ms_) return;
  const milliseconds age(ticked_ms() - std::min(ticked_ms(), oldest.since_ms));
  if (age < old_snapshot_) return;
  told_of_ms_ = oldest.since_ms;
  const CacheCounters counters = cache.counters();
  const std::uint32_t versions = counters.held - std::min(counters.held, cache.dirty_pages());
  listener_->on_old_snapshot(
      {raw(oldest.txn), oldest.thread, age, std::uint64_t{versions} * cache.page_size()});
}

void Watch::fill(Stats& stats, const PageCache& cache) const noexcept {
  for (std::size_t i = 0; i < syncs_.size(); ++i) stats.log_sync_times.counts[i] = syncs_[i].load();
  stats.checkpoints_failed = checkpoints_failed_.load();
  stats.last_checkpoint_us = last_checkpoint_us_.load();
  stats.longest_checkpoint_us = longest_checkpoint_us_.load();
  const OldestReader oldest = cache.oldest_reader();
  stats.oldest_snapshot_thread = oldest.thread;
  if (oldest.thread != 0)
    stats.oldest_snapshot_age_ms = ticked_ms() - std::min(ticked_ms(), oldest.since_ms);
}

}  // namespace holdfast
