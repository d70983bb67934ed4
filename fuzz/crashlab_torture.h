// crashlab torture: real files and real SIGKILLs, on the file system that a directory lies on.
#pragma once

#include "fuzz/crashlab_args.h"
#include "tools/exit_code.h"

namespace holdfast::crashlab {

tools::ExitCode run_torture(const Arguments& args);

}  // namespace holdfast::crashlab
