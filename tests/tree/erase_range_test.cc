// Erasing ranges, and freeing what that cuts off: beside the std::map, page by page accounted for.
#include <algorithm>
#include <memory>

#include "engine/base/limits.h"
#include "engine/tree/subtree.h"
#include "tests/tree/tree_fixture.h"

namespace holdfast::testing {
namespace {

class EraseRange : public ::testing::TestWithParam<std::uint32_t> {};
INSTANTIATE_TEST_SUITE_P(PageSizes, EraseRange, ::testing::Values(4096, 8192, 16384, 32768));

using Bound = std::optional<std::string>;

// What was cut off and isn't freed yet, as a catalog would keep it.
struct Dying {
  ModelTree& tree;
  std::vector<Subtree> subtrees;
  std::vector<CutPart> runs;
  std::uint64_t damaged = 0;

  void collect() {
    for (const CutPart& part : std::exchange(tree.pages.cuts, {})) {
      if (part.damaged) {
        ++damaged;
      } else if (part.run_pages != 0) {
        runs.push_back(part);
      } else {
        subtrees.push_back({part.tree, part.first, {}});
      }
    }
  }

  std::uint64_t records() {
    std::uint64_t sum = 0;
    for (const Subtree& subtree : subtrees) sum += subtree_records(tree.pages, subtree).value();
    return sum;
  }

