// Slots: what is free, reserved and used, near allocation, growth in steps, cutting the tail.
#include "engine/file/slot_space.h"

#include <random>
#include <set>

#include "tests/file/file_fixture.h"

namespace holdfast {
namespace {

class SlotSpaceTest : public FileTest {
 protected:
  SlotSpace slots_{file_, 4096};
};

TEST_F(SlotSpaceTest, ReservingAllocatesPhysicallyAndAllocatingNeverFails) {
  slots_.open(0).value();
  slots_.reserve(50).value();
  EXPECT_GE(file_.size().value(), kHeaderRegionBytes + 50 * 4096);
  std::set<Slot> given;
  for (int i = 0; i < 50; ++i) {
    const Slot slot = slots_.allocate(kNoSlot).value();
    EXPECT_NE(slot, kNoSlot);
    EXPECT_TRUE(given.insert(slot).second);
    EXPECT_TRUE(slots_.is_used(slot));
  }
  EXPECT_EQ(slots_.reserved_slots(), 0U);
  for (Slot slot : given) slots_.free(slot);
  EXPECT_EQ(slots_.high_water(), 0U);
}

TEST_F(SlotSpaceTest, AFullDiskMeetsOnlyReserve) {
  MemoryStorage small(kHeaderRegionBytes + (20 + kEmergencySlots) * 4096);
  auto file = small.open("db", FileMode::kCreateNew).value();
  SlotSpace slots(*file, 4096);
  slots.open(0).value();
  slots.reserve(20).value();
  auto more = slots.reserve(1);
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code(), ErrorCode::kDiskFull);
  EXPECT_EQ(slots.reserved_slots(), 20U);
  for (int i = 0; i < 20; ++i) EXPECT_NE(slots.allocate(kNoSlot).value(), kNoSlot);
  slots.free(Slot{7});
  slots.reserve(1).value();
  EXPECT_EQ(slots.allocate(kNoSlot).value(), Slot{7});
}

// DR-P1: docs/SCENARIOS.md.
TEST_F(SlotSpaceTest, NearMeansNear) {
  slots_.open(0).value();
  slots_.reserve(2000).value();
  for (int i = 0; i < 2000; ++i) slots_.allocate(kNoSlot).value();
  for (std::uint32_t slot : {5U, 1000U, 1900U}) slots_.free(Slot{slot});
  slots_.reserve(3).value();
  EXPECT_EQ(slots_.allocate(Slot{1010}).value(), Slot{1000});
  EXPECT_EQ(slots_.allocate(Slot{1990}).value(), Slot{1900});
  EXPECT_EQ(slots_.allocate(Slot{990}).value(), Slot{5});
}

TEST_F(SlotSpaceTest, NothingBelowTheHighWaterIsFreeUntilItWasScanned) {
  file_.allocate(0, kHeaderRegionBytes + 30 * 4096).value();
  slots_.open(20).value();
  EXPECT_EQ(slots_.allocated(), 30U);
  EXPECT_EQ(slots_.free_slots(), 10U);
  EXPECT_FALSE(slots_.scanned());
  slots_.reserve(1, SlotSpace::Use::kEmergency).value();
  EXPECT_GT(slots_.allocate(Slot{3}).value(), Slot{20});
  std::vector<bool> used(21);
  for (int slot : {1, 2, 20}) used[static_cast<std::size_t>(slot)] = true;
  slots_.release_unused(used);
  EXPECT_TRUE(slots_.scanned());
  EXPECT_EQ(slots_.free_slots(), 9U + 17U);
  EXPECT_TRUE(slots_.is_used(Slot{20}));
  EXPECT_FALSE(slots_.is_used(Slot{3}));
  slots_.release_unused(std::vector<bool>(21));  // Once only.
  EXPECT_TRUE(slots_.is_used(Slot{20}));
}

TEST_F(SlotSpaceTest, AHighWaterBeyondTheFileCostsNothing) {
  slots_.open(0xFFFFFFFF).value();
  EXPECT_EQ(slots_.allocated(), 0U);
  EXPECT_EQ(slots_.free_slots(), 0U);
}

TEST_F(SlotSpaceTest, FreeingTwiceOrWhatIsNoSlotDoesNothing) {
  slots_.open(0).value();
  slots_.reserve(4).value();
  const Slot slot = slots_.allocate(kNoSlot).value();
  const std::uint64_t before = slots_.free_slots();
  slots_.free(slot);
  slots_.free(slot);
  slots_.free(kNoSlot);
  slots_.free(Slot{0xFFFFFF00});
  EXPECT_EQ(slots_.free_slots(), before + 1);
}

TEST_F(SlotSpaceTest, TrimCutsAfterTheLastUsedSlotButNotWhatIsReserved) {
  slots_.open(0).value();
  slots_.release_unused(std::vector<bool>(1));
  slots_.reserve(100).value();
  for (int i = 0; i < 10; ++i) slots_.allocate(kNoSlot).value();
  slots_.trim(0, UINT32_MAX).value();
  EXPECT_GE(file_.size().value(), kHeaderRegionBytes + 100 * 4096) << "90 are reserved";
  slots_.unreserve(90);
  slots_.free(Slot{10});
  slots_.trim(0, UINT32_MAX).value();
  EXPECT_EQ(file_.size().value(), kHeaderRegionBytes + (9 + kEmergencySlots) * 4096);
  EXPECT_EQ(slots_.free_slots(), kEmergencySlots);
  slots_.close_up().value();
  EXPECT_EQ(file_.size().value(), kHeaderRegionBytes + 9 * 4096);
  EXPECT_EQ(slots_.free_slots(), 0U);
  slots_.reserve(3).value();
  EXPECT_EQ(slots_.allocate(kNoSlot).value(), Slot{10});
}

// How far the durable meta says that slots reach: a file that ends before is one that was cut
// short.
TEST_F(SlotSpaceTest, NothingIsCutBelowTheFloorOrInLargerPieces) {
  slots_.open(0).value();
  slots_.release_unused(std::vector<bool>(1));
  slots_.reserve(1000).value();
  slots_.unreserve(1000);
  EXPECT_EQ(slots_.trim(400, 100).value(), 100U);
  while (slots_.trim(400, 100).value() != 0) {
  }
  EXPECT_EQ(slots_.allocated(), 400 + kEmergencySlots);
}

// While the tail is emptied slots below come first, whatever is near.
TEST_F(SlotSpaceTest, BelowTheCeilingFirst) {
  slots_.open(0).value();
  slots_.reserve(1000).value();
  for (int i = 0; i < 1000; ++i) slots_.allocate(kNoSlot).value();
  for (std::uint32_t slot : {7U, 300U, 640U, 900U, 901U}) slots_.free(Slot{slot});
  slots_.set_ceiling(640);
  EXPECT_EQ(slots_.used_above(640), 358U);
  EXPECT_EQ(slots_.used_above(999), 1U);
  EXPECT_TRUE(slots_.reserve_below(2));
  EXPECT_EQ(slots_.allocate_below(Slot{310}), Slot{300});
  EXPECT_EQ(slots_.allocate(Slot{900}).value(), Slot{640});
  EXPECT_EQ(slots_.allocate(Slot{900}).value(), Slot{7});
  EXPECT_EQ(slots_.allocate_below(Slot{1}), kNoSlot);
  EXPECT_FALSE(slots_.reserve_below(1));
  EXPECT_EQ(slots_.allocate(Slot{900}).value(), Slot{900}) << "rather than none";
  slots_.free(Slot{20});
  EXPECT_EQ(slots_.allocate_below(Slot{600}), Slot{20});
}

// F4
TEST_F(SlotSpaceTest, SixtyFourSlotsAreLeftForEmergencies) {
  using Use = SlotSpace::Use;
  MemoryStorage small(kHeaderRegionBytes + (100 + kEmergencySlots) * 4096);
  auto file = small.open("db", FileMode::kCreateNew).value();
  SlotSpace slots(*file, 4096);
  slots.open(0).value();
  slots.release_unused(std::vector<bool>(1));
  slots.reserve(100).value();
  EXPECT_FALSE(slots.reserve(1));
  slots.reserve(40, Use::kEmergency).value();
  for (int i = 0; i < 140; ++i) slots.allocate(kNoSlot).value();
  slots.reserve(24, Use::kEmergency).value();
  EXPECT_FALSE(slots.reserve(1, Use::kEmergency));
  slots.unreserve(24);
  // What is freed makes the reserve whole again before others have any of it.
  for (std::uint32_t slot = 1; slot <= 40; ++slot) slots.free(Slot{slot});
  EXPECT_FALSE(slots.reserve(1));
  slots.free(Slot{41});
  slots.reserve(1).value();
}

// F4: the log may have it, where it finds no room elsewhere.
TEST_F(SlotSpaceTest, TheReserveIsLentInHalves) {
  slots_.open(0).value();
  slots_.reserve(10).value();
  const std::uint64_t full = file_.size().value();
  EXPECT_TRUE(slots_.lend_emergency(0, 32).value());
  EXPECT_EQ(file_.size().value(), full - 32 * 4096);
  while (slots_.lend_emergency(12, 32).value()) {
  }
  EXPECT_EQ(slots_.allocated(), 12U) << "what lies below the floor stays";
  while (slots_.lend_emergency(0, 32).value()) {
  }
  EXPECT_EQ(slots_.allocated(), 10U) << "and what is reserved";
  EXPECT_EQ(file_.size().value(), kHeaderRegionBytes + 10 * 4096);
}

// As large as can be said, without a byte in it.
class LargestFile final : public StorageFile {
 public:
  explicit LargestFile(std::uint64_t bytes) : bytes_(bytes) {}
  [[nodiscard]] const std::string& path() const override { return path_; }
  Result<std::uint64_t> size() override { return bytes_; }
  Result<std::size_t> read(std::uint64_t, std::span<std::byte>) override { return 0; }
  Result<void> write(std::uint64_t, std::span<const std::byte>) override { return {}; }
  Result<std::size_t> read_past_cache(std::uint64_t, std::span<std::byte>) override { return 0; }
  [[nodiscard]] bool reads_past_cache() const override { return true; }
  Result<void> allocate(std::uint64_t from, std::uint64_t bytes) override {
    bytes_ = std::max(bytes_, from + bytes);
    return {};
  }
  Result<void> truncate(std::uint64_t bytes) override {
    bytes_ = bytes;
    return {};
  }
  Result<void> sync() override { return {}; }
  Result<void> lock(LockMode) override { return {}; }

