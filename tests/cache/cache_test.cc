// The page cache alone: version chains, what keeps a version (C2), what may be evicted (C3), what
// is verified (C4), freed pages (C5), the budget. A page's content here is its number and its
// version.
#include <atomic>
#include <random>
#include <stdexcept>
#include <thread>
#include <type_traits>

#include "engine/base/bytes.h"
#include "engine/base/result.h"
#include "engine/cache/page_cache.h"
#include "engine/page/page_format.h"
#include "engine/storage/memory_storage.h"
#include "gtest/gtest.h"

namespace holdfast {
namespace {

// Unwraps, or ends the test with the error's own words.
template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().to_string());
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

constexpr std::uint32_t kPageSize = 4096;
constexpr std::uint64_t kTag = 99;
constexpr std::uint32_t kIds = 2000;

class CacheTest : public testing::Test {
 protected:
  // Else a checkpoint may ask the log to sync what it doesn't have yet, and freeze the database.
  void expect_not_newest(TxnNumber txn) {
    EXPECT_LT(cache_->newest(), txn) << "newest before the log has it";
  }

  void SetUp() override { start(kIds); }
  void start(std::size_t budget_frames) {
    slots_.open(0).value();
    slots_.release_unused(std::vector<bool>(1));
    cache_ = PageCache::create({.file = file_.get(),
                                .slots = &slots_,
                                .map = &map_,
                                .page_size = kPageSize,
                                .tag = kTag,
                                .budget_bytes = budget_frames * (kPageSize + 128),
                                .arena = {}})
                 .value();
    cache_->set_id_limit(kIds + 1);
    cache_->start_at(TxnNumber{0});
  }

