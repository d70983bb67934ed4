// Transactions as their users see them: what is visible to whom, when; tokens, durabilities, turns,
// limits, and what an error leaves.
#include <atomic>
#include <chrono>
#include <thread>

#include "engine/base/limits.h"
#include "tests/engine/engine_fixture.h"

namespace holdfast {
namespace {

using std::chrono::milliseconds;

class TransactionTest : public testing::Test {
 protected:
  Database open(const std::string& name = "db") {
    return MUST(Database::open(name, world_.options()));
  }
  MemoryWorld world_;
};

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

TEST_F(TransactionTest, DurabilitiesTokensAndWhoSeesWhat) {
  Database db = open();
  WriteTransaction lazy = MUST(db.begin_write());
  MUST(lazy.put("a", "lazy"));
  const CommitToken token = MUST(lazy.commit(Durability::kLazy));
  EXPECT_EQ(db.stats().newest_txn, token);
  EXPECT_LT(db.stats().durable_txn, token);
  EXPECT_EQ(MUST(db.get("a")), "lazy") << "a handle's plain reads cover its own last commit";
  MUST(db.wait_durable(token));
  EXPECT_EQ(db.stats().durable_txn, token);
  MUST(db.wait_durable(token));

  WriteTransaction async = MUST(db.begin_write());
  MUST(async.put("a", "async"));
  const CommitToken later = MUST(async.commit_async());
  EXPECT_EQ(later, token + 1);
  EXPECT_EQ(MUST(MUST(db.begin_read({.at_least = later})).get("a")), "async");
  EXPECT_EQ(MUST(db.begin_write()).txn(), later + 1);
  EXPECT_CODE(db.wait_durable(later + 1), ErrorCode::kInvalidArgument);
  EXPECT_CODE(db.begin_read({.at_least = later + 1}), ErrorCode::kInvalidArgument);
  MUST(db.sync());
  EXPECT_EQ(db.stats().durable_txn, later);

  WriteTransaction os = MUST(db.begin_write());
  MUST(os.put("a", "os"));
  MUST(os.commit(Durability::kOs));
  EXPECT_EQ(MUST(db.get("a")), "os");
  MUST(db.wait_durable(0));
}

TEST_F(TransactionTest, WhatOsDurabilityHandedOverSurvivesAKill) {
  for (Durability durability : {Durability::kSync, Durability::kOs}) {
    MemoryWorld world;
    Database db = MUST(Database::open("db", world.options()));
    for (int i = 0; i < 100; ++i) {
      WriteTransaction writer = MUST(db.begin_write());
      MUST(writer.put(numbered(i), "v"));
      MUST(writer.commit(durability));
      MemoryWorld after;
      after.put(world.files());
      Database again = MUST(Database::open("db", after.options()));
      ASSERT_EQ(contents_of(again).size(), i + 1U);
    }
  }
}

TEST_F(TransactionTest, TheThreadSyncsLazyCommitsWithinTheirInterval) {
  TempDirectory directory;
  Options options;
  options.lazy_interval = milliseconds(50);
  Database db = MUST(Database::open(directory / "db", options));
  for (Durability durability : {Durability::kLazy, Durability::kOs}) {
    WriteTransaction writer = MUST(db.begin_write());
    MUST(writer.put("a", "b"));
    const CommitToken token = MUST(writer.commit(durability));
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (db.stats().durable_txn < token && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(milliseconds(5));
    EXPECT_EQ(db.stats().durable_txn, token);
  }
}

TEST_F(TransactionTest, BackgroundStepsOfAHostComeToAnEnd) {
  Options options = world_.options();
  options.checkpoint_log_bytes = 64 << 10;
  options.lazy_interval = milliseconds(0);
  Database db = MUST(Database::open("db", options));
  for (int round = 0; round < 5; ++round) {
    WriteTransaction writer = MUST(db.begin_write());
    for (int i = 0; i < 200; ++i) MUST(writer.put(numbered(i), std::string(500, 'a' + round)));
    MUST(writer.commit(Durability::kLazy));
    int steps = 0;
    while (MUST(db.run_background())) ASSERT_LT(++steps, 1000);
    EXPECT_GT(steps, 0);
  }
  EXPECT_GT(db.stats().checkpoints, 0U);
  EXPECT_EQ(db.stats().durable_txn, db.stats().newest_txn);
}

TEST_F(TransactionTest, ALongReaderDoesNotKeepTheHostBusyForEver) {
  Options options = world_.options();
  options.cache_bytes = 1 << 20;
  options.page_size = 4096;
  Database db = MUST(Database::open("db", options));
  for (int i = 0; i < 1500; ++i) MUST(db.put(numbered(i), std::string(300, 'a')));
  MUST(db.checkpoint());
  ReadTransaction reader = MUST(db.begin_read());
  // More than half of the frames become versions that only the reader needs.
  Result<void> put;
  for (int i = 0; i < 1500 && put; i += 10) put = db.put(numbered(i), std::string(300, 'b'));
  EXPECT_GT(db.stats().cache_version_bytes, 300U << 10);
  int steps = 0;
  while (MUST(db.run_background())) ASSERT_LT(++steps, 200) << "checkpoints without end";
  for (const auto& [key, value] : contents_of(reader)) ASSERT_EQ(value, std::string(300, 'a'));
}

TEST_F(TransactionTest, WritersWaitTheirTurnUpToTheDeadline) {
  Database db = open();
  WriteTransaction first = MUST(db.begin_write());
  const auto begun = std::chrono::steady_clock::now();
  auto second = db.begin_write(milliseconds(60));
  EXPECT_CODE(second, ErrorCode::kTimedOut);
  EXPECT_GE(std::chrono::steady_clock::now() - begun, milliseconds(60));
  EXPECT_CODE(db.begin_write(milliseconds(0)), ErrorCode::kTimedOut);
  EXPECT_CODE(db.begin_write(milliseconds(-5)), ErrorCode::kTimedOut);
  first.abort();
  EXPECT_TRUE(db.begin_write(milliseconds(0)));
}

TEST_F(TransactionTest, TheLongestTimeoutWaits) {
  Database db = open();
  std::optional<WriteTransaction> first(MUST(db.begin_write()));
  std::thread other([&] {
    auto second = db.begin_write(milliseconds::max());
    EXPECT_TRUE(second) << second.error().to_string();
  });
  std::this_thread::sleep_for(milliseconds(50));
  first.reset();
  other.join();
}

TEST_F(TransactionTest, WritersComeInTheOrderInWhichTheyAsked) {
  Database db = open();
  std::optional<WriteTransaction> holder(MUST(db.begin_write()));
  std::vector<int> order;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      WriteTransaction writer = db.begin_write(milliseconds(20'000)).value();
      order.push_back(i);  // Guarded by the turn.
    });
    std::this_thread::sleep_for(milliseconds(20));
  }
  holder.reset();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7}));
}

