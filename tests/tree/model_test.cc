// Random work against a std::map: whatever the mix, the tree and the map agree and the tree is
// sound.
#include <algorithm>
#include <functional>

#include "engine/base/limits.h"
#include "tests/tree/tree_fixture.h"

namespace holdfast::testing {
namespace {

class Model : public ::testing::TestWithParam<std::uint32_t> {};
INSTANTIATE_TEST_SUITE_P(PageSizes, Model, ::testing::Values(4096, 8192, 16384, 32768));

using KeyMaker = std::function<std::string(ModelTree&)>;

void churn(ModelTree& tree, int rounds, int operations, const KeyMaker& key,
           std::size_t value_max) {
  for (int round = 0; round < rounds; ++round) {
    // Growing, mixed, shrinking.
    const std::uint64_t erase_share = round % 3 == 0 ? 10 : round % 3 == 1 ? 50 : 85;
    const auto before = tree.model;
    for (int i = 0; i < operations; ++i) {
      if (!tree.model.empty() && tree.below(100) < erase_share) {
        ASSERT_NO_FATAL_FAILURE(
            tree.erase(tree.below(10) == 0 ? key(tree) : std::string(tree.any_key())));
      } else {
        ASSERT_NO_FATAL_FAILURE(tree.put(key(tree), tree.bytes(tree.below(value_max + 1))));
      }
    }
    if (tree.below(4) == 0) {
      tree.pages.abort();
      tree.model = before;
      tree.check();
    } else {
      tree.commit();
    }
    if (::testing::Test::HasFatalFailure() || ::testing::Test::HasFailure()) return;
  }
}

TEST_P(Model, SmallRecords) {
  ModelTree tree(GetParam(), 11);
  tree.commit();
  churn(tree, 24, 1500, [](ModelTree& t) { return t.bytes(t.below(12)); }, 60);
}

TEST_P(Model, MixedSizesUpToTheLimits) {
  ModelTree tree(GetParam(), 12);
  tree.commit();
  const std::uint32_t p = GetParam();
  churn(
      tree, 24, 300,
      [p](ModelTree& t) {
        return t.bytes(t.below(3) == 0 ? t.below(max_key_bytes(p) + 1) : t.below(20));
      },
      max_inline_value_bytes(p));
}

TEST_P(Model, ValuesBetweenInlineAndOverflow) {
  ModelTree tree(GetParam(), 13);
  tree.commit();
  const std::uint32_t p = GetParam();
  churn(tree, 18, 120, [](ModelTree& t) { return padded(t.below(100)); }, 3 * p);
}

TEST_P(Model, PrefixesOfEveryKind) {
  ModelTree tree(GetParam(), 14);
  tree.commit();
  const std::uint32_t p = GetParam();
  churn(
      tree, 24, 500,
      [p](ModelTree& t) {
        static const char* hosts[] = {"http://example.org/", "http://example.org/shop/item?id=",
                                      "https://a.very.long.host.name.example.com/with/a/path/", "",
                                      "ftp"};
        std::string key = hosts[t.below(5)];
        if (t.below(5) == 0) key.append(t.below(max_key_bytes(p) - 100), 'x');
        return key + std::to_string(t.below(3000));
      },
      40);
}

TEST_P(Model, BytesZeroAndFf) {
  ModelTree tree(GetParam(), 15);
  tree.commit();
  churn(
      tree, 18, 800,
      [](ModelTree& t) {
        std::string key(t.below(14), '\0');
        for (char& c : key) c = t.below(2) == 0 ? '\0' : '\xFF';
        return key;
      },
      30);
}

TEST_P(Model, LongSharedPrefixThenStrangers) {
  // A node whose prefix is as long as a key may be must take a key that shares nothing with it.
  ModelTree tree(GetParam(), 16);
  const std::size_t most = max_key_bytes(GetParam());
  tree.commit();
  churn(
      tree, 18, 300,
      [most](ModelTree& t) {
        std::string key(most - 4, static_cast<char>('a' + t.below(2) * t.below(26)));
        if (t.below(50) == 0) return t.bytes(t.below(6));
        if (t.below(20) == 0) key[t.below(key.size())] = 'z';
        return key + padded(t.below(2000), 4);
      },
      8);
}

TEST_P(Model, UpdatesInFullPages) {
  ModelTree tree(GetParam(), 17);
  for (int i = 0; i < 2000; ++i) tree.put(padded(i), std::string(50, 'a'));
  tree.commit();
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 800; ++i) {
      ASSERT_NO_FATAL_FAILURE(
          tree.put(padded(tree.below(2000)), std::string(tree.below(120), 'b')));
    }
    tree.commit();
  }
}

}  // namespace
}  // namespace holdfast::testing
