// Transactions as their users see them: what is visible to whom, and what an end leaves.
#include "tests/engine/transaction_fixture.h"

namespace holdfast {
namespace {

TEST_F(TransactionTest, AWriterReadsItsOwnWrites) {
  Database db = open();
  MUST(db.put("a", "1"));
  WriteTransaction writer = MUST(db.begin_write());
  MUST(writer.put("a", "2"));
  MUST(writer.put("b", "3"));
  EXPECT_EQ(MUST(writer.get("a")), "2");
  EXPECT_EQ(contents_of(writer), (Contents{{"a", "2"}, {"b", "3"}}));
  EXPECT_TRUE(MUST(writer.erase("a")));
  EXPECT_FALSE(MUST(writer.erase("a")));
  EXPECT_EQ(MUST(writer.get("a")), std::nullopt);
  EXPECT_EQ(MUST(writer.count()), 1U);
  EXPECT_EQ(contents_of(db), (Contents{{"a", "1"}}));
  MUST(writer.commit());
  EXPECT_EQ(contents_of(db), (Contents{{"b", "3"}}));
}

TEST_F(TransactionTest, AnAbortLeavesNoTrace) {
  Database db = open();
  MUST(db.put("a", "1"));
  const auto before = world_.files();
  for (bool by_destructor : {false, true}) {
    WriteTransaction writer = MUST(db.begin_write());
    for (int i = 0; i < 500; ++i) MUST(writer.put(numbered(i), std::string(500, 'x')));
    MUST(writer.create_tree("t"));
    MUST(writer.erase("a"));
    if (!by_destructor) {
      writer.abort();
      EXPECT_CODE(writer.get("a"), ErrorCode::kInvalidArgument);
      EXPECT_CODE(writer.put("a", "b"), ErrorCode::kInvalidArgument);
      EXPECT_CODE(writer.commit(), ErrorCode::kInvalidArgument);
      writer.abort();
    }
  }
  EXPECT_TRUE(world_.files() == before);
  EXPECT_EQ(contents_of(db), (Contents{{"a", "1"}}));
  EXPECT_EQ(MUST(MUST(db.begin_read()).trees()).size(), 1U);
  const std::uint64_t pages = db.stats().pages;
  EXPECT_LE(pages, 4U);
  expect_sound(db);
}

TEST_F(TransactionTest, ACommitWithoutChangesWritesAndConsumesNothing) {
  Database db = open();
  const CommitToken first = [&] {
    WriteTransaction writer = MUST(db.begin_write());
    MUST(writer.put("a", "1"));
    return MUST(writer.commit());
  }();
  const auto before = world_.files();
  WriteTransaction empty = MUST(db.begin_write());
  EXPECT_FALSE(MUST(empty.erase("none")));
  EXPECT_EQ(MUST(empty.commit()), first);
  WriteTransaction there_and_back = MUST(db.begin_write());
  MUST(there_and_back.put("b", "2"));
  MUST(there_and_back.erase("b"));
  MUST(there_and_back.commit());
  EXPECT_EQ(contents_of(db), (Contents{{"a", "1"}}));
  EXPECT_EQ(db.stats().newest_txn, db.stats().durable_txn);
  EXPECT_TRUE(world_.files() == before || db.stats().newest_txn == first + 1);
  expect_sound(db);
}

TEST_F(TransactionTest, SnapshotsStayWhatTheyWereAcrossCommitsAndCheckpoints) {
  Database db = open();
  Contents model;
  std::vector<std::pair<ReadTransaction, Contents>> held;
  for (int round = 0; round < 40; ++round) {
    WriteTransaction writer = MUST(db.begin_write());
    for (int i = 0; i < 30; ++i) {
      const std::string key = numbered((round * 37 + i * 11) % 400);
      if ((round + i) % 4 == 3) {
        MUST(writer.erase(key));
        model.erase(key);
      } else {
        model[key] = std::to_string(round) + std::string(i * 20, 'v');
        MUST(writer.put(key, model[key]));
      }
    }
    MUST(writer.commit());
    held.emplace_back(MUST(db.begin_read()), model);
    if (round % 7 == 3) MUST(db.checkpoint());
    if (round % 5 == 4) held.erase(held.begin() + round % static_cast<int>(held.size()));
    for (const auto& [reader, contents] : held) {
      ASSERT_TRUE(contents_of(reader) == contents) << "round " << round;
      EXPECT_EQ(MUST(reader.count()), contents.size());
    }
  }
  EXPECT_EQ(db.stats().open_snapshots, held.size());
  EXPECT_EQ(db.stats().oldest_snapshot_txn, held.front().first.txn());
  held.clear();
  EXPECT_EQ(db.stats().open_snapshots, 0U);
  EXPECT_EQ(db.stats().oldest_snapshot_txn, 0U);
  MUST(db.checkpoint());
  EXPECT_EQ(db.stats().cache_dirty_bytes, 0U);
  EXPECT_EQ(db.stats().cache_version_bytes, 0U);
  expect_sound(db);
}

TEST_F(TransactionTest, UpdateAndEraseOfMissingKeysAndInFullPages) {
  Database db = open();
  EXPECT_FALSE(MUST(db.erase("missing")));
  Contents model;
  for (int i = 0; i < 400; ++i) {
    model[numbered(i)] = std::string(100, 'x');
    MUST(db.put(numbered(i), model[numbered(i)]));
  }
  for (int i = 0; i < 400; ++i) {  // Longer, so that full pages must split; then shorter.
    model[numbered(i)] = std::string(i % 2 == 0 ? 900 : 3, 'y');
    MUST(db.put(numbered(i), model[numbered(i)]));
  }
  EXPECT_FALSE(MUST(db.erase("missing")));
  ASSERT_TRUE(contents_of(db) == model);
  EXPECT_EQ(MUST(MUST(db.begin_read()).count()), 400U);
  expect_sound(db);
}

TEST_F(TransactionTest, CursorsGoBothWaysAndFollowTheirWriter) {
  Database db = open();
  WriteTransaction writer = MUST(db.begin_write());
  for (int i = 0; i < 2000; i += 2) MUST(writer.put(numbered(i), std::to_string(i)));
  Cursor cursor = MUST(writer.cursor());
  EXPECT_FALSE(cursor.valid());
  EXPECT_TRUE(MUST(cursor.seek(numbered(501))));
  EXPECT_EQ(cursor.key(), numbered(502));
  EXPECT_TRUE(MUST(cursor.seek_at_or_before(numbered(501))));
  EXPECT_EQ(cursor.key(), numbered(500));
  EXPECT_FALSE(MUST(cursor.seek_exact(numbered(501))));
  EXPECT_TRUE(MUST(cursor.seek_exact(numbered(500))));
  MUST(writer.erase(numbered(500)));
  EXPECT_TRUE(MUST(cursor.next()));
  EXPECT_EQ(cursor.key(), numbered(502));
  MUST(writer.put(numbered(503), "new"));
  EXPECT_TRUE(MUST(cursor.next()));
  EXPECT_EQ(cursor.key(), numbered(503));
  EXPECT_TRUE(MUST(cursor.prev()));
  EXPECT_EQ(cursor.key(), numbered(502));
  EXPECT_TRUE(MUST(cursor.last()));
  EXPECT_FALSE(MUST(cursor.next()));
  EXPECT_FALSE(MUST(cursor.next()));
  EXPECT_FALSE(cursor.valid());
  // Every second record erased under the cursor that walks.
  std::size_t seen = 0;
  for (bool on = MUST(cursor.first()); on; on = MUST(cursor.next())) {
    const std::string key(cursor.key());
    if (++seen % 2 == 0) {
      EXPECT_TRUE(MUST(writer.erase(key)));
    }
  }
  EXPECT_EQ(seen, 1000U);
  EXPECT_EQ(MUST(writer.count()), 500U);
}

TEST_F(TransactionTest, AnEndedWriterMayOutliveItsDatabase) {
  std::optional<WriteTransaction> committed;
  std::optional<WriteTransaction> aborted;
  {
    Database db = open();
    committed = MUST(db.begin_write());
    MUST(committed->put("a", "b"));
    MUST(committed->commit());
    aborted = MUST(db.begin_write());
    MUST(aborted->put("c", "d"));
    aborted->abort();
    MUST(db.close());
  }
  Database again = open();
  EXPECT_EQ(contents_of(again), (Contents{{"a", "b"}}));
}

TEST_F(TransactionTest, PrefixEnd) {
  EXPECT_EQ(prefix_end("ab"), "ac");
  EXPECT_EQ(prefix_end("a\xFF"), "b");
  EXPECT_EQ(prefix_end("\xFF\xFF"), std::nullopt);
  EXPECT_EQ(prefix_end(""), std::nullopt);
}

TEST_F(TransactionTest, StatsTellTheTruth) {
  Database db = open();
  const Stats fresh = db.stats();
  EXPECT_EQ(fresh.commits, 0U);
  EXPECT_EQ(fresh.page_size, 8192U);
  EXPECT_EQ(fresh.log_file_bytes, 0U);
  for (int i = 0; i < 10; ++i) MUST(db.put(numbered(i), std::string(100, 'v')));
  {
    WriteTransaction writer = MUST(db.begin_write());
    for (int i = 0; i < 100; ++i) MUST(writer.put("x" + numbered(i), std::string(500, 'y')));
    // Seven pages and more, each noted with a hundred bytes and more.
    EXPECT_GT(db.stats().transaction_bytes, 700U);
  }
  Stats now = db.stats();
  EXPECT_EQ(now.transaction_bytes, 0U);
  EXPECT_EQ(now.commits, 10U);
  EXPECT_EQ(now.aborts, 1U);
  EXPECT_EQ(now.newest_txn, fresh.newest_txn + 10);
  EXPECT_EQ(now.durable_txn, now.newest_txn);
  EXPECT_EQ(now.checkpoint_txn, fresh.checkpoint_txn);
  EXPECT_EQ(now.log_syncs, 10U);
  EXPECT_GT(now.log_bytes, 1000U);
  EXPECT_GT(now.log_file_bytes, 0U);
  EXPECT_GT(now.cache_dirty_bytes, 0U);
  EXPECT_EQ(now.cache_budget_bytes, world_.options().cache_bytes);
  EXPECT_EQ(now.pages, 2U);
  MUST(db.checkpoint());
  now = db.stats();
  EXPECT_EQ(now.checkpoints, 1U);
  EXPECT_EQ(now.checkpoint_txn, now.newest_txn);
  EXPECT_EQ(now.cache_dirty_bytes, 0U);
  EXPECT_GT(now.pages_written, 2U);
  EXPECT_GT(now.file_bytes, 0U);
}

}  // namespace
}  // namespace holdfast
