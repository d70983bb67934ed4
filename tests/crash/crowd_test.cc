// Readers that stay in a cache that is too small for what they see, with snapshots given up and
// not; and what a loss of power leaves then.
#include "fuzz/lab/crowd.h"

#include "tests/crash/crash_test_base.h"
#include "tests/sanitized.h"

namespace holdfast {
namespace {

class CrowdTest : public CrashTest {
 protected:
  // How many snapshots were given up.
  std::uint64_t live_and_crash(const Crowd& crowd) {
    database_.stop();
    disk_.reset({});
    database_.start(shape_of(crowd), crowd.seed);
    holdfast::live(database_, crowd);
    if (crowd.old_snapshots == OldSnapshots::kGiveUp) {
      EXPECT_EQ(database_.counters().limits, 0U) << "a writer was refused for a reader's sake";
    }
    const std::uint64_t given_up =
        database_.failure() ? 0 : database_.database().stats().snapshots_given_up;
    EXPECT_FALSE(database_.failure()) << "seed " << crowd.seed << ": " << *database_.failure();
    database_.stop();
    if (HasFailure()) return 0;
    crash_and_recover(PolicyKind::kWeak, crowd.seed);
    live(branch_disk_, branch_, afterlife());
    EXPECT_FALSE(branch_.failure()) << "seed " << crowd.seed << ": " << *branch_.failure();
    return given_up;
  }

  std::uint64_t live_often(OldSnapshots old_snapshots) {
    std::uint64_t given_up = 0;
    for (std::uint64_t seed = 1; seed <= (kSanitized ? 2 : 6) && !HasFailure(); ++seed)
      given_up += live_and_crash({old_snapshots, seed % 2 == 0 ? 1U : 6U, seed, seed % 3 == 0});
    return given_up;
  }
};

TEST_F(CrowdTest, SnapshotsStay) {
  EXPECT_EQ(live_often(OldSnapshots::kKeep), 0U);
}

TEST_F(CrowdTest, SnapshotsAreGivenUpAndSaySo) {
  EXPECT_GT(live_often(OldSnapshots::kGiveUp), kSanitized ? 0U : 5U);
}

}  // namespace
}  // namespace holdfast
