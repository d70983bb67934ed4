// The recovery report in words.
#include <cstdio>

#include "holdfast/recovery_report.h"

namespace holdfast {
namespace {

std::string count(std::uint64_t n, const char* one, const char* many) {
  return std::to_string(n) + " " + (n == 1 ? one : many);
}

}  // namespace

const char* log_end_name(LogEnd end) noexcept {
  switch (end) {
    case LogEnd::kNoLog:
      return "no_log";
    case LogEnd::kClean:
      return "clean";
    case LogEnd::kUnfinished:
      return "unfinished";
    case LogEnd::kTorn:
      return "torn";
    case LogEnd::kDamaged:
      return "damaged";
  }
  return "unknown";
}

std::string RecoveryReport::to_string() const {
  if (created) return "new database";
  if (log_end == LogEnd::kNoLog) {
    std::string text = "closed cleanly at transaction " + std::to_string(checkpoint_txn);
    if (meta_copies_bad != 0) {
      text += "; " + count(meta_copies_bad, "meta block was bad", "meta blocks were bad");
    }
    return text;
  }
  char time[32];
  (void)std::snprintf(time, sizeof time, "%.3f s", seconds);
  std::string text = "recovered transaction " + std::to_string(recovered_txn) + " in " + time +
                     ": checkpoint " + std::to_string(checkpoint_txn) + ", " +
                     count(transactions_replayed, "transaction", "transactions") +
                     " replayed from " + count(log_bytes_read, "byte", "bytes") + " of log in " +
                     count(segments, "file", "files") + ", " +
                     count(pages_changed, "page", "pages") + " changed";
  if (meta_copies_bad != 0) {
    text += ", " + count(meta_copies_bad, "meta block was bad", "meta blocks were bad");
  }
  text += "\nlog end: " + std::string(log_end_name(log_end));
  if (bytes_dropped != 0 || batches_dropped != 0) {
    text += ", dropped " + count(bytes_dropped, "byte", "bytes") + " and " +
            count(batches_dropped, "whole batch", "whole batches") + " that were never committed";
  }
  if (log_end == LogEnd::kDamaged) {
    text += ", transactions " + std::to_string(first_lost_txn) + " to " +
            std::to_string(last_lost_txn) + " are lost";
  }
  if (!pages_lost.empty()) {
    text += ", " + count(pages_lost.size(), "page", "pages") +
            " that the log changes can't be read, first " + pages_lost.front().to_string();
  }
  if (checkpoint_in_flight != 0) {
    text += ", an unfinished checkpoint left " + count(checkpoint_in_flight, "page", "pages");
  }
  return text;
}

}  // namespace holdfast
