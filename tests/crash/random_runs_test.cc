// Random runs of the crash lab, a fixed set of seeds: what crash_fuzz does without an end.
#include <gtest/gtest.h>

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
}

INSTANTIATE_TEST_SUITE_P(Part, RandomRuns, testing::Range<std::uint64_t>(0, kParts));

// Runs that once failed; each line names what was wrong.
TEST(CrashRegressions, SeedsThatFailedOnce) {
  constexpr std::uint64_t kFailed[] = {
      150,    // A failed roll froze the log and not the database: close() wrote on.
      234,    // A meta that only the cache held was believed; the newest durable one overwritten.
      5615,   // A checkpoint wrote slots that a half-written generation still might need.
      41497,  // Two epochs of one number after a failed start: acknowledged commits lost.
      66684,  // The same, taken for damage.
  };
  const auto lab = std::make_unique<CrashRun>();
  for (const std::uint64_t seed : kFailed) {
    const auto failure = lab->run(seed);
    EXPECT_FALSE(failure) << "seed " << seed << ": " << *failure;
  }
}

}  // namespace
}  // namespace holdfast
