#include "engine/file/page_map.h"

#include <algorithm>

#include "engine/base/result.h"

namespace holdfast {
namespace {

constexpr std::size_t kInnerEntryBytes = 16;

}  // namespace

PageMap::PageMap(StorageFile& file, SlotSpace& slots, std::uint32_t page_size, std::uint64_t tag)
    : file_(file),
      slots_(slots),
      page_size_(page_size),
      tag_(tag),
      leaf_fanout_((page_size - kMapBodyAt) / sizeof(MapEntry)),
      inner_fanout_((page_size - kMapBodyAt) / kInnerEntryBytes),
      refs_(1, std::vector<MapRef>(1)) {}

std::uint32_t PageMap::level_size(std::uint32_t level) const {
  return static_cast<std::uint32_t>(refs_[level].size());
}

std::uint32_t PageMap::leaf_count() const {
  MutexLock lock(mutex_);
  return level_size(0);
}

Slot PageMap::leaf_slot(std::uint32_t index) const {
  MutexLock lock(mutex_);
  if (index >= level_size(0)) return kNoSlot;
  const MapRef& ref = refs_[0][index];
  return std::max(ref.slots[0], ref.slots[1]);
}

std::optional<std::uint32_t> PageMap::leaf_below(std::uint32_t level, std::uint32_t index) const {
  MutexLock lock(mutex_);
  std::uint64_t leaves = 1;
  for (std::uint32_t each = 0; each < level; ++each) leaves *= inner_fanout_;
  const std::uint64_t end = std::min<std::uint64_t>((index + 1) * leaves, level_size(0));
  for (std::uint64_t leaf = index * leaves; leaf < end; ++leaf) {
    if (refs_[0][leaf].slots[0] != kNoSlot) return static_cast<std::uint32_t>(leaf);
  }
  return std::nullopt;
}

Result<void> PageMap::open(const Meta& meta) {
  refs_.assign(meta.map_height + 1, {});
  refs_[meta.map_height] = {meta.map_root};
  std::vector<std::byte> page(page_size_);
  // How many pages of each level the ids given out so far can need: a hostile map that claims more
  // would cost memory without end.
  std::vector<std::uint64_t> most(meta.map_height + 1, meta.id_high_water / leaf_fanout_ + 1);
  for (std::uint32_t level = 1; level <= meta.map_height; ++level) {
    most[level] = (most[level - 1] + inner_fanout_ - 1) / inner_fanout_;
  }
  for (std::uint32_t level = meta.map_height; level > 0; --level) {
    std::vector<MapRef>& below = refs_[level - 1];
    for (std::uint32_t index = 0; index < level_size(level); ++index) {
      const MapRef& ref = refs_[level][index];
      below.resize(std::size_t{index + 1} * inner_fanout_);
      if (ref.slots[0] == kNoSlot) continue;
      TRY(read_page(ref, index, static_cast<std::uint8_t>(level), page));
      for (std::uint32_t i = 0; i < inner_fanout_; ++i) {
        const std::byte* at = page.data() + kMapBodyAt + i * kInnerEntryBytes;
        const std::uint64_t child = std::uint64_t{index} * inner_fanout_ + i;
        below[child] = {{load<Slot>(at), load<Slot>(at + 4)}, load64(at + 8)};
        if (below[child].slots[0] == kNoSlot || child < most[level - 1]) continue;
        return fail(ErrorCode::kDamaged,
                    "the page map has a page for page ids that were never given out",
                    {.file = file_.path(),
                     .offset = slots_.offset_of(ref.slots[0]),
                     .page = {},
                     .tree = {},
                     .txn = {}});
      }
    }
    while (below.size() > 1 && below.back().slots[0] == kNoSlot) below.pop_back();
  }
  count_references();
  return {};
}

void PageMap::count_references() {
  std::size_t count = 0;
  for (const auto& level : refs_) count += level.size();
  reference_bytes_.store(2 * count * sizeof(MapRef), std::memory_order_relaxed);
}

Result<void> PageMap::read_page(const MapRef& ref, std::uint32_t index, std::uint8_t level,
                                std::span<std::byte> page) const {
  std::optional<Error> trouble;
  for (Slot slot : ref.slots) {
    if (slot == kNoSlot) continue;
    const std::uint64_t offset = slots_.offset_of(slot);
    const ErrorPlace place{
        .file = file_.path(), .offset = offset, .page = {}, .tree = {}, .txn = {}};
    auto tried = [&]() -> Result<void> {
      if (TRY(file_.read(offset, page)) != page.size()) {
        return fail(ErrorCode::kDamaged, "the file ends before this page of the page map");
      }
      TRY(verify_page(page,
                      {.tag = tag_, .id = PageId{index}, .check = ref.check, .check_bits = 64}));
      const bool kind_right =
          page_kind(page.data()) == (level == 0 ? PageKind::kMapLeaf : PageKind::kMapInner);
      if (!kind_right || page_level(page.data()) != level || page_tree(page.data()) != kMapTree) {
        return fail(ErrorCode::kDamaged, "a page of the page map is of the wrong kind");
      }
      return {};
    }();
    if (tried) return {};
    // A copy that storage refused to read may be whole.
    if (!trouble || trouble->code() != ErrorCode::kIo) trouble = tried.error().at(place);
  }
  if (!trouble)
    return fail(ErrorCode::kDamaged, "the page map names no place for one of its pages");
  return std::unexpected(*trouble);
}

Result<void> PageMap::read_leaf(std::uint32_t index, std::span<MapEntry> entries) const {
  MapRef ref;
  {
    MutexLock lock(mutex_);
    if (index < level_size(0)) ref = refs_[0][index];
  }
  std::fill(entries.begin(), entries.end(), MapEntry{});
  if (ref.slots[0] == kNoSlot) return {};
  std::vector<std::byte> page(page_size_);
  TRY(read_page(ref, index, 0, page));
  for (std::uint32_t i = 0; i < leaf_fanout_; ++i) {
    entries[i] = load<MapEntry>(page.data() + kMapBodyAt + i * sizeof(MapEntry));
  }
  return {};
}

void PageMap::collect_slots(std::vector<Slot>& out) const {
  MutexLock lock(mutex_);
  for (const auto& level : refs_) {
    for (const MapRef& ref : level) {
      for (Slot slot : ref.slots) {
        if (slot != kNoSlot) out.push_back(slot);
      }
    }
  }
}

std::vector<MapRef> PageMap::all_refs() const {
  MutexLock lock(mutex_);
  std::vector<MapRef> all;
  for (const auto& level : refs_) {
    for (const MapRef& ref : level) {
      if (ref.slots[0] != kNoSlot) all.push_back(ref);
    }
  }
  return all;
}

MapRef PageMap::ref(std::uint32_t level, std::uint32_t index) const {
  MutexLock lock(mutex_);
  if (level >= refs_.size() || index >= level_size(level)) return {};
  return refs_[level][index];
}

std::vector<PageMap::Place> PageMap::places() const {
  MutexLock lock(mutex_);
  std::vector<Place> all;
  for (auto level = static_cast<std::uint32_t>(refs_.size()); level-- > 0;) {
    for (std::uint32_t index = 0; index < level_size(level); ++index) {
      if (refs_[level][index].slots[0] != kNoSlot)
        all.push_back({level, index, refs_[level][index]});
    }
  }
  return all;
}

Result<std::vector<std::uint64_t>> PageMap::needed_slots() const {
  std::vector<std::uint64_t> bits;
  auto need = [&](Slot slot) {
    // Slots behind the file's end don't exist, and a hostile map may name any.
    if (slot == kNoSlot || raw(slot) > slots_.allocated()) return;
    if (raw(slot) / 64 >= bits.size()) bits.resize(raw(slot) / 64 + 1, 0);
    bits[raw(slot) / 64] |= std::uint64_t{1} << (raw(slot) % 64);
  };
  std::vector<MapEntry> entries(leaf_fanout_);
  for (const Place& place : places()) {
    for (Slot slot : place.ref.slots) need(slot);
    if (place.level != 0) continue;
    TRY(read_leaf(place.index, entries));
    for (MapEntry entry : entries) need(entry_slot(entry));
  }
  return bits;
}

MapRef PageMap::root() const {
  MutexLock lock(mutex_);
  return refs_.back()[0];
}

std::uint32_t PageMap::height() const {
  MutexLock lock(mutex_);
  return static_cast<std::uint32_t>(refs_.size() - 1);
}

std::uint32_t PageMap::pages_per_leaf_change() const {
  MutexLock lock(mutex_);
  // A leaf, twice in case it is the root, and two of each level above, one of which may be new.
  return 2 + 2 * static_cast<std::uint32_t>(refs_.size());
}

}  // namespace holdfast
