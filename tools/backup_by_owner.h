// holdfast backup of a database that another process has open and serves.
#pragma once

#include "tools/args.h"
#include "tools/console.h"

namespace holdfast::tools {

// `busy` is what opening it answered.
ExitCode backup_by_owner(const Arguments& given, const Error& busy, Console& console);

}  // namespace holdfast::tools
