// Runs a sweep: threads that take its parts, a deadline, progress, and the report.
#pragma once

#include "fuzz/crashlab_args.h"
#include "tools/exit_code.h"

namespace holdfast::crashlab {

tools::ExitCode run_sweep(const Arguments& args);

}  // namespace holdfast::crashlab
