// Giving space back on demand: Database::compact().
#pragma once

#include <cstdint>
#include <string>

#include "holdfast/progress.h"

namespace holdfast {

struct CompactOptions {
  /// Pages moved, in bytes, each second. 0: as fast as the disk does it.
  std::uint64_t bytes_per_second = 0;
  /// Stages "reclaim" (pages of what was dropped or erased as a range), "compact" (pages moved) and
  /// "cut" (bytes).
  ProgressFunction progress;
};

/// What keeps the file from being smaller.
enum class CompactEnd : std::uint8_t {
  kDone,            ///< Nothing: it is within a few per cent of its contents.
  kKeptCheckpoint,  ///< A kept checkpoint, or a backup under way, needs what lies at its end.
  kOldVersions,     ///< Versions that open snapshots need, and that memory had no room for.
  kDamage,          ///< Pages that can't be read are left where they are.
  kWriters,         ///< Others wrote to its end meanwhile.
};

struct CompactReport {
  std::uint64_t bytes_before = 0;  ///< Size of the file.
  std::uint64_t bytes_after = 0;
  std::uint64_t free_bytes = 0;   ///< Of those after, in no use.
  std::uint64_t pages_moved = 0;  ///< Without those of the page map.
  CompactEnd end = CompactEnd::kDone;
  std::string why;               ///< A sentence about it; empty with kDone.
  std::uint64_t checkpoint = 0;  ///< With kKeptCheckpoint: which; 0: a backup's.
  double seconds = 0;
};

}  // namespace holdfast
