// Group commit: one sync serves all who wait; one of them leads.
#include <algorithm>

#include "engine/base/boundary.h"
#include "engine/base/result.h"
#include "wal/log_writer.h"

namespace holdfast {
namespace {

// So many smaller groups in a row, and the larger one isn't expected any more.
constexpr std::uint32_t kSmallerGroups = 8;
// A leader waits while commits keep arriving: so many turns without one, or in all, end it. Counted
// rather than timed, since a simulated clock stands still; a turn is 0.3 to 1 us.
constexpr int kGatherIdleTurns = 120;
constexpr int kGatherTurns = 400;

// Tells at its end how long it lived.
class SyncTimer {
 public:
  explicit SyncTimer(const LogConfig& config) : config_(config), begun_(config.clock->now()) {}
  ~SyncTimer() {
    if (config_.observer != nullptr) config_.observer->synced(config_.clock->now() - begun_);
  }
  SyncTimer(const SyncTimer&) = delete;
  SyncTimer& operator=(const SyncTimer&) = delete;

 private:
  const LogConfig& config_;
  const std::chrono::steady_clock::time_point begun_;
};

// One more who waits for a sync, for as long as it lives.
class Waiting {
 public:
  explicit Waiting(Atomic<std::uint64_t>& count) : count_(count) { count_.fetch_add(1); }
  ~Waiting() { count_.fetch_sub(1); }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

