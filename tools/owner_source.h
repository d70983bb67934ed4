// A source that asks the process that has the database open.
#pragma once

#include "holdfast/backup.h"
#include "holdfast/kept_checkpoint.h"
#include "holdfast/verify.h"
#include "tools/owner.h"
#include "tools/source.h"

namespace holdfast::tools {

// The owner of a database that could not be opened for `busy`. Where it can't be asked either: that
// has been said, and the exit code is that of a database in use.
Step<Owner> reach_owner(const Arguments& args, const Error& busy, Console& console);

std::unique_ptr<Source> source_of(Owner owner);

// As Database::kept_checkpoints().
Result<std::vector<KeptCheckpoint>> kept_checkpoints(Owner& owner);

// A backup that the owner makes, as a stream.
class OwnerBackup {
 public:
  // `progress` must outlive it.
  static Result<OwnerBackup> begin(Owner& owner, const BackupOptions& wanted,
                                   const ProgressFunction& progress);
  // As a BackupSource.
  Result<std::size_t> read(std::span<char> buffer);
  // What the owner said of it, which came with the end.
  Result<BackupReport> report() const;

 private:
  explicit OwnerBackup(Owner& owner) : owner_(&owner) {}

  Result<void> read_report();

  Owner* owner_;
  std::uint64_t left_ = 0;  // Of a chunk.
  std::optional<BackupReport> report_;
};

// As Database::verify(), done by the owner.
Result<VerifyReport> verify(Owner& owner, const VerifyOptions& options);

}  // namespace holdfast::tools
