// What of the page table may be dropped (C7), and who may still look at it (C8).
#include <atomic>
#include <numeric>
#include <random>
#include <thread>

#include "engine/base/limits.h"
#include "tests/cache/mapped_fixture.h"

namespace holdfast {
namespace {

std::vector<std::uint32_t> every(std::uint32_t step, std::uint32_t first = 1) {
  std::vector<std::uint32_t> ids;
  for (std::uint32_t id = first; id < kIds; id += step) ids.push_back(id);
  return ids;
}

TEST_F(MappedCacheTest, C7WhatTheMapSaysIsDroppedAndReadAgain) {
  for (int round = 0; round < 5; ++round) change(every(17));
  checkpoint();
  expect_newest();
  const std::uint64_t before = cache_->counters().table_bytes;
  cache_->shrink_table(0);
  EXPECT_LT(cache_->counters().table_bytes + 10'000, before);
  for (std::uint32_t id : every(17)) ASSERT_FALSE(is_loaded(id));
  expect_newest();
  // What nobody has used goes before what somebody has.
  cache_->shrink_table(0);
  expect_newest();
  EXPECT_LE(cache_->counters().table_bytes, before);
}

TEST_F(MappedCacheTest, C7DirtyFreedAndOldPagesKeepTheirPartOfTheTable) {
  change(every(40));
  checkpoint();
  auto old = std::make_unique<Snapshot>(*cache_);
  const Model then = model_;
  change({41, 801});
  checkpoint();  // Clean again, but with an older version behind.
  free_pages({PageId{1201}, 1});
  change({1601});
  cache_->shrink_table(0);
  for (std::uint32_t id : {41U, 801U, 1201U, 1601U}) EXPECT_TRUE(is_loaded(id)) << id;
  for (std::uint32_t id : {1U, 441U, 1001U}) EXPECT_FALSE(is_loaded(id)) << id;
  expect_snapshot(*old, then);
  model_.erase(1201);
  expect_newest();
  checkpoint();
  old.reset();
  ASSERT_EQ(cache_->settle_frees(cache_->durable()).size(), 1U);
  cache_->shrink_table(0);
  for (std::uint32_t id : every(40)) EXPECT_FALSE(is_loaded(id)) << id;
  expect_newest();
  ReaderSlot& reader = **cache_->readers().claim();
  EXPECT_EQ(seen(1201, cache_->newest(), reader).error().code(), ErrorCode::kDamaged);
  cache_->readers().release(reader);
}

// DR-C7: docs/SCENARIOS.md. Whatever can be dropped is, at every step of a checkpoint that writes
// pages elsewhere, while all pages are read.
TEST_F(MappedCacheTest, DRC7ATableThatIsDroppedDuringACheckpointLeadsToNoOlderPage) {
  std::mt19937 random(3);
  change(every(9));
  checkpoint();
  for (int round = 0; round < 6; ++round) {
    Snapshot old(*cache_);
    const Model then = model_;
    change(every(27, 1 + 9 * static_cast<std::uint32_t>(round % 3)));
    int steps = 0;
    checkpoint([&](std::string_view stage) {
      if (stage == "told" && ++steps % 11 != 0) return;
      cache_->shrink_table(0);
      expect_newest();
      expect_snapshot(old, then);
      if (stage == "map written") change({every(9)[random() % 200]});
    });
    ASSERT_FALSE(HasFatalFailure()) << round;
  }
  checkpoint();
  cache_->shrink_table(0);
  expect_newest();
}

// While a page, or the part of the map that names it, is being read, a newer version of the page
// comes, is written, evicted, and its part of the table is dropped: what was read is not believed.
// Whoever reads has no snapshot that would keep the older version.
TEST_F(MappedCacheTest, C8WhatWasReadBeforeAPartOfTheTableWentIsNotInstalledAfterwards) {
  for (int nth = 1; nth <= 2; ++nth) {
    change(every(100));
    checkpoint();
    cache_->shrink_table(0);
    ASSERT_FALSE(is_loaded(501));
    int reads = 0;
    storage_.on_read = [&](const std::string&, std::uint64_t) -> Result<void> {
      if (++reads != nth) return {};
      storage_.on_read = {};
      change({501});
      checkpoint();
      cache_->shrink_table(0);
      return {};
    };
    ReaderSlot& reader = **cache_->readers().claim();
    (void)seen(501, cache_->newest(), reader);  // It asks for what is old when it has read it.
    cache_->readers().release(reader);
    storage_.on_read = {};
    ASSERT_GE(reads, nth);
    expect_newest();
  }
}

// The place that is being read is given to others meanwhile: no damage.
TEST_F(MappedCacheTest, AMapPageThatMovesWhileItIsReadIsReadAgain) {
  change(every(100));
  change({1999});
  checkpoint();
  cache_->shrink_table(0);
  storage_.on_read = [&](const std::string&, std::uint64_t) -> Result<void> {
    storage_.on_read = {};
    for (int round = 0; round < 3; ++round) {
      change({1501, 1601, 1701, 1801});  // Of the same leaf of the map.
      checkpoint();
    }
    cache_->shrink_table(0);
    return {};
  };
  ReaderSlot& reader = **cache_->readers().claim();
  EXPECT_EQ(must(seen(1999, cache_->newest(), reader)), model_.at(1999));
  cache_->readers().release(reader);
  EXPECT_FALSE(storage_.on_read);
  expect_newest();
}

// A slot that the log names is the map's once a checkpoint has adopted it, whatever is dropped
// before the checkpoint lets go of what the log needed.
TEST_F(MappedCacheTest, C7ASlotThatTheLogNamedStaysWithTheMapThatNamesIt) {
  change({1});
  checkpoint();
  const TxnNumber txn = next(cache_->newest());
  std::vector<std::byte> page(kPageSize);
  format_page(page, kTag, txn, PageId{700}, TreeId{1}, PageKind::kOverflow, 0);
  store16(page.data() + page_at::kGapBegin, kPageSize);
  store16(page.data() + page_at::kGapEnd, kPageSize);
  store64(page.data() + 100, raw(txn) * 10'000 + 700);
  PlacedPage placed;
  must(cache_->write_fresh(page, kNoSlot, std::span(&placed, 1)));
  const WrittenPage written{PageId{700}, kNoFrame, true, {}, placed.slot, placed.check()};
  IdRuns freed;
  slots_.reserve(20).value();
  must(cache_->publish(std::span(&written, 1), freed, txn, [] {}));
  cache_->became_durable(txn);
  model_[700] = raw(txn);
  checkpoint([&](std::string_view) { cache_->shrink_table(0); });
  EXPECT_TRUE(slots_.is_used(placed.slot));
  change(every(50));
  checkpoint();
  expect_newest();
}

// DR-C7 the other way round: a page is moved, and a reader has its row read from the new map before
// the checkpoint comes to it. The slot that is free then is the one it was moved from.
class MovedPageTest : public MappedCacheTest {
 protected:
  // Page 501 is moved and `read_meanwhile` is looked at between the new map and its turn.
  void move(std::uint32_t read_meanwhile) {
    change({501, 502});
    checkpoint();
    cache_->shrink_table(0);
    ASSERT_FALSE(is_loaded(501));
    const std::uint32_t fanout = cache_->table().fanout();
    std::vector<MapEntry> entries(fanout);
    must(cache_->table().read_entries(501 / fanout, entries));
    const MapEntry old = entries[501 % fanout];
    std::vector<std::byte> page(kPageSize);
    ASSERT_EQ(must(file_->read(slots_.offset_of(entry_slot(old)), page)), page.size());
    const Slot to = slots_.allocate(kNoSlot).value();
    must(file_->write(slots_.offset_of(to), page));
    const MapEntry moved = make_entry(to, entry_check(old));
    entries[501 % fanout] = moved;
    MapUpdate update(map_, cache_->durable());
    must(update.write_leaf(501 / fanout, entries));
    must(update.finish());
    cache_->keep_table(true);
    for (const Slot each : update.install()) slots_.free(each);
    ReaderSlot& reader = **cache_->readers().claim();
    EXPECT_EQ(must(seen(read_meanwhile, cache_->newest(), reader)), model_.at(read_meanwhile));
    ASSERT_TRUE(is_loaded(501));
    EXPECT_EQ(cache_->became_clean(PageId{501}, cache_->durable(), moved), kNoSlot);
    cache_->keep_table(false);
    cache_->readers().release(reader);
    EXPECT_TRUE(slots_.is_used(to));
    expect_newest();
  }
};

TEST_F(MovedPageTest, DRC7KeepsItsNewSlotWhenANeighbourIsReadFirst) {
  move(502);
}

TEST_F(MovedPageTest, DRC7KeepsItsNewSlotWhenItIsReadFirst) {
  move(501);
}

// What the log frees at an opening: more than one group, of which the first goes when the next is
// needed.
TEST_F(MappedCacheTest, C7WhatTheLogFreesIsMarkedWhateverIsDroppedMeanwhile) {
  start(256, true);
  std::vector<std::uint32_t> ids(200);
  std::iota(ids.begin(), ids.end(), 100);
  change(ids);
  checkpoint();
  const std::uint64_t used = slots_.used_slots();
  const TxnNumber txn = next(cache_->newest());
  cache_->shrink_table(0);
  cache_->note_freed({PageId{100}, 200}, txn);
  for (std::uint32_t id : ids) {
    EXPECT_FALSE(must(cache_->has_page(PageId{id}))) << id;
    model_.erase(id);
  }
  cache_->start_at(txn);
  checkpoint();
  ASSERT_EQ(cache_->settle_frees(txn).size(), 1U);
  EXPECT_LE(slots_.used_slots() + 200, used + 8) << "but for the map's own pages";
}

// Whoever needs what the table takes waits for those who may still look at it.
TEST_F(MappedCacheTest, C8RoomIsMadeOnceAGuardHasEnded) {
  start(60);
  change_in_turns(every(32));
  const std::size_t table = cache_->counters().table_bytes;
  const std::size_t budget = 60 * (kPageSize + 128);
  // So much that it fits only without the parts that can be dropped.
  const std::size_t wanted = budget - 32 * (kPageSize + 128) - table + 10'000;
  ASSERT_FALSE(cache_->leaves_frames(wanted, 0));
  ReaderSlot& reader = **cache_->readers().claim();
  cache_->readers().enter(reader);
  std::thread leaves([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    cache_->readers().leave(reader);
  });
  EXPECT_TRUE(cache_->make_frames_left(wanted, 0));
  leaves.join();
  cache_->readers().release(reader);
}

// Versions are described in what the budget leaves beside the frames that there must be.
TEST_F(MappedCacheTest, DescriptorsStayWithinTheBudget) {
  constexpr std::size_t kFrames = 96;
  start(kFrames);
  change_in_turns(every(1));
  const Snapshot old(*cache_);
  cache_->charge_transaction(100'000);
  bool room = true;
  for (std::uint32_t id = 1; id < kIds && room; ++id) {
    change({id});
    if (cache_->held() > cache_->frame_limit() / 2) room = must(cache_->park(8)) != 0;
    if (id % 16 == 0) checkpoint();
  }
  EXPECT_FALSE(room);
  const CacheCounters counters = cache_->counters();
  EXPECT_LE(counters.table_bytes + counters.parked_table_bytes + counters.transaction_bytes +
                kMinFrames * (kPageSize + FramePool::kBytesBeside),
            kFrames * (kPageSize + 128));
}

// A reader within its guard goes on with what it found.
TEST_F(MappedCacheTest, C8WhatIsDroppedStaysInMemoryForAsLongAsAGuardMayLookAtIt) {
  change(every(100));
  checkpoint();
  ReaderSlot& reader = **cache_->readers().claim();
  cache_->readers().enter(reader);
  const TablePage* row = cache_->table().peek(PageId{501});
  ASSERT_NE(row, nullptr);
  const std::uint64_t before = cache_->counters().table_bytes;
  cache_->shrink_table(0);
  ASSERT_FALSE(is_loaded(501));
  EXPECT_EQ(cache_->counters().table_bytes, before) << "what a guard may look at is still there";
  EXPECT_EQ(Word{row->word.load()}.version(), kNoVersion);
  cache_->readers().leave(reader);
  cache_->readers().release(reader);
  cache_->shrink_table(0);
  EXPECT_LT(cache_->counters().table_bytes, before);
}

TEST_F(MappedCacheTest, ATableThatIsMuchLargerThanItsShareStaysWithinIt) {
  start(40);  // 169,000 bytes, of which the table's fixed part takes 33,000.
  change({1});
  checkpoint();
  for (std::uint32_t id : every(3)) {
    change({id});
    if (id % 5 == 0) checkpoint();
  }
  checkpoint();
  std::mt19937 random(1);
  ReaderSlot& reader = **cache_->readers().claim();
  std::uint64_t most = 0;
  for (int i = 0; i < 3000; ++i) {
    const std::uint32_t id = 1 + 3 * static_cast<std::uint32_t>(random() % 600);
    ASSERT_EQ(must(seen(id, cache_->newest(), reader)), model_.at(id));
    most = std::max(most, cache_->counters().table_bytes);
  }
  cache_->readers().release(reader);
  // All of it would take 69,000; a leaf is 9,000.
  EXPECT_LE(most, 32'768U + (40 * (kPageSize + 128) - 32'768) / 2);
}

TEST_F(MappedCacheTest, ReadersWriterCheckpointsAndDroppingAtOnce) {
  start(200);
  const std::vector<std::uint32_t> all = every(13);
  change(all);
  checkpoint();
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(t);
      while (!stop.load()) {
        Snapshot snapshot(*cache_);
        // All of a pair is written together.
        for (int i = 0; i < 8; ++i) {
          const std::size_t at = random() % (all.size() / 2);
          const auto left = seen(all[2 * at], snapshot.txn, snapshot.slot());
          const auto right = seen(all[2 * at + 1], snapshot.txn, snapshot.slot());
          if (left && right && *left == *right && *left <= raw(snapshot.txn)) continue;
          ADD_FAILURE() << (left && right ? "torn" : (left ? right : left).error().to_string());
          stop = true;
          return;
        }
      }
    });
  }
  threads.emplace_back([&] {
    while (!stop.load()) {
      cache_->shrink_table(0);
      std::this_thread::yield();
    }
  });
  std::mt19937 random(77);
  for (int i = 0; i < 300 && !stop.load(); ++i) try {
      const std::size_t at = random() % (all.size() / 2);
      while (cache_->held() > cache_->frame_limit() / 2 && cache_->open_snapshots() != 0)
        std::this_thread::yield();  // As a writer waits for room.
      change({all[2 * at], all[2 * at + 1]});
      if (i % 4 == 0) checkpoint();
    } catch (const std::exception& e) {
      ADD_FAILURE() << "at " << i << ": " << e.what() << "; held " << cache_->held();
      break;
    }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  checkpoint();
  expect_newest();
}

}  // namespace
}  // namespace holdfast
