// The short workloads: that all are there, and the shortest of them at every moment. `crashlab run
// short` does all.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "fuzz/lab/replay_line.h"
#include "fuzz/lab/short_sweep.h"

namespace holdfast {
namespace {

// Sequences of `length` ops when `used` keys have names: four ops with each of these or with the
// next new one, four without.
std::uint64_t count_of(std::size_t length, std::uint64_t used) {
  if (length == 0) return 1;
  std::uint64_t count = (4 * used + 4) * count_of(length - 1, used);
  if (used < kShortKeys) count += 4 * count_of(length - 1, used + 1);
  return count;
}

TEST(ShortWorkloads, AreAllThereOnceEach) {
  std::uint64_t count = 0;
  for (std::size_t length = 0; length <= kShortOps; ++length) count += 2 * count_of(length, 0);
  const std::set<std::string> names(short_names().begin(), short_names().end());
  EXPECT_EQ(names.size(), count);
  EXPECT_EQ(short_names().size(), count);
  EXPECT_EQ(count, 28722u);
  for (const std::string& name : names) {
    const auto workload = short_workload(name);
    ASSERT_TRUE(workload) << name;
    EXPECT_EQ(workload->name, name);
    // Leaving an op out gives one that is there too: so each sequence's beginning is tried.
    for (const std::string& less : shorter_names(name)) EXPECT_TRUE(names.contains(less)) << less;
  }
}

TEST(ShortWorkloads, NamesSayWhatIsDone) {
  const auto workload = short_workload("new.p1l2d1ckra");
  ASSERT_TRUE(workload);
  using Kind = Op::Kind;
  const Kind kinds[] = {Kind::kPut,        Kind::kPut,    Kind::kErase, Kind::kCommitSync,
                        Kind::kCheckpoint, Kind::kReopen, Kind::kAbort};
  ASSERT_EQ(workload->ops.size(), std::size(kinds));
  for (std::size_t i = 0; i < std::size(kinds); ++i) EXPECT_EQ(workload->ops[i].kind, kinds[i]);
  EXPECT_NE(workload->ops[0].key, workload->ops[1].key);
  EXPECT_EQ(workload->ops[0].key, workload->ops[2].key);
  EXPECT_LT(workload->ops[0].bytes, workload->ops[1].bytes);
  EXPECT_GT(short_workload("old.")->ops.size(), 0u);
  for (const char* wrong : {"", "new", "p1", "new.p", "new.p6", "new.p0", "new.x", "newer.p1"}) {
    EXPECT_FALSE(short_workload(wrong)) << wrong;
  }
}

TEST(ShortWorkloads, EveryMomentOfThoseOfTwoOps) {
  SeenImages nested;
  ShortSweep sweep(nested, DiskKind::kWeak,
                   {.images = 12,
                    .inside = true,
                    .nested = 0,
                    .nested_every = 1,
                    .nested_images = 2,
                    .deeper_every = 16});
  std::uint64_t tried = 0;
  PointCounts counts;
  for (const std::string& name : short_names()) {
    if (short_workload(name)->ops.size() > ops_before(name) + 2) continue;
    ++tried;
    const auto failure = sweep.run(name);
    ASSERT_FALSE(failure) << failure->what << "\nAgain: crashlab replay "
                          << line_of(sweep.workload(), failure->path);
    counts.add(sweep.take_counts());
  }
  EXPECT_EQ(tried, 2 * (1 + count_of(1, 0) + count_of(2, 0)));
  EXPECT_GT(counts.moments, 10 * tried);
  EXPECT_GT(counts.recovered, counts.moments);
}

}  // namespace
}  // namespace holdfast
