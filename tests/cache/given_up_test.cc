// Snapshots that are given up: who is, what goes with them, and what their readers are told (G3).
#include <atomic>
#include <random>
#include <thread>

#include "engine/txn/snapshot_view.h"
#include "tests/cache/mapped_fixture.h"

namespace holdfast {
namespace {

using GivenUpTest = MappedCacheTest;

TEST_F(GivenUpTest, G3TheOldestIsToldSoAndKeepsNothing) {
  change({1, 2, 3});
  Snapshot first(*cache_);
  change({1});
  Snapshot second(*cache_);
  change({1, 2});
  checkpoint();
  EXPECT_GT(cache_->held(), 0U);
  EXPECT_EQ(cache_->give_up_oldest().txn, first.txn);
  for (std::uint32_t id : {1U, 2U, 3U})
    EXPECT_EQ(seen(id, first.txn, first.slot()).error().code(), ErrorCode::kSnapshotTooOld) << id;
  EXPECT_EQ(must(seen(1, second.txn, second.slot())), raw(second.txn));
  EXPECT_EQ(must(seen(2, second.txn, second.slot())), 1U);
  EXPECT_EQ(cache_->oldest_snapshot(), second.txn);
  EXPECT_EQ(cache_->open_snapshots(), 1U);
  EXPECT_EQ(cache_->give_up_oldest().txn, second.txn);
  EXPECT_EQ(cache_->held(), 0U);
  EXPECT_EQ(cache_->counters().given_up, 2U);
  // The newest state keeps nothing, and nobody is left.
  Snapshot newest(*cache_);
  EXPECT_EQ(cache_->give_up_oldest().txn, TxnNumber{});
  EXPECT_EQ(must(seen(1, newest.txn, newest.slot())), model_.at(1));
}

TEST_F(GivenUpTest, CheckpointsAndChecksStay) {
  change({1});
  ReaderSlot& checkpoint = **cache_->readers().claim();
  const TxnNumber d = cache_->begin_snapshot_at(checkpoint, [&] { return cache_->durable(); });
  ReaderSlot& check = **cache_->readers().claim();
  ASSERT_EQ(cache_->begin_snapshot(check, TxnNumber{}, true), d);
  change({1});
  EXPECT_EQ(cache_->give_up_oldest().txn, TxnNumber{});
  EXPECT_EQ(must(seen(1, d, check)), raw(d));
  EXPECT_EQ(cache_->oldest_snapshot(), d);
  for (ReaderSlot* slot : {&checkpoint, &check}) {
    cache_->end_snapshot(*slot);
    cache_->readers().release(*slot);
  }
}

// What it saw goes, and what an older one sees, that stays, is next in the chain: it isn't that
// which the reader gets.
TEST_F(GivenUpTest, G3AnOlderVersionThatStaysIsNotTakenForTheOneThatWent) {
  change({1});
  ReaderSlot& stays = **cache_->readers().claim();
  cache_->begin_snapshot(stays, TxnNumber{}, true);
  change({1});
  Snapshot reader(*cache_);
  change({1});
  EXPECT_EQ(must(seen(1, reader.txn, reader.slot())), 2U);
  ASSERT_EQ(cache_->give_up_oldest().txn, reader.txn);
  const auto got = seen(1, reader.txn, reader.slot());
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), ErrorCode::kSnapshotTooOld);
  EXPECT_NE(got.error().message().find("1 transactions have been committed since"),
            std::string::npos)
      << got.error().message();
  cache_->end_snapshot(stays);
  cache_->readers().release(stays);
}

