// Single nodes: layout, search, edits in place, and what separators and heads promise.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "engine/base/limits.h"
#include "engine/tree/node_batch.h"
#include "engine/tree/node_edit.h"
#include "tests/tree/map_pages.h"

namespace holdfast::testing {
namespace {

constexpr TreeId kTree{5};

class Node : public ::testing::TestWithParam<std::uint32_t> {
 protected:
  Node() : pages(GetParam()) {
    editor = pages.create(kTree, PageKind::kLeaf, 0).value();
    const NodeBatch nothing(PageKind::kLeaf, 0, GetParam(), {});
    EXPECT_TRUE(nothing.write(editor, 0, 0, {}, kNoHint));
  }
  NodeView view() { return view_of(kTree, editor).value(); }

  MapPages pages;
  Editor editor;
};
INSTANTIATE_TEST_SUITE_P(PageSizes, Node, ::testing::Values(4096, 8192, 16384, 32768));

TEST_P(Node, RandomEditsAgreeWithAMap) {
  std::mt19937_64 random(GetParam());
  std::map<std::string, std::string> model;
  int refused = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string key(random() % 9, '\0');
    for (char& c : key) c = static_cast<char>(random() % 4 * 85);
    const std::string value(random() % (GetParam() / 60), 'v');
    const NodeView node = view();
    NodePlace place;
    ASSERT_TRUE(node.lower_bound(key, place));
    ASSERT_EQ(place.found, model.contains(key));
    ASSERT_EQ(place.index, std::distance(model.begin(), model.lower_bound(key)));
    const std::uint32_t free = node.gap() + node.garbage();
    Record was;
    ASSERT_TRUE(!place.found || node.record(place.index, was));
    if (place.found && random() % 3 == 0) {
      const std::uint32_t bytes = node.bytes_of(was);
      erase_entry(editor, node, place.index, was);
      model.erase(key);
      ASSERT_EQ(view().gap() + view().garbage(), free + bytes + kOffsetBytes);
    } else if (place.found ? replace_entry(editor, node, place.index, was, {key, value, false})
                           : insert_entry(editor, node, place.index, {key, value, false})) {
      model[key] = value;
    } else {
      ++refused;
      ASSERT_EQ(view().gap() + view().garbage(), free) << "refused and changed";
      if (random() % 20 != 0) continue;
      // Compaction: what the node claims to use is what it then takes.
      NodeBatch batch(PageKind::kLeaf, 0, GetParam(), {});
      const std::uint32_t used = node.bytes_used();
      ASSERT_EQ(batch.take(node), nullptr);
      ASSERT_EQ(batch.least_bytes(0, batch.size()), used);
      ASSERT_TRUE(batch.write(editor, 0, batch.size(), {"", std::nullopt}, kNoHint));
      ASSERT_EQ(view().garbage(), 0u);
    }
  }
  EXPECT_GT(refused, 0);
  const NodeView node = view();
  ASSERT_EQ(node.count(), model.size());
  std::uint32_t index = 0;
  for (const auto& [key, value] : model) {
    Record record;
    ASSERT_TRUE(node.record(index++, record));
    EXPECT_EQ(record.suffix, key);
    EXPECT_EQ(record.payload, value);
  }
  pages.commit();
  EXPECT_EQ(pages.complaint, "");
}

TEST_P(Node, AnEmptiedNodeHasAllItsRoomAgain) {
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(insert_entry(editor, view(), 0, {"k", "value", false}));
  for (int i = 0; i < 10; ++i) {
    const NodeView node = view();
    Record was;
    ASSERT_TRUE(node.record(i % node.count(), was));
    erase_entry(editor, node, i % node.count(), was);
  }
  EXPECT_EQ(view().garbage(), 0u);
  EXPECT_EQ(view().bytes_used(), kNodeHeadEnd);
}

TEST_P(Node, PrefixFromBoundsHoldsForAllTheyAllow) {
  NodeBatch batch(PageKind::kLeaf, 0, GetParam(), {});
  batch.insert(0, "user/17/a", "1", false);
  batch.insert(1, "user/17/b", "2", false);
  ASSERT_TRUE(batch.write(editor, 0, 2, {"user/1", "user/2"}, kNoHint));
  EXPECT_EQ(view().prefix(), "user/");
  ASSERT_TRUE(batch.write(editor, 0, 2, {"user/1", std::nullopt}, kNoHint));
  EXPECT_EQ(view().prefix(), "user/1");
  NodePlace place;
  ASSERT_TRUE(view().lower_bound("user/17/b", place));
  EXPECT_TRUE(place.found);
  ASSERT_TRUE(view().lower_bound("user", place));
  EXPECT_EQ(place.index, 0u);
  ASSERT_TRUE(view().lower_bound("user/2", place));
  EXPECT_EQ(place.index, 2u);
}

TEST(Records, SeparatorIsShortestThatTellsApart) {
  EXPECT_EQ(shortest_separator("apple", "banana"), "b");
  EXPECT_EQ(shortest_separator("apple", "apricot"), "apr");
  EXPECT_EQ(shortest_separator("app", "apple"), "appl");
  EXPECT_EQ(shortest_separator("", std::string_view("\0", 1)), std::string_view("\0", 1));
}

TEST(Records, HeadsOrderAsSuffixesUpToTies) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 100000; ++i) {
    std::string a(random() % 7, '\0');
    std::string b(random() % 7, '\0');
    for (char& c : a) c = static_cast<char>(random() % 3 * 127);
    for (char& c : b) c = static_cast<char>(random() % 3 * 127);
    EXPECT_TRUE(head_of(a) >= head_of(b) || a < b);
    EXPECT_TRUE(a >= b || head_of(a) <= head_of(b));
  }
}

TEST(Records, VarintsEndWithinTheirBytes) {
  for (std::uint32_t n = 0; n < (1u << 14); ++n) {
    std::byte bytes[2] = {};
    const std::byte* end = put_varint(bytes, n);
    ASSERT_EQ(static_cast<std::size_t>(end - bytes), varint_bytes(n));
    std::uint32_t back = 0;
    ASSERT_EQ(get_varint(bytes, end, back), end);
    ASSERT_EQ(back, n);
    ASSERT_EQ(get_varint(bytes, end - 1, back), nullptr);
  }
  const std::byte endless[2] = {std::byte{0x80}, std::byte{0x80}};
  std::uint32_t n = 0;
  EXPECT_EQ(get_varint(endless, endless + 2, n), nullptr);
}

}  // namespace
}  // namespace holdfast::testing
