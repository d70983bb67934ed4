// What the crash tests share: small fixed workloads, and runs of them up to a point.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "fuzz/lab/crash_run.h"
#include "fuzz/lab/lab_database.h"
#include "fuzz/lab/ops.h"
#include "fuzz/lab/sim_disk.h"

namespace holdfast {

using Kind = Op::Kind;
using PolicyKind = CrashPolicy::Kind;

inline constexpr std::array kPolicies = {PolicyKind::kProcessKill, PolicyKind::kKeepAll,
                                         PolicyKind::kKeepNone,    PolicyKind::kOrdered,
                                         PolicyKind::kExt4Like,    PolicyKind::kWeak};

inline Shape small_shape() {
  Shape shape;
  shape.keys = Shape::Keys::kMixed;
  shape.key_count = 40;
  shape.value_bytes_max = 6000;
  shape.checkpoint_log_bytes = 16384;
  return shape;
}

// Everything once: trees, splits, overflow values, frees, all durabilities, a checkpoint by steps
// with commits between them, one asked for, time passing, close and reopen.
inline std::vector<Op> broad_workload() {
  return {
      {.kind = Kind::kPutRun, .count = 20, .key = 0, .bytes = 100},
      {.kind = Kind::kCommitSync},
      {.kind = Kind::kCreateTree, .tree = 1},
      {.kind = Kind::kPutRun, .tree = 1, .count = 6, .key = 3, .bytes = 3000},
      {.kind = Kind::kCommitOs},
      {.kind = Kind::kBackground, .count = 2},
      {.kind = Kind::kErase, .key = 5},
      {.kind = Kind::kPut, .key = 7, .bytes = 5000},
      {.kind = Kind::kCommitSync},
      {.kind = Kind::kBackground, .count = 2},
      {.kind = Kind::kEraseRun, .tree = 1, .count = 12, .key = 3},
      {.kind = Kind::kCommitLazy},
      {.kind = Kind::kBackground, .count = 10},
      {.kind = Kind::kPutRun, .count = 30, .key = 10, .bytes = 300},
      {.kind = Kind::kCommitAsync},
      {.kind = Kind::kCheckpoint},
      {.kind = Kind::kPut, .key = 1, .bytes = 9},
      {.kind = Kind::kCommitSync},
      {.kind = Kind::kSettle},
      {.kind = Kind::kReopen},
      {.kind = Kind::kPutRun, .tree = 1, .count = 3, .key = 1, .bytes = 4000},
      {.kind = Kind::kCommitSync},
      {.kind = Kind::kErase, .key = 1},
      {.kind = Kind::kCommitOs},
  };
}

// A few commits and a checkpoint, for runs whose number is squared.
inline std::vector<Op> narrow_workload() {
  return {
      {.kind = Kind::kPutRun, .count = 5, .key = 1, .bytes = 200},
      {.kind = Kind::kCommitSync},
      {.kind = Kind::kPut, .key = 2, .bytes = 4000},
      {.kind = Kind::kCommitOs},
      {.kind = Kind::kCheckpoint},
      {.kind = Kind::kErase, .key = 3},
      {.kind = Kind::kCommitSync},
  };
}

// What every recovered database must be able to do.
inline std::vector<Op> afterlife() {
  return {
      {.kind = Kind::kVerify},     {.kind = Kind::kPutRun, .count = 4, .key = 20, .bytes = 700},
      {.kind = Kind::kCommitSync}, {.kind = Kind::kCheckpoint},
      {.kind = Kind::kVerify},     {.kind = Kind::kReopen},
      {.kind = Kind::kVerify},
  };
}

class CrashTest : public testing::Test {
 protected:
  // For who reads the report: how much was tried before a failure.
  void TearDown() override { RecordProperty("executions", std::to_string(executions_)); }

  static void apply_all(LabDatabase& database, const std::vector<Op>& ops) {
    for (const Op& op : ops) {
      if (!database.usable()) return;
      database.apply(op);
    }
  }

  // A new disk and database, the ops on it, then a clean close.
  static void live(SimDisk& disk, LabDatabase& database, const std::vector<Op>& ops) {
    database.open();
    apply_all(database, ops);
    if (database.is_open() && !disk.crashed()) database.close();
  }

  void start(const SimDisk::Options& options = {}) {
    ++executions_;
    database_.stop();
    disk_.reset(options);
    database_.start(small_shape(), 7);
  }

  // Storage calls that change something, of the whole life of `ops`.
  std::uint64_t changes_of(const std::vector<Op>& ops) {
    start();
    live(disk_, database_, ops);
    EXPECT_FALSE(database_.failure()) << *database_.failure();
    return disk_.changes();
  }

  // The other database crashes, recovers and goes on.
  void crash_and_recover(CrashPolicy::Kind kind, std::uint64_t seed) {
    ++executions_;
    branch_.stop();
    branch_disk_.become(disk_);
    branch_.become(database_, seed);
    CrashPolicy policy;
    policy.kind = kind;
    policy.sector_bytes = seed % 2 == 0 ? 512 : 4096;
    branch_disk_.crash(policy, seed);
    branch_.crashed(kind);
    branch_.expect(Weather::kFair);
  }

  std::uint64_t executions_ = 0;  // Lives of databases.
  SimDisk disk_;
  LabDatabase database_{disk_};
  SimDisk branch_disk_;
  LabDatabase branch_{branch_disk_};
};

}  // namespace holdfast
