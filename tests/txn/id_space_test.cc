// Page ids: each is given out once at a time, runs are consecutive, what is given back joins.
#include "engine/txn/id_space.h"

#include <random>
#include <set>

#include "gtest/gtest.h"

namespace holdfast {
namespace {

TEST(IdSpaceTest, NewIdsAreConsecutiveFromTheHighWater) {
  IdSpace ids;
  ids.open(10);
  EXPECT_EQ(ids.take(1).value().first, PageId{10});
  EXPECT_EQ(ids.take(5).value().first, PageId{11});
  EXPECT_EQ(ids.high_water(), 16U);
  EXPECT_EQ(ids.free_ids(), 0U);
}

TEST(IdSpaceTest, WhatIsGivenBackJoinsAndIsUsedFirst) {
  IdSpace ids;
  ids.open(100);
  ids.give_back({{PageId{10}, 2}, {PageId{14}, 2}, {PageId{12}, 2}, {PageId{50}, 1}});
  EXPECT_EQ(ids.free_ids(), 7U);
  EXPECT_EQ(ids.take(6).value().first, PageId{10}) << "three runs became one";
  EXPECT_EQ(ids.take(2).value().first, PageId{100}) << "too short a run stays";
  EXPECT_EQ(ids.take(1).value().first, PageId{50});
  EXPECT_EQ(ids.free_ids(), 0U);
}

TEST(IdSpaceTest, TheEndOfTheIdsIsALimit) {
  IdSpace ids;
  ids.open(0xFFFFFE00);
  EXPECT_TRUE(ids.take(0x80));
  auto beyond = ids.take(0x10000);
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error().code(), ErrorCode::kLimitExceeded);
  EXPECT_TRUE(ids.take(1)) << "smaller runs still fit";
}

TEST(IdSpaceTest, NoIdIsEverGivenOutTwiceAtATime) {
  IdSpace ids;
  ids.open(1);
  std::mt19937 random(3);
  std::set<std::uint32_t> used;
  std::vector<IdRun> runs;
  for (int i = 0; i < 20'000; ++i) {
    if (random() % 5 < 3 || runs.empty()) {
      const IdRun run = ids.take(1 + random() % 30 * (random() % 2)).value();
      for (std::uint32_t n = 0; n < run.count; ++n)
        ASSERT_TRUE(used.insert(raw(run.first) + n).second) << "id " << raw(run.first) + n;
      runs.push_back(run);
    } else {
      const std::size_t at = random() % runs.size();
      ids.give_back({runs[at]});
      for (std::uint32_t n = 0; n < runs[at].count; ++n) used.erase(raw(runs[at].first) + n);
      runs.erase(runs.begin() + static_cast<std::ptrdiff_t>(at));
    }
    ASSERT_EQ(used.size() + ids.free_ids() + 1, ids.high_water());
  }
  for (const IdRun& run : runs) ids.give_back({run});
  EXPECT_EQ(ids.take(ids.high_water() - 1).value().first, PageId{1}) << "all joined again";
}

}  // namespace
}  // namespace holdfast
