// Durabilities and tokens: what a commit waits for, who sees it when, and the background steps that
// do the rest.
#include <chrono>
#include <thread>

#include "tests/engine/transaction_fixture.h"

namespace holdfast {
namespace {

using std::chrono::milliseconds;

// DR-A7: docs/SCENARIOS.md.
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
  EXPECT_GT(db.stats().pages_parked, 50U);
  int steps = 0;
  while (MUST(db.run_background())) ASSERT_LT(++steps, 200) << "checkpoints without end";
  for (const auto& [key, value] : contents_of(reader)) ASSERT_EQ(value, std::string(300, 'a'));
}

}  // namespace
}  // namespace holdfast
