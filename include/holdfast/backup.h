// Backups: a copy of one state of a database, made while others read and write.
#pragma once

#include <cstdint>
#include <vector>

#include "holdfast/progress.h"
#include "holdfast/verify.h"

namespace holdfast {

struct BackupOptions {
  /// The kept checkpoint to copy. 0: the newest state, which is kept for as long as it takes, in
  /// memory only.
  std::uint64_t checkpoint = 0;
  std::uint64_t findings_max = 1000;
  ProgressFunction progress;
};

struct BackupReport {
  std::uint64_t txn = 0;    ///< The last transaction in the copy.
  std::uint64_t pages = 0;  ///< Copied, map pages included.
  std::uint64_t bytes = 0;  ///< Written to the copy.
  /// Pages that could not be read as they were written, at most BackupOptions::findings_max of
  /// them. Code "page_check": the copy has the page as damaged, so that reading it is kDamaged
  /// there too. "map_page_check": where its twin is sound the copy has that twice, else all pages
  /// behind it are damaged in the copy.
  std::vector<Finding> findings;
  std::uint64_t findings_total = 0;
  double seconds = 0;

  /// The copy has everything.
  [[nodiscard]] bool sound() const noexcept { return findings_total == 0; }
};

}  // namespace holdfast
