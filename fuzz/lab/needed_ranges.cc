#include "fuzz/lab/needed_ranges.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <string>

#include "engine/base/bytes.h"
#include "engine/file/meta_format.h"
#include "engine/file/page_map.h"
#include "engine/page/page_format.h"
#include "fuzz/lab/placed_slots.h"

namespace holdfast {
namespace {

constexpr std::size_t kInnerEntryBytes = 16;

using MetaBlocks = std::array<std::array<std::byte, kMetaBytes>, kMetaCopies>;

MetaBlocks read_metas(std::span<const std::byte> file) {
  MetaBlocks blocks{};
  for (unsigned copy = 0; copy < kMetaCopies; ++copy) {
    if (file.size() < meta_offset(copy) + kMetaBytes) break;
    std::memcpy(blocks[copy].data(), file.data() + meta_offset(copy), kMetaBytes);
  }
  return blocks;
}

// The pages of one generation.
class Walk {
 public:
  Walk(std::span<const std::byte> file, const Meta& meta, std::vector<NeededRange>& ranges)
      : file_(file), meta_(meta), ranges_(ranges) {}

  void need_all() { need_map_page(meta_.map_root, 0, meta_.map_height); }

 private:
  [[nodiscard]] std::uint64_t offset_of(Slot slot) const {
    return kHeaderRegionBytes + std::uint64_t{raw(slot) - 1} * meta_.page_size;
  }

  void need(Slot slot, std::string reason, bool kept_twice) {
    ranges_.push_back({offset_of(slot), meta_.page_size, std::move(reason), kept_twice});
  }

  // The first good twin, whose entries are followed.
  const std::byte* good_copy(const MapRef& ref, std::uint32_t index) const {
    for (Slot slot : ref.slots) {
      if (slot == kNoSlot || offset_of(slot) + meta_.page_size > file_.size()) continue;
      const auto page = file_.subspan(offset_of(slot), meta_.page_size);
      if (verify_page(page, {meta_.tag(), PageId{index}, ref.check, 64})) return page.data();
    }
    return nullptr;
  }

  void need_map_page(const MapRef& ref, std::uint32_t index, std::uint32_t level) {
    for (Slot slot : ref.slots) {
      if (slot == kNoSlot) continue;
      need(slot, "map page of level " + std::to_string(level), level > 0 || meta_.map_height == 0);
    }
    const std::byte* page = good_copy(ref, index);
    if (page == nullptr) return;
    const std::uint32_t body = meta_.page_size - kMapBodyAt;
    if (level == 0) {
      const auto fanout = static_cast<std::uint32_t>(body / sizeof(MapEntry));
      for (std::uint32_t i = 0; i < fanout; ++i) {
        const Slot slot = entry_slot(load<MapEntry>(page + kMapBodyAt + i * sizeof(MapEntry)));
        if (slot != kNoSlot) need(slot, "page " + std::to_string(index * fanout + i), false);
      }
      return;
    }
    const auto fanout = static_cast<std::uint32_t>(body / kInnerEntryBytes);
    for (std::uint32_t i = 0; i < fanout; ++i) {
      const std::byte* at = page + kMapBodyAt + i * kInnerEntryBytes;
      const MapRef below{{load<Slot>(at), load<Slot>(at + 4)}, load64(at + 8)};
      if (below.slots[0] != kNoSlot) need_map_page(below, index * fanout + i, level - 1);
    }
  }

