// A hint of free space in several pieces, written and read; one that isn't whole is none.
#include "engine/file/free_hint.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>

#include "engine/base/bytes.h"
#include "engine/base/checksum.h"
#include "engine/storage/memory_storage.h"

namespace holdfast {
namespace {

using Told = std::vector<std::tuple<FreeKind, std::uint32_t, std::uint32_t>>;

class FreeHintFileTest : public testing::Test {
 protected:
  FreeHintFileTest() {
    meta_.page_size = 4096;
    meta_.slot_high_water = 100'000;
    meta_.id_high_water = 300'000;
    meta_.generation = 9;
    meta_.map_root.check = 77;
    meta_.uuid.fill(std::byte{5});
    file_ = storage_.open("db", FileMode::kCreateNew).value();
  }
  // As many runs as fill some pieces, and a part of one.
  std::uint64_t write(int slots, int ids, std::uint64_t most = std::uint64_t{1} << 30) {
    FreeHintWriter writer(*file_, meta_, most);
    for (int i = 0; i < slots; ++i) add(writer, FreeKind::kSlot, {1U + 5U * i, 1U + i % 4U});
    for (int i = 0; i < ids; ++i) add(writer, FreeKind::kPageId, {2U + 9U * i, 1U + i % 7U});
    EXPECT_TRUE(writer.finish());
    return file_->size().value();
  }
  void add(FreeHintWriter& writer, FreeKind kind, FreeRun run) {
    ASSERT_TRUE(writer.add(kind, run));
    wrote_.emplace_back(kind, run.first, run.count);
  }
  [[nodiscard]] bool whole(const Meta& meta, Told* told = nullptr) {
    return read_free_hint(*file_, meta, [&](FreeKind kind, FreeRun run) {
      if (told != nullptr) told->emplace_back(kind, run.first, run.count);
    });
  }

  MemoryStorage storage_;
  std::unique_ptr<StorageFile> file_;
  Meta meta_;
  Told wrote_;
};

TEST_F(FreeHintFileTest, PiecesAreReadAsTheyWereWritten) {
  for (const auto& [slots, ids] :
       {std::pair{0, 0}, {1, 0}, {0, 1}, {4000, 0}, {3999, 2}, {10'000, 20'000}, {17'000, 3}}) {
    wrote_.clear();
    write(slots, ids);
    Told told;
    ASSERT_TRUE(whole(meta_, &told)) << slots << ", " << ids;
    std::ranges::sort(told);
    std::ranges::sort(wrote_);
    EXPECT_EQ(told, wrote_);
    EXPECT_TRUE(file_->truncate(kHeaderRegionBytes));
  }
}

TEST_F(FreeHintFileTest, WhatIsNotWholeIsNone) {
  const std::uint64_t end = write(10'000, 5'000);
  const std::uint64_t begin = kHeaderRegionBytes + 100'000U * std::uint64_t{4096};
  ASSERT_GT(end - begin, 100'000U);
  std::vector<std::byte> bytes(end - begin);
  ASSERT_EQ(file_->read(begin, bytes).value(), bytes.size());
  constexpr std::size_t kPiece = 72 + 4000 * 8;
  for (std::size_t at : {std::size_t{0}, kPiece - 1, kPiece, 2 * kPiece + 5, bytes.size() - 1}) {
    ASSERT_TRUE(file_->truncate(begin + at));
    EXPECT_FALSE(whole(meta_)) << at;
    ASSERT_TRUE(file_->write(begin, bytes));
    ASSERT_TRUE(whole(meta_));
  }
  // Two pieces that changed places, and one that stands there twice.
  std::vector<std::byte> other = bytes;
  std::swap_ranges(other.begin(), other.begin() + kPiece, other.begin() + kPiece);
  ASSERT_TRUE(file_->write(begin, other));
  EXPECT_FALSE(whole(meta_));
  other = bytes;
  std::copy_n(other.begin(), kPiece, other.begin() + kPiece);
  ASSERT_TRUE(file_->write(begin, other));
  EXPECT_FALSE(whole(meta_));
}

// Flags that no version has set so far may mean anything.
TEST_F(FreeHintFileTest, WhatNobodyKnowsIsNotBelieved) {
  const std::uint64_t end = write(20, 20);
  const std::uint64_t begin = kHeaderRegionBytes + 100'000U * std::uint64_t{4096};
  std::vector<std::byte> piece(end - begin);
  ASSERT_EQ(file_->read(begin, piece).value(), piece.size());
  piece[52] |= std::byte{2};
  store64(piece.data(), hash64(std::span(piece).subspan(8)));
  ASSERT_TRUE(file_->write(begin, piece));
  EXPECT_FALSE(whole(meta_));
  piece[52] = std::byte{1};
  store64(piece.data(), hash64(std::span(piece).subspan(8)));
  ASSERT_TRUE(file_->write(begin, piece));
  EXPECT_TRUE(whole(meta_));
}

TEST_F(FreeHintFileTest, ItIsOfOneMeta) {
  write(20, 20);
  ASSERT_TRUE(whole(meta_));
  Meta other = meta_;
  other.generation = 11;
  EXPECT_FALSE(whole(other));
  other = meta_;
  other.map_root.check ^= 1;
  EXPECT_FALSE(whole(other));
  other = meta_;
  other.uuid[15] = std::byte{};
  EXPECT_FALSE(whole(other));
  other = meta_;
  other.slot_high_water += 1;  // It would lie elsewhere.
  EXPECT_FALSE(whole(other));
  other = meta_;
  other.id_high_water = 2 + 9 * 19;  // It speaks of ids that were never given out.
  EXPECT_FALSE(whole(other));
}

TEST_F(FreeHintFileTest, ItIsNoLongerThanItMayBe) {
  FreeHintWriter writer(*file_, meta_, 32'000);
  Result<void> done;
  std::uint32_t runs = 0;
  for (; done && runs < 10'000; ++runs) done = writer.add(FreeKind::kSlot, {1 + 2 * runs, 1});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), ErrorCode::kLimitExceeded);
  EXPECT_EQ(runs, 4000U);
}

}  // namespace
}  // namespace holdfast
