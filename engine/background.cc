// Background work, as steps: checkpoints, lazy syncs, marks. A thread of the database drives them,
// or the host does by run_background(); the work is the same.
#include "engine/base/boundary.h"
#include "engine/base/result.h"
#include "engine/database_impl.h"

namespace holdfast {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kMarkAfterIdle{100};
constexpr milliseconds kTick{20};  // While something waits for its time.

}  // namespace

Result<void> DatabaseImpl::start_background() {
  if (read_only_ || options_.background != Background::kThread) return {};
  try {
    background_ = Thread([this] { background_loop(); });
  } catch (const std::system_error& refused) {
    return fail(ErrorCode::kOutOfMemory,
                std::string("the operating system gives no thread for background work (") +
                    refused.what() + "); end other threads, or set Options::background = kHost");
  }
  return {};
}

void DatabaseImpl::stop_background() {
  if (!background_.joinable()) return;
  {
    MutexLock lock(background_mutex_);
    stop_ = true;
    background_wake_.notify_one();
  }
  background_.join();
}

void DatabaseImpl::wake_background() {
  if (!background_sleeps_.load()) return;
  MutexLock lock(background_mutex_);
  woken_ = true;
  background_wake_.notify_one();
}

void DatabaseImpl::background_loop() {
  for (;;) {
    // What goes wrong is kept by whom it concerns: the log, or retry_at_.
    const auto did = at_boundary([this] { return background_step(); });
    MutexLock lock(background_mutex_);
    if (stop_) return;
    if (did && *did) continue;
    // Nothing is waiting for its time: sleep until a commit says otherwise. Said before looking: a
    // commit that we don't see sees that it must wake us.
    background_sleeps_.store(true);
    const bool settled =
        (raw(cache_->newest()) == marked_txn_.load() && !shrinking_.load()) || is_poisoned_.load();
    if (settled)
      background_wake_.wait_for(lock, std::chrono::seconds(1), [this] { return stop_ || woken_; });
    background_sleeps_.store(false);
    woken_ = false;
    if (!settled) {
      background_wake_.wait_for(lock, kTick, [this] { return stop_; });
    }
    if (stop_) return;
  }
}

Result<bool> DatabaseImpl::run_background() {
  TRY(must_be_open());
  if (read_only_) return false;
  if (options_.background == Background::kThread) {
    return fail(ErrorCode::kInvalidArgument,
                "run_background() is for Options::background = kHost; a thread does this work");
  }
  return background_step();
}

bool DatabaseImpl::checkpoint_due() const {
  LogWriter* log = log_.load();
  if (log == nullptr || environment_.clock->now() < retry_at_.load()) return false;
  // Else a program that never closes would pile up the log files of its openings.
  if (recovered_.load() || checkpoint_frees()) return true;
  // What is sealed behind the last transaction is no reason for another one.
  if (raw(cache_->newest()) == checkpoint_txn_.load()) return false;
  return log->bytes_since(Lsn{checkpoint_lsn_.load()}) >= options_.checkpoint_log_bytes ||
         cache_->descriptors_short() || cache_->table_tight() ||
         (cache_->held() > cache_->frame_limit() / 2 &&
          cache_->dirty_pages() > cache_->frame_limit() / 8);  // Else snapshots hold them.
}

Result<bool> DatabaseImpl::background_step() {
  MutexLock step_lock(step_mutex_);
  watch_.tick();
  watch_.look_at_snapshots(*cache_);
  LogWriter* log = log_.load();
  if (log == nullptr || is_poisoned_.load()) return false;
  {
    MutexLock lock(checkpoint_mutex_);
    if (checkpoint_ != nullptr ? !waits_to_move() : checkpoint_due()) {
      const bool shrinks = checkpoint_ != nullptr && shrink_ && !checkpoint_due();
      auto stepped =
          at_boundary([&] { return shrinks ? shrink_background_step() : step_checkpoint(); });
      if (!stepped) retry_at_.store(environment_.clock->now() + kRetryCheckpointAfter);
      return stepped;
    }
    auto shrunk = shrink_background_step();
    if (!shrunk || *shrunk) return shrunk;
  }
  // Frames that readers can have: what snapshots hold isn't let go of by checkpoints.
  if (cache_->held() > cache_->frame_limit() / 8 * 5) {
    auto parked = at_boundary([this] { return cache_->park(cache_->frame_limit() / 16 + 1); });
    if (parked && *parked != 0) return true;
  }
  const auto now = environment_.clock->now();
  const std::uint64_t newest = raw(cache_->newest());
  if (newest != last_seen_txn_) {
    if (last_seen_txn_ == 0 || raw(cache_->durable()) >= last_seen_txn_) unsynced_since_ = now;
    last_seen_txn_ = newest;
    last_seen_change_ = now;
  }
  if (raw(cache_->durable()) < newest && now - unsynced_since_ >= options_.lazy_interval) {
    unsynced_since_ = now;
    if (auto synced = log->sync_through(TxnNumber{newest}); !synced) poison(synced.error());
    return true;
  }
  if (newest != marked_txn_.load() && raw(cache_->durable()) == newest &&
      now - last_seen_change_ >= kMarkAfterIdle) {
    last_seen_change_ = now;  // A full disk is tried again after as long.
    auto marked = log->mark();
    if (marked) marked_txn_.store(newest);
    if (!marked && marked.error().code() != ErrorCode::kDiskFull) poison(marked.error());
    return marked.has_value();
  }
  return dying_background_step();
}

