// Slots of readers: each is one transaction's, guards are told apart, and there is an end to them.
#include "engine/cache/reader_slots.h"

#include <algorithm>

#include "gtest/gtest.h"

namespace holdfast {
namespace {

TEST(ReaderSlotsTest, ClaimsAreApartAndTheOldestGuardIsTheOldest) {
  ReaderSlots slots;
  std::vector<ReaderSlot*> claimed;
  for (int i = 0; i < 100; ++i) claimed.push_back(*slots.claim());
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
  EXPECT_EQ(std::count(claimed.begin(), claimed.end(), *slots.claim()), 1);
}

TEST(ReaderSlotsTest, BeyondTheLimitIsAnErrorWithTheNumberUntilOneIsReleased) {
  ReaderSlots slots;
  ReaderSlot* last = nullptr;
  for (std::size_t i = 0; i < kMaxReaders; ++i) {
    auto slot = slots.claim();
    ASSERT_TRUE(slot) << "slot " << i;
    last = *slot;
  }
  for (int i = 0; i < 2; ++i) {
    auto refused = slots.claim();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), ErrorCode::kLimitExceeded);
    EXPECT_NE(refused.error().message().find("65536"), std::string::npos);
  }
  slots.release(*last);
  EXPECT_EQ(*slots.claim(), last);
}

}  // namespace
}  // namespace holdfast