 private:
  std::string path_ = "largest";
  std::uint64_t bytes_;
};

TEST_F(SlotSpaceTest, NearTheLargestNumberOfSlotsItIsAnError) {
  const std::uint32_t has = kMaxSlot - 192;
  LargestFile file(kHeaderRegionBytes + std::uint64_t{has} * 4096);
  SlotSpace slots(file, 4096);
  slots.open(0).value();
  slots.reserve(has + 1, SlotSpace::Use::kEmergency).value();
  EXPECT_GE(slots.table_bytes() * 8, slots.allocated() - kEmergencySlots);
  EXPECT_EQ(slots.reserve(200).error().code(), ErrorCode::kLimitExceeded);
  slots.reserve(150, SlotSpace::Use::kEmergency).value();
  EXPECT_EQ(slots.reserve(100, SlotSpace::Use::kEmergency).error().code(),
            ErrorCode::kLimitExceeded);
  EXPECT_LE(slots.allocated(), kMaxSlot);
}

TEST_F(SlotSpaceTest, LikeASetOfNumbersWhateverHappens) {
  slots_.open(0).value();
  std::mt19937 random(1);
  std::set<std::uint32_t> used;
  for (int i = 0; i < 20'000; ++i) {
    if (random() % 2 == 0 || used.empty()) {
      slots_.reserve(1).value();
      const Slot near =
          random() % 2 == 0 ? kNoSlot : Slot{static_cast<std::uint32_t>(random() % 3000)};
      const Slot slot = slots_.allocate(near).value();
      ASSERT_TRUE(used.insert(raw(slot)).second);
    } else {
      auto it = used.lower_bound(static_cast<std::uint32_t>(random() % 500));
      if (it == used.end()) it = used.begin();
      slots_.free(Slot{*it});
      used.erase(it);
    }
    ASSERT_EQ(slots_.free_slots(), slots_.allocated() - used.size());
  }
  EXPECT_EQ(slots_.high_water(), *used.rbegin());
}

// F3
TEST_F(SlotSpaceTest, WhatIsKeptIsGivenToNobodyUntilItIsDropped) {
  slots_.open(0).value();
  slots_.release_unused(std::vector<bool>(1));
  slots_.reserve(100).value();
  for (int i = 0; i < 100; ++i) slots_.allocate(kNoSlot).value();
  slots_.keep(7, {0b1110});
  slots_.keep(9, {0b1100, 1});
  for (std::uint32_t slot = 1; slot <= 100; ++slot) slots_.free(Slot{slot});
  EXPECT_EQ(slots_.only_kept_slots(), 4U);
  EXPECT_EQ(slots_.highest_kept(), 64U);
  EXPECT_EQ(slots_.high_water(), 64U);
  const std::uint64_t free = slots_.free_slots();
  for (int i = 0; i < 200; ++i) {
    const Slot slot = slots_.allocate(Slot{1}).value();
    EXPECT_TRUE(raw(slot) > 3 && raw(slot) != 64) << raw(slot);
    slots_.free(slot);
    slots_.free(Slot{2});  // Again: it was freed already.
  }
  EXPECT_EQ(slots_.free_slots(), free);
  slots_.trim(0, UINT32_MAX).value();
  EXPECT_EQ(file_.size().value(), kHeaderRegionBytes + (64 + kEmergencySlots) * 4096);
  slots_.drop_kept(9);
  EXPECT_EQ(slots_.only_kept_slots(), 3U);
  EXPECT_TRUE(slots_.is_used(Slot{2}));
  EXPECT_FALSE(slots_.is_used(Slot{64}));
  slots_.drop_kept(7);
  EXPECT_EQ(slots_.only_kept_slots(), 0U);
  EXPECT_EQ(slots_.kept_bytes(), 0U);
  EXPECT_EQ(slots_.free_slots(), slots_.allocated());
  EXPECT_EQ(slots_.allocate(Slot{1}).value(), Slot{1});
}

TEST_F(SlotSpaceTest, OneWhoseNeedsAreUnknownKeepsAllUpToItsHighWater) {
  file_.allocate(0, kHeaderRegionBytes + 130 * 4096).value();
  slots_.open(100).value();
  slots_.keep_all(3, 70);
  slots_.keep_all(5, 0xFFFFFFFF);  // A hostile file's: what doesn't exist costs nothing.
  EXPECT_EQ(slots_.highest_kept(), 130U);
  slots_.drop_kept(5);
  slots_.release_unused(std::vector<bool>(101));
  EXPECT_EQ(slots_.only_kept_slots(), 70U);
  slots_.reserve(1).value();
  EXPECT_EQ(slots_.allocate(Slot{1}).value(), Slot{71});
  slots_.keep(3, {0b10});  // Now they are known.
  EXPECT_EQ(slots_.only_kept_slots(), 1U);
  slots_.reserve(1).value();
  EXPECT_EQ(slots_.allocate(Slot{1}).value(), Slot{2});
}

}  // namespace
}  // namespace holdfast
