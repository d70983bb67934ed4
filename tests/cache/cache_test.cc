// Frames: what may be evicted (C3), what is verified (C4), what is pinned, and a cache that is
// full.
#include "tests/cache/cache_fixture.h"

namespace holdfast {
namespace {

TEST_F(CacheTest, C3OnlyCleanNewestPagesWithoutOlderOnesAreEvicted) {
  start(64);
  for (std::uint32_t id = 1; id <= 20; ++id) write({id});
  write_back(cache_->durable());
  Snapshot old(*cache_);
  write({1, 2, 3});  // Dirty, and before older versions.
  // Much more than there is room for passes through.
  ReaderSlot& reader = **cache_->readers().claim();
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
  ReaderSlot& reader = **cache_->readers().claim();
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

// DR-C9: docs/SCENARIOS.md.
TEST_F(CacheTest, CursorsPinAtMostAnEighth) {
  start(256);
  std::vector<FrameIndex> pinned;
  ReaderSlot& reader = **cache_->readers().claim();
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
  ReaderSlot& reader = **cache_->readers().claim();
  const TablePage* row = cache_->table().peek(PageId{1});
  for (int i = 0; i < 20 && Word{row->word.load()}.version() != kNoFrame; ++i) {
    for (std::uint32_t id = 2; id <= 60; ++id) seen(id, cache_->newest(), reader).value();
  }
  ASSERT_EQ(Word{row->word.load()}.version(), kNoVersion);
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

// Redo has changed some of it, and then met an edit that can't be made.
TEST_F(CacheTest, ALostPageIsShownToNobodyAndKeepsNoFrame) {
  write({5, 6});
  write_back(cache_->durable());
  must(cache_->page_to_redo(PageId{5}, false));
  cache_->lose_page(PageId{5}, Error(ErrorCode::kDamaged, "an edit doesn't fit", {}));
  EXPECT_EQ(cache_->held(), 0U);
  ReaderSlot& reader = **cache_->readers().claim();
  const auto got = seen(5, cache_->newest(), reader);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().message(), "an edit doesn't fit");
  EXPECT_TRUE(seen(6, cache_->newest(), reader));
  cache_->readers().release(reader);
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

}  // namespace
}  // namespace holdfast
