// Damage: every kind that tree_check knows is found, and bytes that no writer wrote (as if their
// checks were right) give errors or answers, never a crash or an endless loop.
#include <cstring>
#include <functional>

#include "engine/base/bytes.h"
#include "engine/base/limits.h"
#include "engine/tree/node_view.h"
#include "engine/tree/subtree.h"
#include "tests/tree/tree_fixture.h"

namespace holdfast::testing {
namespace {

constexpr std::uint32_t kPageSize = 4096;

class Damage : public ::testing::Test {
 protected:
  Damage() : tree(kPageSize) {
    for (int i = 0; i < 2000; ++i) {
      tree.put(padded(i), i % 200 == 0 ? std::string(3 * kPageSize, 'o') : std::string(100, 'v'));
    }
    tree.erase(padded(77));
    tree.commit();
  }

  // A leaf that isn't at an edge; the page of an inner node below the root; an overflow page.
  MapPages::Bytes& leaf() { return page_of(PageKind::kLeaf); }
  MapPages::Bytes& page_of(PageKind kind) {
    for (auto& [id, page] : tree.pages.committed) {
      if (id != tree.ref.root && page_kind(page.data()) == kind &&
          (kind == PageKind::kOverflow || page_count(page.data()) > 5) && ++skipped > 2) {
        return page;
      }
    }
    return tree.pages.committed.begin()->second;
  }
  NodeView view(const MapPages::Bytes& page) {
    NodeView node;
    EXPECT_EQ(NodeView::open(page.data(), kPageSize, tree.ref.id, node), nullptr);
    return node;
  }

  void expect_found(const std::string& code) {
    Findings findings;
    const Result<TreeTotals> totals = tree_check(tree.pages, tree.ref, findings);
    ASSERT_TRUE(totals) << totals.error().to_string();
    EXPECT_TRUE(findings.codes.contains(code)) << "found instead: " << findings.text;
    EXPECT_GT(totals->records, 1000u) << "the rest must still be walked";
  }

