// The standard workloads, a slice of each kind of sweep: every moment with a few images, every
// failing call of the lives, some bits of every block. `crashlab` does all of them.
#include <gtest/gtest.h>

#include <string>

#include "engine/file/meta_format.h"
#include "fuzz/lab/bit_sweep.h"
#include "fuzz/lab/crash_points.h"
#include "fuzz/lab/fault_sweep.h"
#include "fuzz/lab/replay_line.h"
#include "fuzz/lab/workloads.h"
#include "tests/sanitized.h"

namespace holdfast {

void PrintTo(const Workload& workload, std::ostream* out) {
  *out << workload.about;
}
void PrintTo(BitState state, std::ostream* out) {
  *out << bit_state_name(state);
}

namespace {

class StandardWorkload : public testing::TestWithParam<Workload> {
 protected:
  // Every `stride`-th moment from `first` on; nothing may be wrong with any.
  PointCounts try_moments(const PointLimits& limits, std::uint64_t first, std::uint64_t stride) {
    last_ = changes_of(stage_, GetParam());
    EXPECT_FALSE(stage_.database.failure()) << *stage_.database.failure();
    SeenImages nested;
    CrashPoints::Shared shared{{}, &nested};
    CrashPoints points(GetParam(), shared, limits);
    for (std::uint64_t moment = first; moment <= last_; moment += stride) {
      const auto failure = points.run(moment);
      if (!failure) continue;
      ADD_FAILURE() << failure->what << "\nAgain: crashlab replay "
                    << line_of(GetParam(), failure->path);
      break;
    }
    return points.counts();
  }

