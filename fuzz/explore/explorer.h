// Goes through the interleavings of a scenario, all of them up to a number of preemptions.
//
// Depth first: a schedule is the list of answers to a run's choices; the next one changes the last
// answer that has an alternative left. A thread that could go on is interrupted only right before
// an access that conflicts with a later one of another thread (same object, one of them writes), in
// any run with the same beginning: elsewhere the interruption could as well come later. Bounding
// preemptions is CHESS's idea (Musuvathi, Qadeer: Iterative context bounding, PLDI 2007), leaving
// out what commutes is partial order reduction (Flanagan, Godefroid, POPL 2005).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fuzz/explore/scheduler.h"

namespace holdfast::explore {

// One run's world, made anew for each.
class Scenario {
 public:
  virtual ~Scenario() = default;
  virtual std::vector<std::function<void()>> threads() = 0;
  // After all have ended: what is wrong, in a sentence; empty: nothing.
  virtual std::string judge() = 0;
};

using MakeScenario = std::function<std::unique_ptr<Scenario>()>;

struct Bounds {
  std::uint32_t preemptions = 2;
  double seconds = 0;  // 0: no limit.
};

struct Exploration {
  std::uint64_t runs = 0;
  bool complete = false;        // Every schedule within the bound was run.
  std::uint64_t steps_max = 0;  // Scheduling points of the longest run.
  std::string fault;            // Of the first run that went wrong,
  std::string schedule;         // and how to repeat it.
};

// Stops at the first fault. `progress` is called now and then; false ends it.
Exploration explore(const MakeScenario& make, const Bounds& bounds,
                    const std::function<bool(const Exploration&)>& progress);

// Repeats one run; `schedule` as explore() gave it. Answers its fault.
std::string replay(const MakeScenario& make, const std::string& schedule);

}  // namespace holdfast::explore