TEST_F(TransactionTest, KeysAtBelowAndAboveTheLimit) {
  for (std::uint32_t size : {4096U, 8192U, 16384U, 32768U}) {
    Options options = world_.options();
    options.page_size = size;
    Database db = MUST(Database::open("db" + std::to_string(size), options));
    const std::size_t limit = max_key_bytes(size);
    WriteTransaction writer = MUST(db.begin_write());
    for (std::size_t bytes : {limit - 1, limit}) MUST(writer.put(std::string(bytes, 'k'), "v"));
    auto above = writer.put(std::string(limit + 1, 'k'), "v");
    EXPECT_CODE(above, ErrorCode::kLimitExceeded);
    EXPECT_NE(above.error().message().find(std::to_string(limit)), std::string::npos);
    EXPECT_NE(above.error().message().find(std::to_string(limit + 1)), std::string::npos);
    // Reading such a key is no error: it isn't there.
    EXPECT_EQ(MUST(writer.get(std::string(limit + 1, 'k'))), std::nullopt);
    EXPECT_FALSE(MUST(writer.erase(std::string(limit + 1, 'k'))));
    Cursor cursor = MUST(writer.cursor());
    EXPECT_FALSE(MUST(cursor.seek(std::string(limit + 1, 'k'))));
    EXPECT_TRUE(MUST(cursor.seek_at_or_before(std::string(limit + 1, 'k'))));
    MUST(writer.commit());  // Not doomed by it.
    EXPECT_EQ(contents_of(db).size(), 2U);
  }
}

TEST_F(TransactionTest, EmptyAndBinaryKeysAndValues) {
  Database db = open();
  Contents model;
  model[""] = "";
  for (int byte = 0; byte < 256; ++byte) {
    model[std::string(1, static_cast<char>(byte))] = std::string(byte, '\0');
    model[std::string("\0\0", 2) + static_cast<char>(byte)] = "x";
    model[std::string("same prefix \xFF") + static_cast<char>(byte)] = "";
  }
  WriteTransaction writer = MUST(db.begin_write());
  for (const auto& [key, value] : model) MUST(writer.put(key, value));
  MUST(writer.commit());
  EXPECT_TRUE(contents_of(db) == model);
  EXPECT_EQ(MUST(db.get("")), "");
  EXPECT_TRUE(MUST(db.erase("")));
  EXPECT_EQ(MUST(db.get("")), std::nullopt);
  expect_sound(db);
}

