// A failing crash made small: of a short workload the fewest ops that still fail, one crash instead
// of several where that fails too, at the earliest such moment, with the fewest sectors and names
// lost.
#pragma once

#include <string>

#include "fuzz/lab/crash_points.h"

namespace holdfast {

struct Shrunk {
  Workload workload;
  PointPath path;
  std::string what;         // The failure that is left; empty when `path` doesn't fail at all.
  std::uint64_t tried = 0;  // Runs it took.
};
Shrunk shrink(const Workload& workload, const PointPath& path);

}  // namespace holdfast
