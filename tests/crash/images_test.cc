// Which images of a crash are tried: every legal one while they are few, the promised families
// beyond.
#include "fuzz/lab/images.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

namespace holdfast {
namespace {

// `calls` writes of `sectors` sectors each, one after the other in the file.
std::vector<CrashUnit> writes(std::uint64_t calls, std::uint64_t sectors) {
  std::vector<CrashUnit> units;
  for (std::uint64_t i = 0; i < calls * sectors; ++i) {
    CrashUnit unit;
    unit.offset = i * 512;
    unit.length = 512;
    unit.call = 1 + i / sectors;
    units.push_back(unit);
  }
  return units;
}

std::vector<Fate> image_of(const ImagePlan& plan, std::uint64_t n) {
  std::vector<Fate> fates;
  plan.image(n, fates);
  return fates;
}

std::set<std::vector<Fate>> all_of(const ImagePlan& plan) {
  std::set<std::vector<Fate>> images;
  for (std::uint64_t n = 0; n < plan.size(); ++n) images.insert(image_of(plan, n));
  return images;
}

TEST(ImagePlan, NothingUnsyncedLeavesOneImage) {
  const ImagePlan plan({});
  EXPECT_TRUE(plan.full());
  EXPECT_EQ(plan.size(), 1u);
}

TEST(ImagePlan, HasEveryLegalImageWhileTheyAreFew) {
  const ImagePlan plan(writes(2, 5));
  EXPECT_TRUE(plan.full());
  EXPECT_EQ(plan.legal(), 1024u);
  EXPECT_EQ(all_of(plan).size(), 1024u);
}

TEST(ImagePlan, IsFullUpToTheStatedNumberAndNotBeyond) {
  EXPECT_TRUE(ImagePlan(writes(4, 4)).full());
  EXPECT_EQ(ImagePlan(writes(4, 4)).size(), kImagesFull);
  EXPECT_FALSE(ImagePlan(writes(1, 17)).full());
}

TEST(ImagePlan, ARenameThatMayTearHasThreeFates) {
  std::vector<CrashUnit> units = writes(1, 3);
  units[1].kind = CrashUnit::Kind::kName;
  units[1].extends = true;
  const ImagePlan plan(units);
  EXPECT_EQ(plan.legal(), 12u);
  EXPECT_EQ(all_of(plan).size(), 12u);
}

TEST(ImagePlan, GarbageComesOnTopWhereASectorIsNew) {
  std::vector<CrashUnit> units = writes(1, 3);
  for (CrashUnit& unit : units) unit.extends = true;
  const ImagePlan plan(units);
  EXPECT_EQ(plan.size(), 8 + kImagesGarbage);
  const auto images = all_of(plan);
  EXPECT_TRUE(std::ranges::any_of(images, [](const std::vector<Fate>& fates) {
    return std::ranges::find(fates, Fate::kGarbage) != fates.end();
  }));
}

TEST(ImagePlan, BeyondThatAllPromisedFamiliesAreThere) {
  const std::uint64_t n = 20;
  const ImagePlan plan(writes(5, 4));
  ASSERT_FALSE(plan.full());
  EXPECT_EQ(plan.size(), 2 + (n - 1) + n + n + 2 * 5 + n * (n - 1) / 2 + kImagesDrawn);
  const auto images = all_of(plan);
  const std::vector<Fate> kept(n, Fate::kKept), lost(n, Fate::kLost);
  EXPECT_TRUE(images.contains(kept));
  EXPECT_TRUE(images.contains(lost));
  for (std::uint64_t i = 0; i < n; ++i) {
    std::vector<Fate> prefix = lost, omission = kept, single = lost;
    std::fill_n(prefix.begin(), i, Fate::kKept);
    omission[i] = Fate::kLost;
    single[i] = Fate::kKept;
    EXPECT_TRUE(images.contains(prefix)) << i;
    EXPECT_TRUE(images.contains(omission)) << i;
    EXPECT_TRUE(images.contains(single)) << i;
    for (std::uint64_t j = i + 1; j < n; ++j) {
      std::vector<Fate> pair = omission;
      pair[j] = Fate::kLost;
      EXPECT_TRUE(images.contains(pair)) << i << ", " << j;
    }
  }
  for (std::uint64_t write = 0; write < 5; ++write) {
    std::vector<Fate> first = lost, second = lost;
    std::fill_n(first.begin(), write * 4 + 2, Fate::kKept);
    std::fill_n(second.begin(), write * 4 + 4, Fate::kKept);
    std::fill_n(second.begin() + static_cast<std::ptrdiff_t>(write * 4), 2, Fate::kLost);
    EXPECT_TRUE(images.contains(first)) << write;
    EXPECT_TRUE(images.contains(second)) << write;
  }
}

TEST(ImagePlan, AShortPickHasTheFirstAndTheLastAndNoneTwice) {
  const ImagePlan plan(writes(5, 4));
  std::set<std::uint64_t> picked;
  for (std::uint64_t i = 0; i < plan.picks(200); ++i) picked.insert(plan.picked(i, 200));
  EXPECT_EQ(picked.size(), 200u);
  EXPECT_EQ(*picked.begin(), 0u);
  EXPECT_EQ(*picked.rbegin(), plan.size() - 1);
}

}  // namespace
}  // namespace holdfast
