// The standard workloads, a slice of each kind of sweep: every moment with a few images, every
// failing call of the lives, some bits of every block. `crashlab` does all of them.
#include <gtest/gtest.h>

#include <string>

#include "fuzz/lab/bit_sweep.h"
#include "fuzz/lab/crash_points.h"
#include "fuzz/lab/fault_sweep.h"
#include "fuzz/lab/replay_line.h"
#include "fuzz/lab/workloads.h"

namespace holdfast {
namespace {

class StandardWorkload : public testing::TestWithParam<const Workload*> {};

TEST_P(StandardWorkload, EveryMomentWithAFewImages) {
  const Workload& workload = *GetParam();
  Stage stage;
  const std::uint64_t last = changes_of(stage, workload);
  ASSERT_FALSE(stage.database.failure()) << *stage.database.failure();
  SeenImages nested;
  CrashPoints::Shared shared{{}, &nested};
  PointLimits limits;
  limits.images = 24;
  limits.nested_images = 4;
  limits.nested = 0;
  CrashPoints points(workload, shared, limits);
  for (std::uint64_t moment = 0; moment <= last; ++moment) {
    const auto failure = points.run(moment);
    ASSERT_FALSE(failure) << failure->what << "\nAgain: crashlab replay "
                          << line_of(workload, failure->path);
  }
  EXPECT_EQ(points.counts().points, 2 * last + 1);
  EXPECT_GT(points.counts().recovered, last);
}

// What is done after a recovery crashes too, at each of its moments.
TEST_P(StandardWorkload, EveryMomentAfterSomeRecoveries) {
  const Workload& workload = *GetParam();
  Stage stage;
  const std::uint64_t last = changes_of(stage, workload);
  SeenImages nested;
  CrashPoints::Shared shared{{}, &nested};
  PointLimits limits;
  limits.images = 2;
  limits.nested_images = 12;
  limits.deeper_every = 8;
  CrashPoints points(workload, shared, limits);
  for (std::uint64_t moment = 5; moment <= last; moment += 23) {
    const auto failure = points.run(moment);
    ASSERT_FALSE(failure) << failure->what << "\nAgain: crashlab replay "
                          << line_of(workload, failure->path);
  }
  EXPECT_GT(points.counts().nested_images, 1000u);
  EXPECT_GT(points.counts().deeper_images, 10u);
}

TEST_P(StandardWorkload, EveryCallOfItsLifeFailing) {
  const Workload& workload = *GetParam();
  FaultSweep sweep(workload);
  for (std::uint64_t part = 0; part < sweep.parts(); ++part) {
    // Of the recoveries every sixteenth moment's.
    if (part >= sweep.life_calls() && part % 16 != 0) continue;
    const auto failure = sweep.run(part);
    ASSERT_FALSE(failure) << failure->what << "\nAgain: crashlab replay "
                          << line_of(workload, failure->path);
  }
  // What clears a new file away is reached only when something else has failed; some of that takes
  // the other recoveries.
  EXPECT_GT(sweep.sites().all().size(), 50u);
  EXPECT_GE(sweep.sites().covered() + 1, sweep.sites().all().size());
}

INSTANTIATE_TEST_SUITE_P(, StandardWorkload, testing::ValuesIn([] {
                           std::vector<const Workload*> all;
                           for (const Workload& each : workloads()) all.push_back(&each);
                           return all;
                         }()),
                         [](const auto& test) { return std::string(test.param->name); });

class FlippedBits : public testing::TestWithParam<BitState> {};

TEST_P(FlippedBits, SomeBitsOfEveryBlockFlipped) {
  BitSweep sweep(GetParam());
  for (std::uint64_t part = 0; part < sweep.parts(); ++part) {
    const auto failure = sweep.run(part, 61);
    ASSERT_FALSE(failure) << failure->what << "\nAgain: crashlab replay "
                          << line_of(GetParam(), failure->place);
  }
  const BitCounts& counts = sweep.counts();
  EXPECT_EQ(counts.bits,
            counts.right + counts.refused + counts.named + counts.undecidable + counts.padding);
  EXPECT_GT(counts.named, 1000u);
  const bool vouched = GetParam() == BitState::kClosed || GetParam() == BitState::kMark;
  EXPECT_TRUE(!vouched || counts.undecidable + counts.padding == 0);
}

INSTANTIATE_TEST_SUITE_P(, FlippedBits, testing::ValuesIn(kBitStates),
                         [](const auto& test) { return std::string(bit_state_name(test.param)); });

// Every line that a failure prints reads back as what it was made of.
TEST(ReplayLine, ReadsBack) {
  const Workload& workload = workloads().front();
  const PointPath points{{{31, 517}, {4, PointPath::kKill}}};
  EXPECT_EQ(line_of(workload, points), "points:commits:31.517:4.kill");
  FaultPath fault;
  fault.moment = 12;
  fault.killed = true;
  fault.call = 9;
  fault.way = 2;
  EXPECT_EQ(line_of(workload, fault), "faults:commits:12.kill:9:2");
  EXPECT_EQ(line_of(BitState::kLog, {"db.log-1-2", 77}), "bits:log:db.log-1-2:77");
  for (const char* line : {"points:commits:31.517:4.kill", "faults:commits:12.kill:9:2",
                           "faults:trees:life:9:2", "bits:log:db.log-1-2:77", "lives:150"}) {
    const auto read = read_line(line);
    ASSERT_TRUE(read) << line << ": " << read.error();
    EXPECT_EQ(line_of(*read), line);
  }
}

TEST(ReplayLine, SaysWhatIsWrongWithALine) {
  for (const char* line : {"", "points", "points:none:1.2", "points:commits", "points:commits:x.2",
                           "faults:commits:1", "faults:commits:life:0:0", "bits:none:db:1",
                           "bits:log:db", "lives:", "lives:x", "other:1"}) {
    EXPECT_FALSE(read_line(line)) << line;
  }
  EXPECT_NE(read_line("points:none:1.2").error().find("commits"), std::string::npos)
      << "it should name the workloads that there are";
}

}  // namespace
}  // namespace holdfast
