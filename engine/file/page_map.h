// The page map on disk: PageId -> {slot, check}, a radix tree of pages, itself out of place.
//
// Map leaf (PageKind::kMapLeaf, level 0), from byte 64: entries of u32 slot, u32 low half of the
// page's check. Inner map page (kMapInner, level 1 …), from byte 64: entries of u32 slot, u32 twin
// slot, u64 check. In the page head of a map page the page id is its index within its level, the
// tree is kMapTree, and the gap is empty. The root and inner pages are written twice; a leaf that
// is the root too.
//
// All references are kept in memory (16 bytes per 500 to 4,000 pages), leaves' entries aren't.
//
// P1 Nothing is overwritten: a MapUpdate writes to fresh slots and names the replaced ones, to be
// freed when its meta is durable. Not thread-safe: opening, then the one checkpoint at a time,
// change it; read_leaf() may run beside them in other threads (the references have a lock of their
// own).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "engine/base/sync.h"
#include "engine/file/meta_format.h"
#include "engine/file/slot_space.h"
#include "engine/page/page_format.h"
#include "engine/storage/storage.h"

namespace holdfast {

// A page's durable place, packed so that it is read and written at once: slot | check << 32.
enum class MapEntry : std::uint64_t {};
constexpr MapEntry make_entry(Slot slot, std::uint64_t check) {
  return MapEntry{raw(slot) | (check << 32)};
}
constexpr Slot entry_slot(MapEntry e) {
  return Slot{static_cast<std::uint32_t>(raw(e))};
}
constexpr std::uint32_t entry_check(MapEntry e) {
  return static_cast<std::uint32_t>(raw(e) >> 32);
}

inline constexpr std::size_t kMapBodyAt = 64;

class PageMap {
 public:
  PageMap(StorageFile& file, SlotSpace& slots, std::uint32_t page_size, std::uint64_t tag);

  [[nodiscard]] std::uint32_t page_size() const { return page_size_; }
  [[nodiscard]] std::uint64_t tag() const { return tag_; }
  [[nodiscard]] std::uint64_t offset_of(Slot slot) const { return slots_.offset_of(slot); }
  [[nodiscard]] std::uint32_t leaf_fanout() const { return leaf_fanout_; }
  [[nodiscard]] std::uint32_t leaf_count() const;
  // The highest place of the leaf's own page or its twin; none where the map has no such leaf.
  [[nodiscard]] Slot leaf_slot(std::uint32_t index) const;

  // The first leaf that an inner page leads to; none: it leads to none.
  [[nodiscard]] std::optional<std::uint32_t> leaf_below(std::uint32_t level,
                                                        std::uint32_t index) const;

  // Reads the root and all inner pages. kDamaged names the page, when both of its twins are bad.
  Result<void> open(const Meta& meta);

  // Memory for the references, and as much for those that a checkpoint makes ready.
  [[nodiscard]] std::size_t reference_bytes() const {
    return reference_bytes_.load(std::memory_order_relaxed);
  }
  // How often the map has become another one. What was read while this stayed the same is of one
  // map; what couldn't be read while it changed may have been there.
  [[nodiscard]] std::uint64_t installs() const { return installs_.load(); }

  // The leaf's entries, all zero where the map has no such leaf.
  Result<void> read_leaf(std::uint32_t index, std::span<MapEntry> entries) const;

  // Every slot that the map's own pages occupy.
  void collect_slots(std::vector<Slot>& out) const;
  [[nodiscard]] std::vector<MapRef> all_refs() const;
  // A map page by its place in the tree of them.
  struct Place {
    std::uint32_t level = 0;
    std::uint32_t index = 0;
    MapRef ref;
  };
  // That of one; no slots where there is none.
  [[nodiscard]] MapRef ref(std::uint32_t level, std::uint32_t index) const;
  // Every map page, from the root down.
  [[nodiscard]] std::vector<Place> places() const;
  // Every slot that the map needs, for its own pages and for those it names, as a bit in words.
  // kDamaged, kIo: a leaf can't be read.
  Result<std::vector<std::uint64_t>> needed_slots() const;

  [[nodiscard]] MapRef root() const;
  [[nodiscard]] std::uint32_t height() const;
  // Map pages that a change of one leaf rewrites at most, twins counted.
  [[nodiscard]] std::uint32_t pages_per_leaf_change() const;

 private:
  friend class MapUpdate;
  Result<void> read_page(const MapRef& ref, std::uint32_t index, std::uint8_t level,
                         std::span<std::byte> page) const;
  [[nodiscard]] std::uint32_t level_size(std::uint32_t level) const;
  void count_references();

  StorageFile& file_;
  SlotSpace& slots_;
  const std::uint32_t page_size_;
  const std::uint64_t tag_;
  const std::uint32_t leaf_fanout_;
  const std::uint32_t inner_fanout_;
  mutable Mutex mutex_;
  std::vector<std::vector<MapRef>> refs_;  // [level][index]; the last level has one, the root.
  Atomic<std::uint64_t> installs_{0};
  Atomic<std::size_t> reference_bytes_{0};
};

// The map pages of one checkpoint: written to fresh slots, then installed or dropped as a whole.
class MapUpdate {
 public:
  MapUpdate(PageMap& map, TxnNumber txn) : map_(map), txn_(txn) {}

  // Writes leaf `index` with these entries.
  Result<void> write_leaf(std::uint32_t index, std::span<const MapEntry> entries);
  // Writes the inner pages above; nothing is synced. Afterwards root() and height() are what a meta
  // names, and install() needs no memory.
  Result<void> finish();
  [[nodiscard]] MapRef root() const { return root_; }
  [[nodiscard]] std::uint32_t height() const { return height_; }
  [[nodiscard]] std::uint64_t pages_written() const { return written_.size(); }

  // The meta is durable: the map is this now; answers the slots that are no longer named.
  std::vector<Slot> install() noexcept;
  // The attempt is given up: answers the slots it had taken.
  std::vector<Slot> abandon() noexcept;

 private:
  Result<MapRef> write_page(std::span<std::byte> page, Slot near, unsigned copies);
  Result<void> write_inner(std::uint32_t level, std::uint32_t index);
  void prepare_install();
  [[nodiscard]] MapRef ref(std::uint32_t level, std::uint32_t index) const;
  void format(std::span<std::byte> page, std::uint32_t level, std::uint32_t index) const;

  PageMap& map_;
  const TxnNumber txn_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, MapRef> changed_;  // By (level, index).
  std::vector<Slot> written_;
  std::vector<std::vector<MapRef>> next_refs_;  // The map's, once installed.
  std::vector<Slot> replaced_;
  MapRef root_;
  std::uint32_t height_ = 0;
};

}  // namespace holdfast
