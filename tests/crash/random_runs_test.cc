// Random runs of the crash lab, a fixed set of seeds: what crash_fuzz does without an end.
#include <gtest/gtest.h>

#include <array>
#include <memory>

#include "fuzz/lab/crash_run.h"

namespace holdfast {
namespace {

constexpr std::uint64_t kSeeds = 8000;
constexpr std::uint64_t kParts = 4;  // Tests of their own, so that they run side by side.

class RandomRuns : public testing::TestWithParam<std::uint64_t> {};

TEST_P(RandomRuns, AreWhatTheModelSays) {
  const auto lab = std::make_unique<CrashRun>();
  for (std::uint64_t seed = GetParam(); seed < kSeeds; seed += kParts) {
    if (const auto failure = lab->run(seed)) {
      FAIL() << *failure << "\nAgain: crash_fuzz --seed " << seed << " --runs 1\n"
             << lab->story_of(seed);
    }
  }
  EXPECT_GT(lab->totals().crashes, kSeeds / kParts);
  // Nothing that they are there for is left out.
  for (std::size_t i = 0; i < FaultClasses::kCount; ++i) {
    const FaultClass each = FaultClasses::nth(i);
    if (!lives_can_meet(each, false)) continue;
    EXPECT_GT(lab->totals().classes.times(each), 0u)
        << fault_class_number(each) << ", " << fault_class_words(each) << ", never happened";
  }
}

INSTANTIATE_TEST_SUITE_P(Part, RandomRuns, testing::Range<std::uint64_t>(0, kParts));

// Syncs that answer success and keep nothing: any state there ever was may come back, or an error,
// and never anything else.
TEST(LyingDisk, ShowsWholeStatesOrDamageWhereSyncsLie) {
  const auto lab = std::make_unique<CrashRun>(true);
  for (std::uint64_t seed = 0; seed < kSeeds / kParts; ++seed) {
    if (const auto failure = lab->run(seed)) {
      FAIL() << *failure << "\nAgain: crashlab replay lives:" << seed << "@lying\n"
             << lab->story_of(seed);
    }
  }
  for (std::size_t i = 0; i < FaultClasses::kCount; ++i) {
    const FaultClass each = FaultClasses::nth(i);
    if (!lives_can_meet(each, true)) continue;
    EXPECT_GT(lab->totals().classes.times(each), 0u)
        << fault_class_number(each) << ", " << fault_class_words(each) << ", never happened";
  }
}

// Swarms differ: a run that knows all ops, and ones that lack any given op.
TEST(Swarms, LeaveOutEachOpAndEachTroubleNowAndThen) {
  Choices choices(1);
  int whole = 0;
  std::array<int, static_cast<std::size_t>(Op::Kind::kKindCount)> without{};
  std::array<int, static_cast<std::size_t>(Trouble::kCount)> safe_from{};
  for (int i = 0; i < 400; ++i) {
    const Swarm swarm = Swarm::draw(choices);
    bool all = true;
    for (std::size_t op = 0; op < without.size(); ++op) {
      const bool does = swarm.does(static_cast<Op::Kind>(op));
      without[op] += does ? 0 : 1;
      all = all && does;
    }
    for (std::size_t trouble = 0; trouble < safe_from.size(); ++trouble)
      safe_from[trouble] += swarm.has(static_cast<Trouble>(trouble)) ? 0 : 1;
    whole += all ? 1 : 0;
  }
  EXPECT_GT(whole, 50);
  EXPECT_LT(whole, 200);
  for (std::size_t op = 0; op < without.size(); ++op) {
    const auto kind = static_cast<Op::Kind>(op);
    const bool always = kind == Op::Kind::kPut || kind == Op::Kind::kCommitSync;
    EXPECT_EQ(without[op] == 0, always) << op_name(kind);
  }
  for (const int runs : safe_from) EXPECT_GT(runs, 0);
}

}  // namespace
}  // namespace holdfast