  ModelTree tree;
  int skipped = 0;
};

TEST_F(Damage, KeysOutOfOrder) {
  MapPages::Bytes& page = leaf();
  const NodeView node = view(page);
  const std::uint16_t first = static_cast<std::uint16_t>(node.offset(1));
  store16(page.data() + node.offset_at(1), static_cast<std::uint16_t>(node.offset(2)));
  store16(page.data() + node.offset_at(2), first);
  expect_found("key_order");
}

TEST_F(Damage, KeyOutsideItsParentsBounds) {
  MapPages::Bytes& page = leaf();
  const NodeView node = view(page);
  Record record;
  ASSERT_TRUE(node.record(0, record));
  std::memset(const_cast<char*>(record.suffix.data()), 0, record.suffix.size());
  expect_found("key_bounds");
}

TEST_F(Damage, WrongHead) {
  MapPages::Bytes& page = leaf();
  page[kNodeHeadEnd + 5] ^= std::byte{1};
  expect_found("node_head");
}

TEST_F(Damage, OverlappingRecords) {
  MapPages::Bytes& page = leaf();
  const NodeView node = view(page);
  store16(page.data() + node.offset_at(1), static_cast<std::uint16_t>(node.offset(2)));
  expect_found("record_overlap");
}

TEST_F(Damage, WrongGarbage) {
  MapPages::Bytes& page = leaf();
  store16(page.data() + node_at::kGarbage,
          static_cast<std::uint16_t>(load16(page.data() + node_at::kGarbage) + 1));
  expect_found("node_garbage");
}

TEST_F(Damage, RecordOutsideTheHeap) {
  MapPages::Bytes& page = leaf();
  store16(page.data() + view(page).offset_at(3), kPageSize - 3);
  expect_found("node_record");
}

// DR-A12: docs/SCENARIOS.md.
TEST_F(Damage, WrongLevel) {
  MapPages::Bytes& page = leaf();
  page[page_at::kKind] = static_cast<std::byte>(PageKind::kInner);
  page[page_at::kLevel] = std::byte{1};
  expect_found("node_level");
}

TEST_F(Damage, WrongKindOrTreeOrArrays) {
  MapPages::Bytes& page = leaf();
  page[page_at::kKind] = static_cast<std::byte>(PageKind::kOverflow);
  expect_found("node_layout");
  page[page_at::kKind] = static_cast<std::byte>(PageKind::kLeaf);
  page[page_at::kTree] ^= std::byte{3};
  expect_found("node_layout");
  page[page_at::kTree] ^= std::byte{3};
  page[page_at::kCount] ^= std::byte{3};
  expect_found("node_layout");
}

TEST_F(Damage, PageNamedTwice) {
  MapPages::Bytes& root = tree.pages.committed.at(tree.ref.root);
  const NodeView node = view(root);
  Record first;
  Record second;
  ASSERT_TRUE(node.record(0, first) && node.record(1, second));
  std::memcpy(const_cast<char*>(second.payload.data()), first.payload.data(), kChildBytes);
  expect_found("page_shared");
}

TEST_F(Damage, PageMissing) {
  const PageId gone = page_id(leaf().data());
  tree.pages.committed.erase(gone);
  expect_found("page_damaged");
  // What is not below it stays readable.
  std::string value;
  int read = 0;
  for (const auto& [key, expected] : tree.model) {
    const Result<bool> found = tree_get(tree.pages, tree.ref, key, value);
    if (!found) {
      EXPECT_EQ(found.error().code(), ErrorCode::kDamaged);
      continue;
    }
    EXPECT_TRUE(*found);
    EXPECT_EQ(value, expected);
    ++read;
  }
  EXPECT_GT(read, 1900);
}

TEST_F(Damage, OverflowPageOfAnotherKindOrLength) {
  MapPages::Bytes& page = page_of(PageKind::kOverflow);
  store16(page.data() + page_at::kGapBegin, 41);
  expect_found("overflow_page");
}

TEST_F(Damage, ImpossibleStub) {
  for (auto& [id, page] : tree.pages.committed) {
    if (page_kind(page.data()) != PageKind::kLeaf) continue;
    const NodeView node = view(page);
    for (std::uint32_t i = 0; i < node.count(); ++i) {
      Record record;
      ASSERT_TRUE(node.record(i, record));
      if (record.overflow) const_cast<char*>(record.payload.data())[4] ^= 1;
    }
  }
  expect_found("overflow_stub");
}

TEST_F(Damage, EmptyLeaf) {
  MapPages::Bytes& page = leaf();
  store16(page.data() + page_at::kGapBegin,
          static_cast<std::uint16_t>(page_gap_begin(page.data()) - 2 * page_count(page.data())));
  store16(page.data() + page_at::kCount, 0);
  expect_found("leaf_empty");
}

// Uses the tree in every way there is. Errors are fine; that it ends is the test.
void use(ModelTree& tree) {
  auto& pages = tree.pages;
  std::string value;
  for (int i = 0; i < 30; ++i) {
    const std::string key = padded(tree.below(2000));
    (void)tree_get(pages, tree.ref, key, value);
    (void)tree_put(pages, tree.ref, key, std::string(tree.below(600), 'x'));
    (void)tree_put(pages, tree.ref, tree.bytes(tree.below(1000)), "y");
    (void)tree_erase(pages, tree.ref, padded(tree.below(2000)));
  }
  TreeCursor cursor(pages, tree.ref);
  int steps = 0;
  for (Result<bool> on = cursor.first(); on && *on; on = cursor.next()) {
    if (++steps % 100 == 0) (void)cursor.value();
    ASSERT_LT(steps, 100000) << "a scan that doesn't end";
  }
  for (Result<bool> on = cursor.last(); on && *on; on = cursor.prev()) ASSERT_LT(++steps, 200000);
  (void)cursor.seek(padded(tree.below(2000)));
  (void)cursor.prev();
  Findings findings;
  (void)tree_check(pages, tree.ref, findings);
  const std::string from = padded(tree.below(2000));
  (void)tree_erase_range(pages, tree.ref, from, padded(tree.below(2000)));
  (void)tree_erase_range(pages, tree.ref, tree.bytes(tree.below(1000)), std::nullopt);
}

TEST(Hostile, RandomBytesInNodes) {
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    ModelTree tree(kPageSize, seed);
    for (int i = 0; i < 300; ++i) {
      tree.put(padded(tree.below(2000)),
               std::string(tree.below(30) == 0 ? 5000 : tree.below(300), 'v'));
    }
    tree.pages.commit();
    for (auto& [id, page] : tree.pages.committed) {
      if (tree.below(3) != 0) continue;
      const int flips = 1 + static_cast<int>(tree.below(6));
      for (int i = 0; i < flips; ++i) {
        // Mostly where the structure is: heads, offsets, the starts of records.
        const bool anywhere = tree.below(3) == 0;
        const std::size_t at = anywhere ? page_at::kTree + tree.below(kPageSize - page_at::kTree)
                                        : page_at::kKind + tree.below(200);
        page[at] = static_cast<std::byte>(tree.random());
      }
      // verify_page() vouches for the gap's sanity before a tree sees a page.
      const std::uint16_t begin = page_gap_begin(page.data());
      const std::uint16_t end = page_gap_end(page.data());
      if (begin < kPageHeadBytes || begin > end || end > kPageSize) {
        store16(page.data() + page_at::kGapBegin, kPageHeadBytes);
        store16(page.data() + page_at::kGapEnd, kPageSize);
      }
    }
    ASSERT_NO_FATAL_FAILURE(use(tree)) << "seed " << seed;
    Subtree all{tree.ref.id, tree.ref.root, {}};
    (void)subtree_records(tree.pages, all);
    for (int step = 0;; ++step) {
      const auto freed = subtree_free_some(tree.pages, all, 10);
      if (!freed || freed->finished) break;
      ASSERT_LT(step, 1000);
    }
  }
}

TEST(Hostile, ATreeThatNamesOnePageManyTimes) {
  // Thirty levels whose entries all lead to one child each: a walk of every way would never end.
  ModelTree tree(kPageSize);
  MapPages& pages = tree.pages;
  const PageId leaf = tree_create(pages, tree.ref.id).value();
  ASSERT_TRUE(tree_put(pages, {tree.ref.id, leaf}, "key", "value"));
  pages.commit();
  PageId below = leaf;
  for (std::uint8_t level = 1; level < 31; ++level) {
    NodeBatch batch(PageKind::kInner, level, kPageSize, {});
    std::string child(kChildBytes, '\0');
    std::memcpy(child.data(), &below, kChildBytes);
    for (std::uint32_t i = 0; i < 200; ++i)
      batch.insert(i, i == 0 ? std::string() : padded(i), child, false);
    Editor editor = pages.create(tree.ref.id, PageKind::kInner, level).value();
    ASSERT_TRUE(batch.write(editor, 0, 200, {}, kNoHint));
    below = editor.id();
  }
  pages.commit();
  tree.ref.root = below;
  TreeCursor cursor(pages, tree.ref);
  ASSERT_TRUE(cursor.first().value());
  EXPECT_EQ(cursor.next().error().code(), ErrorCode::kDamaged);
  EXPECT_FALSE(cursor.valid());
  Findings findings;
  ASSERT_TRUE(tree_check(pages, tree.ref, findings));
  EXPECT_TRUE(findings.codes.contains("page_shared"));
  Subtree all{tree.ref.id, tree.ref.root, {}};
  EXPECT_EQ(subtree_records(pages, all).error().code(), ErrorCode::kDamaged);
  std::uint64_t freed = 0;
  for (bool finished = false; !finished;) {
    const SubtreeFreed some = subtree_free_some(pages, all, 100).value();
    freed += some.pages;
    finished = some.finished;
  }
  EXPECT_EQ(freed, 31u);
}

// The search believes the heads. Where they lie, a new key comes to stand among keys that it isn't
// between, and shares no prefix with them.
TEST(Hostile, ANewKeyAmongKeysThatItIsNotBetween) {
  ModelTree tree(kPageSize);
  const std::string common(300, 'b');
  for (char last : {'1', '2', '3', '4'}) tree.put(common + last, std::string(480, 'v'));
  tree.put("c", std::string(480, 'v'));
  tree.commit();
  MapPages::Bytes& page = tree.pages.committed.at(tree.ref.root);
  for (std::uint32_t i = 0; i < page_count(page.data()); ++i)
    store32(page.data() + kNodeHeadEnd + i * kHeadBytes, i);
  for (int i = 0; i < 4; ++i) {
    const auto put =
        tree_put(tree.pages, tree.ref, common + "5" + std::to_string(i), std::string(480, 'v'));
    if (!put) {
      EXPECT_EQ(put.error().code(), ErrorCode::kDamaged);
      return;
    }
  }
  FAIL() << "a node whose keys are out of order was laid out anew";
}

}  // namespace
}  // namespace holdfast::testing
