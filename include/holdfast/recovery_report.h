// What open() found and did: how the log ended, what was replayed, what was dropped and why.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "holdfast/error.h"
#include "holdfast/export.h"

namespace holdfast {

/// How the log that lay beside the file ended. The rows of recovery's decision table, seen by
/// users.
enum class LogEnd : std::uint8_t {
  kNoLog,       ///< Clean close: one file at rest, nothing to do.
  kClean,       ///< The log ends with a whole transaction and nothing after it.
  kUnfinished,  ///< Then whole batches of a transaction that never committed; dropped.
  kTorn,        ///< Then bytes of a batch that was being written; dropped.
  kDamaged,     ///< Bytes known to have been durable are bad. Opening for writing is refused.
};

struct HOLDFAST_EXPORT RecoveryReport {
  bool created = false;  ///< The database was made by this opening.
  LogEnd log_end = LogEnd::kNoLog;
  std::uint64_t generation = 0;       ///< Of the meta that was chosen.
  std::uint32_t meta_copies_bad = 0;  ///< Meta blocks that should have been good and weren't.
  std::uint64_t checkpoint_txn = 0;   ///< State in the tree file.
  std::uint64_t recovered_txn = 0;    ///< State after replay.
  std::uint64_t log_bytes_read = 0;
  std::uint64_t transactions_replayed = 0;
  std::uint64_t pages_changed = 0;  ///< Distinct pages that replay changed.
  std::uint64_t bytes_dropped =
      0;  ///< Log bytes after the last whole transaction that were not zero.
  std::uint64_t batches_dropped = 0;   ///< Whole batches without their commit.
  std::uint64_t segments = 0;          ///< Log files read.
  std::uint64_t segments_ignored = 0;  ///< Log files of this database that no longer matter.
  std::uint64_t checkpoint_in_flight =
      0;  ///< Pages found written by a checkpoint that never finished.
  /// Pages that the log changes and that can't be read, each with an error that says where. Only
  /// OpenMode::kReadOnly opens then: these pages answer with that error, all others are served.
  std::vector<Error> pages_lost;
  std::uint64_t first_lost_txn = 0;  ///< kDamaged: first transaction that can't be read.
  std::uint64_t last_lost_txn = 0;   ///< kDamaged: last one known to have been durable.
  double seconds = 0;
  std::vector<std::string> notes;  ///< One sentence per decision that someone may ask about.

  /// A commit or a checkpoint was under way when the last process ended.
  [[nodiscard]] bool work_in_flight() const noexcept {
    return log_end == LogEnd::kUnfinished || log_end == LogEnd::kTorn || checkpoint_in_flight != 0;
  }
  /// One or two lines for a terminal. "(no memory)" where there is none.
  [[nodiscard]] std::string to_string() const noexcept;
};

HOLDFAST_EXPORT const char* log_end_name(LogEnd end) noexcept;

}  // namespace holdfast
