// Storage that fails, and a disk that is full: at every call of a workload, once or for ever. What
// was promised is there when storage works again.
#include "fuzz/lab/fault_ways.h"
#include "tests/crash/crash_test_base.h"

namespace holdfast {
namespace {

constexpr std::array kCalls = {SimCall::kOpen,          SimCall::kRead,   SimCall::kReadPastCache,
                               SimCall::kWrite,         SimCall::kSync,   SimCall::kRename,
                               SimCall::kSyncDirectory, SimCall::kRemove, SimCall::kAllocate,
                               SimCall::kTruncate,      SimCall::kLook};

class FaultTest : public CrashTest {
 protected:
  // Lives with the fault; ends by a kill or a power loss; recovers without it.
  void live_with(const Fault& fault, const std::vector<Op>& ops) {
    start();
    disk_.inject(fault);
    database_.expect(Weather::kFaulty, bad_slots_of(*fault.call, fault));
    live(disk_, database_, ops);
    ASSERT_FALSE(database_.failure()) << what(fault) << *database_.failure();
    database_.stop();
    disk_.clear_faults();
    for (const PolicyKind kind : {PolicyKind::kProcessKill, PolicyKind::kWeak}) {
      crash_and_recover(kind, fault.nth);
      live(branch_disk_, branch_, afterlife());
      ASSERT_FALSE(branch_.failure())
          << what(fault) << "then " << policy_name(kind) << ": " << *branch_.failure();
    }
  }

  // The disk holds so many bytes and no more.
  void live_at_every_capacity(const std::vector<Op>& ops) {
    for (std::uint64_t capacity = 80 << 10; capacity < 700 << 10; capacity += 4096) {
      start();
      SimDisk::Options options;
      options.capacity_bytes = capacity;
      disk_.reset(options);
      database_.start(small_shape(), capacity);
      database_.expect(Weather::kFull);
      live(disk_, database_, ops);
      ASSERT_FALSE(database_.failure()) << "capacity " << capacity << ": " << *database_.failure();
      database_.stop();
      disk_.set_capacity(SimDisk::Options{}.capacity_bytes);
      crash_and_recover(PolicyKind::kWeak, capacity);
      live(branch_disk_, branch_, afterlife());
      ASSERT_FALSE(branch_.failure()) << "capacity " << capacity << ": " << *branch_.failure();
    }
  }

  // How many calls of that kind the ops make when nothing fails.
  std::uint64_t calls_of(const std::vector<Op>& ops, SimCall call) {
    SimDisk::Options options;
    options.trace = true;
    start(options);
    live(disk_, database_, ops);
    const std::string name = std::string(" ") + sim_call_name(call) + " ";
    std::uint64_t count = 0;
    for (const std::string& line : disk_.trace()) count += line.find(name) != line.npos ? 1 : 0;
    return count;
  }

  static std::string what(const Fault& fault) {
    return std::string(sim_call_name(*fault.call)) + " number " + std::to_string(fault.nth) +
           (fault.for_ever ? " and all after it fail: " : " fails: ");
  }
};

TEST_F(FaultTest, EveryCallFailsOnceOrForEver) {
  const std::vector<Op> ops = broad_workload();
  for (const SimCall call : kCalls) {
    const std::uint64_t count = calls_of(ops, call);
    EXPECT_GT(count, 0u) << sim_call_name(call);
    for (const bool for_ever : {false, true}) {
      for (const SyncLoss loss : {SyncLoss::kCacheNew, SyncLoss::kCacheOld}) {
        if (call != SimCall::kSync && loss != SyncLoss::kCacheNew) continue;
        for (std::uint64_t nth = 1; nth <= count; ++nth) {
          Fault fault;
          fault.call = call;
          fault.nth = nth;
          fault.for_ever = for_ever;
          fault.sync_loss = loss;
          live_with(fault, ops);
          if (HasFatalFailure()) return;
        }
      }
    }
  }
}

// The same in a life that begins with a recovery, whose first commit starts an epoch beside a log
// that is still needed. What can't be read now is no damage.
TEST_F(FaultTest, EveryCallAfterACrashFailsOnceOrForEver) {
  constexpr std::uint64_t kMost = 60;  // Of one kind, in that life.
  const std::vector<Op> ops = {{.kind = Kind::kPut, .key = 2, .bytes = 50},
                               {.kind = Kind::kCommitSync},
                               {.kind = Kind::kPut, .tree = 1, .key = 4, .bytes = 3000},
                               {.kind = Kind::kCommitSync}};
  start();
  database_.open();
  apply_all(database_, broad_workload());
  database_.stop();
  SimDisk third_disk;
  LabDatabase third(third_disk);
  for (const SimCall call : kCalls) {
    for (const bool for_ever : {false, true}) {
      for (std::uint64_t nth = 1; nth <= kMost; ++nth) {
        Fault fault;
        fault.call = call;
        fault.nth = nth;
        fault.for_ever = for_ever;
        crash_and_recover(PolicyKind::kKeepAll, nth);
        branch_disk_.inject(fault);
        branch_.expect(Weather::kFaulty, bad_slots_of(call, fault));
        branch_.open();
        apply_all(branch_, ops);
        apply_all(branch_, ops);  // Whose first commit may be the second to start an epoch.
        ASSERT_FALSE(branch_.failure()) << what(fault) << *branch_.failure();
        branch_.stop();
        ++executions_;
        third.stop();
        third_disk.become(branch_disk_);
        third.become(branch_, nth);
        third_disk.crash({.kind = PolicyKind::kWeak}, nth);
        third.crashed(PolicyKind::kWeak);
        third.expect(Weather::kFair);
        live(third_disk, third, afterlife());
        ASSERT_FALSE(third.failure()) << what(fault) << "then: " << *third.failure();
      }
    }
  }
}

TEST_F(FaultTest, DiskFullAtEveryAllocation) {
  const std::vector<Op> ops = broad_workload();
  for (const SimCall call : {SimCall::kAllocate, SimCall::kOpen}) {
    const std::uint64_t count = calls_of(ops, call);
    for (const bool for_ever : {false, true}) {
      for (std::uint64_t nth = 1; nth <= count; ++nth) {
        Fault fault;
        fault.call = call;
        fault.nth = nth;
        fault.for_ever = for_ever;
        fault.code = ErrorCode::kDiskFull;
        live_with(fault, ops);
        if (HasFatalFailure()) return;
      }
    }
  }
}

// The disk holds so many bytes and no more: nothing but kDiskFull may come of that, and with room
// again everything goes on.
TEST_F(FaultTest, EveryCapacity) {
  live_at_every_capacity(broad_workload());
}

// Each commit fills a block, up to the last one of a segment and beyond it.
TEST_F(FaultTest, EveryCapacityAsBlocksFillUp) {
  std::vector<Op> ops;
  for (std::uint32_t key = 0; key < 34; ++key) {
    ops.push_back({.kind = Kind::kPut, .key = key, .bytes = 20});
    ops.push_back({.kind = Kind::kCommitSync});
  }
  live_at_every_capacity(ops);
}

}  // namespace
}  // namespace holdfast
