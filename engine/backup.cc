// Database::backup(): what is copied, and what keeps it in place meanwhile.
#include <functional>
#include <optional>

#include "engine/backup_file.h"
#include "engine/backup_stream.h"
#include "engine/base/result.h"
#include "engine/database_impl.h"

namespace holdfast {
namespace {

// Counts as an open transaction: close() waits for nobody, and refuses.
class OpenMeanwhile {
 public:
  explicit OpenMeanwhile(DatabaseImpl& db) : db_(db) { db_.reader_began(); }
  ~OpenMeanwhile() { db_.reader_ended(); }
  OpenMeanwhile(const OpenMeanwhile&) = delete;
  OpenMeanwhile& operator=(const OpenMeanwhile&) = delete;

 private:
  DatabaseImpl& db_;
};

// What is copied, held in place for as long as this lives.
class HeldState {
 public:
  static Result<HeldState> begin(DatabaseImpl& db, const BackupOptions& options) {
    HeldState held;
    if (options.since != 0) held.base_.emplace(TRY(KeptReading::begin(db, options.since)));
    if (options.checkpoint != 0) {
      held.kept_.emplace(TRY(KeptReading::begin(db, options.checkpoint)));
    } else if (!db.is_read_only()) {
      held.newest_.emplace(TRY(NewestPinned::begin(db)));
    } else {
      held.at_rest_ = TRY(db.state_at_rest());
    }
    return held;
  }
  void describe(CopiedState& from, const BackupOptions& options) const {
    from.state = kept_ ? kept_->meta() : newest_ ? newest_->meta() : at_rest_;
    from.checkpoint = options.checkpoint;
    if (base_) from.base = base_->meta();
    from.base_checkpoint = options.since;
  }
  // Of the newest state: what was copied is kept, and what it follows may go.
  Result<std::uint64_t> keep(std::uint64_t goes) {
    base_.reset();
    return TRY(newest_->keep(goes)).id;
  }

 private:
  std::optional<KeptReading> base_;
  std::optional<KeptReading> kept_;
  std::optional<NewestPinned> newest_;
  Meta at_rest_;
};

}  // namespace

// Nobody writes to it meanwhile, but what its log says isn't in the file.
Result<Meta> DatabaseImpl::state_at_rest() const {
  if (recovered_.load()) {
    return fail(ErrorCode::kReadOnly,
                "the database was not closed, and what its log holds can't be backed up read-only; "
                "open it for writing",
                {.file = path_, .offset = {}, .page = {}, .tree = {}, .txn = {}});
  }
  MutexLock lock(meta_mutex_);
  return meta_->meta();
}

// Before anything is copied.
Result<void> DatabaseImpl::may_keep(std::uint64_t goes) {
  TRY(may_change_file());
  if (goes == 0) return may_keep_one_more();
  TRY(KeptReading::begin(*this, goes));
  return {};
}

Result<BackupReport> DatabaseImpl::backup(
    const BackupOptions& options,
    const std::function<Result<void>(const CopiedState&, BackupReport&)>& copy) {
  TRY(must_be_open());
  if (options.keep && options.checkpoint != 0) {
    return fail(ErrorCode::kInvalidArgument,
                "checkpoint " + std::to_string(options.checkpoint) +
                    " is kept already; BackupOptions::keep is for the newest state",
                {.file = path_, .offset = {}, .page = {}, .tree = {}, .txn = {}});
  }
  if (options.release != 0 && !options.keep) {
    return fail(ErrorCode::kInvalidArgument,
                "BackupOptions::release goes with keep; release_checkpoint() does it without",
                {.file = path_, .offset = {}, .page = {}, .tree = {}, .txn = {}});
  }
  const OpenMeanwhile open(*this);
  const auto begun = environment_.clock->now();
  BackupReport report;
  if (options.keep) TRY(may_keep(options.release));
  HeldState held = TRY(HeldState::begin(*this, options));
  CopiedState from{.file = file_.get(), .slots = slots_.get(), .state = {}, .base = {}};
  held.describe(from, options);
  if (from.base && (from.base->txn > from.state.txn || options.since == options.checkpoint)) {
    return fail(ErrorCode::kInvalidArgument,
                "an increment leads from an older kept checkpoint to a newer one, not from " +
                    std::to_string(options.since) + " to " + std::to_string(options.checkpoint),
                {.file = path_, .offset = {}, .page = {}, .tree = {}, .txn = {}});
  }
  TRY(copy(from, report));
  const bool follows = options.since != 0 || options.release != 0;
  if (options.keep && (report.sound() || !follows)) report.kept = TRY(held.keep(options.release));
  report.seconds = std::chrono::duration<double>(environment_.clock->now() - begun).count();
  return report;
}

Result<BackupReport> DatabaseImpl::backup(const std::string& path, const BackupOptions& options) {
  TRY(must_be_open());
  if (path.empty()) return fail(ErrorCode::kInvalidArgument, "the path of the backup is empty");
  if (path.find('\0') != path.npos)
    return fail(ErrorCode::kInvalidArgument, "the path of the backup has a zero byte in it");
  const std::string target = TRY(environment_.storage->real_path(path));
  return backup(options, [&](const CopiedState& from, BackupReport& report) {
    return from.base ? write_stream_file(environment_, from, target, options, report)
                     : write_backup(environment_, from, target, options, report);
  });
}

Result<BackupReport> DatabaseImpl::backup(const BackupSink& sink, const BackupOptions& options) {
  if (!sink) return fail(ErrorCode::kInvalidArgument, "there is nobody to take the backup");
  return backup(options, [&](const CopiedState& from, BackupReport& report) {
    return write_stream(environment_, from, sink, options, report);
  });
}

}  // namespace holdfast
