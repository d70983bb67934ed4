#include "engine/file/meta_format.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "engine/base/bytes.h"
#include "engine/base/checksum.h"
#include "engine/base/limits.h"
#include "engine/base/result.h"

namespace holdfast {
namespace {

template <std::size_t N>
void put_bytes(std::byte* at, const std::array<std::byte, N>& bytes) {
  std::memcpy(at, bytes.data(), N);
}

template <std::size_t N>
std::array<std::byte, N> get_bytes(const std::byte* at) {
  std::array<std::byte, N> bytes;
  std::memcpy(bytes.data(), at, N);
  return bytes;
}

bool page_size_is_sane(std::uint32_t size) {
  return size >= kPageSizeMin && size <= kPageSizeMax && std::has_single_bit(size);
}

// Each has room for the next.
bool numbers_are_sane(const Meta& meta) {
  const std::uint64_t numbers[] = {
      meta.generation,         raw(meta.epoch),         raw(meta.txn),        raw(meta.log_lsn),
      raw(meta.segment_epoch), raw(meta.segment_start), raw(meta.epoch_start)};
  return std::ranges::all_of(numbers, [](std::uint64_t number) { return number < kNumberEnd; }) &&
         meta.id_high_water <= kPageIdEnd;
}

void store_kept(std::byte* at, const KeptMap& kept) {
  store64(at + kept_at::kId, kept.id);
  store(at + kept_at::kTxn, kept.txn);
  store(at + kept_at::kMapSlots, kept.map_root.slots[0]);
  store(at + kept_at::kMapSlots + 4, kept.map_root.slots[1]);
  store64(at + kept_at::kMapCheck, kept.map_root.check);
  store32(at + kept_at::kMapHeight, kept.map_height);
  store32(at + kept_at::kIdHighWater, kept.id_high_water);
  store32(at + kept_at::kSlotHighWater, kept.slot_high_water);
  store64(at + kept_at::kPages, kept.pages);
  store64(at + kept_at::kWallUs, kept.wall_us);
}

KeptMap load_kept(const std::byte* at) {
  return {
      .id = load64(at + kept_at::kId),
      .txn = load<TxnNumber>(at + kept_at::kTxn),
      .map_root = {{load<Slot>(at + kept_at::kMapSlots), load<Slot>(at + kept_at::kMapSlots + 4)},
                   load64(at + kept_at::kMapCheck)},
      .map_height = load32(at + kept_at::kMapHeight),
      .id_high_water = load32(at + kept_at::kIdHighWater),
      .slot_high_water = load32(at + kept_at::kSlotHighWater),
      .pages = load64(at + kept_at::kPages),
      .wall_us = load64(at + kept_at::kWallUs)};
}

bool kept_are_sane(const Meta& meta) {
  std::uint64_t before = 0;
  bool ended = false;
  for (const KeptMap& kept : meta.kept) {
    ended = ended || kept.id == 0;
    if (ended && kept != KeptMap{}) return false;
    if (ended) continue;
    if (kept.id <= before || kept.id > meta.generation || kept.txn > meta.txn ||
        kept.map_height > 4 || kept.id_high_water > kPageIdEnd ||
        kept.slot_high_water > meta.slot_high_water)
      return false;
    before = kept.id;
  }
  return true;
}

Result<void> check_version(const std::byte* at, const std::string& creator) {
  const std::uint32_t format = load32(at + meta_at::kFormat);
  const std::uint64_t incompatible = load64(at + meta_at::kIncompatible);
  if (format <= kFormatVersion && incompatible == 0) return {};
  const std::string what =
      format > kFormatVersion
          ? "in format " + std::to_string(format) + "; this library reads up to format " +
                std::to_string(kFormatVersion)
          : "in format " + std::to_string(format) + " with features that this library lacks";
  return fail(ErrorCode::kUnsupportedFormat, "the database was written by " +
                                                 (creator.empty() ? "a newer Holdfast" : creator) +
                                                 " " + what + ": open it with a newer version");
}

}  // namespace

std::uint64_t Meta::tag() const {
  return load64(uuid.data());
}

std::span<const KeptMap> Meta::kept_maps() const {
  const auto end = std::ranges::find(kept, 0U, &KeptMap::id);
  return {kept.begin(), end};
}

Meta Meta::as_of(const KeptMap& checkpoint) const {
  Meta meta = *this;
  meta.txn = checkpoint.txn;
  meta.map_root = checkpoint.map_root;
  meta.map_height = checkpoint.map_height;
  meta.id_high_water = checkpoint.id_high_water;
  meta.slot_high_water = checkpoint.slot_high_water;
  meta.pages = checkpoint.pages;
  return meta;
}

void encode_meta(const Meta& meta, std::span<std::byte, kMetaBytes> block) {
  std::byte* at = block.data();
  std::memset(at, 0, kMetaBytes);
  store64(at + meta_at::kMagic, kMetaMagic);
  store32(at + meta_at::kFormat, kFormatVersion);
  store32(at + meta_at::kPageSize, meta.page_size);
  store64(at + meta_at::kCompatible, meta.compatible);
  store64(at + meta_at::kReadOnlyCompatible,
          meta.read_only_compatible | (meta.kept_maps().empty() ? 0 : kFeatureKept));
  store64(at + meta_at::kIncompatible, meta.incompatible);
  put_bytes(at + meta_at::kUuid, meta.uuid);
  std::memcpy(at + meta_at::kCreator, meta.creator.data(),
              std::min(meta.creator.size(), kCreatorBytes));
  store32(at + meta_at::kAlignment, meta.alignment);
  store64(at + meta_at::kGeneration, meta.generation);
  store(at + meta_at::kEpoch, meta.epoch);
  store(at + meta_at::kTxn, meta.txn);
  store(at + meta_at::kLogLsn, meta.log_lsn);
  store64(at + meta_at::kLogChain, meta.log_chain);
  store32(at + meta_at::kLogBeside, meta.log_beside ? 1 : 0);
  store(at + meta_at::kSegmentEpoch, meta.segment_epoch);
  put_bytes(at + meta_at::kSegmentSalt, meta.segment_salt);
  store(at + meta_at::kSegmentStart, meta.segment_start);
  put_bytes(at + meta_at::kEpochSalt, meta.epoch_salt);
  store(at + meta_at::kEpochStart, meta.epoch_start);
  store32(at + meta_at::kMapHeight, meta.map_height);
  store(at + meta_at::kMapSlots, meta.map_root.slots[0]);
  store(at + meta_at::kMapSlots + 4, meta.map_root.slots[1]);
  store64(at + meta_at::kMapCheck, meta.map_root.check);
  store32(at + meta_at::kIdHighWater, meta.id_high_water);
  store32(at + meta_at::kSlotHighWater, meta.slot_high_water);
  store64(at + meta_at::kPages, meta.pages);
  for (std::size_t i = 0; i < kKeptMax; ++i)
    store_kept(at + meta_at::kKeptCheckpoints + i * kKeptBytes, meta.kept[i]);
  store64(at + meta_at::kCheck, hash64({at, meta_at::kCheck}));
}

Result<Meta> decode_meta(std::span<const std::byte, kMetaBytes> block) {
  const std::byte* at = block.data();
  if (load64(at + meta_at::kMagic) != kMetaMagic)
    return fail(ErrorCode::kNotADatabase, "not a Holdfast database");
  if (load64(at + meta_at::kCheck) != hash64({at, meta_at::kCheck})) {
    return fail(ErrorCode::kDamaged, "meta block doesn't match its checksum");
  }
  Meta meta;
  const char* creator = reinterpret_cast<const char*>(at + meta_at::kCreator);
  meta.creator.assign(creator, strnlen(creator, kCreatorBytes));
  TRY(check_version(at, meta.creator));
  meta.page_size = load32(at + meta_at::kPageSize);
  meta.compatible = load64(at + meta_at::kCompatible);
  meta.read_only_compatible = load64(at + meta_at::kReadOnlyCompatible) & ~kFeatureKept;
  meta.incompatible = load64(at + meta_at::kIncompatible);
  meta.uuid = get_bytes<16>(at + meta_at::kUuid);
  meta.alignment = load32(at + meta_at::kAlignment);
  meta.generation = load64(at + meta_at::kGeneration);
  meta.epoch = load<EpochNumber>(at + meta_at::kEpoch);
  meta.txn = load<TxnNumber>(at + meta_at::kTxn);
  meta.log_lsn = load<Lsn>(at + meta_at::kLogLsn);
  meta.log_chain = load64(at + meta_at::kLogChain);
  meta.log_beside = load32(at + meta_at::kLogBeside) != 0;
  meta.segment_epoch = load<EpochNumber>(at + meta_at::kSegmentEpoch);
  meta.segment_salt = get_bytes<16>(at + meta_at::kSegmentSalt);
  meta.segment_start = load<Lsn>(at + meta_at::kSegmentStart);
  meta.epoch_salt = get_bytes<16>(at + meta_at::kEpochSalt);
  meta.epoch_start = load<Lsn>(at + meta_at::kEpochStart);
  meta.map_height = load32(at + meta_at::kMapHeight);
  meta.map_root.slots[0] = load<Slot>(at + meta_at::kMapSlots);
  meta.map_root.slots[1] = load<Slot>(at + meta_at::kMapSlots + 4);
  meta.map_root.check = load64(at + meta_at::kMapCheck);
  meta.id_high_water = load32(at + meta_at::kIdHighWater);
  meta.slot_high_water = load32(at + meta_at::kSlotHighWater);
  meta.pages = load64(at + meta_at::kPages);
  for (std::size_t i = 0; i < kKeptMax; ++i)
    meta.kept[i] = load_kept(at + meta_at::kKeptCheckpoints + i * kKeptBytes);
  if (!page_size_is_sane(meta.page_size) || meta.map_height > 4 || meta.alignment != 4096 ||
      !numbers_are_sane(meta) || !kept_are_sane(meta)) {
    return fail(ErrorCode::kDamaged, "meta block has impossible contents");
  }
  return meta;
}

}  // namespace holdfast