  // A transaction that writes these pages. `durable`: at once, as by a sync of its own.
  TxnNumber write(const std::vector<std::uint32_t>& ids, bool durable = true) {
    const TxnNumber txn = next(cache_->newest());
    std::vector<WrittenPage> pages;
    ReaderSlot& reader = cache_->readers().claim();
    for (std::uint32_t id : ids) {
      cache_->table().row(PageId{id}).value();
      const FrameIndex frame = must(cache_->take_frame());
      FrameIndex base = kNoFrame;
      const TablePage* row = cache_->table().peek(PageId{id});
      if (Word{row->word.load()}.frame() != kNoFrame || entry_slot(row->entry.load()) != kNoSlot) {
        cache_->readers().enter(reader);
        base = must(cache_->find(PageId{id}, cache_->newest(), reader));
        cache_->pin_base(base);
        cache_->readers().leave(reader);
      }
      format_page(cache_->bytes(frame), kTag, txn, PageId{id}, TreeId{1}, PageKind::kOverflow, 0);
      store16(cache_->data(frame) + page_at::kGapBegin, kPageSize);  // No gap: sealing clears it.
      store16(cache_->data(frame) + page_at::kGapEnd, kPageSize);
      store64(cache_->data(frame) + 100, raw(txn) * 10'000 + id);
      pages.push_back({PageId{id}, frame, base});
    }
    cache_->readers().release(reader);
    slots_.reserve(cache_->slots_for(pages, {})).value();
    const std::uint32_t set_aside = cache_->slots_for(pages, {});
    const std::uint32_t used = cache_->publish(pages, {}, txn, [&] { expect_not_newest(txn); });
    slots_.unreserve(set_aside - used);
    if (durable) {
      cache_->sync_begins(txn);
      cache_->became_durable(txn);
    }
    return txn;
  }
  TxnNumber free_pages(IdRun run) {
    const TxnNumber txn = next(cache_->newest());
    slots_.reserve(100).value();
    const std::uint32_t used =
        cache_->publish({}, std::span(&run, 1), txn, [&] { expect_not_newest(txn); });
    slots_.unreserve(100 - used);
    cache_->became_durable(txn);
    return txn;
  }
  // As a checkpoint does, without a map on disk.
  void write_back(TxnNumber d) {
    const auto dirty = must(cache_->take_dirty(d));
    for (PageId id : dirty.pages) {
      const FrameIndex frame = cache_->dirty_version_at(id, d);
      if (frame == kNoFrame) continue;
      std::vector<std::byte> page(cache_->bytes(frame).begin(), cache_->bytes(frame).end());
      const std::uint64_t check = seal_page(page);
      const Slot slot = slots_.allocate(kNoSlot);
      file_->write(slots_.offset_of(slot), page).value();
      slots_.free(cache_->became_clean(id, frame, make_entry(slot, check)));
    }
    slots_.unreserve(static_cast<std::uint32_t>(slots_.reserved_slots()));
  }
  // The transaction whose content the reader sees in this page.
  Result<std::uint64_t> seen(std::uint32_t id, TxnNumber snapshot, ReaderSlot& reader) {
    cache_->readers().enter(reader);
    auto frame = cache_->find(PageId{id}, snapshot, reader);
    std::uint64_t stamp = 0;
    if (frame) stamp = load64(cache_->data(*frame) + 100);
    cache_->readers().leave(reader);
    if (!frame) return std::unexpected(frame.error());
    EXPECT_EQ(stamp % 10'000, id);
    return stamp / 10'000;
  }

  MemoryStorage storage_;
  std::unique_ptr<StorageFile> file_ = storage_.open("db", FileMode::kCreateNew).value();
  SlotSpace slots_{*file_, kPageSize};
  PageMap map_{*file_, slots_, kPageSize, kTag};
  std::unique_ptr<PageCache> cache_;
};

class Snapshot {
 public:
  explicit Snapshot(PageCache& cache, TxnNumber at_least = TxnNumber{0})
      : cache_(cache), slot_(cache.readers().claim()), txn(cache.begin_snapshot(slot_, at_least)) {}
  ~Snapshot() {
    cache_.end_snapshot(slot_);
    cache_.readers().release(slot_);
  }
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;
  ReaderSlot& slot() { return slot_; }

 private:
  PageCache& cache_;
  ReaderSlot& slot_;

 public:
  const TxnNumber txn;
};

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

TEST_F(CacheTest, C3OnlyCleanNewestPagesWithoutOlderOnesAreEvicted) {
  start(64);
  for (std::uint32_t id = 1; id <= 20; ++id) write({id});
  write_back(cache_->durable());
  Snapshot old(*cache_);
  write({1, 2, 3});  // Dirty, and before older versions.
  // Much more than there is room for passes through.
  ReaderSlot& reader = cache_->readers().claim();
  for (int round = 0; round < 40; ++round) {
    for (std::uint32_t id = 21; id <= 40; ++id) {
      if (round == 0) {
        write({id});
        write_back(cache_->durable());
      }
      EXPECT_GE(seen(id, cache_->newest(), reader).value(), 1U);
    }
    for (std::uint32_t id = 1; id <= 20; ++id)
      ASSERT_EQ(seen(id, old.txn, old.slot()).value(), id) << "round " << round;
  }
  for (std::uint32_t id : {1U, 2U, 3U})
    EXPECT_EQ(seen(id, cache_->newest(), reader).value(), raw(old.txn) + 1);
  cache_->readers().release(reader);
  EXPECT_LE(cache_->counters().frames_in_use, cache_->frame_limit());
}

TEST_F(CacheTest, C3APinnedFrameKeepsItsContent) {
  start(64);
  for (std::uint32_t id = 1; id <= 60; ++id) {
    write({id});
    write_back(cache_->durable());
  }
  ReaderSlot& reader = cache_->readers().claim();
  cache_->readers().enter(reader);
  const FrameIndex pinned = cache_->find(PageId{7}, cache_->newest(), reader).value();
  ASSERT_TRUE(cache_->pin(pinned));
  cache_->readers().leave(reader);
  for (int round = 0; round < 10; ++round) {
    for (std::uint32_t id = 1; id <= 60; ++id) seen(id, cache_->newest(), reader).value();
  }
  write({7});
  EXPECT_EQ(load64(cache_->data(pinned) + 100), 7 * 10'000 + 7U);
  cache_->unpin(pinned);
  cache_->readers().release(reader);
}

TEST_F(CacheTest, CursorsPinAtMostAnEighth) {
  start(256);
  std::vector<FrameIndex> pinned;
  ReaderSlot& reader = cache_->readers().claim();
  for (std::uint32_t id = 1; id <= 100; ++id) {
    write({id});
    cache_->readers().enter(reader);
    const FrameIndex frame = cache_->find(PageId{id}, cache_->newest(), reader).value();
    if (cache_->pin(frame)) pinned.push_back(frame);
    cache_->readers().leave(reader);
  }
  EXPECT_LE(pinned.size(), cache_->frame_limit() / 8 + 1);
  EXPECT_GE(pinned.size(), 20U);
  for (FrameIndex frame : pinned) cache_->unpin(frame);
  cache_->readers().release(reader);
}

TEST_F(CacheTest, C4WhatIsReadIsVerifiedAgainstItsEntry) {
  start(64);
  for (std::uint32_t id = 1; id <= 60; ++id) {
    write({id});
    write_back(cache_->durable());
  }
  // Evicts page 1, then rots it where it lies.
  ReaderSlot& reader = cache_->readers().claim();
  const TablePage* row = cache_->table().peek(PageId{1});
  for (int i = 0; i < 20 && Word{row->word.load()}.frame() != kNoFrame; ++i) {
    for (std::uint32_t id = 2; id <= 60; ++id) seen(id, cache_->newest(), reader).value();
  }
  ASSERT_EQ(Word{row->word.load()}.frame(), kNoFrame);
  const std::uint64_t offset = slots_.offset_of(entry_slot(row->entry.load()));
  std::byte byte[1];
  file_->read(offset + 3000, byte).value();
  byte[0] ^= std::byte{1};
  file_->write(offset + 3000, byte).value();
  auto damaged = seen(1, cache_->newest(), reader);
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().code(), ErrorCode::kDamaged);
  EXPECT_EQ(damaged.error().place().page, 1U);
  EXPECT_EQ(damaged.error().place().offset, offset);
  EXPECT_EQ(damaged.error().place().file, "db");
  // Nothing leaks by failing.
  const auto in_use = cache_->counters().frames_in_use;
  for (int i = 0; i < 200; ++i) EXPECT_FALSE(seen(1, cache_->newest(), reader));
  EXPECT_LE(cache_->counters().frames_in_use, in_use + 1);
  // A page that was never given out, and one that no map has.
  EXPECT_EQ(seen(kIds + 5, cache_->newest(), reader).error().code(), ErrorCode::kDamaged);
  EXPECT_EQ(seen(0, cache_->newest(), reader).error().code(), ErrorCode::kDamaged);
  EXPECT_EQ(seen(1999, cache_->newest(), reader).error().code(), ErrorCode::kDamaged);
  cache_->readers().release(reader);
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
  EXPECT_EQ(raw(settled[0].first), 2U);
  EXPECT_EQ(settled[0].count, 2U);
  EXPECT_FALSE(slots_.is_used(slot));
  EXPECT_EQ(cache_->held(), 0U);
  // The id lives again, as another page.
  write({2});
  Snapshot now(*cache_);
  EXPECT_EQ(seen(2, now.txn, now.slot()).value(), raw(now.txn));
}

TEST_F(CacheTest, AFullCacheIsTheLimitAndRecovers) {
  start(64);
  std::vector<FrameIndex> taken;
  for (;;) {
    auto frame = cache_->take_frame();
    if (!frame) {
      EXPECT_EQ(frame.error().code(), ErrorCode::kLimitExceeded);
      break;
    }
    taken.push_back(*frame);
  }
  EXPECT_GE(taken.size(), 32U);
  EXPECT_EQ(taken.size(), cache_->frame_limit());
  for (FrameIndex frame : taken) cache_->give_back(frame);
  EXPECT_EQ(cache_->counters().frames_in_use, 0U);
  EXPECT_TRUE(cache_->take_frame());
}

TEST_F(CacheTest, ACheckpointTakesTheVersionOfItsTimeAndListsThePageAgain) {
  const TxnNumber first = write({1, 2});
  ReaderSlot& checkpoint = cache_->readers().claim();
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

TEST_F(CacheTest, ReadersWriterAndEvictionsAtOnce) {
  start(96);
  for (std::uint32_t id = 1; id <= 80; ++id) {
    write({id});
    write_back(cache_->durable());
  }
  std::atomic<bool> stop{false};
  std::vector<std::thread> readers;
  for (int t = 0; t < 4; ++t) {
    readers.emplace_back([&, t] {
      std::mt19937 random(static_cast<unsigned>(t));
      while (!stop.load()) {
        Snapshot snapshot(*cache_);
        // All of a pair is written together: the same transaction or the same age.
        for (int i = 0; i < 10; ++i) {
          const std::uint32_t id = 1 + random() % 40 * 2;
          const auto left = seen(id, snapshot.txn, snapshot.slot());
          const auto right = seen(id + 1, snapshot.txn, snapshot.slot());
          if (!left || !right) {
            ADD_FAILURE() << (left ? right : left).error().to_string();
            stop = true;
            return;
          }
          if (*left > raw(snapshot.txn) || (*left > 80) != (*right > 80) ||
              (*left > 80 && *left != *right)) {
            ADD_FAILURE() << "page " << id << ": " << *left << " and " << *right << " at "
                          << raw(snapshot.txn);
            stop = true;
            return;
          }
        }
      }
    });
  }
  std::mt19937 random(77);
  for (int i = 0; i < 1500 && !stop.load(); ++i) try {
      const std::uint32_t id = 1 + static_cast<std::uint32_t>(random() % 40) * 2;
      while (cache_->held() > cache_->frame_limit() / 2 && cache_->open_snapshots() != 0 &&
             cache_->dirty_pages() < 20)
        std::this_thread::yield();  // As a writer waits for room.
      write({id, id + 1});
      if (i % 5 == 0) {
        ReaderSlot& checkpoint = cache_->readers().claim();
        const TxnNumber d =
            cache_->begin_snapshot_at(checkpoint, [&] { return cache_->durable(); });
        write_back(d);
        cache_->end_snapshot(checkpoint);
        cache_->readers().release(checkpoint);
      }
    } catch (const std::exception& e) {
      ADD_FAILURE() << "at " << i << ": " << e.what() << "; held " << cache_->held();
      break;
    }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_GT(cache_->counters().pages_evicted, 0U);
}

TEST(ReaderSlotsTest, ClaimsAreApartAndTheOldestGuardIsTheOldest) {
  ReaderSlots slots;
  std::vector<ReaderSlot*> claimed;
  for (int i = 0; i < 100; ++i) claimed.push_back(&slots.claim());
  std::sort(claimed.begin(), claimed.end());
  EXPECT_EQ(std::unique(claimed.begin(), claimed.end()), claimed.end());
  EXPECT_FALSE(slots.any_guard());
  slots.enter(*claimed[5]);
  const std::uint64_t first = slots.oldest_guard();
  slots.next_epoch();
  slots.enter(*claimed[6]);
  slots.enter(*claimed[5]);  // Nests, as of its first.
  EXPECT_EQ(slots.oldest_guard(), first);
  slots.leave(*claimed[5]);
  EXPECT_EQ(slots.oldest_guard(), first);
  slots.leave(*claimed[5]);
  EXPECT_EQ(slots.oldest_guard(), first + 1);
  EXPECT_TRUE(slots.any_guard());
  slots.leave(*claimed[6]);
  for (ReaderSlot* slot : claimed) slots.release(*slot);
  EXPECT_EQ(std::count(claimed.begin(), claimed.end(), &slots.claim()), 1);
}

}  // namespace
}  // namespace holdfast
