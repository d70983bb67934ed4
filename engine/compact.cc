// Database::compact(): all there is to gain, at once, by the thread that asks. See shrink.h.
#include "engine/base/boundary.h"
#include "engine/base/result.h"
#include "engine/database_impl.h"
#include "engine/progress_teller.h"

namespace holdfast {
namespace {

constexpr std::uint64_t kSpareShare = 64;  // Of what is in use: room for the page map to move.
constexpr std::chrono::microseconds kLetOthersIn{20};  // To the checkpoints' lock, each step.
constexpr std::chrono::microseconds kLookedAfter{20'000};

}  // namespace

class Compaction {
 public:
  Compaction(DatabaseImpl& db, const CompactOptions& options) : db_(db), options_(options) {}
  ~Compaction() {
    MutexLock lock(db_.checkpoint_mutex_);
    end();
  }
  Compaction(const Compaction&) = delete;
  Compaction& operator=(const Compaction&) = delete;

  Result<CompactReport> run() {
    report_.bytes_before = TRY(db_.file_->size());
    (void)TRY(db_.reclaim(options_.progress));
    TRY(begin());
    for (bool more = true; more;) {
      more = TRY(step());
      if (!teller_.step(told_)) return cancelled();
      if (more) TRY(wait());
    }
    TRY(judge());
    return std::move(report_);
  }

 private:
  static std::unexpected<Error> cancelled() { return ProgressTeller::cancelled("compact()"); }

  // What was freed so far is free for good afterwards.
  Result<void> begin() {
    TRY(db_.checkpoint());
    MutexLock lock(db_.checkpoint_mutex_);
    if (db_.checkpoint_ != nullptr) TRY(db_.run_checkpoint());
    db_.end_shrink();
    db_.begin_shrink(Shrink::By::kCaller,
                     static_cast<std::uint32_t>(db_.least_slots() / kSpareShare));
    moves_ = db_.shrink_->moves;
    teller_.begin("compact", db_.slots_->used_above(moves_->ceiling));
    return {};
  }

  // Answers whether there is more to do.
  Result<bool> step() {
    MutexLock lock(db_.checkpoint_mutex_);
    if (auto error = db_.poisoned()) return std::unexpected(*error);
    const std::uint64_t cut_before = db_.shrink_->slots_cut;
    const std::uint64_t moved_before = moved();
    const bool more = TRY(at_boundary([this] { return db_.shrink_step(); }));
    const std::uint64_t cut = db_.shrink_->slots_cut - cut_before;
    if (cut != 0 && !cutting_) {
      cutting_ = true;
      teller_.begin("cut", 0, "bytes");
    }
    const std::uint64_t now = moved();
    told_ = cutting_ ? cut * db_.cache_->page_size() : now - std::min(now, moved_before);
    if (options_.bytes_per_second != 0 && now > moved_before)
      db_.pace_shrink(now - moved_before, options_.bytes_per_second);
    resume_at_ = options_.bytes_per_second == 0 || cutting_
                     ? std::chrono::steady_clock::time_point{}
                     : db_.shrink_->resume_at;
    return more;
  }

  [[nodiscard]] std::uint64_t moved() const {
    const auto& checkpoint = db_.checkpoint_;
    return moves_->pages + (checkpoint == nullptr ? 0 : checkpoint->pages_moved());
  }

  // Not under the lock: others take checkpoints meanwhile.
  Result<void> wait() {
    sleep_thread(kLetOthersIn);
    while (db_.now() < resume_at_) {
      sleep_thread(kLookedAfter);
      if (!teller_.tell()) return cancelled();
    }
    return {};
  }

  // What was begun is finished: it is a checkpoint like any other.
  void end() {
    if (!db_.shrink_ || db_.shrink_->moves != moves_) return;
    if (db_.checkpoint_ != nullptr) (void)at_boundary([this] { return db_.run_checkpoint(); });
    db_.end_shrink();
  }

  // Slots that the newest durable state names.
  [[nodiscard]] std::uint64_t contents() const {
    std::vector<Slot> of_map;
    db_.map_->collect_slots(of_map);
    MutexLock lock(db_.meta_mutex_);
    return of_map.size() + db_.meta_->meta().pages;
  }

  Result<void> judge() {
    MutexLock lock(db_.checkpoint_mutex_);
    SlotSpace& slots = *db_.slots_;
    report_.pages_moved = moves_->pages;
    report_.bytes_after = TRY(db_.file_->size());
    report_.free_bytes = slots.free_slots() * db_.cache_->page_size();
    const std::uint64_t needed = contents() + slots.reserved_slots();
    const std::uint64_t most = needed + needed / 16 + 64 + kEmergencySlots;
    if (slots.allocated() <= most) return {};
    if (const std::uint32_t kept = slots.highest_kept(); kept > most) {
      const std::uint64_t id = slots.keeper_of(kept);
      report_.end = CompactEnd::kKeptCheckpoint;
      report_.checkpoint = id < kPinnedIds ? id : 0;
      report_.why = (id < kPinnedIds ? "checkpoint " + std::to_string(id) + " is kept"
                                     : std::string("a backup is under way")) +
                    ", and needs what lies at the file's end";
    } else if (!slots.scanned() || moves_->damaged != 0) {
      report_.end = CompactEnd::kDamage;
      report_.why = moves_->damage
                        ? std::to_string(moves_->damaged) +
                              " pages can't be moved: " + moves_->damage->to_string()
                        : std::string("what is free isn't known, because the page map is damaged");
    } else if (db_.cache_->open_snapshots() != 0) {
      report_.end = CompactEnd::kOldVersions;
      report_.why =
          "versions that open snapshots need lie at the file's end; the oldest is of "
          "transaction " +
          std::to_string(raw(db_.cache_->oldest_snapshot()));
    } else {
      report_.end = CompactEnd::kWriters;
      report_.why = "others wrote to the file's end meanwhile";
    }
    return {};
  }

  DatabaseImpl& db_;
  const CompactOptions& options_;
  ProgressTeller teller_{options_.progress};
  CompactReport report_;
  std::shared_ptr<TailMoves> moves_;
  bool cutting_ = false;
  std::uint64_t told_ = 0;
  std::chrono::steady_clock::time_point resume_at_{};
};

Result<CompactReport> DatabaseImpl::compact(const CompactOptions& options) {
  TRY(may_change_file());
  const MutexLock one_at_a_time(compact_mutex_, std::try_to_lock);
  if (!one_at_a_time.owns_lock())
    return fail(ErrorCode::kBusy, "another thread compacts the database already");
  const auto begun = now();
  CompactReport report = TRY(Compaction(*this, options).run());
  report.seconds = std::chrono::duration<double>(now() - begun).count();
  return report;
}

}  // namespace holdfast