TEST_F(TransactionTest, ValuesFromNothingToSeveralMebibytes) {
  Options options = world_.options();
  Database db = MUST(Database::open("db", options));
  Contents model;
  std::size_t n = 0;
  for (std::size_t bytes : {0UL, 1UL, 1023UL, 1024UL, 1025UL, 8191UL, 8192UL, 8193UL, 65536UL,
                            1048575UL, 1048576UL, 1048577UL, 3000000UL, 9000001UL}) {
    std::string value(bytes, '\0');
    for (std::size_t i = 0; i < bytes; ++i) value[i] = static_cast<char>(i * 31 + bytes);
    model[numbered(n++)] = value;
    MUST(db.put(numbered(n - 1), value));
  }
  ASSERT_TRUE(contents_of(db) == model);
  MUST(db.close());
  db = MUST(Database::open("db", options));
  ASSERT_TRUE(contents_of(db) == model);
  expect_sound(db);
  for (std::size_t i = 0; i < n; ++i) {  // Large for small and back.
    MUST(db.put(numbered(i), model[numbered(n - 1 - i)]));
  }
  for (std::size_t i = 0; i < n; ++i)
    EXPECT_EQ(MUST(db.get(numbered(i))), model[numbered(n - 1 - i)]);
  expect_sound(db);
}

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

TEST_F(TransactionTest, ATransactionLargerThanTheCacheGetsTheLimitAndLifeGoesOn) {
  for (std::uint32_t size : {4096U, 8192U}) {
    Options options = world_.options();
    options.cache_bytes = kMinCacheBytes;
    options.page_size = size;
    const std::string name = "db" + std::to_string(size);
    Database db = MUST(Database::open(name, options));
    Contents model;
    for (int i = 0; i < 50; ++i) {
      model[numbered(i)] = "v" + numbered(i);
      MUST(db.put(numbered(i), model[numbered(i)]));
    }
    for (int attempt = 0; attempt < 3; ++attempt) {
      WriteTransaction writer = MUST(db.begin_write());
      Result<void> put;
      int done = 0;
      for (; done < 100'000 && put; ++done) put = writer.put(numbered(done), std::string(400, 'x'));
      EXPECT_CODE(put, ErrorCode::kLimitExceeded);
      EXPECT_GT(done, 200);
      // Doomed: whatever is asked now, the first error is the answer.
      EXPECT_CODE(writer.put("a", "b"), ErrorCode::kLimitExceeded);
      EXPECT_CODE(writer.get("a"), ErrorCode::kLimitExceeded);
      EXPECT_CODE(writer.commit(), ErrorCode::kLimitExceeded);
      ASSERT_TRUE(contents_of(db) == model);
      model["after"] = std::to_string(attempt);
      MUST(db.put("after", model["after"]));
    }
    // One value larger than the cache.
    EXPECT_CODE(db.put("big", std::string(2 << 20, 'x')), ErrorCode::kLimitExceeded);
    ASSERT_TRUE(contents_of(db) == model);
    expect_sound(db);
    MUST(db.close());
    db = MUST(Database::open(name, options));
    ASSERT_TRUE(contents_of(db) == model);
    expect_sound(db);
  }
}

TEST_F(TransactionTest, ManySmallCommitsGoThroughATinyCache) {
  Options options = world_.options();
  options.cache_bytes = kMinCacheBytes;
  options.page_size = 4096;
  Database db = MUST(Database::open("db", options));
  Contents model;
  for (int i = 0; i < 3000; ++i) {
    const std::string key = numbered(i * 7919 % 3000);
    model[key] = std::string(300, 'a' + i % 26);
    WriteTransaction writer = MUST(db.begin_write());
    MUST(writer.put(key, model[key]));
    MUST(writer.commit(Durability::kOs));
  }
  ASSERT_TRUE(contents_of(db) == model);
  EXPECT_GT(db.stats().pages_evicted, 0U);
  EXPECT_LE(db.stats().cache_frame_bytes + db.stats().table_bytes, kMinCacheBytes);
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
    MUST(writer.put("x", "y"));
  }
  Stats now = db.stats();
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
