#include "wal/format.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "engine/base/checksum.h"
#include "engine/base/result.h"

namespace holdfast {
namespace {

std::uint64_t salted_check(const std::byte* header, const Salt& salt) {
  std::array<std::byte, sizeof(Salt) + batch_at::kCheck> bytes;
  std::memcpy(bytes.data(), salt.data(), salt.size());
  std::memcpy(bytes.data() + salt.size(), header, batch_at::kCheck);
  return hash64(bytes);
}

}  // namespace

void encode_segment_header(const SegmentHeader& header,
                           std::span<std::byte, kLogBlockBytes> block) {
  std::memset(block.data(), 0, block.size());
  std::byte* at = block.data();
  store64(at + segment_at::kMagic, kSegmentMagic);
  store32(at + segment_at::kFormat, kLogFormatVersion);
  store32(at + segment_at::kFlags, header.flags);
  std::memcpy(at + segment_at::kUuid, header.uuid.data(), header.uuid.size());
  store(at + segment_at::kEpoch, header.ref.epoch);
  std::memcpy(at + segment_at::kSalt, header.ref.salt.data(), header.ref.salt.size());
  store(at + segment_at::kStart, header.ref.start);
  store64(at + segment_at::kChain, header.chain);
  store(at + segment_at::kTxn, header.txn);
  store(at + segment_at::kDurableLsn, header.durable_lsn);
  store(at + segment_at::kDurableTxn, header.durable_txn);
  store64(at + segment_at::kWall, header.wall_us);
  store64(at + segment_at::kCheck, hash64({at, segment_at::kCheck}));
}

Result<SegmentHeader> decode_segment_header(std::span<const std::byte> block) {
  if (block.size() < kSegmentHeaderBytes) {
    return fail(ErrorCode::kDamaged, "a log segment's header is cut off");
  }
  const std::byte* at = block.data();
  if (load64(at + segment_at::kMagic) != kSegmentMagic ||
      load64(at + segment_at::kCheck) != hash64({at, segment_at::kCheck})) {
    return fail(ErrorCode::kDamaged, "a log segment's header fails its check");
  }
  const std::uint32_t format = load32(at + segment_at::kFormat);
  if (format > kLogFormatVersion) {
    return fail(ErrorCode::kUnsupportedFormat, "the log has format " + std::to_string(format) +
                                                   "; this library knows up to " +
                                                   std::to_string(kLogFormatVersion));
  }
  SegmentHeader header;
  header.flags = load32(at + segment_at::kFlags);
  std::memcpy(header.uuid.data(), at + segment_at::kUuid, header.uuid.size());
  header.ref.epoch = load<EpochNumber>(at + segment_at::kEpoch);
  std::memcpy(header.ref.salt.data(), at + segment_at::kSalt, header.ref.salt.size());
  header.ref.start = load<Lsn>(at + segment_at::kStart);
  header.chain = load64(at + segment_at::kChain);
  header.txn = load<TxnNumber>(at + segment_at::kTxn);
  header.durable_lsn = load<Lsn>(at + segment_at::kDurableLsn);
  header.durable_txn = load<TxnNumber>(at + segment_at::kDurableTxn);
  header.wall_us = load64(at + segment_at::kWall);
  if (raw(header.ref.epoch) >= kNumberEnd || raw(header.ref.start) >= kNumberEnd) {
    return fail(ErrorCode::kDamaged, "a log segment's header has impossible numbers");
  }
  return header;
}

void encode_batch_header(BatchHeader& header, const Salt& salt, std::byte* at) {
  store32(at + batch_at::kMagic, kBatchMagic);
  store32(at + batch_at::kFlags, header.flags);
  store32(at + batch_at::kPayloadBytes, header.payload_bytes);
  store32(at + batch_at::kZero, 0);
  store(at + batch_at::kEpoch, header.epoch);
  store(at + batch_at::kLsn, header.lsn);
  store(at + batch_at::kTxn, header.txn);
  store64(at + batch_at::kChain, header.chain);
  store64(at + batch_at::kPayloadHash, header.payload_hash);
  store(at + batch_at::kDurableTxn, header.durable_txn);
  store(at + batch_at::kDurableLsn, header.durable_lsn);
  store64(at + batch_at::kWall, header.wall_us);
  header.check = salted_check(at, salt);
  store64(at + batch_at::kCheck, header.check);
}

std::optional<BatchHeader> decode_batch_header(const std::byte* at, const Salt& salt) {
  if (load32(at + batch_at::kMagic) != kBatchMagic) return std::nullopt;
  BatchHeader header;
  header.check = load64(at + batch_at::kCheck);
  if (header.check != salted_check(at, salt)) return std::nullopt;
  header.flags = load32(at + batch_at::kFlags);
  header.payload_bytes = load32(at + batch_at::kPayloadBytes);
  header.epoch = load<EpochNumber>(at + batch_at::kEpoch);
  header.lsn = load<Lsn>(at + batch_at::kLsn);
  header.txn = load<TxnNumber>(at + batch_at::kTxn);
  header.chain = load64(at + batch_at::kChain);
  header.payload_hash = load64(at + batch_at::kPayloadHash);
  header.durable_txn = load<TxnNumber>(at + batch_at::kDurableTxn);
  header.durable_lsn = load<Lsn>(at + batch_at::kDurableLsn);
  header.wall_us = load64(at + batch_at::kWall);
  return header;
}

}  // namespace holdfast