  const std::span<const std::byte> file_;
  const Meta& meta_;
  std::vector<NeededRange>& ranges_;
};

// The metas that are needed, by copy: the newest generation's, and where that is alone, what it
// replaced. That is in the other pair: a mended copy goes over whatever its own pair had before.
std::array<std::optional<Meta>, kMetaCopies> needed_metas(const MetaBlocks& blocks) {
  std::array<std::optional<Meta>, kMetaCopies> metas;
  std::uint64_t newest = 0;
  unsigned pair = 0;
  for (unsigned copy = 0; copy < kMetaCopies; ++copy) {
    auto meta = decode_meta(blocks[copy]);
    if (!meta) continue;
    if (meta->generation > newest) pair = copy % 2;
    newest = std::max(newest, meta->generation);
    metas[copy] = *std::move(meta);
  }
  unsigned good_copies = 0;
  std::uint64_t before = 0;
  for (unsigned copy = 0; copy < kMetaCopies; ++copy) {
    if (!metas[copy]) continue;
    good_copies += metas[copy]->generation == newest ? 1 : 0;
    if (copy % 2 != pair) before = std::max(before, metas[copy]->generation);
  }
  for (unsigned copy = 0; copy < kMetaCopies; ++copy) {
    if (!metas[copy] || metas[copy]->generation == newest) continue;
    if (good_copies >= 2 || copy % 2 == pair || metas[copy]->generation != before)
      metas[copy].reset();
  }
  return metas;
}

std::vector<NeededRange> ranges_of(std::span<const std::byte> file, const MetaBlocks& blocks) {
  const auto metas = needed_metas(blocks);
  std::vector<NeededRange> ranges;
  std::vector<std::uint64_t> walked;
  for (unsigned copy = 0; copy < kMetaCopies; ++copy) {
    if (!metas[copy]) continue;
    const std::uint64_t generation = metas[copy]->generation;
    ranges.push_back(
        {meta_offset(copy), kMetaBytes, "meta, generation " + std::to_string(generation), true});
    if (!walked.empty() && walked.back() == generation) continue;
    walked.push_back(generation);
    Walk(file, *metas[copy], ranges).need_all();
    for (const KeptMap& kept : metas[copy]->kept_maps())
      Walk(file, metas[copy]->as_of(kept), ranges).need_all();
  }
  return ranges;
}

// The oldest of those whose log is needed.
std::optional<Meta> oldest_of(const MetaBlocks& blocks) {
  std::optional<Meta> oldest;
  for (const auto& meta : needed_metas(blocks)) {
    if (meta && (!oldest || meta->generation < oldest->generation)) oldest = meta;
  }
  return oldest;
}

void add_places(const PlacedSlots& places, std::uint32_t page_size,
                std::vector<NeededRange>& ranges) {
  for (const Slot slot : places.slots()) {
    ranges.push_back({kHeaderRegionBytes + std::uint64_t{raw(slot) - 1} * page_size, page_size,
                      "page that the log places", false});
  }
}

}  // namespace

std::vector<NeededRange> needed_ranges(std::span<const std::byte> durable_bytes) {
  return ranges_of(durable_bytes, read_metas(durable_bytes));
}

std::vector<NeededRange> needed_ranges(const SimDisk& disk, const std::string& path) {
  const auto file = disk.durable_bytes(path);
  const MetaBlocks blocks = read_metas(file);
  std::vector<NeededRange> ranges = ranges_of(file, blocks);
  if (const auto meta = oldest_of(blocks)) {
    PlacedSlots places;
    places.read(disk, path, *meta);
    add_places(places, meta->page_size, ranges);
  }
  return ranges;
}

void watch_needed_ranges(SimDisk& disk, const std::string& path) {
  struct Memory {
    MetaBlocks blocks{};
    std::vector<NeededRange> of_map;
    std::optional<Meta> meta;
    PlacedSlots places;
  };
  disk.watch(path, [&disk, memory = std::make_shared<Memory>()](
                       const std::string& watched, std::span<const std::byte> durable) {
    const MetaBlocks blocks = read_metas(durable);
    if (std::memcmp(blocks.data(), memory->blocks.data(), sizeof blocks) != 0) {
      memory->blocks = blocks;
      memory->of_map = ranges_of(durable, blocks);
      memory->meta = oldest_of(blocks);
    }
    if (!memory->meta) return memory->of_map;
    memory->places.read(disk, watched, *memory->meta);
    std::vector<NeededRange> ranges = memory->of_map;
    add_places(memory->places, memory->meta->page_size, ranges);
    return ranges;
  });
}

}  // namespace holdfast