Result<void> DatabaseImpl::checkpoint() {
  if (read_only_) return fail(ErrorCode::kReadOnly, "the database was opened read-only");
  if (auto error = poisoned()) return std::unexpected(*error);
  MutexLock lock(checkpoint_mutex_);
  if (checkpoint_ != nullptr) TRY(run_checkpoint());
  return run_checkpoint();
}

Result<void> DatabaseImpl::run_checkpoint() {
  while (TRY(step_checkpoint())) {
  }
  return {};
}

// What is newest becomes durable first, so that the checkpoint covers as much as it can; and a new
// segment is begun, so that it can let go of the one before. A full disk only keeps that one
// longer. Room for what is newest was set aside: a write of it that fails, be the disk full or not,
// has lost what commit() returned.
Result<void> DatabaseImpl::prepare_log_for_checkpoint() {
  LogWriter* log = log_.load();
  if (log == nullptr) return {};
  const auto synced = log->sync_through(cache_->newest());
  auto rolled = synced ? log->roll(short_of_room_.load()) : synced;
  if (rolled || (synced && rolled.error().code() == ErrorCode::kDiskFull)) return {};
  poison(rolled.error());
  return std::unexpected(*poisoned());
}

// While the newest generation has one good copy only, what it replaced may be what opens after one
// more fault: nothing of that is written over before.
Result<void> DatabaseImpl::restore_meta_copies() {
  // Whoever waited for a checkpoint that failed writes nothing any more.
  if (auto error = poisoned()) return std::unexpected(*error);
  MutexLock lock(meta_mutex_);
  auto restored = at_boundary([this] { return meta_->restore_copies(); });
  lock.unlock();
  if (restored) return {};
  poison(restored.error());
  return std::unexpected(*poisoned());
}

// Answers whether there is more to do.
Result<bool> DatabaseImpl::step_checkpoint() {
  if (checkpoint_ == nullptr) {
    TRY(restore_meta_copies());
    TRY(scan_free_space(true));
    TRY(prepare_log_for_checkpoint());
    SlotClaim slot(cache_->readers(), TRY(cache_->readers().claim()));
    auto fresh = std::make_unique<Checkpoint>(
        CheckpointParts{environment_.storage, file_.get(), slots_.get(), map_.get(), cache_.get()},
        std::move(slot));
    if (shrink_ && has_more_to_move()) fresh->move_tail(shrink_->moves);
    TRY(fresh->begin([this] {
      LogWriter* log = log_.load();
      return log == nullptr ? opened_place_ : log->durable_position();
    }));
    wrote_.store(true);
    watch_.checkpoint_begins();
    checkpoint_ = std::move(fresh);
    return true;
  }
  auto more = at_boundary([this]() -> Result<bool> {
    if (TRY(checkpoint_->step())) return true;
    TRY(checkpoint_->publish([this](const Checkpoint& c) { return write_checkpoint_meta(c); }));
    return false;
  });
  if (more && *more) return true;
  if (more) checkpoint_published();
  const LogWriter* log = log_.load();
  const bool freezes = checkpoint_->sync_failed() || (log != nullptr && log->poisoned());
  if (more) watch_.checkpoint_done(checkpoint_txn_.load(), checkpoint_->pages_written());
  checkpoint_.reset();
  if (more) return false;
  watch_.checkpoint_failed(more.error());
  if (freezes) {
    poison(more.error());
    return std::unexpected(*poisoned());
  }
  return more;
}

// The new state is durable: nothing that follows may stop half-way.
void DatabaseImpl::checkpoint_published() {
  const LogPlace place = checkpoint_->place();
  checkpoints_.fetch_add(1);
  if (redo_done_) recovered_.store(false);
  pages_written_.fetch_add(checkpoint_->pages_written());
  checkpoint_txn_.store(raw(place.end.txn));
  checkpoint_lsn_.store(raw(place.end.lsn));
  IdRuns settled = cache_->settle_frees(place.end.txn);
  // Between groups of redo nobody takes ids, and the scan afterwards finds these with all others.
  if (redo_done_) ids_.give_back(std::move(settled));
  // A failed removal costs space, nothing else: the next checkpoint tries again.
  if (LogWriter* log = log_.load()) (void)at_boundary([&] { return log->release_before(place); });
}

Result<void> DatabaseImpl::write_checkpoint_meta(const Checkpoint& checkpoint) {
  MutexLock lock(meta_mutex_);
  Meta meta = meta_->meta();
  const LogPlace& place = checkpoint.place();
  meta.creator = std::string("holdfast ") + version();
  meta.txn = place.end.txn;
  meta.log_lsn = place.end.lsn;
  meta.log_chain = place.end.chain;
  meta.segment_epoch = place.segment.epoch;
  meta.segment_salt = place.segment.salt;
  meta.segment_start = place.segment.start;
  if (place.segment.epoch >= meta.epoch) {
    // Reading starts within the newest epoch: its first segment may go.
    meta.epoch = place.segment.epoch;
    meta.epoch_salt = place.segment.salt;
    meta.epoch_start = place.segment.start;
  }
  meta.map_root = checkpoint.map_root();
  meta.map_height = checkpoint.map_height();
  meta.id_high_water = ids_.high_water();
  meta.slot_high_water = checkpoint.slot_high_water();
  meta.pages =
      static_cast<std::uint64_t>(static_cast<std::int64_t>(meta.pages) + checkpoint.pages_gained());
  return meta_->write(meta);
}

}  // namespace holdfast
