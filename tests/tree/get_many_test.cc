// Many keys at once: the same answers as one by one, whatever is in memory.
#include "engine/tree/get_many.h"

#include "engine/base/limits.h"
#include "tests/tree/tree_fixture.h"

namespace holdfast::testing {
namespace {

using Values = std::vector<std::optional<std::string>>;

Result<Values> get_many(ModelTree& tree, const std::vector<std::string>& keys) {
  const std::vector<std::string_view> views(keys.begin(), keys.end());
  Values values(keys.size(), "left over");
  auto done = tree_get_many(tree.pages, tree.ref, views, values);
  if (!done) return std::unexpected(done.error());
  return values;
}

void expect_as_in_the_model(ModelTree& tree, const std::vector<std::string>& keys) {
  const Result<Values> values = get_many(tree, keys);
  ASSERT_TRUE(values) << values.error().to_string();
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto want = tree.model.find(keys[i]);
    ASSERT_EQ((*values)[i].has_value(), want != tree.model.end()) << keys[i];
    if (want != tree.model.end()) {
      ASSERT_EQ(*(*values)[i], want->second);
    }
  }
  EXPECT_EQ(tree.pages.complaint, "");
}

TEST(GetMany, AgreesWithTheModelForAnyNumberOfKeys) {
  ModelTree tree(4096, 21);
  expect_as_in_the_model(tree, {});
  expect_as_in_the_model(tree, {"", "a"});
  for (int i = 0; i < 4000; ++i) {
    tree.put(padded(tree.below(9000), 4), tree.bytes(tree.below(40) == 0 ? 5000 : tree.below(200)));
  }
  tree.commit();
  for (const std::uint32_t unpeekable : {0U, 5U, 1'000'000U}) {
    tree.pages.unpeekable = unpeekable;
    for (const std::size_t count : {1U, 2U, 15U, 16U, 17U, 32U, 100U, 1000U}) {
      std::vector<std::string> keys;
      for (std::size_t i = 0; i < count; ++i) {
        keys.push_back(tree.below(8) == 0 ? tree.bytes(tree.below(9))
                                          : padded(tree.below(9000), 4));
        if (tree.below(10) == 0) keys.push_back(keys.back());  // Twice.
      }
      ASSERT_NO_FATAL_FAILURE(expect_as_in_the_model(tree, keys));
    }
  }
}

TEST(GetMany, ReadsNoPageTwiceThatIsInMemory) {
  ModelTree tree(4096, 22);
  for (int i = 0; i < 3000; ++i) tree.put(padded(i), "v");
  tree.commit();
  tree.pages.unpeekable = 1'000'000;
  const std::uint64_t before = tree.pages.pages_asked;
  ASSERT_NO_FATAL_FAILURE(expect_as_in_the_model(tree, {padded(1), padded(2000), padded(5000)}));
  EXPECT_EQ(tree.pages.pages_asked, before);
}

TEST(GetMany, AsksForAWholeLevelAtOnce) {
  ModelTree tree(4096, 24);
  for (int i = 0; i < 5000; ++i) tree.put(padded(i), std::string(100, 'v'));
  tree.commit();
  tree.pages.unpeekable = 0;
  tree.pages.fetched.clear();
  tree.pages.sets.clear();
  std::vector<std::string> keys;
  for (int i = 0; i < 16; ++i) keys.push_back(padded(i * 300));
  ASSERT_NO_FATAL_FAILURE(expect_as_in_the_model(tree, keys));
  EXPECT_EQ(tree.pages.sets, (std::vector<std::size_t>{1, 16})) << "the root, then the leaves";
}

TEST(GetMany, DamageOnTheWayIsAnError) {
  ModelTree tree(4096, 23);
  for (int i = 0; i < 3000; ++i) tree.put(padded(i), "v");
  tree.commit();
  tree.pages.unpeekable = 1'000'000;
  for (auto& [id, bytes] : tree.pages.committed) {
    if (page_level(bytes.data()) == 0) bytes[page_at::kLevel] = std::byte{3};
  }
  const auto broken = get_many(tree, {padded(1), padded(2)});
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code(), ErrorCode::kDamaged);
}

}  // namespace
}  // namespace holdfast::testing
