// The program `holdfast`: one verb a run.
#include <exception>

#include "tools/args.h"
#include "tools/console.h"
#include "tools/interrupt.h"
#include "tools/standard_files.h"
#include "tools/verbs.h"

namespace holdfast::tools {
namespace {

ExitCode run(const Arguments& args, Console& console) {
  switch (args.verb) {
    case Verb::kPut:
      return run_put(args, console);
    case Verb::kGet:
      return run_get(args, console);
    case Verb::kDel:
      return run_del(args, console);
    case Verb::kDrop:
      return run_drop(args, console);
    case Verb::kRename:
      return run_rename(args, console);
    case Verb::kBackup:
      return run_backup(args, console);
    case Verb::kRestore:
      return run_restore(args, console);
    case Verb::kKept:
      return run_kept(args, console);
    case Verb::kCompact:
      return run_compact(args, console);
    case Verb::kScan:
      return run_scan(args, console);
    case Verb::kLoad:
      return run_load(args, console);
    case Verb::kDump:
      return run_dump(args, console);
    case Verb::kStat:
      return run_stat(args, console);
    case Verb::kCheck:
      return run_check(args, console);
    case Verb::kTrees:
      return run_trees(args, console);
    case Verb::kLog:
      return run_log(args, console);
    case Verb::kShell:
      return run_shell(args, console);
  }
  return ExitCode::kUsage;
}

}  // namespace
}  // namespace holdfast::tools

int main(int argc, char** argv) {
  using namespace holdfast::tools;
  hold_standard_files();
  watch_signals();
  Console console("holdfast");
  ExitCode code = ExitCode::kFailed;
  try {
    auto args = parse_holdfast(argc, argv);
    if (args) {
      if (args->json) console.speak_json();
      code = run(*args, console);
    } else {
      console.out().write(args.error().output);
      if (!args.error().message.empty()) console.say(args.error().message);
      code = args.error().code;
    }
  } catch (const std::exception& error) {
    console.say(
        error.what());  // Memory ran out; the database is as if the process had been killed.
  }
  return static_cast<int>(console.finish(code));
}
