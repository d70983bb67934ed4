// A failing run as one word, which `crashlab replay` takes:
//
//   points:WORKLOAD:MOMENT.IMAGE[:MOMENT.IMAGE…]   a crash, and crashes inside what came after
//   faults:WORKLOAD:life|MOMENT.kill|MOMENT.loss:CALL:WAY
//   bits:STATE:FILE:BIT
//   swaps:ROW:NUMBER
//   lives:SEED[@lying]
//
// IMAGE is the image's number in its plan (lab/images.h), or kill. WORKLOAD is the name of a
// standard one or of a short one (lab/short_workloads.h).
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <variant>

#include "fuzz/lab/bit_sweep.h"
#include "fuzz/lab/crash_points.h"
#include "fuzz/lab/fault_sweep.h"
#include "fuzz/lab/swap_sweep.h"

namespace holdfast {

struct PointsLine {
  Workload workload;
  PointPath path;
};
struct FaultsLine {
  Workload workload;
  FaultPath path;
};
struct BitsLine {
  BitState state;
  BitPlace place;
};
struct LivesLine {
  std::uint64_t seed;
  bool lying;  // The disk's syncs keep nothing.
};
using ReplayLine = std::variant<PointsLine, FaultsLine, BitsLine, SwapPlace, LivesLine>;

std::string line_of(const Workload& workload, const PointPath& path);
std::string line_of(const Workload& workload, const FaultPath& path);
std::string line_of(BitState state, const BitPlace& place);
std::string line_of(const SwapPlace& place);
std::string line_of(const ReplayLine& line);

// The other is a sentence about what is wrong with it.
std::expected<ReplayLine, std::string> read_line(std::string_view text);

// Does it again. What went wrong, or nothing; the story in any case.
struct Replay {
  std::optional<std::string> failure;
  std::vector<std::string> story;
};
Replay replay(const ReplayLine& line);

}  // namespace holdfast
