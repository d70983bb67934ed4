// Runs a workload through crashes and failures of storage, on a simulated disk in memory.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "holdfast/crashlab/report.h"
#include "holdfast/crashlab/subject.h"
#include "holdfast/error.h"

namespace holdfast::crashlab {

/// How much is done. The same plan and subject give the same report, its seconds apart, unless time
/// cuts it short.
struct Plan {
  bool points = true;  ///< A crash at each storage call, and in the life after it.
  bool faults = true;  ///< Each storage call failing, once and for ever, in each way it can.
  bool lives = true;   ///< Random runs of several lives: crashes, failures, a full disk, rot.

  /// Outcomes tried of each crash point at most. What a crash leaves is any subset of the sectors,
  /// sizes and names that no sync had covered: where there are no more than this, all of them.
  std::uint64_t images = 64;
  /// Random runs, from this seed on.
  std::uint64_t runs = 200;
  std::uint64_t seed = 1;
  /// Ends all in good time; what was left out stands in the report. Zero: no limit.
  std::chrono::milliseconds time{0};
};

/// Ends at the first thing found, made as small as it can: one crash, as early as possible, with as
/// little lost as possible. After each recovery Holdfast's own verify() comes before the check, so
/// that what is found says whose fault it is.
/// Throws std::invalid_argument for a subject without `work` or `check`, std::bad_alloc; nothing
/// else.
[[nodiscard]] Report run(const Subject& subject, const Plan& plan = {});

/// One run again, by the line of a Found; the story is told whether or not something is wrong. Good
/// for the same subject and library only. kInvalidArgument for a line that can't be read.
[[nodiscard]] Result<Found> replay(const Subject& subject, std::string_view line);

}  // namespace holdfast::crashlab
