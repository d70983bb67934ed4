// The recovery report in words.
#include <cstdio>

#include "holdfast/recovery_report.h"

namespace holdfast {
namespace {

std::string count(std::uint64_t n, const char* one, const char* many) {
  return std::to_string(n) + " " + (n == 1 ? one : many);
}

std::string in_words(const RecoveryReport& report) {
  if (report.created) return "new database";
  if (report.log_end == LogEnd::kNoLog) {
    std::string text = "closed cleanly at transaction " + std::to_string(report.checkpoint_txn);
    if (report.meta_copies_bad != 0) {
      text += "; " + count(report.meta_copies_bad, "meta block was bad", "meta blocks were bad");
    }
    return text;
  }
  char time[32];
  (void)std::snprintf(time, sizeof time, "%.3f s", report.seconds);
  std::string text = "recovered transaction " + std::to_string(report.recovered_txn) + " in " +
                     time + ": checkpoint " + std::to_string(report.checkpoint_txn) + ", " +
                     count(report.transactions_replayed, "transaction", "transactions") +
                     " replayed from " + count(report.log_bytes_read, "byte", "bytes") +
                     " of log in " + count(report.segments, "file", "files") + ", " +
                     count(report.pages_changed, "page", "pages") + " changed";
  if (report.meta_copies_bad != 0) {
    text += ", " + count(report.meta_copies_bad, "meta block was bad", "meta blocks were bad");
  }
  text += "\nlog end: " + std::string(log_end_name(report.log_end));
  if (report.bytes_dropped != 0 || report.batches_dropped != 0) {
    text += ", dropped " + count(report.bytes_dropped, "byte", "bytes") + " and " +
            count(report.batches_dropped, "whole batch", "whole batches") +
            " that were never committed";
  }
  if (report.log_end == LogEnd::kDamaged) {
    text += ", transactions " + std::to_string(report.first_lost_txn) + " to " +
            std::to_string(report.last_lost_txn) + " are lost";
  }
  if (!report.pages_lost.empty()) {
    text += ", " + count(report.pages_lost.size(), "page", "pages") +
            " that the log changes can't be read, first " + report.pages_lost.front().to_string();
  }
  if (report.checkpoint_in_flight != 0) {
    text +=
        ", an unfinished checkpoint left " + count(report.checkpoint_in_flight, "page", "pages");
  }
  return text;
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

std::string RecoveryReport::to_string() const noexcept {
  try {
    return in_words(*this);
  } catch (...) {
    return "(no memory)";  // Short enough to need none.
  }
}

}  // namespace holdfast
