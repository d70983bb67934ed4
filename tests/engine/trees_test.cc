// Trees by name and by handle, in transactions and across snapshots.
#include "engine/base/limits.h"
#include "tests/engine/transaction_fixture.h"

namespace holdfast {
namespace {

TEST_F(TransactionTest, TreeNamesAndTheirLimits) {
  Database db = open();
  WriteTransaction writer = MUST(db.begin_write());
  EXPECT_CODE(writer.create_tree(""), ErrorCode::kLimitExceeded);
  EXPECT_CODE(writer.create_tree(std::string(kMaxTreeNameBytes + 1, 'n')),
              ErrorCode::kLimitExceeded);
  const Tree longest = MUST(writer.create_tree(std::string(kMaxTreeNameBytes, 'n')));
  MUST(writer.create_tree(std::string(kMaxTreeNameBytes - 1, 'n')));
  MUST(writer.create_tree(std::string("\0\xFF", 2)));
  EXPECT_CODE(writer.create_tree(std::string(kMaxTreeNameBytes, 'n')), ErrorCode::kAlreadyExists);
  EXPECT_EQ(MUST(writer.open_or_create_tree(std::string(kMaxTreeNameBytes, 'n'))), longest);
  EXPECT_CODE(writer.open_tree("none"), ErrorCode::kNotFound);
  EXPECT_EQ(MUST(writer.open_tree("")), Tree{});
  EXPECT_CODE(writer.put(Tree(999), "k", "v"), ErrorCode::kNotFound);
  EXPECT_CODE(writer.get(Tree(999), "k"), ErrorCode::kNotFound);
  EXPECT_CODE(writer.get(Tree(0), "k"), ErrorCode::kNotFound);  // The catalog is no user's tree.
  EXPECT_CODE(writer.put(Tree(0), "k", "v"), ErrorCode::kNotFound);
  EXPECT_CODE(writer.count(Tree(0)), ErrorCode::kNotFound);
  EXPECT_CODE(writer.cursor(Tree(0)), ErrorCode::kNotFound);
  MUST(writer.commit());
  EXPECT_EQ(MUST(MUST(db.begin_read()).trees()).size(), 4U);
  expect_sound(db);
}

TEST_F(TransactionTest, TreesAreApartCountedAndListedByName) {
  Database db = open();
  std::map<std::string, Contents> model;
  std::map<std::string, Tree> trees;
  WriteTransaction writer = MUST(db.begin_write());
  for (int t = 0; t < 120; ++t) {
    const std::string name = "tree " + std::to_string(t * 7919 % 1000);
    trees[name] = MUST(writer.create_tree(name));
    for (int i = 0; i < t; ++i) {
      model[name][numbered(i)] = name + numbered(i);
      MUST(writer.put(trees[name], numbered(i), name + numbered(i)));
    }
  }
  MUST(writer.put("in the default tree", "x"));
  MUST(writer.commit());
  MUST(db.close());
  db = open();
  const ReadTransaction reader = MUST(db.begin_read());
  const auto listed = MUST(reader.trees());
  ASSERT_EQ(listed.size(), 121U);
  EXPECT_EQ(listed[0].name, "");
  for (std::size_t i = 1; i < listed.size(); ++i) {
    EXPECT_LT(listed[i - 1].name, listed[i].name);
    EXPECT_EQ(listed[i].records, model[listed[i].name].size());
    EXPECT_EQ(MUST(reader.open_tree(listed[i].name)), listed[i].tree);
    EXPECT_TRUE(contents_of(reader, listed[i].tree) == model[listed[i].name]);
  }
  expect_sound(db);
}

// DR-C19: docs/SCENARIOS.md.
TEST_F(TransactionTest, ATreeIdIsNeverUsedAgainWhileOpenAndAnAbortedOneIsNotFound) {
  Database db = open();
  WriteTransaction writer = MUST(db.begin_write());
  const Tree lost = MUST(writer.create_tree("t"));
  MUST(writer.put(lost, "k", "v"));
  writer.abort();
  WriteTransaction again = MUST(db.begin_write());
  EXPECT_CODE(again.get(lost, "k"), ErrorCode::kNotFound);
  const Tree kept = MUST(again.create_tree("t"));
  EXPECT_NE(kept, lost);
  EXPECT_EQ(MUST(again.get(kept, "k")), std::nullopt);
  MUST(again.commit());
  EXPECT_CODE(MUST(db.begin_read()).get(lost, "k"), ErrorCode::kNotFound);
}

TEST_F(TransactionTest, ASnapshotDoesNotKnowTreesThatCameLater) {
  Database db = open();
  ReadTransaction before = MUST(db.begin_read());
  WriteTransaction writer = MUST(db.begin_write());
  const Tree tree = MUST(writer.create_tree("t"));
  MUST(writer.put(tree, "k", "v"));
  MUST(writer.commit());
  EXPECT_CODE(before.open_tree("t"), ErrorCode::kNotFound);
  EXPECT_CODE(before.get(tree, "k"), ErrorCode::kNotFound);
  EXPECT_EQ(MUST(MUST(db.begin_read()).get(tree, "k")), "v");
}

TEST_F(TransactionTest, ACatalogOfThousandsOfNamesInATinyCache) {
  Options options = world_.options();
  options.page_size = 4096;
  options.cache_bytes = kMinCacheBytes;
  Database db = MUST(Database::open("db", options));
  constexpr int kTrees = 4000;
  const auto name_of = [](int i) {
    return numbered(i * 7919 % kTrees) + std::string(i % 200, 'n');
  };
  for (int from = 0; from < kTrees; from += 20) {
    WriteTransaction writer = MUST(db.begin_write());
    for (int i = from; i < from + 20; ++i)
      MUST(writer.put(MUST(writer.create_tree(name_of(i))), "k", numbered(i)));
    MUST(writer.commit(Durability::kOs));
  }
  MUST(db.close());
  db = MUST(Database::open("db", options));
  const ReadTransaction reader = MUST(db.begin_read());
  EXPECT_EQ(MUST(reader.trees()).size(), kTrees + 1U);
  for (int i = 0; i < kTrees; i += 7) {
    EXPECT_EQ(MUST(reader.get(MUST(reader.open_tree(name_of(i))), "k")), numbered(i));
  }
  expect_sound(db);
}

}  // namespace
}  // namespace holdfast
