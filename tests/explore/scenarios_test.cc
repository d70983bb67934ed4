// The engine under every schedule with one preemption; `explore` goes further.
#include "fuzz/explore/scenarios.h"

#include <gtest/gtest.h>

namespace holdfast::explore {
namespace {

class ScenarioTest : public testing::TestWithParam<std::size_t> {};

// DR-A8: docs/SCENARIOS.md.
TEST_P(ScenarioTest, OnePreemptionAnywhere) {
  const ScenarioKind& scenario = scenarios()[GetParam()];
  const Exploration found =
      explore(scenario.make, {.preemptions = 1}, [](const Exploration&) { return true; });
  EXPECT_TRUE(found.complete) << found.fault << "\nexplore " << scenario.name << " --replay "
                              << found.schedule;
  EXPECT_GT(found.runs, 10U);
}

INSTANTIATE_TEST_SUITE_P(Scenarios, ScenarioTest,
                         testing::Range<std::size_t>(0, scenarios().size()), [](const auto& made) {
                           std::string name = scenarios()[made.param].name;
                           std::erase(name, '-');
                           return name;
                         });

}  // namespace
}  // namespace holdfast::explore
