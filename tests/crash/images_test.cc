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

// On a disk that keeps the order of calls: everything before a cut, nothing after it.
TEST(ImagePlan, AnOrderedDiskKeepsAPrefix) {
  const std::vector<CrashUnit> units = writes(3, 4);
  const ImagePlan plan(units, DiskKind::kOrdered);
  EXPECT_TRUE(plan.full());
  const std::set<std::vector<Fate>> images = all_of(plan);
  EXPECT_EQ(images.size(), 3 * 15 + 1u) << "what one call writes, in part, and all or nothing";
  for (const std::vector<Fate>& image : images) {
    std::uint64_t last_kept = 0, first_lost = ~std::uint64_t{0};
    for (std::size_t i = 0; i < units.size(); ++i) {
      if (image[i] == Fate::kKept) last_kept = std::max(last_kept, units[i].call);
      if (image[i] == Fate::kLost) first_lost = std::min(first_lost, units[i].call);
    }
    EXPECT_LE(last_kept, first_lost);
  }
}

// Sizes and names come in order there, blocks in any.
TEST(ImagePlan, AnExt4LikeDiskKeepsNamesInOrder) {
  std::vector<CrashUnit> units = writes(3, 1);
  for (std::uint64_t call = 2; call <= 4; ++call) {
    CrashUnit name;
    name.kind = CrashUnit::Kind::kName;
    name.call = call * 10;
    units.push_back(name);
  }
  const ImagePlan plan(units, DiskKind::kExt4Like);
  EXPECT_TRUE(plan.full());
  const std::set<std::vector<Fate>> images = all_of(plan);
  EXPECT_EQ(images.size(), 4 * 8u) << "every cut of the names with every subset of the blocks";
  for (const std::vector<Fate>& image : images) {
    EXPECT_FALSE(image[3] == Fate::kLost && image[4] == Fate::kKept);
    EXPECT_FALSE(image[4] == Fate::kLost && image[5] == Fate::kKept);
  }
}

TEST(ImagePlan, AnOrderedDiskWithTooManyHasEverySingleOne) {
  const std::vector<CrashUnit> units = writes(2, 20);
  const ImagePlan plan(units, DiskKind::kOrdered);
  EXPECT_FALSE(plan.full());
  const std::set<std::vector<Fate>> images = all_of(plan);
  for (std::size_t i = 0; i < 20; ++i) {
    std::vector<Fate> omission(40, Fate::kLost);
    std::fill_n(omission.begin(), 20, Fate::kKept);
    std::vector<Fate> single = omission;
    single[20 + i] = Fate::kKept;
    omission[i] = Fate::kLost;
    EXPECT_TRUE(images.contains(omission)) << i;
    EXPECT_TRUE(images.contains(single)) << i;
  }
}

}  // namespace
}  // namespace holdfast
