#include "wal/record.h"

#include <random>
#include <set>

#include "tests/wal/log_fixture.h"

namespace holdfast::testing {
namespace {

TEST(Record, RoundTrips) {
  std::vector<std::byte> payload;
  const std::vector<std::byte> edits(300, std::byte{5});
  const std::vector<std::byte> whole(kPageSizeMax, std::byte{6});
  append_edits(payload, PageId{1}, TxnNumber{2}, edits);
  const ImageRange ranges[] = {{0, whole}};
  append_image(payload, PageId{3}, ranges);
  append_place(payload, PageId{4}, Slot{5}, 0x0102030405060708);
  append_free(payload, PageId{6}, 7);
  append_edits(payload, PageId{8}, TxnNumber{9}, {});

  RecordReader reader(payload);
  LogRecord record = *reader.next();
  EXPECT_EQ(record.kind, RecordKind::kEdits);
  EXPECT_EQ(record.page, PageId{1});
  EXPECT_EQ(record.base, TxnNumber{2});
  EXPECT_TRUE(std::ranges::equal(record.bytes, edits));
  record = *reader.next();
  EXPECT_EQ(record.kind, RecordKind::kImage);
  std::vector<std::byte> page(kPageSizeMax);
  ASSERT_TRUE(apply_image(page, record.bytes).has_value());
  EXPECT_EQ(page, whole);
  std::vector<std::byte> small(4096);
  EXPECT_EQ(apply_image(small, record.bytes).error().code(), ErrorCode::kDamaged);
  record = *reader.next();
  EXPECT_EQ(record.kind, RecordKind::kPlace);
  EXPECT_EQ(record.slot, Slot{5});
  EXPECT_EQ(record.check, 0x0102030405060708u);
  record = *reader.next();
  EXPECT_EQ(record.kind, RecordKind::kFree);
  EXPECT_EQ(record.page, PageId{6});
  EXPECT_EQ(record.count, 7u);
  record = *reader.next();
  EXPECT_TRUE(record.bytes.empty());
  EXPECT_TRUE(reader.at_end());
}

TEST(Record, EveryKindHasItsName) {
  std::set<std::string> names;
  for (const RecordKind kind :
       {RecordKind::kEdits, RecordKind::kImage, RecordKind::kPlace, RecordKind::kFree})
    names.insert(record_kind_name(kind));
  EXPECT_EQ(names, (std::set<std::string>{"edits", "image", "place", "free"}));
}

TEST(Record, CutAnywhereIsDamageOrAWholeRecordLess) {
  std::vector<std::byte> payload;
  const std::vector<std::byte> bytes(20, std::byte{5});
  append_edits(payload, PageId{1}, TxnNumber{2}, bytes);
  const ImageRange ranges[] = {{0, bytes}, {100, bytes}};
  append_image(payload, PageId{3}, ranges);
  append_place(payload, PageId{4}, Slot{5}, 1);
  for (std::size_t length = 0; length < payload.size(); ++length) {
    const std::span<const std::byte> cut = std::span(payload).first(length);
    RecordReader reader(cut);
    int whole = 0;
    while (!reader.at_end()) {
      if (!reader.next()) break;
      ++whole;
    }
    EXPECT_LT(whole, 3);
  }
}

TEST(Record, AnImageThatIsCutOffOrLeavesThePageIsDamage) {
  std::vector<std::byte> page(64), image(4 + 10);
  const auto apply = [&](std::uint16_t offset, std::uint16_t length, std::size_t bytes) {
    store16(image.data(), offset);
    store16(image.data() + 2, length);
    return apply_image(page, std::span(image).first(bytes));
  };
  EXPECT_TRUE(apply(54, 10, 14).has_value());
  EXPECT_TRUE(apply(0, 0, 0).has_value());
  EXPECT_FALSE(apply(55, 10, 14).has_value());  // A byte past the page.
  EXPECT_FALSE(apply(0, 10, 13).has_value());   // A byte too few.
  EXPECT_FALSE(apply(0, 10, 3).has_value());    // No whole head.
}

TEST(Record, RandomBytesNeverLeaveTheirBounds) {
  std::mt19937_64 random(1);
  std::vector<std::byte> page(4096);
  for (int round = 0; round < 20000; ++round) {
    std::vector<std::byte> payload(random() % 200);
    for (std::byte& byte : payload) byte = std::byte(random() % (round % 2 != 0 ? 256 : 6));
    RecordReader reader(payload);
    while (!reader.at_end()) {
      const auto record = reader.next();
      if (!record) break;
      if (record->kind == RecordKind::kImage) (void)apply_image(page, record->bytes);
    }
  }
}

}  // namespace
}  // namespace holdfast::testing
