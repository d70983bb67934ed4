// The meta block: what the tree file says about itself.
//
// Four copies stand at 0, 16, 32 and 48 KiB of the 64 KiB header region; blocks 0 and 2 form one
// pair, 1 and 3 the other. Each is 4096 bytes:
//
//    0 magic u64 | 8 format u32 | 12 page size u32
//   16 features: compatible u64 | 24 read-only compatible u64 | 32 incompatible u64
//   40 uuid [16] | 56 creator [32], text padded with zero | 88 alignment u32 | 92 zero u32
//   96 generation u64 | 104 newest epoch u64 | 112 txn u64
//  120 log position: lsn u64 | 128 chain u64 | 136 log beside u32 (0 none, 1 must be there) | 140
//  zero 144 log segment where reading starts: epoch u64 | 152 salt [16] | 168 start lsn u64 176
//  first segment of the newest epoch: salt [16] | 192 start lsn u64 200 map height u32 | 204 zero |
//  208 map root slots u32, u32 | 216 map root check u64 224 page ids below this were given out u32
//  | 228 slots up to this were used u32 232 pages in use u64 | 240 zero, up to
// 4088 check u64: xxh3-64 of bytes [0, 4088)
//
// Bytes 256 to 767: up to 8 kept checkpoints, 64 bytes each, the oldest first, zero behind the
// last:
//    0 id u64 | 8 txn u64 | 16 map root slots u32, u32 | 24 map root check u64 | 32 map height u32
//   36 page ids below this were given out u32 | 40 slots up to this were used u32 | 44 zero u32
//   48 pages u64 | 56 wall clock u64, microseconds since 1970
// While there is one, bit 0 of the read-only compatible features is set: whoever writes must know
// that their slots are needed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "engine/base/types.h"
#include "holdfast/error.h"

namespace holdfast {

using Uuid = std::array<std::byte, 16>;
using Salt = std::array<std::byte, 16>;

inline constexpr std::uint64_t kHeaderRegionBytes = 64 << 10;
inline constexpr std::size_t kMetaBytes = 4096;
inline constexpr unsigned kMetaCopies = 4;
inline constexpr std::uint32_t kFormatVersion = 1;
inline constexpr std::uint64_t kMetaMagic = 0x5453'4146'444C'4F48;  // "HOLDFAST"

constexpr std::uint64_t meta_offset(unsigned copy) {
  return std::uint64_t{copy} * (16 << 10);
}
static_assert(meta_offset(kMetaCopies - 1) + kMetaBytes <= kHeaderRegionBytes);

namespace meta_at {
inline constexpr std::size_t kMagic = 0, kFormat = 8, kPageSize = 12, kCompatible = 16,
                             kReadOnlyCompatible = 24, kIncompatible = 32, kUuid = 40,
                             kCreator = 56, kAlignment = 88, kGeneration = 96, kEpoch = 104,
                             kTxn = 112, kLogLsn = 120, kLogChain = 128, kLogBeside = 136,
                             kSegmentEpoch = 144, kSegmentSalt = 152, kSegmentStart = 168,
                             kEpochSalt = 176, kEpochStart = 192, kMapHeight = 200, kMapSlots = 208,
                             kMapCheck = 216, kIdHighWater = 224, kSlotHighWater = 228,
                             kPages = 232, kKeptCheckpoints = 256, kCheck = 4088;
}  // namespace meta_at
namespace kept_at {  // Within an entry of the list.
inline constexpr std::size_t kId = 0, kTxn = 8, kMapSlots = 16, kMapCheck = 24, kMapHeight = 32,
                             kIdHighWater = 36, kSlotHighWater = 40, kPages = 48, kWallUs = 56;
}  // namespace kept_at
inline constexpr std::size_t kKeptMax = 8;
inline constexpr std::size_t kKeptBytes = 64;
inline constexpr std::uint64_t kFeatureKept = 1;
inline constexpr std::size_t kCreatorBytes = 32;
static_assert(kept_at::kWallUs + 8 == kKeptBytes);
static_assert(meta_at::kKeptCheckpoints + kKeptMax * kKeptBytes == 768);
static_assert(meta_at::kCheck + 8 == kMetaBytes);
static_assert(meta_at::kCreator + kCreatorBytes == meta_at::kAlignment);

// A map page by its place: its twin copies (the second absent for a leaf that isn't the root) and
// what it must hash to.
struct MapRef {
  Slot slots[2] = {kNoSlot, kNoSlot};
  std::uint64_t check = 0;
  friend bool operator==(const MapRef&, const MapRef&) = default;
};

// A checkpoint whose map stays readable until it is released.
struct KeptMap {
  std::uint64_t id = 0;  // The generation of the meta that listed it first. 0: none.
  TxnNumber txn{};
  MapRef map_root;
  std::uint32_t map_height = 0;
  std::uint32_t id_high_water = 0;
  std::uint32_t slot_high_water = 0;
  std::uint64_t pages = 0;
  std::uint64_t wall_us = 0;
  friend bool operator==(const KeptMap&, const KeptMap&) = default;
};

struct Meta {
  std::uint32_t page_size = 0;
  std::uint64_t compatible = 0;
  std::uint64_t read_only_compatible = 0;  // Without kFeatureKept, which the list says.
  std::uint64_t incompatible = 0;
  Uuid uuid{};
  std::string creator;
  std::uint32_t alignment = 4096;
  std::uint64_t generation = 0;
  EpochNumber epoch{};
  TxnNumber txn{};
  Lsn log_lsn{};
  std::uint64_t log_chain = 0;
  bool log_beside = false;
  EpochNumber segment_epoch{};
  Salt segment_salt{};
  Lsn segment_start{};
  Salt epoch_salt{};
  Lsn epoch_start{};
  std::uint32_t map_height = 0;
  MapRef map_root;
  std::uint32_t id_high_water = 2;    // The next page id never given out.
  std::uint32_t slot_high_water = 0;  // The highest slot ever used.
  std::uint64_t pages = 0;
  std::array<KeptMap, kKeptMax> kept{};  // By id; those that are none behind all others.

  [[nodiscard]] std::span<const KeptMap> kept_maps() const;
  // What the map of a kept checkpoint is read by: its root in place of this one's.
  [[nodiscard]] Meta as_of(const KeptMap& checkpoint) const;
  // What a page's head must carry.
  [[nodiscard]] std::uint64_t tag() const;
};

void encode_meta(const Meta& meta, std::span<std::byte, kMetaBytes> block);

// kNotADatabase: no magic. kDamaged: magic, but the check fails or a field is impossible.
// kUnsupportedFormat: sound, and newer than this library; the message names its creator.
Result<Meta> decode_meta(std::span<const std::byte, kMetaBytes> block);

}  // namespace holdfast
