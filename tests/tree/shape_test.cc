// How full trees are, and what a change costs in redo.
#include <algorithm>
#include <numeric>

#include "engine/base/limits.h"
#include "tests/tree/tree_fixture.h"

namespace holdfast::testing {
namespace {

class Shape : public ::testing::TestWithParam<std::uint32_t> {};
INSTANTIATE_TEST_SUITE_P(PageSizes, Shape, ::testing::Values(4096, 8192, 16384, 32768));

double leaf_fill(const TreeTotals& totals, std::uint32_t page_size) {
  return static_cast<double>(totals.leaf_bytes_used) / static_cast<double>(totals.leaves) /
         page_size;
}

TEST_P(Shape, AscendingLoadFillsLeaves) {
  ModelTree tree(GetParam());
  for (int i = 0; i < 20000; ++i) tree.put(padded(i), std::string(100, 'v'));
  EXPECT_GT(leaf_fill(tree.commit(), GetParam()), 0.9);
}

TEST_P(Shape, DescendingLoadFillsLeaves) {
  ModelTree tree(GetParam());
  for (int i = 20000; i > 0; --i) tree.put(padded(i), std::string(100, 'v'));
  EXPECT_GT(leaf_fill(tree.commit(), GetParam()), 0.9);
}

TEST_P(Shape, AscendingRunsSideBySideFillLeaves) {
  ModelTree tree(GetParam());
  for (int i = 0; i < 2500; ++i) {
    for (int run = 0; run < 8; ++run) tree.put(padded(run) + padded(i), std::string(100, 'v'));
  }
  EXPECT_GT(leaf_fill(tree.commit(), GetParam()), 0.8);
}

TEST_P(Shape, RandomLoad) {
  ModelTree tree(GetParam());
  for (int i = 0; i < 20000; ++i) tree.put(tree.bytes(16), std::string(100, 'v'));
  EXPECT_GT(leaf_fill(tree.commit(), GetParam()), 0.65);
}

TEST_P(Shape, ErasingMostRecordsGivesMostPagesBack) {
  ModelTree tree(GetParam());
  for (int i = 0; i < 20000; ++i) tree.put(padded(i), std::string(100, 'v'));
  const std::uint64_t nodes = tree.commit().nodes;
  std::vector<int> order(20000);
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), tree.random);
  for (int i = 0; i < 18000; ++i) tree.erase(padded(order[i]));
  const TreeTotals totals = tree.commit();
  EXPECT_LT(totals.nodes, nodes / 4);
  EXPECT_GT(leaf_fill(totals, GetParam()), 0.4);
}

TEST_P(Shape, AscendingKeysKeepTheirPrefixOnce) {
  ModelTree tree(GetParam());
  const std::string prefix(200, 'p');
  for (int i = 0; i < 20000; ++i) tree.put(prefix + padded(i), "v");
  const TreeTotals totals = tree.commit();
  EXPECT_LT(totals.bytes_used / 20000, 40u);
}

// DR-P6: docs/SCENARIOS.md.
TEST(Redo, AnInsertLogsLittleMoreThanItsRecord) {
  ModelTree tree(8192);
  for (int i = 0; i < 30; ++i) tree.put(tree.bytes(16), std::string(100, 'v'));
  tree.commit();
  tree.put(tree.bytes(16), std::string(100, 'v'));
  tree.commit();
  EXPECT_LE(tree.redo_bytes, 165u);
}

TEST(Redo, AnUpdateOfTheSameLengthLogsTheValueOnly) {
  ModelTree tree(8192);
  for (int i = 0; i < 500; ++i) tree.put(padded(i), std::string(100, 'v'));
  tree.commit();
  tree.put(padded(77), std::string(100, 'w'));
  tree.commit();
  EXPECT_EQ(tree.redo_bytes, 104u);
}

TEST(Redo, AnEraseLogsNoRecord) {
  ModelTree tree(8192);
  for (int i = 0; i < 500; ++i) tree.put(padded(i), std::string(100, 'v'));
  tree.commit();
  tree.erase(padded(77));
  tree.commit();
  EXPECT_LE(tree.redo_bytes, 30u);
}

TEST(Redo, AnAscendingSplitLeavesTheFullLeafAlone) {
  ModelTree tree(8192);
  std::size_t redo = 0;
  for (int i = 0; i < 10000; ++i) {
    tree.put(padded(i), std::string(100, 'v'));
    redo += tree.pages.commit();
  }
  EXPECT_LT(redo / 10000, 170u);
}

}  // namespace
}  // namespace holdfast::testing
