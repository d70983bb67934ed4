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

// A killed process leaves in the cache what no sync has covered, names too: here of a life that
// goes on from a log. Whatever the next one does first may build on that, and then power is lost.
TEST_F(CrashTest, WhateverComesFirstAfterAKillBeforePowerIsLost) {
  constexpr Kind kFirst[] = {Kind::kCommitSync, Kind::kCheckpoint, Kind::kCompact, Kind::kKeep,
                             Kind::kReopen};
  const std::vector<Op> ops = {{.kind = Kind::kPut, .key = 2, .bytes = 300},
                               {.kind = Kind::kCommitSync},
                               {.kind = Kind::kErase, .key = 3},
                               {.kind = Kind::kCommitOs},
                               {.kind = Kind::kCheckpoint}};
  start();
  database_.open();
  apply_all(database_, narrow_workload());
  database_.stop();
  SimDisk third_disk, fourth_disk;
  LabDatabase third(third_disk), fourth(fourth_disk);
  const auto crash = [&](SimDisk& disk, LabDatabase& to, const SimDisk& from_disk,
                         const LabDatabase& from, PolicyKind kind, std::uint64_t seed) {
    ++executions_;
    to.stop();
    disk.become(from_disk);
    to.become(from, seed);
    disk.crash({.kind = kind}, seed);
    to.crashed(kind);
    to.open();
  };
  for (std::uint64_t at = 1, done = 0; done < 2; ++at) {
    crash_and_recover(PolicyKind::kKeepAll, at);
    branch_disk_.crash_at_change(1 + at / 2, at % 2 == 0);
    branch_.open();
    apply_all(branch_, ops);
    if (!branch_disk_.crashed()) ++done;
    branch_.stop();
    for (const Kind first : kFirst) {
      crash(third_disk, third, branch_disk_, branch_, PolicyKind::kProcessKill, at);
      if (first == Kind::kCommitSync) third.apply({.kind = Kind::kPut, .key = 5, .bytes = 60});
      third.apply({.kind = first});
      third.stop();
      for (const PolicyKind second : {PolicyKind::kKeepNone, PolicyKind::kWeak}) {
        crash(fourth_disk, fourth, third_disk, third, second, at);
        apply_all(fourth, afterlife());
        ASSERT_FALSE(fourth.failure())
            << "change " << at << ", then " << op_name(first) << ", then " << policy_name(second)
            << ": " << *fourth.failure();
      }
    }
  }
}

// While the file's tail is moved down, step by step, a value wants more slots than are free below:
// what it gets above, no durable state needs. Power is lost then, or the compaction goes on.
TEST_F(CrashTest, ALongValueAtEachStepOfACompaction) {
  Shape shape = small_shape();
  shape.key_count = 200;
  shape.checkpoint_log_bytes = std::uint64_t{1} << 20;
  for (const std::uint32_t kib : {100U, 300U}) {
    for (std::uint16_t steps = 0; steps < 14; ++steps) {
      start();
      database_.stop();
      disk_.reset({});
      database_.start(shape, steps);
      database_.open();
      for (std::uint32_t key = 0; key < 200; key += 10)
        apply_all(database_, {{.kind = Kind::kPutRun, .count = 10, .key = key, .bytes = 5000},
                              {.kind = Kind::kCommitLazy}});
      apply_all(database_, {{.kind = Kind::kCheckpoint},
                            {.kind = Kind::kEraseRun, .count = 150, .key = 3, .bytes = 1},
                            {.kind = Kind::kCommitSync},
                            {.kind = Kind::kSettle},
                            {.kind = Kind::kCheckpoint},
                            {.kind = Kind::kBackground, .count = 3},
                            {.kind = Kind::kTime, .count = 6000}});
      for (std::uint16_t step = 0; step < steps; ++step)
        apply_all(database_, {{.kind = Kind::kTime, .count = 20}, {.kind = Kind::kBackground}});
      apply_all(database_,
                {{.kind = Kind::kPut, .key = 7, .bytes = kib << 10}, {.kind = Kind::kCommitSync}});
      crash_and_recover(PolicyKind::kKeepNone, steps);
      live(branch_disk_, branch_, afterlife());
      ASSERT_FALSE(branch_.failure()) << steps << " steps: " << *branch_.failure();
      apply_all(database_, {{.kind = Kind::kSettle}, {.kind = Kind::kCheckpoint}});
      database_.close();
      ASSERT_FALSE(database_.failure()) << steps << " steps: " << *database_.failure();
    }
  }
}

