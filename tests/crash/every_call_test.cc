// Small fixed workloads, crashed before and after every storage call that changes anything, and
// again in every recovery from that.
#include "tests/crash/crash_test_base.h"

namespace holdfast {
namespace {

// Creation, commits, checkpoints, close and reopening are all in the workload, so their every call
// is crashed at too.
TEST_F(CrashTest, EveryCallBeforeAndAfterUnderEveryPolicy) {
  const std::vector<Op> ops = broad_workload();
  const std::uint64_t changes = changes_of(ops);
  ASSERT_GT(changes, 100u);
  for (std::uint64_t at = 1; at <= changes; ++at) {
    for (const bool takes_effect : {false, true}) {
      start();
      disk_.crash_at_change(at, takes_effect);
      live(disk_, database_, ops);
      database_.stop();
      for (const PolicyKind kind : kPolicies) {
        const std::uint64_t tries = kind == PolicyKind::kWeak ? 4 : 1;
        for (std::uint64_t seed = 0; seed < tries; ++seed) {
          crash_and_recover(kind, at * 8 + seed);
          live(branch_disk_, branch_, afterlife());
          ASSERT_FALSE(branch_.failure())
              << "crash " << (takes_effect ? "after" : "before") << " change " << at << ", "
              << policy_name(kind) << ", seed " << at * 8 + seed << ": " << *branch_.failure();
        }
      }
    }
  }
}

// Recovery may crash anywhere, and the recovery from that.
TEST_F(CrashTest, EveryCallOfEveryRecovery) {
  const std::vector<Op> ops = narrow_workload();
  const std::uint64_t changes = changes_of(ops);
  SimDisk third_disk;
  LabDatabase third(third_disk);
  for (std::uint64_t at = 1; at <= changes; ++at) {
    for (const PolicyKind kind : {PolicyKind::kProcessKill, PolicyKind::kWeak}) {
      start();
      disk_.crash_at_change(at, at % 2 == 0);
      live(disk_, database_, ops);
      database_.stop();
      for (std::uint64_t inner = 1;; ++inner) {
        crash_and_recover(kind, at);
        branch_disk_.crash_at_change(inner, inner % 3 == 0);
        live(branch_disk_, branch_, afterlife());
        ASSERT_FALSE(branch_.failure()) << "change " << at << ", then " << inner << ", "
                                        << policy_name(kind) << ": " << *branch_.failure();
        if (!branch_disk_.crashed()) break;
        branch_.stop();
        for (const PolicyKind second : {PolicyKind::kProcessKill, PolicyKind::kWeak}) {
          ++executions_;
          third.stop();
          third_disk.become(branch_disk_);
          third.become(branch_, inner);
          CrashPolicy policy;
          policy.kind = second;
          third_disk.crash(policy, inner);
          third.crashed(second);
          live(third_disk, third, afterlife());
          ASSERT_FALSE(third.failure())
              << "change " << at << " (" << policy_name(kind) << "), then " << inner << " ("
              << policy_name(second) << "): " << *third.failure();
        }
      }
    }
  }
}

}  // namespace
}  // namespace holdfast
