// Cursors: every move against the model, with and without pins, while the tree changes below them.
#include <optional>

#include "engine/base/limits.h"
#include "tests/tree/tree_fixture.h"

namespace holdfast::testing {
namespace {

// Pins per source: none, so that every step fetches its leaf anew, and enough.
class CursorMoves : public ::testing::TestWithParam<std::uint32_t> {};
INSTANTIATE_TEST_SUITE_P(Pins, CursorMoves, ::testing::Values(0, 4));

using Model = std::map<std::string, std::string>;

void expect_at(TreeCursor& cursor, bool on, const Model& model, Model::const_iterator at) {
  ASSERT_EQ(on, at != model.end());
  ASSERT_EQ(cursor.valid(), on);
  if (!on) return;
  ASSERT_EQ(cursor.key(), at->first);
  const Result<std::string_view> value = cursor.value();
  ASSERT_TRUE(value) << value.error().to_string();
  ASSERT_EQ(*value, at->second);
}

Model::const_iterator at_or_before(const Model& model, const std::string& key) {
  auto at = model.upper_bound(key);
  return at == model.begin() ? model.end() : std::prev(at);
}

TEST_P(CursorMoves, RandomMovesWhileTheTreeChanges) {
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    ModelTree tree(4096, seed);
    tree.pages.max_pins = GetParam();
    for (int i = 0; i < 900; ++i) {
      tree.put(padded(tree.below(5000)), tree.bytes(tree.below(50) == 0 ? 6000 : tree.below(300)));
    }
    tree.pages.commit();
    TreeCursor cursor(tree.pages, tree.ref);
    bool fresh = true;
    std::optional<std::string>
        here;  // The key it was last put on, erased or not; nothing when off.
    for (int i = 0; i < 6000; ++i) {
      const std::string key = padded(tree.below(5000));
      auto at = tree.model.cend();
      Result<bool> on = false;
      switch (tree.below(10)) {
        case 0:
          on = cursor.seek(key);
          at = tree.model.lower_bound(key);
          break;
        case 1:
          on = cursor.seek_exact(key);
          at = tree.model.find(key);
          break;
        case 2:
          on = cursor.seek_at_or_before(key);
          at = at_or_before(tree.model, key);
          break;
        case 3:
          tree.put(key, tree.bytes(tree.below(400)));
          continue;
        case 4:
          tree.erase(tree.below(2) == 0 && here ? *here : key);
          continue;
        case 5:
        case 6:
        case 7:
          on = cursor.next();
          if (here)
            at = tree.model.upper_bound(*here);
          else if (fresh)
            at = tree.model.cbegin();
          break;
        default:
          on = cursor.prev();
          if (here) {
            at = tree.model.lower_bound(*here);
            at = at == tree.model.cbegin() ? tree.model.cend() : std::prev(at);
          } else if (fresh) {
            at = std::prev(tree.model.cend());
          }
      }
      fresh = false;
      ASSERT_TRUE(on) << on.error().to_string();
      ASSERT_NO_FATAL_FAILURE(expect_at(cursor, *on, tree.model, at))
          << "seed " << seed << " step " << i;
      here = *on ? std::optional(at->first) : std::nullopt;
      if (!here && !cursor.first().value()) break;
      if (!here) here = tree.model.begin()->first;
    }
    ASSERT_EQ(tree.pages.complaint, "");
  }
}

TEST_P(CursorMoves, ErasingEverythingUnderTheCursor) {
  for (const bool forward : {true, false}) {
    ModelTree tree(4096);
    tree.pages.max_pins = GetParam();
    for (int i = 0; i < 3000; ++i) tree.put(padded(i), "value " + std::to_string(i));
    TreeCursor cursor(tree.pages, tree.ref);
    int seen = 0;
    while ((forward ? cursor.next() : cursor.prev()).value()) {
      ASSERT_EQ(cursor.key(), padded(forward ? seen : 2999 - seen));
      tree.erase(std::string(cursor.key()));
      const Result<std::string_view> gone = cursor.value();
      ASSERT_FALSE(gone);
      ASSERT_EQ(gone.error().code(), ErrorCode::kNotFound);
      ++seen;
    }
    EXPECT_EQ(seen, 3000);
    tree.commit();
  }
}

TEST_P(CursorMoves, EndsAndEmptyTrees) {
  ModelTree tree(4096);
  tree.pages.max_pins = GetParam();
  TreeCursor cursor(tree.pages, tree.ref);
  EXPECT_FALSE(cursor.next().value());
  EXPECT_FALSE(cursor.first().value());
  EXPECT_FALSE(cursor.last().value());
  EXPECT_FALSE(cursor.seek("").value());
  EXPECT_FALSE(cursor.seek_at_or_before("x").value());
  tree.put("b", "1");
  tree.put("d", "2");
  EXPECT_FALSE(cursor.next().value()) << "off an end it stays off";
  EXPECT_TRUE(cursor.seek("c").value());
  EXPECT_EQ(cursor.key(), "d");
  EXPECT_FALSE(cursor.next().value());
  EXPECT_FALSE(cursor.prev().value());
  EXPECT_FALSE(cursor.valid());
  EXPECT_FALSE(cursor.seek("e").value());
  EXPECT_FALSE(cursor.seek_at_or_before("a").value());
  EXPECT_FALSE(cursor.seek_exact("c").value());
  EXPECT_TRUE(cursor.seek_at_or_before("c").value());
  EXPECT_EQ(cursor.key(), "b");
  EXPECT_TRUE(cursor.seek(cursor.key()).value()) << "its own key may be the argument";
  EXPECT_EQ(cursor.key(), "b");
  TreeCursor fresh(tree.pages, tree.ref);
  EXPECT_TRUE(fresh.prev().value());
  EXPECT_EQ(fresh.key(), "d");
  TreeCursor moved(std::move(fresh));
  EXPECT_EQ(moved.key(), "d");
  EXPECT_EQ(moved.value().value(), "2");
}

// The longer a cursor walks, the more leaves it asks for at once; a seek begins anew, and so does
// turning round.
TEST(Cursor, AsksForLeavesAheadTheLongerItWalks) {
  ModelTree tree(4096, 31);
  for (int i = 0; i < 20000; ++i) tree.put(padded(i), std::string(100, 'v'));
  tree.commit();
  tree.pages.unpeekable = 0;
  for (const bool forward : {true, false}) {
    tree.pages.fetched.clear();
    tree.pages.sets.clear();
    TreeCursor cursor(tree.pages, tree.ref);
    int records = 0;
    while ((forward ? cursor.next() : cursor.prev()).value()) ++records;
    EXPECT_EQ(records, 20000);
    const std::vector<std::size_t>& sets = tree.pages.sets;
    ASSERT_GT(sets.size(), 10U);
    EXPECT_EQ(sets[0], 2U);
    EXPECT_GT(std::count(sets.begin(), sets.end(), kFetchMost), 10);
    EXPECT_LT(sets.size(), tree.pages.fetched.size() / 8);
  }
  TreeCursor cursor(tree.pages, tree.ref);
  for (int i = 0; i < 20000; i += 1000) {
    tree.pages.fetched.clear();
    tree.pages.sets.clear();
    ASSERT_TRUE(cursor.seek(padded(i)).value());
    EXPECT_TRUE(tree.pages.sets.empty());
    for (int n = 0; n < 40; ++n) ASSERT_TRUE(cursor.next().value());
    for (int n = 0; n < 40 && i > 0; ++n) ASSERT_TRUE(cursor.prev().value());
    for (const std::size_t set : tree.pages.sets) EXPECT_LE(set, 4U);
  }
  EXPECT_EQ(tree.pages.complaint, "");
}

}  // namespace
}  // namespace holdfast::testing
