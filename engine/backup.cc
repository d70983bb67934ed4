// Database::backup(): what is copied, and what keeps it in place meanwhile.
#include "engine/backup_file.h"
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

}  // namespace

Result<BackupReport> DatabaseImpl::backup(const std::string& path, const BackupOptions& options) {
  TRY(must_be_open());
  if (path.empty()) return fail(ErrorCode::kInvalidArgument, "the path of the backup is empty");
  if (path.find('\0') != path.npos)
    return fail(ErrorCode::kInvalidArgument, "the path of the backup has a zero byte in it");
  const OpenMeanwhile open(*this);
  const auto begun = environment_.clock->now();
  const std::string target = TRY(environment_.storage->real_path(path));
  BackupReport report;
  const auto copy = [&](const Meta& state) {
    return write_backup(environment_, {file_.get(), slots_.get(), state}, target, options, report);
  };
  if (options.checkpoint != 0) {
    const KeptReading kept = TRY(KeptReading::begin(*this, options.checkpoint));
    TRY(copy(kept.meta()));
  } else if (read_only_) {
    // Nobody writes to it meanwhile, but what its log says isn't in the file.
    if (recovered_.load()) {
      return fail(
          ErrorCode::kReadOnly,
          "the database was not closed, and what its log holds can't be backed up read-only; "
          "open it for writing",
          {.file = path_, .offset = {}, .page = {}, .tree = {}, .txn = {}});
    }
    TRY(copy(meta_->meta()));
  } else {
    const NewestPinned newest = TRY(NewestPinned::begin(*this));
    TRY(copy(newest.meta()));
  }
  report.seconds = std::chrono::duration<double>(environment_.clock->now() - begun).count();
  return report;
}

}  // namespace holdfast
