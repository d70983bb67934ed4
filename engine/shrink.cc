// Giving space back: pages in the file's tail are made dirty, and a checkpoint moves them to the
// lowest free slots; then the tail can be cut off.
//
// Done at close, where nobody waits for pages, and for a bounded number of pages: a large file
// shrinks over several closes. A crash here is a crash in a checkpoint.
#include <algorithm>

#include "engine/base/result.h"
#include "engine/database_impl.h"

namespace holdfast {
namespace {

constexpr int kPasses = 64;
constexpr std::uint64_t kPagesPerPass = 4096;
constexpr std::uint64_t kPagesPerClose = 3 * kPagesPerPass;
constexpr std::uint64_t kSpareSlots = 16;  // A file this close to its contents is left alone.

}  // namespace

Result<void> DatabaseImpl::move_tail_down() {
  if (!slots_->scanned()) return {};
  slots_->prefer_low(true);
  std::uint64_t moved_before = 0;
  std::uint32_t leaf = 0;  // Where the last pass stopped.
  for (int pass = 0; pass < kPasses && moved_before < kPagesPerClose; ++pass) {
    // What lies below the highest slot of a kept checkpoint can't be cut off.
    const std::uint64_t used =
        std::max<std::uint64_t>(slots_->used_slots(), slots_->highest_kept());
    if (slots_->high_water() <= used + std::max(kSpareSlots, used / 4)) return {};
    const std::uint64_t most = std::min<std::uint64_t>(kPagesPerPass, cache_->frame_limit() / 4);
    std::uint64_t moved = 0;
    std::vector<MapEntry> entries(map_->leaf_fanout());
    for (std::uint32_t looked = 0; looked <= map_->leaf_count(); ++looked, ++leaf) {
      if (leaf >= map_->leaf_count()) leaf = 0;
      if (!map_->read_leaf(leaf, entries)) continue;  // Damage is for others to report.
      // The map's own page moves with any page of it.
      bool leaf_moves = raw(map_->leaf_slot(leaf)) <= used + kSpareSlots;
      for (std::uint32_t i = 0; i < entries.size() && moved < most; ++i) {
        const std::uint32_t slot = raw(entry_slot(entries[i]));
        if (slot == 0 || (slot <= used + kSpareSlots && leaf_moves)) continue;
        if (!cache_->make_dirty(PageId{leaf * map_->leaf_fanout() + i})) continue;
        leaf_moves = true;
        ++moved;
      }
      if (moved >= most) break;
    }
    // Only inner pages of the map are left in the tail, its root above all.
    if (moved == 0 && cache_->make_dirty(kCatalogRoot)) ++moved;
    if (moved == 0) return {};
    moved_before += moved;
    auto done = checkpoint();
    if (!done && done.error().code() == ErrorCode::kDiskFull) return {};
    TRY(std::move(done));
  }
  return {};
}

}  // namespace holdfast
