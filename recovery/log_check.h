// The log's part of verify(): the same scan as recovery's, read for findings rather than decisions.
#pragma once

#include <string>
#include <vector>

#include "recovery/scan.h"

namespace holdfast {

struct LogCheck {
  std::uint64_t bytes_checked = 0;
  std::uint64_t groups = 0;
  std::vector<LogDamage> damage;   // Empty: everything durable is readable.
  std::vector<std::string> notes;  // Worth telling, no loss yet: one bad header of two.
};

// Checks the log from `start` up to `durable`, which the caller took from
// LogWriter::durable_position() (or scan_log()) before. What a live writer adds meanwhile doesn't
// matter. Nothing may be released while this runs.
Result<LogCheck> check_log(Storage& storage, const std::string& base_path, const Uuid& uuid,
                           const LogStart& start, const LogPosition& durable);

}  // namespace holdfast
