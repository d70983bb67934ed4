// Backups: a copy of one state of a database, made while others read and write, and the way back.
//
//   auto sunday = db.backup("sunday.db", {.keep = true}).value();  // On Sunday,
//   db.backup("monday.inc", {.since = sunday.kept}).value();       // the next day,
//   Database::restore({{"sunday.db"}, {"monday.inc"}}, "new.db").value();  // and the day after.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/error.h"
#include "holdfast/progress.h"
#include "holdfast/verify.h"

namespace holdfast {

struct Environment;  // Storage, time and randomness; see engine/base/environment.h.

struct BackupOptions {
  /// The kept checkpoint to copy. 0: the newest state, which is kept for as long as it takes, in
  /// memory only.
  std::uint64_t checkpoint = 0;
  /// An older kept checkpoint: an increment is made, a stream of what the state needs and that
  /// checkpoint doesn't hold, for restore() after a backup of that checkpoint. 0: everything.
  std::uint64_t since = 0;
  /// The newest state that was copied becomes a kept checkpoint once all of the copy is written,
  /// and durable if it is a file: the base of the next increment. Not if damaged pages were met and
  /// there is a base already, `since` or `release`, from which the next increment may find them.
  /// BackupReport::kept says which it is. kInvalidArgument with `checkpoint`, which is kept as it
  /// is; kLimitExceeded as keep_checkpoint(). Where only this step fails, the copy is there.
  bool keep = false;
  /// With `keep`: a kept checkpoint that is released in the same step, `since` as a rule.
  /// kNotFound; kBusy while somebody else reads it.
  std::uint64_t release = 0;
  std::uint64_t findings_max = 1000;
  ProgressFunction progress;
};

/// Takes the next bytes of a stream, at most some 256 KiB, in the thread that called and in order.
/// An error that it answers ends the backup with that error, and one that it throws with
/// kCancelled. It may take its time, and use the database, but for closing it.
using BackupSink = std::function<Result<void>(std::string_view bytes)>;

/// Gives the next bytes of a stream: fills `buffer` from its start, and answers how many there are;
/// 0 only at the end. Errors as of a BackupSink.
using BackupSource = std::function<Result<std::size_t>(std::span<char> buffer)>;

/// What restore() is made from: a file that backup() wrote, or its bytes.
struct BackupPart {
  std::string path;       ///< A database or a stream. With a source: what to call that in errors.
  BackupSource source{};  ///< A stream that isn't a file; read once, forwards. Empty: the file.
};

struct RestoreOptions {
  std::uint64_t findings_max = 1000;
  ProgressFunction progress;
  /// As Options::environment.
  Environment* environment = nullptr;
};

/// Of backup() and of restore().
struct BackupReport {
  std::uint64_t txn = 0;    ///< The last transaction in the copy.
  std::uint64_t pages = 0;  ///< Copied, map pages included.
  std::uint64_t bytes = 0;  ///< Written to the copy, or to the sink.
  /// Pages that could not be read as they were written, at most findings_max of them. Code
  /// "page_check": the copy has the page as damaged, so that reading it is kDamaged there too.
  /// "map_page_check": where its twin is sound the copy has that twice, else all pages behind it
  /// are damaged in the copy. Of an increment: those that are in it.
  std::vector<Finding> findings;
  std::uint64_t findings_total = 0;
  double seconds = 0;
  /// Of a backup with BackupOptions::keep: the kept checkpoint that was copied. 0: none.
  std::uint64_t kept = 0;

  /// The copy has everything.
  [[nodiscard]] bool sound() const noexcept { return findings_total == 0; }
};

}  // namespace holdfast
