// Savepoints: what they bring back, what they keep, and what reaches the log.
#include "holdfast/savepoint.h"

#include <random>

#include "engine/base/limits.h"
#include "tests/engine/transaction_fixture.h"

namespace holdfast {
namespace {

class SavepointTest : public TransactionTest {};

TEST_F(SavepointTest, TheEndOfTheScopeRollsBack) {
  Database db = open();
  MUST(db.put("a", "1"));
  WriteTransaction writer = MUST(db.begin_write());
  MUST(writer.put("b", "2"));
  {
    const Savepoint savepoint = MUST(writer.savepoint());
    MUST(writer.put("a", "changed"));
    MUST(writer.put("c", "3"));
    MUST(writer.erase("b"));
    EXPECT_EQ(MUST(writer.count()), 2U);
  }
  EXPECT_EQ(contents_of(writer), (Contents{{"a", "1"}, {"b", "2"}}));
  EXPECT_EQ(MUST(writer.count()), 2U);
  MUST(writer.commit());
  EXPECT_EQ(contents_of(db), (Contents{{"a", "1"}, {"b", "2"}}));
  expect_sound(db);
}

TEST_F(SavepointTest, WhatIsReleasedStays) {
  Database db = open();
  WriteTransaction writer = MUST(db.begin_write());
  MUST(writer.put("a", "1"));
  {
    Savepoint savepoint = MUST(writer.savepoint());
    MUST(writer.put("a", "2"));
    MUST(savepoint.release());
    EXPECT_CODE(savepoint.release(), ErrorCode::kInvalidArgument);
    EXPECT_CODE(savepoint.rollback(), ErrorCode::kInvalidArgument);
  }
  EXPECT_EQ(MUST(writer.get("a")), "2");
  MUST(writer.commit());
  EXPECT_EQ(contents_of(db), (Contents{{"a", "2"}}));
}

TEST_F(SavepointTest, ItCanBeRolledBackToMoreThanOnce) {
  Database db = open();
  WriteTransaction writer = MUST(db.begin_write());
  MUST(writer.put("a", "1"));
  Savepoint savepoint = MUST(writer.savepoint());
  for (int round = 0; round < 3; ++round) {
    MUST(writer.put("a", "x"));
    MUST(writer.put("n" + std::to_string(round), "y"));
    MUST(savepoint.rollback());
    EXPECT_EQ(contents_of(writer), (Contents{{"a", "1"}})) << round;
    EXPECT_EQ(MUST(writer.count()), 1U);
  }
  MUST(writer.put("b", "2"));
  MUST(savepoint.release());
  MUST(writer.commit());
  EXPECT_EQ(contents_of(db), (Contents{{"a", "1"}, {"b", "2"}}));
}

TEST_F(SavepointTest, TheyNestAndAnOuterOneTakesTheInnerAlong) {
  Database db = open();
  WriteTransaction writer = MUST(db.begin_write());
  Savepoint outer = MUST(writer.savepoint());
  MUST(writer.put("outer", "1"));
  Savepoint inner = MUST(writer.savepoint());
  MUST(writer.put("inner", "1"));
  Savepoint innermost = MUST(writer.savepoint());
  MUST(writer.put("innermost", "1"));
  MUST(inner.release());
  EXPECT_CODE(innermost.rollback(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(MUST(writer.count()), 3U);
  Savepoint another = MUST(writer.savepoint());
  MUST(writer.put("another", "1"));
  MUST(outer.rollback());
  EXPECT_CODE(another.release(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(MUST(writer.count()), 0U);
  MUST(writer.put("after", "1"));
  MUST(writer.commit());
  EXPECT_CODE(outer.release(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(contents_of(db), (Contents{{"after", "1"}}));
}

TEST_F(SavepointTest, CommitKeepsWhatIsOpenAndAbortForgetsIt) {
  Database db = open();
  {
    WriteTransaction writer = MUST(db.begin_write());
    const Savepoint one = MUST(writer.savepoint());
    MUST(writer.put("a", "1"));
    const Savepoint two = MUST(writer.savepoint());
    MUST(writer.put("a", "2"));
    MUST(writer.commit());
  }
  EXPECT_EQ(contents_of(db), (Contents{{"a", "2"}}));
  {
    WriteTransaction writer = MUST(db.begin_write());
    Savepoint one = MUST(writer.savepoint());
    MUST(writer.put("b", "1"));
    writer.abort();
    EXPECT_CODE(one.rollback(), ErrorCode::kInvalidArgument);
    EXPECT_CODE(writer.savepoint(), ErrorCode::kInvalidArgument);
  }
  EXPECT_EQ(contents_of(db), (Contents{{"a", "2"}}));
  expect_sound(db);
}

TEST_F(SavepointTest, TheHandleMayOutliveItsTransactionAndMove) {
  Database db = open();
  std::optional<WriteTransaction> writer = MUST(db.begin_write());
  std::optional<Savepoint> savepoint = MUST(writer->savepoint());
  MUST(writer->put("a", "1"));
  WriteTransaction moved = std::move(*writer);
  Savepoint taken = std::move(*savepoint);
  savepoint.reset();
  EXPECT_EQ(MUST(moved.count()), 1U);
  MUST(taken.rollback());
  EXPECT_EQ(MUST(moved.count()), 0U);
  {
    const WriteTransaction gone = std::move(moved);
  }
  EXPECT_CODE(taken.rollback(), ErrorCode::kInvalidArgument);
  taken = MUST(MUST(db.begin_write()).savepoint());
  EXPECT_CODE(taken.release(), ErrorCode::kInvalidArgument);
}

TEST_F(SavepointTest, TreesMadeDroppedAndRenamedComeBackAsTheyWere) {
  Database db = open();
  WriteTransaction writer = MUST(db.begin_write());
  const Tree kept = MUST(writer.create_tree("kept"));
  for (int i = 0; i < 300; ++i) MUST(writer.put(kept, numbered(i), std::string(300, 'k')));
  MUST(writer.commit());

  writer = MUST(db.begin_write());
  Cursor cursor = MUST(writer.cursor(kept));
  EXPECT_TRUE(MUST(cursor.seek(numbered(7))));
  Tree made;
  {
    const Savepoint savepoint = MUST(writer.savepoint());
    MUST(writer.rename_tree(kept, "renamed"));
    made = MUST(writer.create_tree("kept"));
    MUST(writer.put(made, "x", "y"));
    MUST(writer.drop_tree(kept));
    EXPECT_CODE(writer.get(kept, "x"), ErrorCode::kNotFound);
    EXPECT_CODE(cursor.next(), ErrorCode::kNotFound);
    EXPECT_TRUE(MUST(MUST(writer.cursor(made)).first()));
  }
  EXPECT_CODE(writer.get(made, "x"), ErrorCode::kNotFound);
  EXPECT_EQ(MUST(writer.open_tree("kept")), kept);
  EXPECT_EQ(MUST(writer.trees()).size(), 2U);
  EXPECT_EQ(MUST(writer.count(kept)), 300U);
  EXPECT_TRUE(MUST(cursor.seek(numbered(8))));
  MUST(writer.put(kept, numbered(0), "new"));
  MUST(writer.commit());
  EXPECT_EQ(contents_of(db, kept).size(), 300U);
  expect_sound(db);
}

TEST_F(SavepointTest, ALimitIsLiftedByRollingBack) {
  Options options = world_.options();
  options.cache_bytes = kMinCacheBytes;
  Database db = MUST(Database::open("db", options));
  WriteTransaction writer = MUST(db.begin_write());
  MUST(writer.put("first", "1"));
  Savepoint savepoint = MUST(writer.savepoint());
  Result<void> done;
  for (int i = 0; done && i < 100000; ++i) done = writer.put(numbered(i), std::string(900, 'x'));
  ASSERT_EQ(code_of(done), ErrorCode::kLimitExceeded);
  EXPECT_CODE(writer.put("more", "1"), ErrorCode::kLimitExceeded);  // Doomed.
  EXPECT_CODE(savepoint.release(), ErrorCode::kLimitExceeded);
  MUST(savepoint.rollback());
  MUST(writer.put("second", "2"));
  MUST(writer.commit());
  EXPECT_EQ(contents_of(db), (Contents{{"first", "1"}, {"second", "2"}}));
  MUST(db.checkpoint());
  expect_sound(db);
  EXPECT_EQ(db.stats().cache_dirty_bytes, 0U);
}

TEST_F(SavepointTest, WhatSavepointsKeepCountsAgainstTheTransactionsLimit) {
  Options options = world_.options();
  options.cache_bytes = kMinCacheBytes;
  Database db = MUST(Database::open("db", options));
  WriteTransaction writer = MUST(db.begin_write());
  for (int i = 0; i < 40; ++i) MUST(writer.put(numbered(i), std::string(900, 'x')));
  std::vector<Savepoint> savepoints;
  Result<void> done;
  while (done && savepoints.size() < 1000) {
    savepoints.push_back(MUST(writer.savepoint()));
    for (int i = 0; done && i < 40; i += 4) done = writer.put(numbered(i), std::string(900, 'y'));
  }
  EXPECT_EQ(code_of(done), ErrorCode::kLimitExceeded);
  EXPECT_LT(savepoints.size(), 30U);
  while (!savepoints.empty()) savepoints.pop_back();
  for (const auto& [key, value] : contents_of(writer)) EXPECT_EQ(value[0], 'x') << key;
  MUST(writer.commit());
  expect_sound(db);
}

// As many lives of a page within one transaction as there can be: whatever way it went, the log has
// the same redo as if only what was kept had been done.
TEST_F(SavepointTest, RolledBackStretchesLeaveNothingInLogIdsOrFile) {
  Database db = open();
  WriteTransaction writer = MUST(db.begin_write());
  for (int i = 0; i < 400; ++i) MUST(writer.put(numbered(i), std::string(200, 'a')));
  MUST(writer.commit());
  MUST(db.checkpoint());
  const Stats before = db.stats();

  writer = MUST(db.begin_write());
  {
    const Savepoint savepoint = MUST(writer.savepoint());
    for (int i = 0; i < 400; ++i) {
      if (i % 3 == 0) MUST(writer.erase(numbered(i)));
      MUST(writer.put(numbered(i) + "b", std::string(3000, 'b')));
    }
    const Tree tree = MUST(writer.create_tree("t"));
    MUST(writer.put(tree, "large", std::string(100'000, 'c')));
  }
  EXPECT_EQ(db.stats().pages, before.pages);
  MUST(writer.commit());  // Nothing has changed.
  EXPECT_EQ(db.stats().newest_txn, before.newest_txn);
  EXPECT_EQ(db.stats().log_bytes, before.log_bytes);

  writer = MUST(db.begin_write());
  MUST(writer.put(numbered(5), "kept"));
  {
    const Savepoint savepoint = MUST(writer.savepoint());
    for (int i = 0; i < 100; ++i) MUST(writer.put(numbered(i), std::string(500, 'z')));
  }
  MUST(writer.commit());
  EXPECT_LT(db.stats().log_bytes - before.log_bytes, 4096U);
  const auto files = world_.files();
  for (const auto& [name, bytes] : files) {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    EXPECT_EQ(text.find("zzzzzzzz"), text.npos) << name;
  }
  EXPECT_EQ(db.stats().pages, before.pages);
  expect_sound(db);
}

TEST_F(SavepointTest, CursorsGoOnFromTheirKeys) {
  Database db = open();
  WriteTransaction writer = MUST(db.begin_write());
  for (int i = 0; i < 10; ++i) MUST(writer.put(numbered(i), "v"));
  Cursor cursor = MUST(writer.cursor());
  EXPECT_TRUE(MUST(cursor.seek(numbered(4))));
  Savepoint savepoint = MUST(writer.savepoint());
  MUST(writer.put(numbered(4) + "x", "v"));
  EXPECT_TRUE(MUST(cursor.next()));
  EXPECT_EQ(cursor.key(), numbered(4) + "x");
  MUST(savepoint.rollback());
  EXPECT_CODE(cursor.value(), ErrorCode::kNotFound);
  EXPECT_TRUE(MUST(cursor.next()));
  EXPECT_EQ(cursor.key(), numbered(5));
}

// Random savepoints beside a stack of maps, then a crash: recovery finds just what was committed.
TEST_F(SavepointTest, RandomNestingAgreesWithAStackOfMaps) {
  for (std::uint32_t page_size : {4096U, 8192U}) {
    for (unsigned seed = 1; seed <= 12; ++seed) {
      MemoryWorld world;
      Options options = world.options();
      options.page_size = page_size;
      options.cache_bytes = 4 << 20;
      Database db = MUST(Database::open("db", options));
      std::mt19937 random(seed);
      const auto below = [&](unsigned n) { return static_cast<int>(random() % n); };
      Contents committed;
      for (int txn = 0; txn < 6; ++txn) {
        WriteTransaction writer = MUST(db.begin_write());
        std::vector<std::pair<Savepoint, Contents>> stack;
        Contents now = committed;
        for (int step = 0; step < 120; ++step) {
          const int what = below(20);
          if (what < 3 && stack.size() < 6) {
            stack.emplace_back(MUST(writer.savepoint()), now);
          } else if (what < 5 && !stack.empty()) {
            const auto at = static_cast<std::size_t>(below(static_cast<unsigned>(stack.size())));
            MUST(stack[at].first.release());
            stack.erase(stack.begin() + static_cast<std::ptrdiff_t>(at), stack.end());
          } else if (what < 7 && !stack.empty()) {
            const auto at = static_cast<std::size_t>(below(static_cast<unsigned>(stack.size())));
            now = stack[at].second;
            MUST(stack[at].first.rollback());
            stack.erase(stack.begin() + static_cast<std::ptrdiff_t>(at + (what == 5 ? 0 : 1)),
                        stack.end());
          } else {
            const std::string key = numbered(below(200), 3);
            for (int i = 0, n = 1 + below(12); i < n; ++i) {
              const std::string each = key + std::to_string(i);
              if (below(3) == 0) {
                EXPECT_EQ(MUST(writer.erase(each)), now.erase(each) == 1);
              } else {
                const std::size_t bytes = below(12) == 0 ? 9000 : below(400);
                now[each] = std::string(bytes, static_cast<char>('a' + below(26)));
                MUST(writer.put(each, now[each]));
              }
            }
          }
          EXPECT_EQ(MUST(writer.count()), now.size());
        }
        ASSERT_EQ(contents_of(writer), now) << "seed " << seed;
        if (below(4) == 0) {
          writer.abort();
        } else {
          MUST(writer.commit());
          committed = now;
        }
        if (below(2) == 0) MUST(db.checkpoint());
      }
      ASSERT_EQ(contents_of(db), committed) << "seed " << seed;
      MemoryWorld after;
      after.put(world.files());
      options.environment = after.options().environment;
      Database recovered = MUST(Database::open("db", options));
      ASSERT_EQ(contents_of(recovered), committed) << "seed " << seed;
      MUST(recovered.put("goes", "on"));
      MUST(recovered.checkpoint());
      expect_sound(recovered);
      std::uint64_t pages = 1;  // The catalog.
      for (const TreeSummary& tree : MUST(recovered.verify()).trees)
        pages += tree.pages + tree.overflow_pages;
      EXPECT_EQ(recovered.stats().pages, pages) << "ids leaked, seed " << seed;
    }
  }
}

}  // namespace
}  // namespace holdfast