  // Answers the records that were freed.
  std::uint64_t free_some(std::uint32_t pages) {
    if (!runs.empty()) {
      EXPECT_TRUE(tree.pages.release(runs.back().first, runs.back().run_pages));
      runs.pop_back();
      return 0;
    }
    if (subtrees.empty()) return 0;
    const auto freed = subtree_free_some(tree.pages, subtrees.back(), pages);
    EXPECT_TRUE(freed) << freed.error().to_string();
    if (!freed) return 0;
    if (freed->finished) subtrees.pop_back();
    collect();
    return freed->records;
  }
  [[nodiscard]] bool empty() const { return subtrees.empty() && runs.empty(); }
};

// Answers the records that went.
std::uint64_t erase_range(ModelTree& tree, const std::string& from, const Bound& to,
                          std::uint64_t& at_the_edges) {
  const auto erased = tree_erase_range(tree.pages, tree.ref, from,
                                       to ? std::optional<std::string_view>(*to) : std::nullopt);
  EXPECT_TRUE(erased) << erased.error().to_string();
  at_the_edges = erased.value_or(0);
  const auto begin = tree.model.lower_bound(from);
  const auto end = to ? tree.model.lower_bound(*to) : tree.model.end();
  if (to && *to <= from) return 0;
  const auto count = static_cast<std::uint64_t>(std::distance(begin, end));
  tree.model.erase(begin, end);
  return count;
}

// The tree, what is dying of it, and nothing else.
void check_all(ModelTree& tree, Dying& dying) {
  tree.pages.commit();
  const TreeTotals totals = tree.check();
  Findings findings;
  std::uint64_t pages = totals.nodes + totals.overflow_pages;
  std::uint64_t records = 0;
  for (const Subtree& part : dying.subtrees) {
    const auto walked = tree_check(tree.pages, {part.tree, part.root}, findings, part.done);
    ASSERT_TRUE(walked);
    pages += walked->nodes + walked->overflow_pages;
    records += walked->records;
  }
  for (const CutPart& run : dying.runs) {
    ASSERT_TRUE(run_check(tree.pages, run.tree, run.first, run.run_pages, findings));
    pages += run.run_pages;
  }
  ASSERT_EQ(findings.text, "");
  ASSERT_EQ(pages, tree.pages.committed.size());
  ASSERT_EQ(records, dying.records());
}

TEST_P(EraseRange, RandomRangesAmongRandomPuts) {
  const std::uint32_t p = GetParam();
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    ModelTree tree(p, 900 + seed);
    Dying dying{tree, {}, {}};
    tree.commit();
    const std::size_t value_max = seed % 3 == 0 ? 30 : seed % 3 == 1 ? p / 8 : 30 * p;
    const auto key = [&] {
      if (seed % 4 == 3) return tree.bytes(tree.below(max_key_bytes(p) / (1 + tree.below(30)) + 1));
      return padded(tree.below(20000));
    };
    for (int round = 0; round < 25; ++round) {
      const auto before = tree.model;
      const auto before_dying = std::pair(dying.subtrees, dying.runs);
      const int puts = static_cast<int>(tree.below(seed % 3 == 0   ? 1200
                                                   : seed % 3 == 1 ? 150
                                                                   : 20));
      for (int i = 0; i < puts; ++i) {
        const std::string k = key();
        ASSERT_NO_FATAL_FAILURE(tree.put(k, tree.bytes(tree.below(value_max + 1))));
      }
      dying.collect();
      for (std::uint64_t n = tree.below(3); n > 0; --n) {
        std::string from = key();
        Bound to = key();
        if (*to < from && tree.below(8) != 0) std::swap(from, *to);
        if (tree.below(6) == 0) from.clear();
        if (tree.below(6) == 0) to.reset();
        const std::uint64_t was_dying = dying.records();
        std::uint64_t at_the_edges = 0;
        const std::uint64_t gone = erase_range(tree, from, to, at_the_edges);
        dying.collect();
        ASSERT_EQ(at_the_edges + dying.records() - was_dying, gone);
      }
      if (tree.below(5) == 0) {
        tree.pages.abort();
        tree.model = before;
        std::tie(dying.subtrees, dying.runs) = before_dying;
      }
      check_all(tree, dying);
      if (HasFailure()) return;
      for (std::uint64_t n = tree.below(4); n > 0; --n) {
        const std::uint64_t was = dying.records();
        const auto pages = static_cast<std::uint32_t>(1 + tree.below(40));
        const std::uint64_t freed = dying.free_some(pages);
        ASSERT_EQ(was - freed, dying.records());
        check_all(tree, dying);
        if (HasFailure()) return;
      }
    }
    while (!dying.empty()) (void)dying.free_some(100);
    tree.commit();
    if (HasFailure()) return;
  }
}

// Bounds all over a tree of three levels.
TEST(EraseRangeBounds, AllOverATree) {
  constexpr std::uint32_t kPageSize = 4096;
  const auto key = [](int n) { return padded(static_cast<std::uint64_t>(n)); };
  const int records = 3000;
  ModelTree tree(kPageSize);
  for (int i = 0; i < records; ++i) tree.put(key(i), std::string(480, 'v'));
  EXPECT_GE(tree.commit().height, 3u);
  const auto whole = tree.model;
  for (int from = 0; from < records; from += 101) {
    for (int to = from; to <= records; to += to - from < 30 ? 3 : 177) {
      Dying dying{tree, {}, {}};
      std::uint64_t at_the_edges = 0;
      const Bound end = to == records ? Bound() : Bound(key(to));
      const auto count = erase_range(tree, from == 0 ? "" : key(from), end, at_the_edges);
      ASSERT_EQ(count, static_cast<std::uint64_t>(to - from));
      dying.collect();
      ASSERT_EQ(count - at_the_edges, dying.records());
      tree.check();
      ASSERT_FALSE(HasFailure()) << from << " to " << to;
      tree.pages.abort();
      tree.model = whole;
    }
  }
}

// DR-C18: docs/SCENARIOS.md.
TEST_P(EraseRange, TakesAsLongForManyAsForFew) {
  ModelTree tree(GetParam());
  for (int i = 0; i < 40000; ++i) tree.put(padded(static_cast<std::uint64_t>(i)), "some value");
  tree.commit();
  const std::uint64_t before = tree.pages.pages_asked;
  std::uint64_t at_the_edges = 0;
  erase_range(tree, padded(77), padded(39911), at_the_edges);
  EXPECT_LT(tree.pages.pages_asked - before, 100u);
  Dying dying{tree, {}, {}};
  dying.collect();
  EXPECT_LT(dying.subtrees.size(), 8u);
  check_all(tree, dying);
}

// Leaves that are full enough don't keep the nodes above them from being mended.
TEST(EraseRangeBounds, WhatIsLeftOfATreeIsNoTallerThanItNeedsToBe) {
  ModelTree tree(4096);
  for (int i = 0; i < 3000; ++i)
    tree.put(padded(static_cast<std::uint64_t>(i)), std::string(480, 'v'));
  EXPECT_GE(tree.commit().height, 3u);
  std::uint64_t at_the_edges = 0;
  erase_range(tree, padded(14), padded(2986), at_the_edges);
  EXPECT_LE(tree.check().height, 2u);
}

TEST_P(EraseRange, AWholeTreeIsFreedInPieces) {
  ModelTree tree(GetParam());
  for (int i = 0; i < 3000; ++i) {
    tree.put(padded(static_cast<std::uint64_t>(i)),
             std::string(i % 10 == 0 ? 34 * GetParam() : 300, 'v'));
  }
  tree.pages.commit();
  EXPECT_GT(tree.pages.committed.size(), 10000u);
  Dying dying{tree, {}, {}};
  ASSERT_TRUE(tree.pages.cut({.tree = tree.ref.id, .first = tree.ref.root}));
  dying.collect();
  std::uint64_t records = 0;
  std::size_t most = 0;
  while (!dying.empty()) {
    const std::size_t was = tree.pages.committed.size();
    records += dying.free_some(64);
    tree.pages.commit();
    most = std::max(most, was - tree.pages.committed.size());
  }
  EXPECT_EQ(records, 3000u);
  EXPECT_LT(most, 64u + 17u * 60u);
  EXPECT_TRUE(tree.pages.committed.empty());
  EXPECT_EQ(tree.pages.complaint, "");
}

TEST(EraseRangeDamage, ASubtreeThatCannotBeReadIsLeftOut) {
  ModelTree tree(4096);
  for (int i = 0; i < 2000; ++i)
    tree.put(padded(static_cast<std::uint64_t>(i)), std::string(100, 'v'));
  tree.commit();
  std::vector<PageId> leaves;
  for (const auto& [id, page] : tree.pages.committed) {
    if (page_kind(page.data()) == PageKind::kLeaf) leaves.push_back(id);
  }
  tree.pages.committed.erase(leaves[leaves.size() / 2]);
  Dying dying{tree, {}, {}};
  std::uint64_t at_the_edges = 0;
  erase_range(tree, padded(1), padded(1999), at_the_edges);
  dying.collect();
  while (!dying.empty()) (void)dying.free_some(10);
  EXPECT_EQ(dying.damaged, 1u);
  tree.commit();  // Every other page is free.
}

}  // namespace
}  // namespace holdfast::testing