// Long values, written once, that go after a savepoint and come back with it.
TEST_F(CrashTest, LongValuesThatSavepointsBringBack) {
  const std::vector<Op> ops = {{.kind = Kind::kPutRun, .count = 6, .key = 0, .bytes = 100},
                               {.kind = Kind::kPut, .key = 7, .bytes = 300'000},
                               {.kind = Kind::kSavepoint},
                               {.kind = Kind::kErase, .key = 7},
                               {.kind = Kind::kRollBack, .key = 0},
                               {.kind = Kind::kPut, .key = 9, .bytes = 310'000},
                               {.kind = Kind::kSavepoint},
                               {.kind = Kind::kPut, .key = 9, .bytes = 320'000},
                               {.kind = Kind::kSavepoint},
                               {.kind = Kind::kEraseRange, .count = 0, .key = 0},
                               {.kind = Kind::kPut, .key = 8, .bytes = 320'000},
                               {.kind = Kind::kRollBack, .key = 0},
                               {.kind = Kind::kCompare},
                               {.kind = Kind::kCommitSync},
                               {.kind = Kind::kCheckpoint},
                               {.kind = Kind::kVerify},
                               {.kind = Kind::kReopen}};
  start();
  live(disk_, database_, ops);
  ASSERT_FALSE(database_.failure()) << *database_.failure();
}

// What the log has made and freed since the last checkpoint: long values, whose pages it only
// names, and short ones. Whatever the next opening gives out again, it gives out once.
TEST_F(CrashTest, WhatTheLogMadeAndFreedIsGivenOutOnce) {
  const std::vector<Op> made = {{.kind = Kind::kPutRun, .count = 6, .key = 0, .bytes = 100},
                                {.kind = Kind::kCommitSync},
                                {.kind = Kind::kPut, .key = 7, .bytes = 90'000},
                                {.kind = Kind::kPut, .key = 8, .bytes = 9'000},
                                {.kind = Kind::kCommitSync},
                                {.kind = Kind::kErase, .key = 7},
                                {.kind = Kind::kErase, .key = 8},
                                {.kind = Kind::kCommitSync}};
  const std::vector<Op> again = {{.kind = Kind::kPut, .key = 9, .bytes = 70'000},
                                 {.kind = Kind::kCommitSync},
                                 {.kind = Kind::kCheckpoint},
                                 {.kind = Kind::kPutRun, .count = 12, .key = 11, .bytes = 9'000},
                                 {.kind = Kind::kPut, .key = 10, .bytes = 80'000},
                                 {.kind = Kind::kCommitSync},
                                 {.kind = Kind::kCheckpoint},
                                 {.kind = Kind::kCompare},
                                 {.kind = Kind::kReopen},
                                 {.kind = Kind::kVerify}};
  start();
  database_.open();
  apply_all(database_, made);
  database_.stop();
  for (const PolicyKind kind : {PolicyKind::kProcessKill, PolicyKind::kKeepAll}) {
    crash_and_recover(kind, 1);
    live(branch_disk_, branch_, again);
    ASSERT_FALSE(branch_.failure()) << policy_name(kind) << ": " << *branch_.failure();
  }
}

// A torn sector may hold what lies at the same place of a block elsewhere: here whole small batches
// of the same epoch's other segments.
TEST_F(CrashTest, OldBatchesOfTheSameEpochInTornSectors) {
  std::vector<Op> ops;
  for (std::uint32_t key = 0; key < 34; ++key) {
    ops.push_back({.kind = Kind::kPut, .key = key % 8, .bytes = 20});
    ops.push_back({.kind = Kind::kCommitSync});
  }
  const std::uint64_t changes = changes_of(ops);
  for (std::uint64_t at = 40; at <= changes; ++at) {
    start();
    disk_.crash_at_change(at, true);
    live(disk_, database_, ops);
    database_.stop();
    for (std::uint64_t seed = 0; seed < 24; ++seed) {
      crash_and_recover(PolicyKind::kProcessKill, at);
      branch_disk_.become(disk_);
      branch_disk_.crash(
          {.kind = PolicyKind::kWeak, .keep_per_1024 = 256, .garbage_in_place = true},
          at * 64 + seed);
      branch_.crashed(PolicyKind::kWeak);
      branch_.open();
      ASSERT_FALSE(branch_.failure())
          << "change " << at << ", seed " << seed << ": " << *branch_.failure();
    }
  }
}

}  // namespace
}  // namespace holdfast
