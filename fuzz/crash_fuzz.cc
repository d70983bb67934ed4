// crash_fuzz: runs of the crash lab from one seed after another, until one fails or time is up.
//
//   crash_fuzz [--seed N] [--runs N] [--seconds S]
//
// Ends with 5 when something was found; the story of the failing run goes to standard output, the
// line that repeats it to standard error.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <string>

#include "fuzz/lab/crash_run.h"

namespace {

struct Arguments {
  std::uint64_t seed = 1;
  std::uint64_t runs = std::numeric_limits<std::uint64_t>::max();
  double seconds = std::numeric_limits<double>::infinity();
};

bool read_arguments(int argc, char** argv, Arguments& arguments) {
  for (int i = 1; i < argc; i += 2) {
    if (i + 1 == argc) return false;
    char* end = nullptr;
    if (std::strcmp(argv[i], "--seed") == 0) {
      arguments.seed = std::strtoull(argv[i + 1], &end, 10);
    } else if (std::strcmp(argv[i], "--runs") == 0) {
      arguments.runs = std::strtoull(argv[i + 1], &end, 10);
    } else if (std::strcmp(argv[i], "--seconds") == 0) {
      arguments.seconds = std::strtod(argv[i + 1], &end);
    }
    if (end == nullptr || *end != '\0' || end == argv[i + 1]) return false;
  }
  return true;
}

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void tell_progress(const holdfast::CrashRun& lab, double seconds) {
  const auto& totals = lab.totals();
  std::fprintf(stderr, "%.0f s: %s; %.0f crashes/s, %.0f ops/s\n", seconds,
               totals.to_string().c_str(), static_cast<double>(totals.crashes) / seconds,
               static_cast<double>(totals.counters.ops) / seconds);
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (!read_arguments(argc, argv, arguments)) {
    std::fprintf(stderr, "usage: crash_fuzz [--seed N] [--runs N] [--seconds S]\n");
    return 2;
  }
  const auto lab = std::make_unique<holdfast::CrashRun>();
  const auto begin = std::chrono::steady_clock::now();
  double told = 0;
  for (std::uint64_t i = 0; i < arguments.runs; ++i) {
    const double now = seconds_since(begin);
    if (now >= arguments.seconds) break;
    if (now - told >= 10) {
      tell_progress(*lab, now);
      told = now;
    }
    const std::uint64_t seed = arguments.seed + i;
    if (auto failure = lab->run(seed)) {
      tell_progress(*lab, seconds_since(begin));
      std::fputs(lab->story_of(seed).c_str(), stdout);
      std::fprintf(stderr, "FOUND: %s\nAgain: crash_fuzz --seed %llu --runs 1\n", failure->c_str(),
                   static_cast<unsigned long long>(seed));
      return 5;
    }
  }
  tell_progress(*lab, seconds_since(begin));
  return 0;
}