  Stage stage_;
  std::uint64_t last_ = 0;  // Moment of the workload.
};

TEST_P(StandardWorkload, EveryMomentWithAFewImages) {
  PointLimits limits;
  limits.images = 24;
  limits.nested_images = 4;
  limits.nested = 0;
  const PointCounts counts = try_moments(limits, 0, 1);
  EXPECT_EQ(counts.points, 2 * last_ + 1);
  EXPECT_GT(counts.recovered, last_);
}

// What is done after a recovery crashes too, at each of its moments.
TEST_P(StandardWorkload, EveryMomentAfterSomeRecoveries) {
  PointLimits limits;
  limits.images = 2;
  limits.nested_images = 12;
  limits.deeper_every = 8;
  const PointCounts counts = try_moments(limits, 5, 23);
  EXPECT_GT(counts.nested_images, 1000u);
  EXPECT_GT(counts.deeper_images, 10u);
}

TEST_P(StandardWorkload, EveryCallOfItsLifeFailing) {
  const Workload& workload = GetParam();
  FaultSweep sweep(workload);
  for (std::uint64_t part = 0; part < sweep.parts(); ++part) {
    // Of the recoveries every sixteenth moment's; with a sanitizer less of everything.
    if (part % (part < sweep.life_calls() ? 1 : 16) != 0 || (kSanitized && part % 5 != 0)) continue;
    const auto failure = sweep.run(part);
    ASSERT_FALSE(failure) << failure->what << "\nAgain: crashlab replay "
                          << line_of(workload, failure->path);
  }
  if (kSanitized) return;
  // What clears a new file away, a database's or a copy's, is reached only when something else has
  // failed; some of that takes the other recoveries.
  EXPECT_GT(sweep.sites().all().size(), 50u);
  EXPECT_GE(sweep.sites().covered() + 2, sweep.sites().all().size());
}

// A page that comes from elsewhere, once: whoever reads it is told, and nothing that is written on
// the strength of it outlives that.
TEST_P(StandardWorkload, EveryReadOfAPageOnceFromElsewhere) {
  for (const std::int64_t distance : {-4096, 4096, 3 * 4096}) {
    FaultClasses classes;
    for (std::uint64_t nth = 1; classes.times(FaultClass::kReadElsewhere) + 1 == nth; ++nth) {
      begin(stage_, GetParam());
      Fault fault;
      fault.call = SimCall::kRead;
      fault.effect = Fault::Effect::kMisdirect;
      fault.path_is = LabDatabase::kPath;
      fault.from = kHeaderRegionBytes;
      fault.nth = nth;
      fault.distance = distance;
      stage_.disk.inject(fault);
      stage_.disk.note_classes(&classes);
      stage_.database.expect(Weather::kAstray);
      live(stage_, GetParam().ops);
      stage_.disk.note_classes(nullptr);
      ASSERT_FALSE(stage_.database.failure())
          << "read " << nth << ": " << *stage_.database.failure();
      stage_.disk.clear_faults();
      stage_.disk.crash({.kind = CrashPolicy::Kind::kKeepAll}, nth);
      stage_.database.crashed(CrashPolicy::Kind::kKeepAll);
      stage_.database.expect(Weather::kFair);
      live(stage_, going_on());
      ASSERT_FALSE(stage_.database.failure())
          << "after read " << nth << ": " << *stage_.database.failure();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, StandardWorkload, testing::ValuesIn(workloads()),
                         [](const auto& test) { return test.param.name; });

// A tame disk's images are some of the weak one's; on one that lies nothing is promised but that
// what is shown was a state once.
TEST(OtherDisks, EveryMomentWithAFewImages) {
  for (const DiskKind disk : {DiskKind::kOrdered, DiskKind::kExt4Like, DiskKind::kLying}) {
    Workload workload = *find_workload("checkpoints");
    put_on(workload, disk);
    Stage stage;
    const std::uint64_t last = changes_of(stage, workload);
    SeenImages nested;
    CrashPoints::Shared shared{{}, &nested};
    PointLimits limits;
    limits.images = 12;
    limits.inside = false;
    CrashPoints points(workload, shared, limits);
    for (std::uint64_t moment = 0; moment <= last; ++moment) {
      const auto failure = points.run(moment);
      ASSERT_FALSE(failure) << failure->what << "\nAgain: crashlab replay "
                            << line_of(workload, failure->path);
    }
    EXPECT_GT(points.counts().recovered, last) << disk_name(disk);
  }
}

class FlippedBits : public testing::TestWithParam<BitState> {};

TEST_P(FlippedBits, SomeBitsOfEveryBlockFlipped) {
  BitSweep sweep(GetParam());
  for (std::uint64_t part = 0; part < sweep.parts(); ++part) {
    const auto failure = sweep.run(part, 61);
    ASSERT_FALSE(failure) << failure->what << "\nAgain: crashlab replay "
                          << line_of(GetParam(), failure->place);
  }
  const OutcomeCounts& counts = sweep.counts();
  EXPECT_EQ(counts.cases, counts.right + counts.refused + counts.named + counts.undecidable);
  EXPECT_GT(counts.named, 1000u);
  const bool vouched = GetParam() == BitState::kClosed || GetParam() == BitState::kMark;
  EXPECT_TRUE(!vouched || counts.undecidable == 0);
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
  for (const char* line :
       {"points:commits:31.517:4.kill", "points:new.p1d2c:3.kill", "faults:commits:12.kill:9:2",
        "faults:trees:life:9:2", "bits:log:db.log-1-2:77", "swaps:older:4", "lives:150",
        "points:commits@lying:3.4"}) {
    const auto read = read_line(line);
    ASSERT_TRUE(read) << line << ": " << read.error();
    EXPECT_EQ(line_of(*read), line);
  }
}

TEST(ReplayLine, SaysWhatIsWrongWithALine) {
  for (const char* line :
       {"", "points", "points:none:1.2", "points:commits", "points:commits:x.2", "faults:commits:1",
        "faults:commits:life:0:0", "bits:none:db:1", "bits:log:db", "swaps:none:1", "swaps:older",
        "lives:", "lives:x", "other:1"}) {
    EXPECT_FALSE(read_line(line)) << line;
  }
  EXPECT_NE(read_line("points:none:1.2").error().find("commits"), std::string::npos)
      << "it should name the workloads that there are";
}

}  // namespace
}  // namespace holdfast
