// Runs several functions as threads of which one at a time runs, and asks at every scheduling point
// who goes on. Implements the hooks of engine/base/sync_explored.h.
//
// The threads are fibers on the caller's own thread: a run is a function of the answers alone, and
// a switch costs less than a microsecond. Not reentrant; one run at a time in a process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "engine/base/sync.h"

namespace holdfast::explore {

// Somebody must say who goes on.
struct Choice {
  std::uint32_t options = 0;  // At least 2. Option 0 is who goes on if nobody cares.
  // The other options take the processor from a thread that could go on, which is about to make
  // access `step`. Otherwise that thread waits, spins or has ended.
  bool preempts = false;
  std::size_t step = 0;
};

struct Step {
  std::uint32_t thread = 0;
  Access access = Access::kRead;
  const void* object = nullptr;
};

struct Run {
  std::string fault;  // A deadlock, an endless loop, an exception; empty: all threads ended.
  std::vector<Step> steps;
};

// Every thread runs to its end. After a fault the threads are left where they stand, with whatever
// they own: nothing they share may be touched or destroyed any more.
Run run_threads(const std::vector<std::function<void()>>& threads,
                const std::function<std::uint32_t(const Choice&)>& choose);

}  // namespace holdfast::explore