 private:
  Atomic<std::uint64_t>& count_;
};

}  // namespace

// What one sync covers.
struct LogWriter::SyncWork {
  std::vector<std::shared_ptr<StorageFile>> files;  // In log order.
  std::optional<TxnNumber> marked;
};

Result<void> LogWriter::sync_through(TxnNumber txn) {
  if (durable() >= txn) return {};
  if (txn > appended()) {
    return fail(ErrorCode::kInternal, "asked to sync a transaction that was never appended");
  }
  const Waiting here(waiting_);
  MutexLock lock(sync_mutex_);
  while (durable() < txn) {
    if (auto error = poisoned()) return std::unexpected(*error);
    if (sync_running_) {
      sync_done_.wait(lock);
    } else {
      lead(lock);
    }
  }
  return {};
}

// What fails here poisons, and that is where those who wait find it.
void LogWriter::lead(MutexLock& lock) {
  sync_running_ = true;
  lock.unlock();
  gather_group();
  (void)sync_step(false);
  lock.lock();
  sync_running_ = false;
  lock.unlock();  // Or each whom this wakes would run into it and sleep again.
  sync_done_.notify_all();
  lock.lock();
}

// A sync for a caller that wants one whatever is durable already.
Result<void> LogWriter::sync_alone(bool with_mark) {
  MutexLock lock(sync_mutex_);
  while (sync_running_) sync_done_.wait(lock);
  sync_running_ = true;
  lock.unlock();
  auto done = sync_step(with_mark);
  lock.lock();
  sync_running_ = false;
  sync_done_.notify_all();
  return done;
}

// The threads that the last sync served are likely to commit again at once, and those that came
// while it ran wait already. Without a moment's patience they would take turns in two half groups
// for ever.
void LogWriter::gather_group() {
  if (expected_groups_ <= 1) return;
  std::uint64_t seen = 0;
  for (int turn = 0, idle = 0; turn < kGatherTurns && idle < kGatherIdleTurns; ++turn, ++idle) {
    const std::uint64_t here = appended_groups_ - announced_groups_;
    if (here >= expected_groups_) return;
    if (here != seen) idle = 0;
    seen = here;
    yield_thread();
  }
}

// Some may be late once; those who stay away cost a few syncs their patience, no more.
void LogWriter::expect_next_group(std::uint64_t seen) {
  if (seen < expected_groups_ && ++smaller_groups_ < kSmallerGroups) return;
  expected_groups_ = seen;
  smaller_groups_ = 0;
}

Result<void> LogWriter::sync_step(bool with_mark) {
  try {
    return sync_group(with_mark);
  } catch (...) {
    return std::unexpected(
        poison(thrown_error()));  // Some file may not count as unsynced any more.
  }
}

Result<void> LogWriter::sync_group(bool with_mark) {
  TxnNumber end;
  bool news;
  std::uint64_t served;
  {
    MutexLock queue(queue_mutex_);
    if (poison_) return std::unexpected(*poison_);
    watched_ = end = appended_;
    watched_place_.reset();
    if (written_place_.end.txn == end) watched_place_ = written_place_;
    news = end > durable_place_.end.txn;
    served = appended_groups_ - announced_groups_;
    announced_groups_ = appended_groups_.load();
    // With the queue locked: whoever appends the next group, and drops versions it supersedes,
    // knows that this end is about to be a durable state.
    if (news && config_.observer != nullptr) config_.observer->sync_begins(end);
  }
  SyncWork work;
  TRY(prepare_sync(with_mark, work));
  for (const auto& file : work.files) {
    if (file != work.files.front()) seal_for(*file);
    ++sync_count_;
    const SyncTimer timer(config_);
    if (auto done = file->sync(); !done) return std::unexpected(poison(done.error()));
  }
  // Groups that nobody waits for, as lazy commits make them, come in any number.
  expect_next_group(std::min(served + (appended_groups_ - announced_groups_), waiting_.load()));
  return finish_sync(end, work);
}

// Writes what is queued and seals it: the next batch goes to a block that this sync doesn't cover.
Result<void> LogWriter::prepare_sync(bool with_mark, SyncWork& work) {
  MutexLock io(io_mutex_);
  TRY(write_queue());
  if (with_mark) {
    TRY(put_mark());
    work.marked = durable_known_.end.txn;
  }
  if (segments_.back()->unsynced) TRY(zero_ahead());
  for (const auto& segment : segments_) {
    if (!segment->unsynced) continue;
    segment->unsynced = false;
    work.files.push_back(segment->file);
    if (segment == segments_.back()) position_ = align_up(position_, kLogBlockBytes);
  }
  publish_space();
  return {};
}

// While the file before was synced others wrote on: this sync covers that too.
void LogWriter::seal_for(const StorageFile& file) {
  MutexLock io(io_mutex_);
  if (segments_.back()->file.get() != &file) return;
  position_ = align_up(position_, kLogBlockBytes);
  publish_space();
}

// With the queue written. Goes past the segment's size rather than starting another one: a group
// that has its room here keeps it.
Result<void> LogWriter::put_mark() {
  std::uint64_t end;
  TxnNumber txn;
  {
    MutexLock queue(queue_mutex_);
    end = base_ + queued_room_ + reserved_ + 2 * kLogBlockBytes;
    txn = written_place_.end.txn;
    durable_known_ = durable_place_;
  }
  TRY(extend_to(end));
  wall_us_ = config_.clock->wall_us();
  TRY(put_batch(kMark, txn, {}));
  return write_buffer();
}

Result<void> LogWriter::finish_sync(TxnNumber end, const SyncWork& work) {
  bool news;
  {
    MutexLock queue(queue_mutex_);
    if (poison_) return std::unexpected(*poison_);  // Frozen where it was.
    if (!watched_place_) {
      poison_ = Error(ErrorCode::kInternal,
                      "a synced group of the log has no known end: " + std::to_string(raw(end)));
      limit_ = 0;
      return std::unexpected(*poison_);
    }
    news = end > durable_place_.end.txn;
    durable_place_ = *watched_place_;
    if (work.marked) marked_ = *work.marked;
  }
  if (news && config_.observer != nullptr) config_.observer->became_durable(end);
  durable_txn_ = end;
  return {};
}

Result<void> LogWriter::mark() {
  {
    MutexLock queue(queue_mutex_);
    if (poison_) return std::unexpected(*poison_);
    if (marked_ >= durable_place_.end.txn) return {};
  }
  return sync_alone(true);
}

}  // namespace holdfast
