// crash_fuzz: runs of the crash lab from one seed after another, until one fails or time is up.
//
//   crash_fuzz [--seed N] [--runs N] [--seconds S] [--twice | --calm]
//
// --twice does each run twice and compares the stories, every storage call in them. --calm leaves
// the crashes out: one life of 2,000 drawn ops each, compared with the model as it goes and closed.
//
// Ends with 5 when something was found; the story of the failing run goes to standard output, the
// line that repeats it to standard error.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <limits>
#include <memory>
#include <optional>
#include <string>

#include "fuzz/lab/crash_run.h"
#include "fuzz/lab/keep_memory.h"
#include "fuzz/lab/lab_database.h"
#include "fuzz/lab/swarm.h"

namespace {

struct Arguments {
  std::uint64_t seed = 1;
  std::uint64_t runs = std::numeric_limits<std::uint64_t>::max();
  double seconds = std::numeric_limits<double>::infinity();
  bool twice = false;
  bool calm = false;
};

bool read_arguments(int argc, char** argv, Arguments& arguments) {
  for (int i = 1; i < argc; ++i) {
    const bool twice = std::strcmp(argv[i], "--twice") == 0;
    if (twice || std::strcmp(argv[i], "--calm") == 0) {
      (twice ? arguments.twice : arguments.calm) = true;
      continue;
    }
    if (i + 1 == argc) return false;
    const char* const name = argv[i];
    const char* const value = argv[++i];
    char* end = nullptr;
    if (std::strcmp(name, "--seed") == 0) {
      arguments.seed = std::strtoull(value, &end, 10);
    } else if (std::strcmp(name, "--runs") == 0) {
      arguments.runs = std::strtoull(value, &end, 10);
    } else if (std::strcmp(name, "--seconds") == 0) {
      arguments.seconds = std::strtod(value, &end);
    }
    if (end == nullptr || *end != '\0' || end == value) return false;
  }
  return true;
}

// Of this process: on a machine that is shared, what a core does in a second.
double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void tell_progress(const holdfast::CrashRun& lab, double seconds) {
  const auto& totals = lab.totals();
  const double cpu = cpu_seconds();
  std::fprintf(stderr, "%.0f s, %.1f of a core: %s; per second of a core: %.0f crashes, %.0f ops\n",
               seconds, cpu, totals.to_string().c_str(), static_cast<double>(totals.crashes) / cpu,
               static_cast<double>(totals.counters.ops) / cpu);
}

// What was wrong, or nothing.
std::optional<std::string> calm_run(std::uint64_t seed, std::uint64_t& ops,
                                    std::uint64_t& records) {
  static holdfast::SimDisk disk;
  static holdfast::LabDatabase database(disk);
  holdfast::Choices choices(seed);
  disk.reset({});
  const holdfast::Shape shape = holdfast::Shape::draw(choices);
  database.start(shape, seed);
  database.open();
  for (int i = 0; i < 2000 && database.usable(); ++i) {
    database.apply(holdfast::draw_op(choices, shape, {}));
  }
  if (database.usable()) database.close();
  ops += database.counters().ops;
  records += database.counters().records;
  database.stop();
  return database.failure();
}

int run_calm(const Arguments& arguments) {
  const auto begin = std::chrono::steady_clock::now();
  std::uint64_t ops = 0, records = 0, runs = 0;
  for (; runs < arguments.runs && seconds_since(begin) < arguments.seconds; ++runs) {
    if (const auto failure = calm_run(arguments.seed + runs, ops, records)) {
      std::fprintf(stderr, "FOUND: %s\nAgain: crash_fuzz --calm --seed %llu --runs 1\n",
                   failure->c_str(), static_cast<unsigned long long>(arguments.seed + runs));
      return 5;
    }
  }
  const double cpu = cpu_seconds();
  std::fprintf(
      stderr,
      "%llu calm runs, %llu ops, %llu operations on records in them; per second of a core: "
      "%.0f ops, %.0f operations on records\n",
      static_cast<unsigned long long>(runs), static_cast<unsigned long long>(ops),
      static_cast<unsigned long long>(records), static_cast<double>(ops) / cpu,
      static_cast<double>(records) / cpu);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  holdfast::keep_memory();
  Arguments arguments;
  if (!read_arguments(argc, argv, arguments)) {
    std::fprintf(stderr,
                 "usage: crash_fuzz [--seed N] [--runs N] [--seconds S] [--twice | --calm]\n");
    return 2;
  }
  if (arguments.calm) return run_calm(arguments);
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
    if (arguments.twice && lab->story_of(seed) != lab->story_of(seed)) {
      std::fprintf(stderr, "FOUND: seed %llu has two stories\n",
                   static_cast<unsigned long long>(seed));
      return 5;
    }
    if (auto failure = arguments.twice ? std::nullopt : lab->run(seed)) {
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
