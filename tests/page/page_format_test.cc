// The page head: what seal_page() promises, verify_page() finds, bit by bit.
#include "engine/page/page_format.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace holdfast {
namespace {

constexpr std::uint64_t kTag = 0x1122334455667788;

struct PageFormat : ::testing::Test {
  PageFormat() : page(4096) {
    format_page(page, kTag, TxnNumber{7}, PageId{42}, TreeId{3}, PageKind::kLeaf, 0);
    store16(page.data() + page_at::kGapBegin, 100);
    store16(page.data() + page_at::kGapEnd, 4000);
    for (std::size_t i = kPageHeadBytes; i < page.size(); ++i) page[i] = static_cast<std::byte>(i);
    check = seal_page(page);
  }
  Result<void> verify() { return verify_page(page, {kTag, PageId{42}, check, 64}); }

  std::vector<std::byte> page;
  std::uint64_t check = 0;
};

// DR-A5: docs/SCENARIOS.md.
TEST_F(PageFormat, SealZeroesTheGapAndNothingElse) {
  ASSERT_TRUE(verify());
  for (std::size_t i = 100; i < 4000; ++i) ASSERT_EQ(page[i], std::byte{0}) << i;
  EXPECT_EQ(page[99], static_cast<std::byte>(99));
  EXPECT_EQ(page[4000], static_cast<std::byte>(4000));
  EXPECT_EQ(page_txn(page.data()), TxnNumber{7});
  EXPECT_EQ(page_id(page.data()), PageId{42});
  EXPECT_EQ(page_tree(page.data()), TreeId{3});
  EXPECT_EQ(page_kind(page.data()), PageKind::kLeaf);
}

TEST_F(PageFormat, EveryFlippedBitIsFound) {
  for (std::size_t bit = 0; bit < page.size() * 8; ++bit) {
    page[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
    const auto result = verify();
    ASSERT_FALSE(result) << "bit " << bit;
    ASSERT_EQ(result.error().code(), ErrorCode::kDamaged);
    page[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
  }
}

TEST_F(PageFormat, AnotherVersionPagePlaceOrDatabaseIsFound) {
  EXPECT_FALSE(verify_page(page, {kTag, PageId{42}, check + 1, 64}));
  EXPECT_FALSE(verify_page(page, {kTag, PageId{43}, check, 64}));
  EXPECT_FALSE(verify_page(page, {kTag + 1, PageId{42}, check, 64}));
}

TEST_F(PageFormat, OnlyTheKnownBitsOfACheckCount) {
  EXPECT_TRUE(verify_page(page, {kTag, PageId{42}, check & 0xFFFFFFFF, 32}));
  EXPECT_FALSE(verify_page(page, {kTag, PageId{42}, (check & 0xFFFFFFFF) ^ 0x80000000, 32}));
}

TEST_F(PageFormat, ImpossibleGapsAreDamageEvenWithARightCheck) {
  const std::pair<int, int> gaps[] = {{39, 4000}, {200, 199}, {100, 4097}, {0xFFFF, 0xFFFF}};
  for (const auto& [begin, end] : gaps) {
    store16(page.data() + page_at::kGapBegin, static_cast<std::uint16_t>(begin));
    store16(page.data() + page_at::kGapEnd, static_cast<std::uint16_t>(end));
    check = seal_page(page);
    EXPECT_FALSE(verify()) << begin << ' ' << end;
  }
}

}  // namespace
}  // namespace holdfast
