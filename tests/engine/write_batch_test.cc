// Recorded batches: what they hold, what becomes of them in a transaction, and how those of several
// threads go together.
#include "holdfast/write_batch.h"

#include <atomic>
#include <thread>

#include "engine/base/limits.h"
#include "tests/engine/transaction_fixture.h"

namespace holdfast {
namespace {

class WriteBatchTest : public TransactionTest {};

TEST_F(WriteBatchTest, TellsWhatWasWrittenDown) {
  WriteBatch batch;
  EXPECT_TRUE(batch.empty());
  MUST(batch.put("a", "1"));
  MUST(batch.erase(Tree(7), std::string("b\0", 2)));
  MUST(batch.put(Tree(9), "", ""));
  EXPECT_EQ(batch.count(), 3U);
  std::vector<WriteBatch::Change> changes;
  WriteBatch::Change change;
  for (std::size_t at = 0; batch.next(at, change);) changes.push_back(change);
  ASSERT_EQ(changes.size(), 3U);
  EXPECT_TRUE(changes[0].is_put && changes[0].tree == Tree{} && changes[0].key == "a");
  EXPECT_EQ(changes[0].value, "1");
  EXPECT_FALSE(changes[1].is_put);
  EXPECT_EQ(changes[1].key.size(), 2U);
  EXPECT_TRUE(changes[2].is_put && changes[2].tree == Tree(9) && changes[2].key.empty());
  const WriteBatch copy = batch;
  batch.clear();
  EXPECT_TRUE(batch.empty());
  EXPECT_EQ(batch.bytes(), 0U);
  EXPECT_EQ(copy.count(), 3U);
}

TEST_F(WriteBatchTest, IsOneTransactionAndCanBeWrittenAgain) {
  Database db = open();
  const std::uint64_t before = db.stats().newest_txn;
  WriteBatch batch;
  for (int i = 0; i < 100; ++i) MUST(batch.put(numbered(i), "first"));
  for (int i = 0; i < 100; i += 2) MUST(batch.erase(numbered(i)));
  MUST(batch.put(numbered(0), "second"));
  EXPECT_EQ(MUST(db.write(batch)), before + 1);
  EXPECT_EQ(db.stats().durable_txn, before + 1);
  EXPECT_EQ(contents_of(db).size(), 51U);
  EXPECT_EQ(MUST(db.get(numbered(0))), "second");
  MUST(db.put(numbered(1), "changed"));
  MUST(db.write(batch, Durability::kLazy));
  EXPECT_EQ(MUST(db.get(numbered(1))), "first");
  batch.clear();
  EXPECT_EQ(MUST(db.write(batch)), db.stats().newest_txn) << "an empty one changes nothing";
  EXPECT_EQ(db.stats().durable_txn, db.stats().newest_txn);
  expect_sound(db);
}

TEST_F(WriteBatchTest, WhatIsRefusedLeavesNothingOfItself) {
  Database db = open();
  MUST(db.put("a", "1"));
  WriteBatch batch;
  MUST(batch.put("a", "2"));
  MUST(batch.put("b", "2"));
  WriteBatch too_long = batch;
  MUST(too_long.put(std::string(max_key_bytes(8192) + 1, 'k'), "v"));
  WriteBatch no_tree = batch;
  MUST(no_tree.erase(Tree(99), "k"));
  const std::uint64_t before = db.stats().newest_txn;
  EXPECT_CODE(db.write(too_long), ErrorCode::kLimitExceeded);
  EXPECT_CODE(db.write(no_tree), ErrorCode::kNotFound);
  EXPECT_EQ(db.stats().newest_txn, before);
  WriteTransaction writer = MUST(db.begin_write());
  MUST(writer.put("c", "1"));
  EXPECT_CODE(writer.apply(too_long), ErrorCode::kLimitExceeded);
  EXPECT_CODE(writer.apply(no_tree), ErrorCode::kNotFound);
  EXPECT_EQ(contents_of(writer), (Contents{{"a", "1"}, {"c", "1"}}));
  MUST(writer.apply(batch));
  MUST(writer.commit());
  EXPECT_EQ(contents_of(db), (Contents{{"a", "2"}, {"b", "2"}, {"c", "1"}}));
  expect_sound(db);
}

TEST_F(WriteBatchTest, PutManyIsAllOrNothing) {
  Database db = open();
  WriteTransaction writer = MUST(db.begin_write());
  const std::string too_long(max_key_bytes(8192) + 1, 'k');
  const KeyValue good[] = {{"a", "1"}, {"b", "2"}, {"a", "3"}};
  const KeyValue bad[] = {{"c", "1"}, {too_long, "2"}};
  MUST(writer.put_many(good));
  EXPECT_CODE(writer.put_many(bad), ErrorCode::kLimitExceeded);
  EXPECT_CODE(writer.put_many(Tree(99), good), ErrorCode::kNotFound);
  MUST(writer.put_many({}));
  EXPECT_EQ(MUST(writer.count()), 2U);
  MUST(writer.commit());
  EXPECT_EQ(contents_of(db), (Contents{{"a", "3"}, {"b", "2"}}));
}

TEST_F(WriteBatchTest, OneThatIsTooLargeForTheCacheIsRefusedAndOthersGoOn) {
  Options options = world_.options();
  options.cache_bytes = kMinCacheBytes;
  Database db = MUST(Database::open("db", options));
  WriteBatch huge;
  for (int i = 0; i < 4000; ++i)
    MUST(huge.put(numbered(i * 7919 % 4000), std::string(15'000, 'x')));
  EXPECT_CODE(db.write(huge), ErrorCode::kLimitExceeded);
  WriteBatch small;
  MUST(small.put("a", "1"));
  MUST(db.write(small));
  EXPECT_EQ(contents_of(db), (Contents{{"a", "1"}}));
  expect_sound(db);
}

TEST_F(WriteBatchTest, WaitsForAnOpenWriterUpToTheDeadline) {
  Options options = world_.options();
  options.write_timeout = std::chrono::milliseconds(30);
  Database db = MUST(Database::open("db", options));
  WriteBatch batch;
  MUST(batch.put("a", "1"));
  std::optional<WriteTransaction> writer = MUST(db.begin_write());
  std::vector<std::thread> threads;
  std::atomic<int> timed_out = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      const auto outcome = db.write(batch);
      if (code_of(outcome) == ErrorCode::kTimedOut) ++timed_out;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(timed_out, 4);
  writer.reset();
  MUST(db.write(batch));
  EXPECT_CODE(
      [&] {
        MUST(db.close());
        return db.write(batch);
      }(),
      ErrorCode::kInvalidArgument);
}

// While a writer holds its turn, batches of several threads gather; then they go as one.
TEST_F(WriteBatchTest, ThoseOfSeveralThreadsShareATransactionAndNoErrors) {
  Database db = open();
  MUST(db.put("start", "1"));
  constexpr int kThreads = 12;
  std::optional<WriteTransaction> writer = MUST(db.begin_write());
  const std::uint64_t before = db.stats().newest_txn;
  std::vector<std::thread> threads;
  std::vector<Result<CommitToken>> outcomes(kThreads, 0);
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      WriteBatch batch;
      (void)batch.put("key " + numbered(t, 2), "thread " + std::to_string(t));
      if (t % 4 == 3) (void)batch.put(Tree(55), "refused", "");
      outcomes[static_cast<std::size_t>(t)] =
          db.write(batch, t % 2 == 0 ? Durability::kSync : Durability::kOs);
    });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  writer.reset();
  for (std::thread& thread : threads) thread.join();
  const std::uint64_t made = db.stats().newest_txn - before;
  EXPECT_GE(made, 1U);
  EXPECT_LE(made, 3U) << "the first may have led alone, or come late";
  for (int t = 0; t < kThreads; ++t) {
    const auto& outcome = outcomes[static_cast<std::size_t>(t)];
    EXPECT_EQ(MUST(db.get("key " + numbered(t, 2))).has_value(), t % 4 != 3) << t;
    if (t % 4 == 3) {
      EXPECT_EQ(code_of(outcome), ErrorCode::kNotFound);
    } else {
      EXPECT_TRUE(outcome && *outcome > before && *outcome <= before + made) << t;
    }
  }
  EXPECT_EQ(MUST(MUST(db.begin_read()).count()), 1U + kThreads * 3 / 4);
  expect_sound(db);
}

TEST_F(WriteBatchTest, ManyThreadsManyBatchesNothingLost) {
  Options options = world_.options();
  options.background = Background::kThread;
  options.cache_bytes = kMinCacheBytes;  // Groups that don't fit are cut.
  options.checkpoint_log_bytes = 1 << 20;
  Database db = MUST(Database::open("db", options));
  constexpr int kThreads = 6;
  constexpr int kEach = 60;
  std::vector<std::thread> threads;
  std::atomic<int> failures = 0;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int n = 0; n < kEach; ++n) {
        WriteBatch batch;
        for (int i = 0; i < 20; ++i) {
          const auto key = static_cast<std::uint64_t>((n * 20 + i) * 7919 % 1200);
          (void)batch.put(numbered(key) + "/" + std::to_string(t), std::string(300, 'v'));
        }
        const auto token = db.write(batch, n % 3 == 0 ? Durability::kSync : Durability::kLazy);
        if (!token || MUST(db.begin_read()).txn() < *token) ++failures;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(MUST(MUST(db.begin_read()).count()), 1200U * kThreads);
  EXPECT_LE(db.stats().commits, std::uint64_t{kThreads} * kEach);
  expect_sound(db);
}

}  // namespace
}  // namespace holdfast
