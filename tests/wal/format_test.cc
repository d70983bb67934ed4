#include "wal/format.h"

#include <cstring>

#include "engine/base/bytes.h"
#include "engine/base/checksum.h"
#include "engine/base/limits.h"
#include "tests/wal/log_fixture.h"

namespace holdfast::testing {
namespace {

BatchHeader some_header() {
  BatchHeader header;
  header.flags = kCommit;
  header.payload_bytes = 123;
  header.epoch = EpochNumber{4};
  header.lsn = Lsn{4096};
  header.txn = TxnNumber{77};
  header.chain = 0x1234;
  header.payload_hash = 0x5678;
  header.durable_txn = TxnNumber{70};
  header.durable_lsn = Lsn{800};
  header.wall_us = 99;
  return header;
}

TEST(Format, BatchHeaderRoundTrips) {
  BatchHeader header = some_header();
  std::array<std::byte, kBatchHeaderBytes> bytes;
  encode_batch_header(header, test_salt(4), bytes.data());
  const auto read = decode_batch_header(bytes.data(), test_salt(4));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->flags, header.flags);
  EXPECT_EQ(read->payload_bytes, 123u);
  EXPECT_EQ(read->epoch, header.epoch);
  EXPECT_EQ(read->lsn, header.lsn);
  EXPECT_EQ(read->txn, header.txn);
  EXPECT_EQ(read->chain, header.chain);
  EXPECT_EQ(read->payload_hash, header.payload_hash);
  EXPECT_EQ(read->durable_txn, header.durable_txn);
  EXPECT_EQ(read->durable_lsn, header.durable_lsn);
  EXPECT_EQ(read->wall_us, 99u);
  EXPECT_EQ(read->check, header.check);
}

TEST(Format, EveryFlippedBitOfABatchHeaderIsSeen) {
  BatchHeader header = some_header();
  std::array<std::byte, kBatchHeaderBytes> bytes;
  encode_batch_header(header, test_salt(4), bytes.data());
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= std::byte(1 << (bit % 8));
    EXPECT_FALSE(decode_batch_header(bytes.data(), test_salt(4))) << bit;
    bytes[bit / 8] ^= std::byte(1 << (bit % 8));
  }
  EXPECT_FALSE(decode_batch_header(bytes.data(), test_salt(5)));
}

TEST(Format, SegmentHeaderRoundTripsAndSeesEveryFlippedBit) {
  SegmentHeader header;
  header.flags = kFirstOfEpoch;
  header.uuid = test_uuid();
  header.ref = {EpochNumber{3}, test_salt(3), Lsn{888}};
  header.chain = 42;
  header.txn = TxnNumber{5};
  header.durable_lsn = Lsn{888};
  header.durable_txn = TxnNumber{5};
  header.wall_us = 6;
  std::array<std::byte, kLogBlockBytes> block;
  encode_segment_header(header, block);
  const auto read = decode_segment_header(block);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->ref, header.ref);
  EXPECT_EQ(read->uuid, header.uuid);
  EXPECT_TRUE(read->first_of_epoch());
  EXPECT_EQ(read->chain, 42u);
  EXPECT_EQ(read->txn, header.txn);
  EXPECT_EQ(read->durable_lsn, header.durable_lsn);
  for (std::size_t bit = 0; bit < kSegmentHeaderBytes * 8; ++bit) {
    block[bit / 8] ^= std::byte(1 << (bit % 8));
    EXPECT_FALSE(decode_segment_header(block).has_value()) << bit;
    block[bit / 8] ^= std::byte(1 << (bit % 8));
  }
  EXPECT_FALSE(decode_segment_header(std::span(block).first(100)).has_value());
}

// Checks that are right say nothing about the numbers below them.
TEST(Format, ASegmentHeaderOfANewerFormatOrWithImpossibleNumbersIsRefused) {
  const auto code_with = [](std::size_t at, std::uint64_t value, std::size_t bytes) {
    SegmentHeader header;
    header.ref = {EpochNumber{kNumberEnd - 1}, test_salt(3), Lsn{kNumberEnd - 1}};
    std::array<std::byte, kLogBlockBytes> block;
    encode_segment_header(header, block);
    if (bytes != 0) std::memcpy(block.data() + at, &value, bytes);
    store64(block.data() + segment_at::kCheck, hash64({block.data(), segment_at::kCheck}));
    const auto read = decode_segment_header(block);
    return read ? ErrorCode{} : read.error().code();
  };
  EXPECT_EQ(code_with(0, 0, 0), ErrorCode{});
  EXPECT_EQ(code_with(segment_at::kFormat, kLogFormatVersion + 1, 4),
            ErrorCode::kUnsupportedFormat);
  EXPECT_EQ(code_with(segment_at::kEpoch, kNumberEnd, 8), ErrorCode::kDamaged);
  EXPECT_EQ(code_with(segment_at::kStart, kNumberEnd, 8), ErrorCode::kDamaged);
}

TEST(Format, PositionsAndSegmentsAreTheSameWhenAllOfThemIs) {
  const LogPosition position{Lsn{1}, 2, TxnNumber{3}};
  EXPECT_EQ(position, (LogPosition{Lsn{1}, 2, TxnNumber{3}}));
  EXPECT_NE(position, (LogPosition{Lsn{9}, 2, TxnNumber{3}}));
  EXPECT_NE(position, (LogPosition{Lsn{1}, 9, TxnNumber{3}}));
  EXPECT_NE(position, (LogPosition{Lsn{1}, 2, TxnNumber{9}}));
  const SegmentRef segment{EpochNumber{1}, Salt{}, Lsn{2}};
  Salt salt{};
  salt[15] = std::byte{1};
  EXPECT_NE(segment, (SegmentRef{EpochNumber{9}, Salt{}, Lsn{2}}));
  EXPECT_NE(segment, (SegmentRef{EpochNumber{1}, salt, Lsn{2}}));
  EXPECT_NE(segment, (SegmentRef{EpochNumber{1}, Salt{}, Lsn{9}}));
  EXPECT_NE((LogPlace{position, segment}), (LogPlace{{}, segment}));
  EXPECT_NE((LogPlace{position, segment}), (LogPlace{position, {}}));
  EXPECT_EQ((LogPlace{position, segment}), (LogPlace{position, segment}));
}

TEST(Format, RoomForAGroupCoversItsPadding) {
  for (const std::uint32_t batches : {1u, 2u, 37u}) {
    for (std::uint64_t each = 0; each < 9000; each += 7) {
      EXPECT_GE(group_room(each * batches, batches), batch_bytes(each) * batches);
      EXPECT_EQ(group_room(each * batches, batches) % kLogBlockBytes, 0u);
    }
  }
}

}  // namespace
}  // namespace holdfast::testing
