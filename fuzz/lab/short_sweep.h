// The crash points of short workloads, one after another.
//
// A moment is tried in the shortest sequence that comes to it: of each, those of its last op and of
// the close after it. The ones before were tried when the sequence without that op was.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>

#include "fuzz/lab/crash_points.h"
#include "fuzz/lab/short_workloads.h"

namespace holdfast {

class ShortSweep {
 public:
  // So many images of each moment, all where there are fewer. Going on from one image is crashed at
  // every moment too, at every sixteenth moment.
  static PointLimits limits();

  ShortSweep(SeenImages& nested, DiskKind disk, const PointLimits& limits = ShortSweep::limits());
  void ask(std::function<bool()> go_on) { points_.ask(std::move(go_on)); }

  // The name is one of short_names().
  std::optional<PointFailure> run(std::string_view name);
  [[nodiscard]] const Workload& workload() const { return workload_; }  // Of the last run.
  PointCounts take_counts() { return points_.take_counts(); }

 private:
  std::uint64_t changes_before_the_last_op(std::string_view name);

  const DiskKind disk_;
  Workload workload_;
  Stage stage_;
  CrashPoints::Shared shared_;
  CrashPoints points_;
};

}  // namespace holdfast
