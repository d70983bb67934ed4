// Kill, look, tell, and again.
#include "tools/kill_job/job.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <utility>

namespace holdfast::kill_job {

Job::Job(Plan plan, History history)
    : plan_(std::move(plan)),
      history_(std::move(history)),
      database_(plan_.directory + "/packages.holdfast"),
      killer_(database_, history_) {}

void Job::account(const Round& round, const Verdict& verdict, bool read_only) {
  const Look look = tally_.add(round, verdict, read_only);
  fmt::print("{}{}{}: {} acknowledged up to {}, begun up to {}; found {}, {} records compared\n",
             round.killed ? fmt::format("kill {}", kills_) : "at the end",
             look.in_flight.empty()
                 ? ""
                 : fmt::format(", in flight ({})", fmt::join(look.in_flight, ", ")),
             read_only ? ", looked at read-only" : "", round.acknowledged.size(), look.newest,
             round.begun, verdict.transaction, verdict.records);
  if (!verdict.report.empty()) fmt::print("  {}\n", verdict.report);
  for (const std::string& fault : look.faults) fmt::print("  FAULT: {}\n", fault);
  std::fflush(stdout);
}

bool Job::run() {
  const auto start = std::chrono::steady_clock::now();
  while ((kills_ < plan_.kills || tally_.in_flight < plan_.in_flight) && kills_ < plan_.kills_max) {
    const bool early = kills_ % 8 == 5;
    const Round round = killer_.let_child_write(early);
    if (!round.killed) {
      fmt::print("The child ended by itself; the job can't go on.\n");
      return false;
    }
    ++kills_;
    if (early && access(database_.c_str(), F_OK) != 0) continue;  // Killed before it was made.
    const bool read_only = kills_ % 4 == 0;
    const Verdict verdict = judge(database_, history_, read_only);
    account(round, verdict, read_only);
    if (!verdict.opened) return false;
  }
  const Verdict last = judge(database_, history_, false);
  account(Round{}, last, false);
  const bool checked = run_dbcheck();
  print_queries();
  fmt::print("\nThe job took {:.0f} s.\n",
             std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  return print_summary(checked);
}

}  // namespace holdfast::kill_job
