// The log's bytes: segment headers and batches, shared by the writer, the reader and recovery.
//
// A segment is one file:
//
//   0          4096         8192
//   +----------+------------+--------+---------+- - - - -+--------+- - -
//   | header   | the same   | batch  | batch   |  zero   | batch  | zero …
//   +----------+------------+--------+---------+- - - - -+--------+- - -
//                           ^ start lsn                  ^ 4 KiB boundary after a sync
//
// Segment header, 112 bytes, the rest of its 4 KiB zero; final before the file gets its name:
//
//    0 magic u64 | 8 format u32 | 12 flags u32 | 16 uuid [16] | 32 epoch u64 | 40 salt [16]
//   56 start lsn u64 | 64 chain u64 | 72 txn u64 | 80 durable lsn u64 | 88 durable txn u64
//   96 wall clock us u64 | 104 check u64: xxh3-64 of bytes [0, 104)
//
// chain    the check of the batch before the segment's first: the log it continues.
// txn      the last transaction before the segment.
// durable  what was durable when the header was made; an epoch's first segment (kFirstOfEpoch) is
//          made by a recovery that has accepted everything before start, so there it is start.
//
// Batch, at an offset that is a multiple of 8; lsn = segment start + file offset - 8192:
//
//    0 magic u32 | 4 flags u32 | 8 payload bytes u32 | 12 zero u32 | 16 epoch u64 | 24 lsn u64
//   32 txn u64 | 40 chain u64 | 48 payload hash u64 | 56 durable txn u64 | 64 durable lsn u64
//   72 wall clock us u64 | 80 check u64 | 88 payload, padded with zero to 8
//
// check    xxh3-64 of the epoch's salt and bytes [0, 80): the length and the payload's hash
// included. hash     xxh3-64 of the padded payload. chain    the check of the batch before, in
// whatever segment that was.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "engine/base/bytes.h"
#include "engine/base/limits.h"
#include "engine/base/types.h"
#include "holdfast/error.h"

namespace holdfast {

using Uuid = std::array<std::byte, 16>;
using Salt = std::array<std::byte, 16>;

// The end of a committed group, and what the next batch must chain to.
struct LogPosition {
  Lsn lsn{};
  std::uint64_t chain = 0;
  TxnNumber txn{};
  friend bool operator==(const LogPosition&, const LogPosition&) = default;
};

// Which segment, by what its header says; file names mean nothing.
struct SegmentRef {
  EpochNumber epoch{};
  Salt salt{};
  Lsn start{};
  friend bool operator==(const SegmentRef&, const SegmentRef&) = default;
};

// A position and the segment in which reading goes on after it.
struct LogPlace {
  LogPosition end;
  SegmentRef segment;
  friend bool operator==(const LogPlace&, const LogPlace&) = default;
};

inline constexpr std::uint64_t kLogBlockBytes = 4096;
inline constexpr std::uint64_t kSegmentHeaderCopies = 2;
inline constexpr std::uint64_t kSegmentBodyOffset = kSegmentHeaderCopies * kLogBlockBytes;
inline constexpr std::uint64_t kSegmentMagic = 0x4745'5353'4654'4448;  // "HDTFSSEG"
inline constexpr std::uint32_t kLogFormatVersion = 1;
inline constexpr std::uint32_t kBatchMagic = 0x5442'4648;  // "HFBT"

namespace segment_at {
inline constexpr std::size_t kMagic = 0, kFormat = 8, kFlags = 12, kUuid = 16, kEpoch = 32,
                             kSalt = 40, kStart = 56, kChain = 64, kTxn = 72, kDurableLsn = 80,
                             kDurableTxn = 88, kWall = 96, kCheck = 104;
}  // namespace segment_at
inline constexpr std::size_t kSegmentHeaderBytes = 112;
static_assert(segment_at::kUuid + sizeof(Uuid) == segment_at::kEpoch);
static_assert(segment_at::kSalt + sizeof(Salt) == segment_at::kStart);
static_assert(segment_at::kCheck + 8 == kSegmentHeaderBytes);
static_assert(kSegmentHeaderBytes <= kLogBlockBytes);

namespace batch_at {
inline constexpr std::size_t kMagic = 0, kFlags = 4, kPayloadBytes = 8, kZero = 12, kEpoch = 16,
                             kLsn = 24, kTxn = 32, kChain = 40, kPayloadHash = 48, kDurableTxn = 56,
                             kDurableLsn = 64, kWall = 72, kCheck = 80;
}  // namespace batch_at
inline constexpr std::size_t kBatchHeaderBytes = 88;
static_assert(batch_at::kCheck + 8 == kBatchHeaderBytes && kBatchHeaderBytes % 8 == 0);

enum SegmentFlags : std::uint32_t { kFirstOfEpoch = 1 };

enum BatchFlags : std::uint32_t {
  kCommit = 1,     // The last batch of its transaction.
  kContinues = 2,  // The last batch of its segment, header only; the successor has its name.
  kMark = 4,       // Header only; vouches for what was synced before it.
};
inline constexpr std::uint32_t kBatchFlagsKnown = kCommit | kContinues | kMark;

struct SegmentHeader {
  std::uint32_t flags = 0;
  Uuid uuid{};
  SegmentRef ref;
  std::uint64_t chain = 0;
  TxnNumber txn{};
  Lsn durable_lsn{};
  TxnNumber durable_txn{};
  std::uint64_t wall_us = 0;

  [[nodiscard]] bool first_of_epoch() const { return (flags & kFirstOfEpoch) != 0; }
};

struct BatchHeader {
  std::uint32_t flags = 0;
  std::uint32_t payload_bytes = 0;
  EpochNumber epoch{};
  Lsn lsn{};
  TxnNumber txn{};
  std::uint64_t chain = 0;
  std::uint64_t payload_hash = 0;
  TxnNumber durable_txn{};
  Lsn durable_lsn{};
  std::uint64_t wall_us = 0;
  std::uint64_t check = 0;  // Set by encode_batch_header() and decode_batch_header().
};

constexpr std::uint64_t batch_bytes(std::uint64_t payload_bytes) noexcept {
  return kBatchHeaderBytes + align_up(payload_bytes, 8);
}
constexpr std::uint64_t file_offset(Lsn start, Lsn lsn) noexcept {
  return kSegmentBodyOffset + (lsn - start);
}
constexpr Lsn lsn_at(Lsn start, std::uint64_t offset) noexcept {
  return start + (offset - kSegmentBodyOffset);
}
// An upper bound for what a group of batches takes, sealing before and after it included, counted
// from a block boundary.
constexpr std::uint64_t group_room(std::uint64_t payload_bytes, std::uint32_t batches) noexcept {
  return align_up(payload_bytes + std::uint64_t{batches} * (kBatchHeaderBytes + 7), kLogBlockBytes);
}

// Fills a whole block.
void encode_segment_header(const SegmentHeader& header, std::span<std::byte, kLogBlockBytes> block);
// kDamaged when it isn't a sound header of this format; kUnsupportedFormat when it is a newer one.
Result<SegmentHeader> decode_segment_header(std::span<const std::byte> block);

// Writes kBatchHeaderBytes and sets header.check. The payload's hash must be set.
void encode_batch_header(BatchHeader& header, const Salt& salt, std::byte* at);
// Nothing unless the header is sound under `salt`. Says nothing of epoch, lsn, chain or payload.
std::optional<BatchHeader> decode_batch_header(const std::byte* at, const Salt& salt);

}  // namespace holdfast
