// Dropping and renaming trees inside transactions.
#include "engine/base/limits.h"
#include "tests/engine/transaction_fixture.h"

namespace holdfast {
namespace {

class DropTreeTest : public TransactionTest {
 protected:
  // Of several levels, with long values among the records.
  static Contents fill(WriteTransaction& writer, Tree tree, int records) {
    Contents contents;
    for (int i = 0; i < records; ++i) {
      contents[numbered(i * 7919 % records)] = std::string(i % 50 == 0 ? 20'000 : 300, 'v');
      MUST(writer.put(tree, numbered(i * 7919 % records), contents[numbered(i * 7919 % records)]));
    }
    return contents;
  }
};

TEST_F(DropTreeTest, GivesEveryPageBackAndOldSnapshotsStillSeeIt) {
  Database db = open();
  MUST(db.put("a", "1"));
  MUST(db.checkpoint());
  const std::uint64_t pages = db.stats().pages;
  WriteTransaction writer = MUST(db.begin_write());
  const Tree tree = MUST(writer.create_tree("t"));
  const Contents contents = fill(writer, tree, 3000);
  MUST(writer.commit());
  MUST(db.checkpoint());
  EXPECT_GT(db.stats().pages, pages + 100);
  {
    const ReadTransaction before = MUST(db.begin_read());
    writer = MUST(db.begin_write());
    MUST(writer.drop_tree(tree));
    EXPECT_CODE(writer.open_tree("t"), ErrorCode::kNotFound);
    EXPECT_CODE(writer.get(tree, "x"), ErrorCode::kNotFound);
    EXPECT_CODE(writer.put(tree, "x", "y"), ErrorCode::kNotFound);
    EXPECT_CODE(writer.count(tree), ErrorCode::kNotFound);
    EXPECT_CODE(writer.drop_tree(tree), ErrorCode::kNotFound);
    EXPECT_EQ(MUST(writer.trees()).size(), 1U);
    MUST(writer.commit());
    MUST(db.checkpoint());
    EXPECT_TRUE(contents_of(before, tree) == contents);
    expect_sound(db);
  }
  EXPECT_GT(MUST(db.reclaim()), 100U);
  MUST(db.checkpoint());
  EXPECT_EQ(db.stats().pages, pages);
  expect_sound(db);
  MUST(db.close());
  db = open();
  EXPECT_EQ(MUST(MUST(db.begin_read()).trees()).size(), 1U);
  EXPECT_CODE(MUST(db.begin_read()).get(tree, "x"), ErrorCode::kNotFound);
}

TEST_F(DropTreeTest, AnAbortBringsItBack) {
  Database db = open();
  WriteTransaction writer = MUST(db.begin_write());
  const Tree tree = MUST(writer.create_tree("t"));
  const Contents contents = fill(writer, tree, 500);
  MUST(writer.commit());
  const auto files = world_.files();
  writer = MUST(db.begin_write());
  MUST(writer.put(tree, "changed", "before"));
  MUST(writer.drop_tree(tree));
  MUST(writer.rename_tree(MUST(writer.create_tree("t")), "u"));
  writer.abort();
  EXPECT_TRUE(world_.files() == files);
  EXPECT_EQ(MUST(MUST(db.begin_read()).open_tree("t")), tree);
  EXPECT_TRUE(contents_of(db, tree) == contents);
  expect_sound(db);
}

TEST_F(DropTreeTest, OneMadeInTheSameTransactionLeavesNothing) {
  Database db = open();
  MUST(db.put("a", "1"));
  MUST(db.checkpoint());
  const std::uint64_t pages = db.stats().pages;
  WriteTransaction writer = MUST(db.begin_write());
  const Tree tree = MUST(writer.create_tree("t"));
  fill(writer, tree, 200);
  MUST(writer.drop_tree(tree));
  const Tree again = MUST(writer.create_tree("t"));
  EXPECT_NE(again, tree);
  EXPECT_EQ(MUST(writer.count(again)), 0U);
  MUST(writer.drop_tree(again));
  MUST(writer.commit());
  MUST(db.reclaim());
  MUST(db.checkpoint());
  EXPECT_EQ(db.stats().pages, pages);
  expect_sound(db);
}

TEST_F(DropTreeTest, AKillAfterTheCommitFindsItGone) {
  Database db = open();
  WriteTransaction writer = MUST(db.begin_write());
  const Tree tree = MUST(writer.create_tree("t"));
  fill(writer, tree, 800);
  MUST(writer.commit());
  MUST(db.checkpoint());
  writer = MUST(db.begin_write());
  MUST(writer.drop_tree(tree));
  const Tree other = MUST(writer.create_tree("other"));
  MUST(writer.put(other, "k", "v"));
  MUST(writer.rename_tree(other, "t"));
  MUST(writer.commit());
  MemoryWorld after;
  after.put(world_.files());
  Options options = after.options();
  Database recovered = MUST(Database::open("db", options));
  const ReadTransaction reader = MUST(recovered.begin_read());
  EXPECT_EQ(MUST(reader.open_tree("t")), other);
  EXPECT_CODE(reader.open_tree("other"), ErrorCode::kNotFound);
  EXPECT_EQ(contents_of(reader, other), (Contents{{"k", "v"}}));
  expect_sound(recovered);
}

TEST_F(DropTreeTest, RenamingKeepsTreeRecordsAndCursors) {
  Database db = open();
  WriteTransaction writer = MUST(db.begin_write());
  const Tree tree = MUST(writer.create_tree("before"));
  const Tree other = MUST(writer.create_tree("other"));
  MUST(writer.put(tree, "a", "1"));
  Cursor cursor = MUST(writer.cursor(tree));
  EXPECT_TRUE(MUST(cursor.first()));
  MUST(writer.rename_tree(tree, "after"));
  MUST(writer.rename_tree(tree, "after"));  // What it is called already.
  EXPECT_EQ(cursor.key(), "a");
  EXPECT_FALSE(MUST(cursor.next()));
  EXPECT_CODE(writer.open_tree("before"), ErrorCode::kNotFound);
  EXPECT_EQ(MUST(writer.open_tree("after")), tree);
  EXPECT_CODE(writer.rename_tree(tree, "other"), ErrorCode::kAlreadyExists);
  EXPECT_CODE(writer.rename_tree(tree, ""), ErrorCode::kLimitExceeded);
  EXPECT_CODE(writer.rename_tree(tree, std::string(kMaxTreeNameBytes + 1, 'n')),
              ErrorCode::kLimitExceeded);
  MUST(writer.rename_tree(other, std::string(kMaxTreeNameBytes, 'n')));
  MUST(writer.rename_tree(tree, "other"));
  MUST(writer.put(tree, "b", "2"));
  MUST(writer.commit());
  EXPECT_EQ(MUST(MUST(db.begin_read()).open_tree("other")), tree);
  EXPECT_EQ(contents_of(db, tree), (Contents{{"a", "1"}, {"b", "2"}}));
  expect_sound(db);
}

TEST_F(DropTreeTest, TheDefaultTreeAndTheCatalogStay) {
  Database db = open();
  WriteTransaction writer = MUST(db.begin_write());
  EXPECT_CODE(writer.drop_tree(Tree{}), ErrorCode::kInvalidArgument);
  EXPECT_CODE(writer.rename_tree(Tree{}, "name"), ErrorCode::kInvalidArgument);
  EXPECT_CODE(writer.drop_tree(Tree(0)), ErrorCode::kNotFound);
  EXPECT_CODE(writer.rename_tree(Tree(0), "name"), ErrorCode::kNotFound);
  EXPECT_CODE(writer.drop_tree(Tree(99)), ErrorCode::kNotFound);
  MUST(writer.put("a", "1"));
  MUST(writer.commit());
  EXPECT_EQ(contents_of(db), (Contents{{"a", "1"}}));
}

}  // namespace
}  // namespace holdfast
