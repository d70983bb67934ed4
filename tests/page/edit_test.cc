// Edits: what an Editor does to a page, apply_edits() does to its base, byte for byte.
#include "engine/page/edit.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

namespace holdfast {
namespace {

using Page = std::vector<std::byte>;

Page fresh_page(std::size_t size) {
  Page page(size);
  format_page(page, 1, TxnNumber{5}, PageId{9}, TreeId{1}, PageKind::kLeaf, 0);
  return page;
}

TEST(Edit, RandomEditsReplayToTheSamePage) {
  std::mt19937 random(1);
  for (std::size_t size : {4096U, 8192U, 16384U, 32768U}) {
    for (int round = 0; round < 200; ++round) {
      Page page = fresh_page(size);
      const Page base = page;
      EditList list = EditList::on(TxnNumber{5});
      Editor editor(page, &list);
      auto at = [&] { return page_at::kKind + random() % (size - page_at::kKind); };
      for (int i = 0; i < 40 && !list.is_image(); ++i) {
        const std::size_t to = at();
        const std::size_t length = random() % 50 % (size - to + 1);
        if (random() % 2 == 0) {
          Page bytes(length, static_cast<std::byte>(random()));
          editor.write(to, bytes);
        } else {
          const std::size_t from = at();
          if (from + length <= size) editor.move(to, from, length);
        }
      }
      ASSERT_FALSE(list.broken());
      if (list.is_image()) continue;
      Page redone = base;
      ASSERT_TRUE(apply_edits(redone, list.bytes()));
      ASSERT_EQ(std::memcmp(redone.data(), page.data(), size), 0);
    }
  }
}

TEST(Edit, AListThatOutgrowsThePageBecomesAnImage) {
  Page page = fresh_page(4096);
  EditList list = EditList::on(TxnNumber{5});
  Editor editor(page, &list);
  const Page bytes(1000, std::byte{1});
  for (int i = 0; i < 2; ++i) editor.write(100, bytes);
  EXPECT_FALSE(list.is_image());
  editor.write(100, bytes);
  EXPECT_TRUE(list.is_image());
  EXPECT_TRUE(list.bytes().empty());
  editor.write32(200, 77);
  EXPECT_EQ(load32(page.data() + 200), 77U);
}

TEST(Edit, AnImpossibleEditBreaksTheListAndLeavesThePageAlone) {
  const Page bytes(10, std::byte{1});
  for (const std::size_t offset :
       {std::size_t{0}, page_at::kKind - 1, std::size_t{4087}, std::size_t{5000}}) {
    Page page = fresh_page(4096);
    const Page before = page;
    EditList list = EditList::on(TxnNumber{5});
    Editor(page, &list).write(offset, bytes);
    EXPECT_TRUE(list.broken()) << offset;
    EXPECT_EQ(page, before);
    EditList moves = EditList::on(TxnNumber{5});
    Editor(page, &moves).move(offset, 100, 10);
    EXPECT_TRUE(moves.broken()) << offset;
    EXPECT_EQ(page, before);
  }
}

TEST(Edit, ForeignBytesNeverLeaveThePage) {
  std::mt19937 random(2);
  for (int round = 0; round < 20'000; ++round) {
    // A guard around the page shows what plain memory checking would miss.
    Page memory(4096 + 2 * 64, std::byte{0xEE});
    const std::span<std::byte> page(memory.data() + 64, 4096);
    Page edits(random() % 64);
    for (std::byte& b : edits) b = static_cast<std::byte>(random());
    if (random() % 2 == 0 && edits.size() > 4)
      store16(edits.data(), static_cast<std::uint16_t>(random() % 4200));
    if (auto applied = apply_edits(page, edits); !applied) {
      ASSERT_EQ(applied.error().code(), ErrorCode::kDamaged);
    }
    for (std::size_t i = 0; i < 64; ++i) {
      ASSERT_EQ(memory[i], std::byte{0xEE});
      ASSERT_EQ(memory[64 + 4096 + i], std::byte{0xEE});
    }
  }
}

}  // namespace
}  // namespace holdfast
