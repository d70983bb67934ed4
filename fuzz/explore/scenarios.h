// The small mixes of threads that the explorer goes through: each a database on a simulated disk,
// two or three threads, and what must hold whoever runs when.
#pragma once

#include <span>

#include "fuzz/explore/explorer.h"

namespace holdfast::explore {

struct ScenarioKind {
  const char* name;
  const char* story;  // One line.
  MakeScenario make;
};

std::span<const ScenarioKind> scenarios();

}  // namespace holdfast::explore
