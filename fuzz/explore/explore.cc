// explore [SCENARIO…] [--preemptions N] [--seconds N] [--replay SCHEDULE]
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "fuzz/explore/scenarios.h"
#include "fuzz/lab/keep_memory.h"

namespace holdfast::explore {
namespace {

struct Arguments {
  std::vector<std::string> names;
  Bounds bounds;
  std::string replay;
};

bool read_arguments(int argc, char** argv, Arguments& arguments) {
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word[0] != '-') {
      arguments.names.push_back(word);
      continue;
    }
    if (i + 1 >= argc) return false;
    const char* value = argv[++i];
    if (word == "--preemptions") {
      arguments.bounds.preemptions = static_cast<std::uint32_t>(std::strtoul(value, nullptr, 10));
    } else if (word == "--seconds") {
      arguments.bounds.seconds = std::strtod(value, nullptr);
    } else if (word == "--replay") {
      arguments.replay = value;
    } else {
      return false;
    }
  }
  return arguments.replay.empty() || arguments.names.size() == 1;
}

// False when something was found.
bool explore_one(const ScenarioKind& scenario, const Arguments& arguments) {
  if (!arguments.replay.empty()) {
    const std::string fault = replay(scenario.make, arguments.replay);
    std::printf("%s: %s\n", scenario.name, fault.empty() ? "all as it should be" : fault.c_str());
    return fault.empty();
  }
  const bool terminal = isatty(STDERR_FILENO) == 1;
  const auto begun = std::chrono::steady_clock::now();
  auto seconds = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  };
  const Exploration done = explore(scenario.make, arguments.bounds, [&](const Exploration& so_far) {
    if (terminal) {
      std::fprintf(stderr, "\r%s: %lu schedules, %.0f a second", scenario.name, so_far.runs,
                   static_cast<double>(so_far.runs) / seconds());
    }
    return true;
  });
  if (terminal) std::fprintf(stderr, "\r\033[K");
  std::printf("%-26s %8lu schedules, at most %lu steps, up to %u preemptions, %.1f s: %s\n",
              scenario.name, done.runs, done.steps_max, arguments.bounds.preemptions, seconds(),
              !done.fault.empty() ? "FAULT" : (done.complete ? "all" : "not all, time is over"));
  if (done.fault.empty()) return true;
  std::printf("  %s\n  explore %s --replay %s\n", done.fault.c_str(), scenario.name,
              done.schedule.c_str());
  return false;
}

int run(int argc, char** argv) {
  keep_memory();
  Arguments arguments;
  if (!read_arguments(argc, argv, arguments)) {
    std::fprintf(stderr,
                 "usage: explore [SCENARIO...] [--preemptions N] [--seconds N a scenario]\n"
                 "       explore SCENARIO --replay SCHEDULE\n"
                 "Scenarios:\n");
    for (const ScenarioKind& scenario : scenarios())
      std::fprintf(stderr, "  %-26s %s\n", scenario.name, scenario.story);
    return 2;
  }
  bool sound = true;
  std::size_t known = 0;
  for (const ScenarioKind& scenario : scenarios()) {
    const auto& names = arguments.names;
    if (!names.empty() && std::find(names.begin(), names.end(), scenario.name) == names.end())
      continue;
    ++known;
    sound = explore_one(scenario, arguments) && sound;
    std::fflush(stdout);
  }
  if (known < arguments.names.size() || known == 0) {
    std::fprintf(stderr, "explore: no such scenario; explore --help lists them\n");
    return 2;
  }
  return sound ? 0 : 5;
}

}  // namespace
}  // namespace holdfast::explore

int main(int argc, char** argv) {
  return holdfast::explore::run(argc, argv);
}
