// The command line of crashlab as plain data. Its .cc alone includes the parsing library, which is
// slow to compile.
#pragma once

#include <cstdint>
#include <expected>
#include <limits>
#include <string>
#include <vector>

#include "fuzz/lab/sim_crash.h"
#include "tools/exit_code.h"

namespace holdfast::crashlab {

enum class Verb { kRun, kReplay, kShrink, kTorture, kMutants, kCoverage };
enum class Kind { kPoints, kShort, kFaults, kBits, kSwaps, kLives };

struct Arguments {
  Verb verb = Verb::kRun;
  Kind kind = Kind::kLives;
  double seconds = std::numeric_limits<double>::infinity();
  std::uint64_t seed = 1;
  std::uint64_t from = 0;
  std::uint64_t parts = std::numeric_limits<std::uint64_t>::max();
  unsigned jobs = 1;
  std::string workload;
  DiskKind disk = DiskKind::kWeak;
  std::string line;
  std::string directory;
  std::string source;              // Of mutants and coverage; empty: around here.
  std::vector<std::string> words;  // For the script that does their work.
  bool json = false;
};

// Why there are no arguments to act on: help was asked for, or they are wrong.
struct ParseStop {
  tools::ExitCode code = tools::ExitCode::kUsage;
  std::string output;   // For standard output.
  std::string message;  // A sentence for standard error; may be empty.
};

std::expected<Arguments, ParseStop> parse(int argc, const char* const* argv);

}  // namespace holdfast::crashlab
