// What a LogOutcome says to those who refuse and those who report.
#include <algorithm>
#include <ctime>

#include "recovery/scan.h"

namespace holdfast {
namespace {

std::string wall_text(std::uint64_t wall_us) {
  const std::time_t seconds = static_cast<std::time_t>(wall_us / 1'000'000);
  std::tm parts{};
  (void)gmtime_r(&seconds, &parts);  // Of 64 bits of microseconds there is always a date.
  char text[40];
  (void)std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts);
  return text;
}

}  // namespace

Error LogOutcome::damage_error() const {
  const LogDamage found = damage.value_or(LogDamage{});
  std::string message = "the log is damaged: " + found.reason;
  if (!found.evidence.empty()) message += "; " + found.evidence;
  message += ". Transactions from " + std::to_string(raw(first_lost)) + " to " +
             (found.evidence.empty() ? "an unknown one" : std::to_string(raw(last_lost))) +
             " can't be read";
  if (found.last_good_wall_us != 0) {
    message += "; the last good one is of " + wall_text(found.last_good_wall_us);
  }
  if (found.last_lost_wall_us != 0) {
    message += ", the last sign of a lost one of " + wall_text(found.last_lost_wall_us);
  }
  message += ". Bring the file back, or open read-only and accept the loss";
  return Error(ErrorCode::kDamaged, message, found.place);
}

void LogOutcome::fill(RecoveryReport& report) const {
  report.log_end = log_end;
  report.recovered_txn = std::max(report.recovered_txn, raw(end.txn));
  report.log_bytes_read += log_bytes_read;
  report.transactions_replayed = groups;
  report.bytes_dropped = bytes_dropped;
  report.batches_dropped = batches_dropped;
  report.segments = segments_read;
  report.segments_ignored = segments_ignored;
  report.first_lost_txn = raw(first_lost);
  report.last_lost_txn = raw(last_lost);
  report.notes.insert(report.notes.end(), notes.begin(), notes.end());
  if (damage) report.notes.push_back(damage_error().to_string());
}

}  // namespace holdfast
