// At, below and above every limit of the tree, and the failures of earlier engines as tests.
#include "engine/base/limits.h"

#include <algorithm>
#include <numeric>

#include "tests/tree/tree_fixture.h"

namespace holdfast::testing {
namespace {

class Limits : public ::testing::TestWithParam<std::uint32_t> {};
INSTANTIATE_TEST_SUITE_P(PageSizes, Limits, ::testing::Values(4096, 8192, 16384, 32768));

TEST_P(Limits, LongestKeysMakeALowWideEnoughTree) {
  // DR-C15: with fences stored in nodes, keys of a quarter page made a tree of one child per node.
  ModelTree tree(GetParam(), 3);
  const std::size_t most = max_key_bytes(GetParam());
  for (int i = 0; i < 20; ++i) {
    // They differ in the last byte only, so no separator can be cut.
    tree.put(std::string(most - 1, static_cast<char>('a' + i % 10)) + static_cast<char>(i),
             std::string(max_inline_value_bytes(GetParam()), 'v'));
  }
  EXPECT_LE(tree.commit().height, 4u);
  for (int i = 0; i < 1000; ++i) {
    ASSERT_NO_FATAL_FAILURE(
        tree.put(tree.bytes(most), tree.bytes(max_inline_value_bytes(GetParam()))));
  }
  const TreeTotals totals = tree.commit();
  EXPECT_LE(totals.height, 12u);
  while (!tree.model.empty()) ASSERT_NO_FATAL_FAILURE(tree.erase(std::string(tree.any_key())));
  EXPECT_EQ(tree.commit().nodes, 1u);
}

TEST_P(Limits, LongestKeysThatDifferOnlyAtTheEnd) {
  ModelTree tree(GetParam(), 4);
  const std::size_t most = max_key_bytes(GetParam());
  std::vector<int> order(3000);
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), tree.random);
  for (const int i : order)
    ASSERT_NO_FATAL_FAILURE(tree.put(std::string(most - 4, 'k') + padded(i, 4), "v"));
  // The prefix is stored once: far less than a page per four keys.
  EXPECT_LT(tree.commit().nodes, 40u);
}

TEST_P(Limits, KeySize) {
  ModelTree tree(GetParam());
  const std::size_t most = max_key_bytes(GetParam());
  tree.put(std::string(most - 1, 'k'), "below");
  tree.put(std::string(most, 'k'), "at");
  const auto above = tree_put(tree.pages, tree.ref, std::string(most + 1, 'k'), "above");
  ASSERT_FALSE(above);
  EXPECT_EQ(above.error().code(), ErrorCode::kLimitExceeded);
  EXPECT_NE(above.error().message().find(std::to_string(most)), std::string::npos);
  EXPECT_FALSE(tree_contains(tree.pages, tree.ref, std::string(most + 1, 'k')).value());
  EXPECT_FALSE(tree_erase(tree.pages, tree.ref, std::string(most * 3, 'k')).value());
  tree.put("", "the empty key");
  tree.commit();
}

TEST_P(Limits, ValuesAtTheEdgeOfInlineAndOfWholePages) {
  ModelTree tree(GetParam());
  const std::size_t inline_max = max_inline_value_bytes(GetParam());
  const std::size_t whole = GetParam() - 40;
  tree.put("a", std::string(inline_max, 'a'));
  EXPECT_EQ(tree.commit().overflow_pages, 0u);
  tree.put("a", std::string(inline_max + 1, 'b'));
  EXPECT_EQ(tree.commit().overflow_pages, 1u);
  tree.put("a", std::string(whole, 'c'));
  EXPECT_EQ(tree.commit().overflow_pages, 1u);
  tree.put("a", std::string(whole + 1, 'd'));
  EXPECT_EQ(tree.commit().overflow_pages, 2u);
  tree.put("b", std::string(300 * whole - 1, 'e'));
  EXPECT_EQ(tree.commit().overflow_pages, 302u);
  std::string value;
  EXPECT_TRUE(tree_get(tree.pages, tree.ref, "b", value).value());
  EXPECT_EQ(value, tree.model["b"]);
  tree.put("b", "");
  tree.erase("a");
  EXPECT_EQ(tree.commit().overflow_pages, 0u);
}

TEST_P(Limits, PutModes) {
  ModelTree tree(GetParam());
  auto put = [&](std::string_view value, PutMode mode) {
    return tree_put(tree.pages, tree.ref, "k", value, mode).value();
  };
  EXPECT_FALSE(put("1", PutMode::kReplaceOnly).stored);
  EXPECT_TRUE(put("2", PutMode::kInsertOnly).stored);
  EXPECT_FALSE(put("3", PutMode::kInsertOnly).stored);
  EXPECT_TRUE(put("3", PutMode::kInsertOnly).existed);
  EXPECT_TRUE(put("4", PutMode::kReplaceOnly).stored);
  std::string value;
  EXPECT_TRUE(tree_get(tree.pages, tree.ref, "k", value).value());
  EXPECT_EQ(value, "4");
  EXPECT_FALSE(tree_get(tree.pages, tree.ref, "none", value).value());
  EXPECT_EQ(value, "4");
}

TEST_P(Limits, DeletesInRandomOrderKeepEveryOtherRecord) {
  // Both earlier engines lost records or crashed here.
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    ModelTree tree(GetParam(), seed);
    std::vector<std::string> keys;
    for (int i = 0; i < 400; ++i) keys.push_back(tree.bytes(1 + tree.below(GetParam() / 40)));
    for (const std::string& key : keys)
      ASSERT_NO_FATAL_FAILURE(tree.put(key, std::string(80, 'v')));
    tree.commit();
    std::shuffle(keys.begin(), keys.end(), tree.random);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      ASSERT_NO_FATAL_FAILURE(tree.erase(keys[i]));
      if (i % 40 == 0) tree.commit();
    }
    EXPECT_EQ(tree.commit().nodes, 1u);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace holdfast::testing
