#include "engine/file/map_walk.h"

#include <cstring>
#include <vector>

#include "engine/base/result.h"

namespace holdfast {
namespace {

class Walker {
 public:
  Walker(StorageFile& file, const PageMap& map, const MapWalk& walk)
      : file_(file),
        map_(map),
        walk_(walk),
        buffer_(map.page_size()),
        entries_(map.leaf_fanout()) {}

  Result<void> map_page(const PageMap::Place& place, const MapRef& base) {
    has_entries_ = false;
    for (Slot slot : place.ref.slots) {
      if (slot == kNoSlot || slot == base.slots[0] || slot == base.slots[1]) continue;
      if (walk_.skip(slot)) continue;
      StoredPage page{.of_map = true,
                      .level = place.level,
                      .page = PageId{place.index},
                      .slot = slot,
                      .offset = map_.offset_of(slot),
                      .bytes = {},
                      .damage = {}};
      TRY(visit(page, {map_.tag(), page.page, place.ref.check, 64},
                slot == place.ref.slots[0] ? place.ref.slots[1] : place.ref.slots[0]));
    }
    return {};
  }

  // Of the leaf that was visited last; nothing where it can't be read.
  [[nodiscard]] std::span<const MapEntry> entries() const {
    return has_entries_ ? std::span(entries_) : std::span<const MapEntry>();
  }

  Result<void> page(PageId id, MapEntry entry) {
    const Slot slot = entry_slot(entry);
    if (slot == kNoSlot || walk_.skip(slot)) return {};
    StoredPage page{.of_map = false,
                    .level = 0,
                    .page = id,
                    .slot = slot,
                    .offset = map_.offset_of(slot),
                    .bytes = {},
                    .damage = {}};
    return visit(page, {map_.tag(), id, entry_check(entry), 32}, kNoSlot);
  }

 private:
  Result<void> read(std::uint64_t offset, const PageExpectation& expected) {
    if (TRY(file_.read_past_cache(offset, buffer_)) != buffer_.size())
      return fail(ErrorCode::kDamaged, "the file ends before this page");
    return verify_page(buffer_, expected);
  }

  Result<void> visit(StoredPage& page, const PageExpectation& expected, Slot twin) {
    auto sound = read(page.offset, expected);
    if (!sound) {
      page.damage =
          sound.error().at({.file = file_.path(),
                            .offset = page.offset,
                            .page = page.of_map ? std::nullopt : std::optional(raw(page.page)),
                            .tree = {},
                            .txn = {}});
      if (twin != kNoSlot) sound = read(map_.offset_of(twin), expected);
    }
    if (sound) page.bytes = buffer_;
    if (sound && page.of_map && page.level == 0) {
      std::memcpy(entries_.data(), buffer_.data() + kMapBodyAt, entries_.size() * sizeof(MapEntry));
      has_entries_ = true;
    }
    return walk_.visit(page);
  }

  StorageFile& file_;
  const PageMap& map_;
  const MapWalk& walk_;
  std::vector<std::byte> buffer_;
  std::vector<MapEntry> entries_;
  bool has_entries_ = false;
};

}  // namespace

Result<void> walk_map(StorageFile& file, const PageMap& map, const MapWalk& walk) {
  Walker walker(file, map, walk);
  std::vector<MapEntry> before(map.leaf_fanout());
  for (const PageMap::Place& place : map.places()) {
    const MapRef base = walk.base ? walk.base->ref(place.level, place.index) : MapRef{};
    if (base == place.ref) continue;  // And so is all below it.
    TRY(walker.map_page(place, base));
    if (place.level != 0) continue;
    const std::span<const MapEntry> entries = walker.entries();
    if (walk.base) (void)walk.base->read_leaf(place.index, before);
    for (std::uint32_t i = 0; i < entries.size(); ++i) {
      if (walk.base && entry_slot(entries[i]) == entry_slot(before[i])) continue;
      TRY(walker.page(PageId{place.index * map.leaf_fanout() + i}, entries[i]));
    }
  }
  return {};
}

}  // namespace holdfast
