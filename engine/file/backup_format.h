// A backup as a stream: a state's pages, one after another, to be written and read strictly
// forwards. A head, pieces of pages, an end.
//
//   head     0 magic u64 | 8 format u32 | 12 flags u32 (1: an increment, on a base)
//   4200    16 kept checkpoint that it is u64 (0: none) | 24 wall clock u64, microseconds since
//   1970
//           32 salt [16]: random, so that no piece of another stream fits
//           48 base: kept checkpoint u64 | 56 txn u64 | 64 map root slots u32, u32 | 72 map root
//           check u64 | 80 map height u32 | 84 zero, up to 96 a meta block [4096]: that of the
//           state as a database file of its own, generation 0
//         4192 check u64: xxh3-64 of bytes [0, 4192)
//
//   piece    0 magic u32 | 4 kind u32 (1 pages, 2 end) | 8 pages u32 | 12 zero u32
//     48    16 number u64, from 1 | 24 chain u64: the check of the piece before, or of the head
//           32 hash u64: xxh3-64 of the payload | 40 check u64: xxh3-64 of bytes [0, 40)
//   of pages, for each: slot u32 | flags u32 (1: damaged) | the page
//   end:     0 pages u64 | 8 damaged u64 | 16 zero u64, u64: the stream has so many
//
// Every slot has at most the state's slot high-water. In a page that is damaged stands what a copy
// has in its place. A stream without an end is none, and nothing follows the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "engine/file/meta_format.h"

namespace holdfast {

inline constexpr std::uint64_t kStreamMagic = 0x5055'4B43'4142'4648;  // "HFBACKUP"
inline constexpr std::uint32_t kStreamFormat = 1;
inline constexpr std::uint32_t kStreamIncrement = 1;
inline constexpr std::uint32_t kPieceMagic = 0x4350'4648;  // "HFPC"
inline constexpr std::uint32_t kStreamedDamaged = 1;

namespace stream_at {
inline constexpr std::size_t kMagic = 0, kFormat = 8, kFlags = 12, kCheckpoint = 16, kWallUs = 24,
                             kSalt = 32, kBaseCheckpoint = 48, kBaseTxn = 56, kBaseSlots = 64,
                             kBaseCheck = 72, kBaseHeight = 80, kMeta = 96, kCheck = 4192;
}  // namespace stream_at
namespace piece_at {
inline constexpr std::size_t kMagic = 0, kKind = 4, kPages = 8, kNumber = 16, kChain = 24,
                             kHash = 32, kCheck = 40;
}  // namespace piece_at
inline constexpr std::size_t kStreamHeadBytes = 4200;
inline constexpr std::size_t kPieceHeadBytes = 48;
inline constexpr std::size_t kPageHeadInPiece = 8;
inline constexpr std::size_t kStreamEndBytes = 32;
inline constexpr std::size_t kPieceBytesMost = std::size_t{256} << 10;  // Of the payload.
static_assert(stream_at::kBaseHeight + 4 <= stream_at::kMeta);
static_assert(stream_at::kMeta + kMetaBytes == stream_at::kCheck);
static_assert(stream_at::kCheck + 8 == kStreamHeadBytes);
static_assert(piece_at::kCheck + 8 == kPieceHeadBytes);

// Which state of a database, among all that had its uuid: the root's check vouches for every page.
struct StateName {
  std::uint64_t checkpoint = 0;  // Under which it was kept there, for people; 0: none.
  TxnNumber txn{};
  MapRef map_root;
  std::uint32_t map_height = 0;

  static StateName of(const Meta& meta, std::uint64_t checkpoint = 0) {
    return {checkpoint, meta.txn, meta.map_root, meta.map_height};
  }
  [[nodiscard]] bool is(const Meta& meta) const {
    return meta.txn == txn && meta.map_root == map_root && meta.map_height == map_height;
  }
};

struct StreamHead {
  Meta state;
  std::uint64_t checkpoint = 0;
  std::uint64_t wall_us = 0;
  Salt salt{};
  std::optional<StateName> base;
};

struct PieceHead {
  enum class Kind : std::uint32_t { kPages = 1, kEnd = 2 };
  Kind kind = Kind::kPages;
  std::uint32_t pages = 0;
  std::uint64_t number = 0;
  std::uint64_t chain = 0;
  std::uint64_t hash = 0;
};

struct StreamEnd {
  std::uint64_t pages = 0;
  std::uint64_t damaged = 0;
};

constexpr std::uint32_t pages_per_piece(std::uint32_t page_size) {
  return static_cast<std::uint32_t>(kPieceBytesMost / (kPageHeadInPiece + page_size));
}

// Both answer their check, the chain of the piece that follows.
std::uint64_t encode_stream_head(const StreamHead& head, std::span<std::byte, kStreamHeadBytes> at);
std::uint64_t encode_piece_head(const PieceHead& head, std::span<std::byte, kPieceHeadBytes> at);
void encode_stream_end(const StreamEnd& end, std::span<std::byte, kStreamEndBytes> at);

// kNotADatabase: no magic. kUnsupportedFormat. kDamaged.
Result<StreamHead> decode_stream_head(std::span<const std::byte, kStreamHeadBytes> at);
// kDamaged: no piece, or not one that was written so.
Result<PieceHead> decode_piece_head(std::span<const std::byte, kPieceHeadBytes> at);
StreamEnd decode_stream_end(std::span<const std::byte, kStreamEndBytes> at);

}  // namespace holdfast
