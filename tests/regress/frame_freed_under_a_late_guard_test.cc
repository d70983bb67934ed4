// A reader's page could be reused under its eyes.
//
// Thread A, short of frames, asked for the oldest guard: there was none, so it had leave to free
// all of limbo. Before it did, a reader entered and found frame f, and thread B evicted f into
// limbo. A went on and freed f, that reader's guard notwithstanding: its horizon was of before. A
// horizon must never lie past the epoch at which it was asked for.
#include <gtest/gtest.h>

#include "engine/cache/frame_pool.h"
#include "engine/cache/reader_slots.h"

namespace holdfast::testing {
namespace {

TEST(Regress, FrameFreedUnderALateGuard) {
  auto pool = *FramePool::create(4096, 8, {});
  ReaderSlots readers;
  const FrameIndex frame = pool->take(8);
  const std::uint64_t horizon = readers.oldest_guard();  // A
  ReaderSlot& reader = **readers.claim();
  readers.enter(reader);
  pool->retire(frame, readers.next_epoch());  // B
  EXPECT_EQ(pool->reclaim(horizon), 0u);      // A
  EXPECT_EQ(pool->reclaim(readers.oldest_guard()), 0u);
  readers.leave(reader);
  readers.release(reader);
  EXPECT_EQ(pool->reclaim(readers.oldest_guard()), 1u);
}

}  // namespace
}  // namespace holdfast::testing
