// Writing the map pages of a checkpoint: leaves first, then what lies above them, then the root.
#include <algorithm>

#include "engine/base/result.h"
#include "engine/file/page_map.h"

namespace holdfast {
namespace {

constexpr std::size_t kInnerEntryBytes = 16;

}  // namespace

MapRef MapUpdate::ref(std::uint32_t level, std::uint32_t index) const {
  if (auto found = changed_.find({level, index}); found != changed_.end()) return found->second;
  MutexLock lock(map_.mutex_);
  if (level < map_.refs_.size() && index < map_.refs_[level].size())
    return map_.refs_[level][index];
  return {};
}

void MapUpdate::format(std::span<std::byte> page, std::uint32_t level, std::uint32_t index) const {
  format_page(page, map_.tag_, txn_, PageId{index}, kMapTree,
              level == 0 ? PageKind::kMapLeaf : PageKind::kMapInner,
              static_cast<std::uint8_t>(level));
  const auto size = static_cast<std::uint16_t>(page.size());
  store16(page.data() + page_at::kGapBegin, size);
  store16(page.data() + page_at::kGapEnd, size);
}

Result<MapRef> MapUpdate::write_page(std::span<std::byte> page, Slot near, unsigned copies) {
  MapRef ref;
  ref.check = seal_page(page);
  for (unsigned copy = 0; copy < copies; ++copy) {
    written_.push_back(kNoSlot);  // First, so that a slot that is taken is always noted.
    const Slot slot = written_.back() = TRY(map_.slots_.allocate(near));
    ref.slots[copy] = slot;
    TRY(map_.file_.write(map_.slots_.offset_of(slot), page));
  }
  return ref;
}

Result<void> MapUpdate::write_leaf(std::uint32_t index, std::span<const MapEntry> entries) {
  std::vector<std::byte> page(map_.page_size_);
  format(page, 0, index);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    store(page.data() + kMapBodyAt + i * sizeof(MapEntry), entries[i]);
  }
  // Two copies when it is the root: of a map without inner pages, that is, one with a single leaf.
  const bool is_root = index == 0 && map_.height() == 0;
  const Slot near = ref(0, index).slots[0];  // Before changed_ has an entry for it.
  const MapRef written = TRY(write_page(page, near, is_root ? 2 : 1));
  changed_[{0, index}] = written;
  return {};
}

Result<void> MapUpdate::write_inner(std::uint32_t level, std::uint32_t index) {
  std::vector<std::byte> page(map_.page_size_);
  format(page, level, index);
  for (std::uint32_t i = 0; i < map_.inner_fanout_; ++i) {
    const MapRef below = ref(level - 1, index * map_.inner_fanout_ + i);
    std::byte* at = page.data() + kMapBodyAt + i * kInnerEntryBytes;
    store(at, below.slots[0]);
    store(at + 4, below.slots[1]);
    store64(at + 8, below.check);
  }
  const Slot near = ref(level, index).slots[0];
  const MapRef written = TRY(write_page(page, near, 2));
  changed_[{level, index}] = written;
  return {};
}

Result<void> MapUpdate::finish() {
  std::uint32_t leaves = map_.leaf_count();
  for (const auto& [place, unused] : changed_) {
    if (place.first == 0) leaves = std::max(leaves, place.second + 1);
  }
  height_ = map_.height();
  for (std::uint32_t level = 1;; ++level) {
    const std::uint32_t below = leaves;
    leaves = (leaves + map_.inner_fanout_ - 1) / map_.inner_fanout_;
    if (below == 1 && level > height_) break;
    height_ = std::max(height_, level);
    std::vector<std::uint32_t> parents;
    // A new level leads to all there was before, changed or not.
    if (level > map_.height()) parents.push_back(0);
    for (const auto& [place, unused] : changed_) {
      if (place.first == level - 1) parents.push_back(place.second / map_.inner_fanout_);
    }
    parents.erase(std::unique(parents.begin(), parents.end()), parents.end());
    for (std::uint32_t index : parents) TRY(write_inner(level, index));
  }
  root_ = ref(height_, 0);
  prepare_install();
  return {};
}

void MapUpdate::prepare_install() {
  {
    MutexLock lock(map_.mutex_);
    next_refs_ = map_.refs_;
  }
  if (next_refs_.size() < height_ + 1) next_refs_.resize(height_ + 1);
  for (const auto& [place, now] : changed_) {
    std::vector<MapRef>& level = next_refs_[place.first];
    if (level.size() <= place.second) level.resize(place.second + 1);
    for (Slot slot : level[place.second].slots) {
      if (slot != kNoSlot) replaced_.push_back(slot);
    }
    level[place.second] = now;
  }
}

std::vector<Slot> MapUpdate::install() noexcept {
  MutexLock lock(map_.mutex_);
  map_.refs_.swap(next_refs_);
  map_.count_references();
  map_.installs_.fetch_add(1);
  changed_.clear();
  written_.clear();
  return std::move(replaced_);
}

std::vector<Slot> MapUpdate::abandon() noexcept {
  changed_.clear();
  return std::exchange(written_, {});
}

}  // namespace holdfast
