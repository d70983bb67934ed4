// Opens the database after a kill and compares all of it with what must be there.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/kill_job/history.h"

namespace holdfast::kill_job {

struct Verdict {
  bool opened = false;
  std::vector<std::string> faults;     // Sentences; none when all is as it must be.
  std::string report;                  // The recovery report, a line or two.
  bool commit_cut = false;             // By that report: the log ends in the middle of a commit.
  std::uint64_t recovered_txn = 0;     // By that report: the newest commit found, whole.
  std::uint64_t checkpoint_pages = 0;  // By that report: left by a checkpoint that never finished.
  std::uint64_t transaction = 0;       // The last one that is in the database.
  std::uint64_t records = 0;           // Compared, in all trees.
  std::uint64_t file_bytes = 0;
  std::uint64_t log_bytes = 0;
  double open_seconds = 0;
};

// Read-only opening leaves the recovery to the next child, who may be killed in the middle of it.
Verdict judge(const std::string& database, const History& history, bool read_only);

}  // namespace holdfast::kill_job
