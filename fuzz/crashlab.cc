// crashlab: shows that the promises hold when storage fails, or finds where they don't. README.md
// of this folder says what it runs.
#include <fmt/format.h>

#include <exception>

#include "fuzz/crashlab_args.h"
#include "fuzz/crashlab_run.h"
#include "fuzz/crashlab_source.h"
#include "fuzz/crashlab_torture.h"
#include "fuzz/lab/keep_memory.h"
#include "fuzz/lab/replay_line.h"
#include "fuzz/lab/shrink.h"
#include "tools/interrupt.h"
#include "tools/output.h"

namespace holdfast::crashlab {
namespace {

using tools::ExitCode;

ExitCode say(ExitCode code, const std::string& sentence) {
  tools::Output errors(2);
  errors.write("crashlab: " + sentence + "\n");
  errors.flush();
  return code;
}

ExitCode tell(ExitCode code, const std::string& text) {
  tools::Output out(1);
  out.write(text);
  return out.flush() ? code : ExitCode::kFailed;
}

ExitCode run_replay(const Arguments& args) {
  const auto line = read_line(args.line);
  if (!line) return say(ExitCode::kUsage, "The line can't be read: " + line.error() + ".");
  const Replay done = replay(*line);
  std::string text;
  for (const std::string& each : done.story) text += each + "\n";
  if (!done.failure) return tell(ExitCode::kDone, text + "Nothing is wrong with it.\n");
  return tell(ExitCode::kDamaged, text + "FOUND: " + *done.failure + "\n");
}

ExitCode run_shrink(const Arguments& args) {
  const auto line = read_line(args.line);
  if (!line) return say(ExitCode::kUsage, "The line can't be read: " + line.error() + ".");
  const auto* points = std::get_if<PointsLine>(&*line);
  if (points == nullptr) {
    return say(ExitCode::kUsage, "Only lines that begin with points: can be made smaller.");
  }
  const Shrunk small = shrink(points->workload, points->path);
  if (small.what.empty()) return tell(ExitCode::kDone, "Nothing is wrong with it.\n");
  return tell(ExitCode::kDamaged,
              fmt::format("FOUND: {}\nAgain: crashlab replay {}\nThat took {} runs.\n", small.what,
                          line_of(small.workload, small.path), small.tried));
}

ExitCode run(const Arguments& args) {
  switch (args.verb) {
    case Verb::kRun:
      return run_sweep(args);
    case Verb::kReplay:
      return run_replay(args);
    case Verb::kShrink:
      return run_shrink(args);
    case Verb::kTorture:
      return run_torture(args);
    case Verb::kMutants:
    case Verb::kCoverage:
      return say(ExitCode::kUsage, hand_on(args));
  }
  return ExitCode::kUsage;
}

int main_of(int argc, char** argv) {
  tools::watch_signals();
  try {
    const auto args = parse(argc, argv);
    if (args) return static_cast<int>(run(*args));
    if (!args.error().output.empty()) (void)tell(ExitCode::kDone, args.error().output);
    if (!args.error().message.empty()) (void)say(ExitCode::kUsage, args.error().message);
    return static_cast<int>(args.error().code);
  } catch (const std::exception& error) {
    return static_cast<int>(say(ExitCode::kFailed, error.what()));  // Memory ran out.
  }
}

}  // namespace
}  // namespace holdfast::crashlab

int main(int argc, char** argv) {
  holdfast::keep_memory();
  return holdfast::crashlab::main_of(argc, argv);
}
