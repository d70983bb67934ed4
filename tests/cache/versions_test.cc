// Version chains: what keeps a version (C2), freed pages (C5), and which versions a checkpoint
// takes.
#include "tests/cache/cache_fixture.h"

namespace holdfast {
namespace {

// DR-P10: docs/SCENARIOS.md.
TEST_F(CacheTest, C2EachSnapshotSeesItsVersionAndEndedOnesKeepNothing) {
  write({1, 2});
  std::vector<std::unique_ptr<Snapshot>> held;
  for (int i = 0; i < 10; ++i) {
    held.push_back(std::make_unique<Snapshot>(*cache_));
    write({1});
  }
  for (const auto& snapshot : held) {
    EXPECT_EQ(seen(1, snapshot->txn, snapshot->slot()).value(), raw(snapshot->txn));
    EXPECT_EQ(seen(2, snapshot->txn, snapshot->slot()).value(), 1U);
  }
  write_back(cache_->durable());
  // Ten versions and the newest, which leads to them; page 2 is clean.
  EXPECT_EQ(cache_->held(), 11U);
  // The middle ones go first: each takes just its own version.
  for (int left = 9; left >= 0; --left) {
    held.erase(held.begin() + left / 2);
    EXPECT_EQ(cache_->held(), left == 0 ? 0U : static_cast<std::uint32_t>(left) + 1);
    for (const auto& snapshot : held)
      ASSERT_EQ(seen(1, snapshot->txn, snapshot->slot()).value(), raw(snapshot->txn));
  }
}

TEST_F(CacheTest, C2VersionsBetweenSnapshotsAreCollectedAtOnce) {
  write({1});
  Snapshot old(*cache_);
  for (int i = 0; i < 50; ++i) write({1});
  Snapshot young(*cache_);
  for (int i = 0; i < 50; ++i) write({1});
  write_back(cache_->durable());
  EXPECT_EQ(cache_->held(), 3U);
  EXPECT_EQ(seen(1, old.txn, old.slot()).value(), raw(old.txn));
  EXPECT_EQ(seen(1, young.txn, young.slot()).value(), raw(young.txn));
}

TEST_F(CacheTest, C2TheDurableStateAndTheGroupInFlightAreKept) {
  write({1});         // 1, durable.
  write({1}, false);  // 2
  cache_->sync_begins(TxnNumber{2});
  write({1}, false);  // 3: 2 may become durable any time.
  write({1}, false);  // 4: nobody can come to need 3.
  {
    Snapshot durable(*cache_);
    EXPECT_EQ(raw(durable.txn), 1U);
    EXPECT_EQ(seen(1, durable.txn, durable.slot()).value(), 1U);
  }
  cache_->became_durable(TxnNumber{2});
  {
    Snapshot durable(*cache_);
    EXPECT_EQ(seen(1, durable.txn, durable.slot()).value(), 2U);
    Snapshot newest(*cache_, TxnNumber{4});
    EXPECT_EQ(seen(1, newest.txn, newest.slot()).value(), 4U);
  }
  cache_->sync_begins(TxnNumber{4});
  cache_->became_durable(TxnNumber{4});
  write_back(TxnNumber{4});
  EXPECT_EQ(cache_->held(), 0U);
}

TEST_F(CacheTest, C5FreedPagesStayUntilTheCheckpointAndTheLastSnapshot) {
  write({1, 2, 3});
  write_back(cache_->durable());
  auto old = std::make_unique<Snapshot>(*cache_);
  const TxnNumber freed = free_pages({PageId{2}, 2});
  EXPECT_TRUE(cache_->freed_by(PageId{2}, freed));
  EXPECT_FALSE(cache_->freed_by(PageId{2}, old->txn));
  EXPECT_FALSE(cache_->freed_by(PageId{1}, freed));
  ASSERT_EQ(cache_->frees_through(freed).size(), 1U);
  const Slot slot = entry_slot(cache_->table().peek(PageId{2})->entry.load());
  EXPECT_TRUE(cache_->settle_frees(TxnNumber{raw(freed) - 1}).empty()) << "no checkpoint yet";
  EXPECT_TRUE(cache_->settle_frees(freed).empty()) << "a snapshot still sees them";
  EXPECT_EQ(seen(2, old->txn, old->slot()).value(), 1U);
  EXPECT_TRUE(slots_.is_used(slot));
  old.reset();
  const auto settled = cache_->settle_frees(freed);
  ASSERT_EQ(settled.size(), 1U);
  EXPECT_EQ(raw(settled.front().first), 2U);
  EXPECT_EQ(settled.front().count, 2U);
  EXPECT_FALSE(slots_.is_used(slot));
  EXPECT_EQ(cache_->held(), 0U);
  // The id lives again, as another page.
  write({2});
  Snapshot now(*cache_);
  EXPECT_EQ(seen(2, now.txn, now.slot()).value(), raw(now.txn));
}

TEST_F(CacheTest, ACheckpointTakesTheVersionOfItsTimeAndListsThePageAgain) {
  const TxnNumber first = write({1, 2});
  ReaderSlot& checkpoint = **cache_->readers().claim();
  cache_->begin_snapshot_at(checkpoint, [&] { return first; });
  write({1});
  EXPECT_EQ(cache_->dirty_pages(), 2U);
  write_back(first);
  EXPECT_EQ(cache_->dirty_pages(), 1U) << "page 1 has a newer version";
  cache_->end_snapshot(checkpoint);
  cache_->readers().release(checkpoint);
  write_back(cache_->newest());
  EXPECT_EQ(cache_->dirty_pages(), 0U);
  EXPECT_EQ(cache_->held(), 0U);
}

}  // namespace
}  // namespace holdfast
