#include "tools/kill_job/tally.h"

#include <fmt/format.h>

#include <algorithm>

namespace holdfast::kill_job {

Look Tally::add(const Round& round, const Verdict& verdict, bool read_only) {
  // A child that began nothing, or pages that the look before saw too, speak of an earlier kill.
  const bool wrote = round.begun != 0;
  const bool cut = wrote && verdict.commit_cut;
  // The report has a commit whose call had not returned.
  const bool unanswered = !round.acknowledged.empty() && verdict.recovered_txn > round.token;
  const bool checkpoint =
      wrote && verdict.checkpoint_pages != 0 && verdict.checkpoint_pages != pages_left;
  Look look;
  if (cut) look.in_flight.push_back("commit cut off");
  if (unanswered) look.in_flight.push_back("commit not yet answered");
  if (checkpoint) look.in_flight.push_back("checkpoint");
  pages_left = read_only ? verdict.checkpoint_pages : 0;
  in_flight += look.in_flight.empty() ? 0 : 1;
  commits_cut += cut ? 1 : 0;
  commits_unanswered += unanswered ? 1 : 0;
  checkpoints_unfinished += checkpoint ? 1 : 0;
  acknowledged += round.acknowledged.size();
  writing_seconds += round.seconds;
  open_seconds_max = std::max(open_seconds_max, verdict.open_seconds);
  log_bytes_max = std::max(log_bytes_max, verdict.log_bytes);
  records += verdict.records;

  look.faults = verdict.faults;
  std::uint64_t gone = 0;
  for (const std::uint64_t n : round.acknowledged) {
    gone += n > verdict.transaction ? 1 : 0;
    look.newest = std::max(look.newest, n);
  }
  if (gone != 0) look.faults.push_back(fmt::format("LOST: {} acknowledged transactions.", gone));
  if (verdict.transaction < transaction) {
    gone += transaction - verdict.transaction;
    look.faults.push_back(
        fmt::format("LOST: an earlier look had seen transaction {}.", transaction));
  }
  if (verdict.transaction > std::max(round.begun, transaction)) {
    look.faults.push_back("There are transactions that were never begun.");
  }
  lost += gone;
  faults += look.faults.size();
  transaction = verdict.transaction;
  return look;
}

double Tally::commits_per_second() const noexcept {
  return static_cast<double>(acknowledged) / std::max(writing_seconds, 0.001);
}

}  // namespace holdfast::kill_job