// What is in memory may be another state by then, for whoever looks without asking for more.
TEST_F(GivenUpTest, G3AViewThatWasGivenUpPeeksAtNothing) {
  change({1});
  ReaderSlot& stays = **cache_->readers().claim();
  cache_->begin_snapshot(stays, TxnNumber{}, true);
  change({1});
  SnapshotView view(*cache_, SlotClaim(cache_->readers(), *cache_->readers().claim()), {});
  const auto peeks = [&] {
    const PageGuard guard(view);
    return view.peek(PageId{1}) != nullptr;
  };
  EXPECT_TRUE(peeks());
  change({1});
  EXPECT_TRUE(peeks());
  ASSERT_EQ(cache_->give_up_oldest().txn, view.snapshot());
  EXPECT_FALSE(peeks());
  {
    const PageGuard guard(view);
    EXPECT_EQ(view.page(PageId{1}).error().code(), ErrorCode::kSnapshotTooOld);
    EXPECT_EQ(view.pin(PageId{1}).error().code(), ErrorCode::kSnapshotTooOld);
  }
  cache_->end_snapshot(stays);
  cache_->readers().release(stays);
}

// While a page is read for it: its version goes, and the place is written anew.
TEST_F(GivenUpTest, G3GivenUpWhileItReadsItGetsNeitherDamageNorAnotherState) {
  change({1, 2, 3});
  checkpoint();
  Snapshot reader(*cache_);
  for (std::uint32_t id : {1U, 2U, 3U}) {
    if (id == 2) free_pages({PageId{3}, 1});
    cache_->shrink_table(0);
    storage_.on_read = [&](const std::string&, std::uint64_t) -> Result<void> {
      storage_.on_read = {};
      change({1, 2});
      (void)cache_->give_up_oldest();
      for (int round = 0; round < 3; ++round) {
        change({1, 2});
        checkpoint();
        (void)cache_->settle_frees(cache_->durable());
      }
      cache_->shrink_table(0);
      return {};
    };
    const auto got = seen(id, reader.txn, reader.slot());
    storage_.on_read = {};
    ASSERT_FALSE(got) << id;
    EXPECT_EQ(got.error().code(), ErrorCode::kSnapshotTooOld) << got.error().to_string();
  }
  model_.erase(3);
  expect_newest();
}

TEST_F(GivenUpTest, ReadersWriterAndGivingUpAtOnce) {
  start(200);
  std::vector<std::uint32_t> all;
  for (std::uint32_t id = 1; id < 400; id += 9) all.push_back(id);
  if (all.size() % 2 != 0) all.pop_back();
  change(all);
  checkpoint();
  std::atomic<bool> stop{false};
  std::atomic<int> whole{0};
  std::atomic<int> told{0};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(t);
      while (!stop.load()) {
        Snapshot snapshot(*cache_);
        for (int i = 0; i < 20; ++i) {
          const std::size_t at = random() % (all.size() / 2);
          const auto left = seen(all[2 * at], snapshot.txn, snapshot.slot());
          const auto right = seen(all[2 * at + 1], snapshot.txn, snapshot.slot());
          if (left && right) {
            ++whole;
            if (*left == *right && *left <= raw(snapshot.txn)) continue;
            ADD_FAILURE() << *left << " and " << *right << " at " << raw(snapshot.txn);
          } else if ((left ? right : left).error().code() == ErrorCode::kSnapshotTooOld) {
            ++told;
            if (!right) break;
            ADD_FAILURE() << "a snapshot that was given up came back";
          } else {
            ADD_FAILURE() << (left ? right : left).error().to_string();
          }
          stop = true;
          return;
        }
      }
    });
  }
  std::mt19937 random(77);
  for (int i = 0; (i < 400 || told.load() == 0 || whole.load() == 0) && !stop.load(); ++i) try {
      const std::size_t at = random() % (all.size() / 2);
      change({all[2 * at], all[2 * at + 1]});
      if (i % 3 == 0 || cache_->held() > cache_->frame_limit() / 2) (void)cache_->give_up_oldest();
      if (i % 20 == 0) checkpoint();
    } catch (const std::exception& e) {
      ADD_FAILURE() << "at " << i << ": " << e.what() << "; held " << cache_->held();
      break;
    }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  checkpoint();
  EXPECT_GT(whole.load(), 0);
  EXPECT_EQ(cache_->held(), 0U);
  expect_newest();
}

}  // namespace
}  // namespace holdfast
