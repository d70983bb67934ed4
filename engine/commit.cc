// Committing: from a private set of pages to a durable transaction that everybody sees.
//
//   record counts -> redo as batches -> space for them in file and log -> publish and hand to the
//   log -> let the next writer in -> wait for what the durability asks
#include <algorithm>
#include <utility>

#include "engine/base/boundary.h"
#include "engine/base/result.h"
#include "engine/database_impl.h"
#include "engine/txn/commit_batches.h"

namespace holdfast {
namespace {

// Slots set aside for a transaction, until it has become part of what the next checkpoint writes.
class ReservedSlots {
 public:
  ReservedSlots(SlotSpace& slots, std::uint32_t count) : slots_(slots), left_(count) {}
  ~ReservedSlots() { slots_.unreserve(left_); }
  ReservedSlots(const ReservedSlots&) = delete;
  ReservedSlots& operator=(const ReservedSlots&) = delete;
  void used(std::uint32_t count) { left_ -= count; }

 private:
  SlotSpace& slots_;
  std::uint32_t left_;
};

bool is_full(const Result<void>& result) {
  return !result && result.error().code() == ErrorCode::kDiskFull;
}

constexpr std::uint64_t kLogSlack = 4;  // Times checkpoint_log_bytes: then whoever commits helps.
constexpr std::size_t kRedoShare = 8;   // Of the budget, what one commit hands to the log.
constexpr std::size_t kLogShareMax = std::size_t{1} << 20;

}  // namespace

Result<WriteTransaction> DatabaseImpl::begin_write(std::chrono::milliseconds timeout) {
  TRY(must_be_open());
  if (read_only_) return fail(ErrorCode::kReadOnly, "the database was opened read-only");
  if (auto error = poisoned()) return std::unexpected(*error);
  if (!enter_gate(timeout)) {
    return fail(ErrorCode::kTimedOut, "another write transaction has been open for " +
                                          std::to_string(timeout.count()) +
                                          " ms; commit it, or raise Options::write_timeout");
  }
  WriterTurn turn(gate_);
  SlotClaim slot(cache_->readers(), TRY(cache_->readers().claim()));
  auto state =
      std::make_unique<WriteState>(*this, *cache_, std::move(slot), ids_, next(cache_->newest()),
                                   [this](std::uint32_t frames) { return make_room(frames); });
  turn.keep();
  open_transactions_.fetch_add(1);
  return WriteTransaction(std::move(state));
}

Result<CommitToken> DatabaseImpl::write(const WriteBatch& batch, Durability durability) {
  TRY(must_be_open());
  // A longer wait would overflow the clock; nobody sees the end of this one.
  constexpr std::chrono::milliseconds kLongestWait = std::chrono::hours(24) * 3650;
  const auto deadline = now() + std::min(options_.write_timeout, kLongestWait);
  const TxnNumber txn = TRY(batches_.write(batch, deadline));
  return finish_commit(txn, durability, true);
}

void DatabaseImpl::writer_ended() noexcept {
  gate_.leave();
  open_transactions_.fetch_sub(1);
}

// The cache is full of changes: those that are committed can be brought into the file. No frames
// wanted: the disk is full, and what is superseded takes slots. A checkpoint
// under way has taken its pages off the count of dirty ones, and keeps them in memory until it
// ends.
Result<void> DatabaseImpl::make_room(std::uint32_t frames) {
  const std::uint32_t wanted = std::max({cache_->frame_limit() / 8, frames, 1U});
  if (frames != 0) {
    if (const auto parked = cache_->park(wanted); parked && *parked >= wanted / 2) return {};
  }
  {
    MutexLock lock(checkpoint_mutex_);
    if (checkpoint_ != nullptr) TRY(run_checkpoint());
    if (frames == 0 || cache_->dirty_pages() != 0) TRY(run_checkpoint());
  }
  if (frames == 0) {
    while (!cache_->transaction_fits() && cache_->many_described() && give_up_a_snapshot()) {
    }
    return {};
  }
  while (cache_->held() > cache_->frame_limit() / 8 && cache_->out_of_descriptors() &&
         give_up_a_snapshot())
    TRY(cache_->park(wanted));
  return {};
}

// The policy of Options::old_snapshots, where what is noted of old versions has no more room.
// Answers whether there was one to give up.
bool DatabaseImpl::give_up_a_snapshot() {
  if (options_.old_snapshots == OldSnapshots::kKeep) return false;
  const OldestReader given = cache_->give_up_oldest();
  if (given.txn == TxnNumber{}) return false;
  watch_.given_up(given, cache_->newest());
  return true;
}

Result<CommitToken> DatabaseImpl::commit(WriteState& writer, Durability durability, bool wait) {
  const auto published = at_boundary([&]() -> Result<bool> {
    TRY(writer.usable());
    TRY(writer.no_streams());
    TRY(writer.settle());
    return log_and_publish(writer.view());
  });
  if (!published) {
    aborts_.fetch_add(1, std::memory_order_relaxed);
    writer.end();
    return std::unexpected(published.error());
  }
  const bool changed = *published;
  const TxnNumber txn = changed ? writer.txn() : cache_->newest();
  if (changed) {
    writer.view().hand_over();
    commits_.fetch_add(1, std::memory_order_relaxed);
  }
  writer.end();
  // What it saw may be another's commit that isn't durable yet: who acts on it acts on that.
  if (!changed && durability == Durability::kLazy) return raw(txn);
  return finish_commit(txn, durability, wait);
}

// Answers whether there was anything to publish. An error means that nobody has seen any of it.
Result<bool> DatabaseImpl::log_and_publish(WriteView& view) {
  view.bound_redo(options_.cache_bytes / kRedoShare);
  Batches batches = TRY(encode_batches(view, *cache_));
  if (!view.changed()) return false;
  if (log_.load() == nullptr)
    TRY(with_room_for_log(view.only_frees(), [this] { return start_epoch(); }));
  LogWriter& log = *log_.load();
  std::vector<WrittenPage> pages;
  pages.reserve(view.pages().size());
  bool placed = false;
  for (const WriteView::PrivatePage& page : view.pages()) {
    if (page.released()) continue;
    pages.push_back({page.page, page.frame, page.fresh, page.base, page.slot, page.check});
    placed = placed || page.slot != kNoSlot;
    if (page.fresh && dying_.load()) dying_credit_.fetch_add(2);
  }
  view.for_each_placed([&](PageId id, const PlacedPage& placed_at) {
    pages.push_back({id, kNoFrame, true, {}, placed_at.slot, placed_at.check()});
    placed = true;
    if (dying_.load()) dying_credit_.fetch_add(2);
  });
  // What a checkpoint brings under the map needs none.
  if (cache_->descriptors_left() < 2 * pages.size() || cache_->needs_checkpoint())
    TRY(checkpoint());
  while (cache_->descriptors_left() < 2 * pages.size() && cache_->many_described() &&
         give_up_a_snapshot()) {
  }
  // What the log names is there before the log.
  if (placed) TRY(sync_placed());
  const std::uint32_t needed = cache_->slots_for(pages, view.freed());
  const SlotSpace::Use use =
      view.only_frees() ? SlotSpace::Use::kEmergency : SlotSpace::Use::kGrowth;
  TRY(reserve_slots(needed, use));
  ReservedSlots set_aside(*slots_, needed);
  std::uint64_t bytes = 0;
  for (const auto& batch : batches) bytes += batch.size();
  const auto count = static_cast<std::uint32_t>(batches.size());
  auto reserved = with_room_for_log(view.only_frees(), [&] { return log.reserve(bytes, count); });
  if (!reserved) {
    if (log.poisoned()) poison(reserved.error());
    return std::unexpected(reserved.error());
  }
  const TxnNumber txn = view.number();
  const std::uint32_t used =
      TRY(cache_->publish(pages, view.freed(), txn, [&] { log.append(txn, std::move(batches)); }));
  // More only where a checkpoint has just given the map another level.
  if (used > needed)
    (void)at_boundary([&] { return slots_->reserve(used - needed, SlotSpace::Use::kEmergency); });
  set_aside.used(std::min(needed, used));
  return true;
}

// Of the budget, what lazy commits may leave in memory, and what is written at once. A batch may be
// twice as large.
std::size_t DatabaseImpl::log_share() const {
  return std::min(kLogShareMax, options_.cache_bytes / 16);
}

Result<void> DatabaseImpl::sync_placed() {
  const auto synced = at_boundary([this] { return file_->sync(); });
  if (synced) return {};
  poison(synced.error());
  return std::unexpected(*poisoned());
}

Result<void> DatabaseImpl::reserve_slots(std::uint32_t count, SlotSpace::Use use) {
  TRY(cache_->back_reservations());
  auto reserved = slots_->reserve(count, use);
  if (!is_full(reserved)) return reserved;
  short_of_room_.store(true);
  // A checkpoint gives back the slots of superseded versions.
  TRY(checkpoint());
  return slots_->reserve(count, use);
}

// Where the disk is full, ever more room is made for the log, and it is tried again.
Result<void> DatabaseImpl::with_room_for_log(bool only_frees,
                                             const std::function<Result<void>()>& attempt) {
  auto done = attempt();
  bool moved_all = false;
  for (int round = 0; is_full(done); ++round) {
    short_of_room_.store(true);
    if (round == 1 && !TRY(shrink_for_room(false))) continue;
    if (round > 1) {
      if (!only_frees) break;
      // What recovery left to be written has its slots first.
      TRY(cache_->back_reservations());
      if (!TRY(lend_room_to_log(kEmergencySlots << std::min(round - 2, 16)))) {
        // What is free doesn't lie at the file's end.
        if (std::exchange(moved_all, true) || !TRY(shrink_for_room(true))) break;
      }
    }
    // A checkpoint lets go of log, once a new segment has been begun, or where none is needed yet.
    auto checkpointed = checkpoint();
    if (is_full(checkpointed)) continue;
    TRY(std::move(checkpointed));
    TRY(fold_old_log_in());
    done = attempt();
  }
  if (done && !only_frees) short_of_room_.store(false);
  return done;
}

Result<bool> DatabaseImpl::lend_room_to_log(std::uint32_t most) {
  // No meta that is written meanwhile may say that slots reach beyond the file's end.
  MutexLock checkpoint_lock(checkpoint_mutex_);
  if (auto error = poisoned()) return std::unexpected(*error);
  std::uint32_t floor = 0;
  {
    MutexLock lock(meta_mutex_);
    floor = meta_->meta().slot_high_water;
  }
  return slots_->lend_emergency(floor, most);
}

// First the segment, complete and named, then the meta that says it must be there, then batches.
Result<void> DatabaseImpl::start_epoch() {
  // Where storage can't be read past its cache, what was replayed may not be on the medium: it is
  // brought into the tree file before anything is acknowledged on top of it.
  if (log_beside() && !file_->reads_past_cache()) TRY(checkpoint());
  TRY(cache_->back_reservations());
  MutexLock checkpoint_lock(checkpoint_mutex_);
  TRY(restore_meta_copies());
  remove_leftovers();
  MutexLock lock(meta_mutex_);
  const EpochNumber epoch{raw(highest_epoch_) + 1};
  const LogConfig config{environment_.storage, environment_.clock,         path_,
                         meta_->meta().uuid,   options_.log_segment_bytes, this,
                         log_share()};
  // Used up whatever comes of it: a segment may have its name by then, and no two epochs that
  // continue at one place may have the same number.
  highest_epoch_ = epoch;
  auto log =
      TRY(LogWriter::start(config, epoch, environment_.random->bytes16(), opened_place_.end));
  const SegmentRef first = log->first_segment();
  Meta meta = meta_->meta();
  meta.creator = std::string("holdfast ") + version();
  meta.epoch = epoch;
  meta.epoch_salt = first.salt;
  meta.epoch_start = first.start;
  if (!meta.log_beside) {
    meta.log_beside = true;
    meta.segment_epoch = first.epoch;
    meta.segment_salt = first.salt;
    meta.segment_start = first.start;
    meta.log_lsn = opened_place_.end.lsn;
    meta.log_chain = opened_place_.end.chain;
  }
  wrote_.store(true);
  log->adopt(old_segments_);
  if (auto written = at_boundary([&] { return meta_->write(meta); }); !written) {
    lock.unlock();
    poison(written.error());
    return std::unexpected(*poisoned());
  }
  log_owner_ = std::move(log);
  log_.store(log_owner_.get());
  return {};
}

Result<CommitToken> DatabaseImpl::finish_commit(TxnNumber txn, Durability durability, bool wait) {
  LogWriter* log = log_.load();
  if (log == nullptr) return raw(txn);
  const bool writes = durability != Durability::kLazy || log->queued_bytes() > log_share();
  const auto done = at_boundary([&]() -> Result<void> {
    if (wait && durability == Durability::kSync) return log->sync_through(txn);
    return writes ? log->write_through(txn) : Result<void>();
  });
  wake_background();
  if (!done) {
    poison(done.error());
    return std::unexpected(*poisoned());
  }
  help_checkpoint(*log);
  help_freeing();
  std::uint64_t before = last_returned_.load();
  while (before < raw(txn) && !last_returned_.compare_exchange_weak(before, raw(txn))) {
  }
  return raw(txn);
}

// Background work that can't keep up, or a host that never steps it, may not let the log grow
// without bound. The commit itself is done: an error here is the next caller's, if it lasts.
void DatabaseImpl::help_checkpoint(const LogWriter& log) {
  const std::uint64_t bytes = log.bytes_since(Lsn{checkpoint_lsn_.load()});
  if (bytes < kLogSlack * options_.checkpoint_log_bytes ||
      environment_.clock->now() < retry_at_.load())
    return;
  if (!at_boundary([this] { return checkpoint(); }))
    retry_at_.store(environment_.clock->now() + kRetryCheckpointAfter);
}

Result<void> DatabaseImpl::wait_durable(CommitToken token) {
  TRY(must_be_open());
  if (token > raw(cache_->newest())) {
    return fail(ErrorCode::kInvalidArgument,
                "no transaction " + std::to_string(token) + " has been committed");
  }
  if (raw(cache_->durable()) >= token) return {};
  auto synced = log_.load()->sync_through(TxnNumber{token});
  if (synced) return synced;
  poison(synced.error());
  return std::unexpected(*poisoned());
}

Result<void> DatabaseImpl::sync() {
  return wait_durable(raw(cache_->newest()));
}

void DatabaseImpl::poison(const Error& error) noexcept {
  const auto in_words = at_boundary([&]() -> Result<Error> {
    return Error(
        ErrorCode::kPoisoned,
        "the database is frozen at its last durable transaction, because writing failed: " +
            error.message() + "; close it and open it again",
        error.place());
  });
  MutexLock lock(poison_mutex_);
  const bool first = !poison_;
  if (first) poison_ = in_words ? *in_words : Error::standing(ErrorCode::kPoisoned);
  is_poisoned_.store(true);
  if (LogWriter* log = log_.load()) log->freeze(error);
  lock.unlock();
  if (first) watch_.poisoned(*poisoned());
}

std::optional<Error> DatabaseImpl::poisoned() const {
  if (!is_poisoned_.load()) return std::nullopt;
  MutexLock lock(poison_mutex_);
  return poison_;
}

}  // namespace holdfast
