// How near estimates of a range come, and what they cost.
#include "engine/tree/estimate.h"

#include <algorithm>
#include <iterator>

#include "engine/base/limits.h"
#include "tests/sanitized.h"
#include "tests/tree/tree_fixture.h"

namespace holdfast::testing {
namespace {

struct Truth {
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
};

Truth count(const ModelTree& tree, const std::string& from, const std::string& to) {
  Truth truth;
  for (auto at = tree.model.lower_bound(from); at != tree.model.lower_bound(to); ++at) {
    ++truth.records;
    truth.bytes += at->first.size() + at->second.size();
  }
  return truth;
}

class Estimate : public ::testing::TestWithParam<std::uint32_t> {};
INSTANTIATE_TEST_SUITE_P(PageSizes, Estimate, ::testing::Values(4096, 32768));

TEST_P(Estimate, OfAnEmptyTreeAndOfOneLeafIsExact) {
  ModelTree tree(GetParam());
  EXPECT_EQ(tree_estimate(tree.pages, tree.ref, {}, {})->records, 0U);
  for (int i = 0; i < 20; ++i) tree.put(padded(i), std::string(10, 'v'));
  for (int from = 0; from < 20; ++from) {
    for (int to = 0; to < 20; ++to) {
      const TreeEstimate found =
          tree_estimate(tree.pages, tree.ref, padded(from), padded(to)).value();
      EXPECT_TRUE(found.exact);
      EXPECT_EQ(found.records, static_cast<std::uint64_t>(std::max(0, to - from)));
      EXPECT_EQ(found.bytes, found.records * 20);
    }
  }
  EXPECT_EQ(tree_estimate(tree.pages, tree.ref, {}, "5")->records, 20U);
  EXPECT_EQ(tree_estimate(tree.pages, tree.ref, "5", {})->records, 0U);
}

// Writes records with random keys and values of 30 to 89 bytes. What is drawn doesn't depend on the
// compiler's order of evaluation.
void put_random(ModelTree& tree, int records) {
  for (int i = 0; i < records; ++i) {
    const std::string key = padded(tree.below(1'000'000'000));
    const std::size_t length = 30 + tree.below(60);
    tree.put(key, tree.bytes(length));
  }
  tree.commit();
}

TEST_P(Estimate, OfRandomRecordsIsNearTheTruth) {
  const std::uint64_t seeds = kSanitized ? 1 : 2;
  int far = 0;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    ModelTree tree(GetParam(), seed);
    put_random(tree, 60'000);
    for (int round = 0; round < 300; ++round) {
      std::string from = padded(tree.below(1'000'000'000));
      std::string to = padded(tree.below(1'000'000'000));
      if (to < from) std::swap(from, to);
      const Truth truth = count(tree, from, to);
      const TreeEstimate found = tree_estimate(tree.pages, tree.ref, from, to).value();
      if (found.exact) {
        EXPECT_EQ(found.records, truth.records);
        EXPECT_EQ(found.bytes, truth.bytes);
      }
      if (truth.records < 2000) continue;
      const double off = static_cast<double>(found.records) / static_cast<double>(truth.records);
      EXPECT_GT(off, 0.6) << from << ' ' << to;
      EXPECT_LT(off, 1.6) << from << ' ' << to;
      far += off < 0.8 || off > 1.25 ? 1 : 0;
      EXPECT_NEAR(static_cast<double>(found.bytes) / static_cast<double>(truth.bytes), off, 0.1);
    }
  }
  EXPECT_LT(far, 15 * static_cast<int>(seeds)) << "of 300 per seed are off by more than a fifth";
}

TEST_P(Estimate, CountsLongValuesByTheirLength) {
  ModelTree tree(GetParam());
  tree.put("a", std::string(100'000, 'x'));
  tree.put("b", "y");
  EXPECT_EQ(tree_estimate(tree.pages, tree.ref, {}, {})->bytes, 100'003U);
}

TEST_P(Estimate, ReadsAFewPagesPerLevelWhateverTheRange) {
  ModelTree tree(GetParam(), 5);
  put_random(tree, 40'000);
  const TreeTotals totals = tree.commit();
  const std::uint64_t before = tree.pages.pages_asked;
  ASSERT_TRUE(tree_estimate(tree.pages, tree.ref, "1", "9"));
  const std::uint64_t height = totals.height;
  EXPECT_LE(tree.pages.pages_asked - before, 2 * height + 2 + 2 * height * (8 * height + 2));
}

TEST_P(Estimate, DamageIsAnErrorAndARangeTurnedRoundIsEmpty) {
  ModelTree tree(GetParam());
  for (int i = 0; i < 3000; ++i) tree.put(padded(i), std::string(100, 'v'));
  tree.commit();
  const TreeEstimate none = tree_estimate(tree.pages, tree.ref, padded(9), padded(9)).value();
  EXPECT_EQ(none.records + none.bytes, 0U);
  EXPECT_EQ(tree_estimate(tree.pages, tree.ref, padded(9), padded(3))->records, 0U);
  auto& root = tree.pages.committed.at(tree.ref.root);
  root[page_at::kCount] = std::byte{0};
  root[page_at::kCount + 1] = std::byte{0};
  const auto broken = tree_estimate(tree.pages, tree.ref, padded(1), padded(2000));
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code(), ErrorCode::kDamaged);
}

}  // namespace
}  // namespace holdfast::testing
