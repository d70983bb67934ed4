// Reads everything that a map which nothing changes leads to, that of a kept checkpoint above all:
// its own pages from the root down, and the pages that it names, each verified past the cache.
#pragma once

#include <functional>
#include <optional>
#include <span>

#include "engine/file/page_map.h"

namespace holdfast {

// A page in its slot, as it was read.
struct StoredPage {
  bool of_map = false;
  std::uint32_t level = 0;  // Of a map page.
  PageId page{};            // Of a map page: its index in its level.
  Slot slot{};
  std::uint64_t offset = 0;          // In the file.
  std::span<const std::byte> bytes;  // What should be there: its twin's, where only that is sound.
  std::optional<Error> damage;       // Then there are no bytes, but for a map page with a twin.
};

struct MapWalk {
  // Slots to pass over. What lies below a map leaf that is passed over is, too.
  std::function<bool(Slot)> skip;
  // An older map of the same file, none of whose slots was written since: what both have in the
  // same slot is passed over. Where a leaf of it can't be read, nothing of that leaf is.
  const PageMap* base = nullptr;
  // An error ends the walk.
  std::function<Result<void>(const StoredPage&)> visit;
};

// Pages below a map leaf that can't be read are not visited; the leaf is, with its damage.
Result<void> walk_map(StorageFile& file, const PageMap& map, const MapWalk& walk);

}  // namespace holdfast
