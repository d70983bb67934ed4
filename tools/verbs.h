// One function per verb of `holdfast`, each in cmd_<verb>.cc.
#pragma once

#include "tools/args.h"
#include "tools/console.h"

namespace holdfast::tools {

ExitCode run_put(const Arguments& args, Console& console);
ExitCode run_get(const Arguments& args, Console& console);
ExitCode run_del(const Arguments& args, Console& console);
ExitCode run_drop(const Arguments& args, Console& console);
ExitCode run_rename(const Arguments& args, Console& console);
ExitCode run_backup(const Arguments& args, Console& console);
ExitCode run_restore(const Arguments& args, Console& console);
ExitCode run_kept(const Arguments& args, Console& console);
ExitCode run_compact(const Arguments& args, Console& console);
ExitCode run_scan(const Arguments& args, Console& console);
ExitCode run_load(const Arguments& args, Console& console);
ExitCode run_dump(const Arguments& args, Console& console);
ExitCode run_stat(const Arguments& args, Console& console);
ExitCode run_check(const Arguments& args, Console& console);
ExitCode run_trees(const Arguments& args, Console& console);
ExitCode run_log(const Arguments& args, Console& console);
ExitCode run_shell(const Arguments& args, Console& console);

}  // namespace holdfast::tools
