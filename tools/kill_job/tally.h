// What all kills together came to: what was in flight, what was lost, what was wrong.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/kill_job/judge.h"
#include "tools/kill_job/killer.h"

namespace holdfast::kill_job {

// One kill, and what was found after it.
struct Look {
  std::vector<std::string> faults;     // The verdict's, and those of what was promised.
  std::vector<std::string> in_flight;  // What the kill cut off.
  std::uint64_t newest = 0;            // Acknowledged; 0 for none.
};

struct Tally {
  // `lost` is counted from what the round was promised alone.
  Look add(const Round& round, const Verdict& verdict, bool read_only);

  std::uint64_t in_flight = 0;
  std::uint64_t commits_cut = 0;         // Kinds of what was in flight; a kill may count
  std::uint64_t commits_unanswered = 0;  // in several.
  std::uint64_t checkpoints_unfinished = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t lost = 0;
  std::uint64_t faults = 0;
  std::uint64_t transaction = 0;  // In the database at the last look.
  std::uint64_t pages_left = 0;   // Of an unfinished checkpoint, still there after that look.
  std::uint64_t records = 0;      // Compared, all looks together.
  std::uint64_t log_bytes_max = 0;
  double writing_seconds = 0;
  double open_seconds_max = 0;

  [[nodiscard]] double commits_per_second() const noexcept;
};

}  // namespace holdfast::kill_job
