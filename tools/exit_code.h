// The exit codes of holdfast and dbcheck; docs/CLI.md has the table for users.
#pragma once

#include "holdfast/error.h"

namespace holdfast::tools {

enum class ExitCode : int {
  kDone = 0,           // Done, or sound. Also when the reader of our output went away.
  kNotFound = 1,       // No such key or tree.
  kUsage = 2,          // The command line, or a shell statement, can't mean anything.
  kFailed = 3,         // Something could not be read or written.
  kInUse = 4,          // Another process holds the database.
  kDamaged = 5,        // Bytes are not those that were written.
  kInterrupted = 130,  // SIGINT, SIGTERM or SIGHUP; what was committed before stays.
};

ExitCode exit_code_for(ErrorCode code) noexcept;

}  // namespace holdfast::tools
