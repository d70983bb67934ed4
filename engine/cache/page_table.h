// The in-memory page table: per page a word (which frame, or "on disk") and its durable map entry.
//
// It has the shape of the page map: a leaf for each map leaf, which leads to groups of 32 pages'
// rows. Groups are loaded when first needed, all of a leaf at once where memory has room for them,
// and may be dropped again. They count as part of the budget.
//
// Word: low half the newest version, a frame or the descriptor of a parked one (0: on disk, as the
// entry says), high half a count that every publishing raises, so that a reader that loaded an old
// version from disk can't install it after a newer one came and went.
//
// Dropping (C7, C8 in page_cache.h): a group goes when its words name nothing, no page of it is
// listed or freed, and nobody pins it. Then its entries are the durable map's, and whoever needs it
// reads them there. It is unlinked under the version lock, the evictor's and this table's own, and
// its memory is freed when no guard is as old as that. So a row may be looked at
//
//   within a guard            what is unlinked meanwhile stays as it is, with words that name
//                             nothing: whoever finds those asks for the group, and finds the new
//                             one
//   under the version lock    nothing is dropped meanwhile; likewise under the evictor's
//   under a pin               the group stays. A row that is changed after some I/O was pinned all
//                             the while, so a count never begins anew behind a load in flight
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "engine/base/sync.h"
#include "engine/base/types.h"
#include "engine/cache/parked_pool.h"
#include "engine/cache/reader_slots.h"
#include "engine/file/page_map.h"

namespace holdfast {

struct Word {
  std::uint64_t bits = 0;
  [[nodiscard]] VersionRef version() const { return static_cast<VersionRef>(bits); }
  // Another version of the page.
  [[nodiscard]] Word published(VersionRef version) const {
    return {((bits >> 32) + 1) << 32 | version};
  }
  // The same version, elsewhere.
  [[nodiscard]] Word moved(VersionRef version) const { return {(bits >> 32) << 32 | version}; }
};

struct TablePage {  // One page's row.
  Atomic<std::uint64_t> word{0};
  Atomic<MapEntry> entry{MapEntry{}};
};

inline constexpr std::uint32_t kGroupPages = 32;

struct TableGroup {
  std::array<TablePage, kGroupPages> pages;
  Atomic<std::uint32_t> pins{0};  // Raised under the table's lock, or by whoever has one.
  std::uint32_t listed = 0;       // Pages in the dirty list, a bit each. Version lock.
  std::uint32_t freed = 0;        // Those freed by a transaction, not settled yet. Version lock.
  bool used = false;              // Since the clock came by. Table lock.
  TableGroup* next_gone = nullptr;
  std::uint64_t gone_at = 0;  // Epoch of its unlinking.
};

// What leads to the groups lies right behind it, so that a reader takes one step less.
struct TableLeaf {
  struct Delete {
    void operator()(TableLeaf* leaf) const;
  };
  using Owner = std::unique_ptr<TableLeaf, Delete>;
  static Owner make(std::uint32_t groups);
  [[nodiscard]] Atomic<TableGroup*>& group(std::uint32_t at) {
    return reinterpret_cast<Atomic<TableGroup*>*>(this + 1)[at];
  }
  [[nodiscard]] const Atomic<TableGroup*>& group(std::uint32_t at) const {
    return reinterpret_cast<const Atomic<TableGroup*>*>(this + 1)[at];
  }

  std::uint32_t count = 0;   // Of groups.
  std::uint32_t loaded = 0;  // Groups that are linked. Table lock.
  bool listed = false;       // Some page of it is, or was freed. Version lock.
  TableLeaf* next_gone = nullptr;
  std::uint64_t gone_at = 0;
};

// A page's row, which stays for as long as this does.
class RowPin {
 public:
  RowPin() = default;
  RowPin(TableGroup* group, std::uint32_t at) : group_(group), at_(at) {}  // Counted already.
  RowPin(RowPin&& other) noexcept : group_(std::exchange(other.group_, nullptr)), at_(other.at_) {}
  RowPin& operator=(RowPin&& other) noexcept {
    std::swap(group_, other.group_);
    std::swap(at_, other.at_);
    return *this;
  }
  ~RowPin() {
    if (group_ != nullptr) group_->pins.fetch_sub(1);
  }
  TablePage& operator*() const { return group_->pages[at_]; }
  TablePage* operator->() const { return &group_->pages[at_]; }
  [[nodiscard]] bool is_freed() const { return ((group_->freed >> at_) & 1) != 0; }

 private:
  TableGroup* group_ = nullptr;
  std::uint32_t at_ = 0;
};

class PageTable {
 public:
  // What a group takes, malloc's share included; a leaf takes some 8 bytes for each of its groups.
  static constexpr std::size_t kGroupBytes = sizeof(TableGroup) + 16;

  PageTable(const PageMap& map);
  ~PageTable();
  PageTable(const PageTable&) = delete;
  PageTable& operator=(const PageTable&) = delete;

  [[nodiscard]] std::uint32_t fanout() const { return fanout_; }
  // The page's group, or row, if it is in memory. Lock-free; see above for how long it may be used.
  TableGroup* peek_group(PageId id) const {
    const TableLeaf* leaf = peek_leaf(raw(id) / fanout_);
    return leaf == nullptr ? nullptr : leaf->group(raw(id) % fanout_ / kGroupPages).load();
  }
  TablePage* peek(PageId id) const {
    TableGroup* group = peek_group(id);
    return group == nullptr ? nullptr : &group->pages[raw(id) % fanout_ % kGroupPages];
  }
  TableLeaf* peek_leaf(std::uint32_t index) const {
    const Chunk* chunk = chunks_[index / kChunkLeaves].load(std::memory_order_acquire);
    return chunk == nullptr ? nullptr : (*chunk)[index % kChunkLeaves].load();
  }
  [[nodiscard]] std::uint32_t bit_of(PageId id) const {
    return std::uint32_t{1} << raw(id) % fanout_ % kGroupPages;
  }
  // The first page behind the page's group.
  [[nodiscard]] std::uint64_t group_end(std::uint64_t id) const {
    const std::uint64_t within = id % fanout_;
    return id - within + std::min<std::uint64_t>((within / kGroupPages + 1) * kGroupPages, fanout_);
  }

  // The row if it is in memory, else loading it, and all of its leaf if `whole`. The latter does
  // I/O: not within a guard, nor under a lock. kDamaged, kIo.
  std::optional<RowPin> pin_loaded(PageId id);
  Result<RowPin> pin(PageId id, bool whole);
  // Without a pin: what the row says, nothing where it isn't in memory.
  [[nodiscard]] MapEntry entry_of(PageId id) const;
  [[nodiscard]] bool has_version(PageId id) const;
  // What the durable map says of the leaf's pages, from memory if all of it is there. By whoever
  // changes the map.
  Result<void> read_entries(std::uint32_t index, std::span<MapEntry> entries) const;

  // Drops groups until the table takes no more than `most` bytes, or none can be dropped. `empties`
  // is asked of each whether its words name nothing now, or can be made to; `again`: when it is
  // asked a second time. With the version lock and the evictor's.
  void shrink(std::size_t most, ReaderSlots& readers,
              const std::function<bool(TableGroup&, bool again)>& empties);

  // Whether dropped parts still take memory, since a guard may look at them.
  [[nodiscard]] bool has_gone() const {
    MutexLock lock(mutex_);
    return gone_bytes_ != 0;
  }

  // Whether the page's row is in memory. Behind the installing of another map it is not linked with
  // what the one before said.
  [[nodiscard]] bool is_loaded(PageId id) const {
    MutexLock lock(mutex_);
    return peek(id) != nullptr;
  }
  // Whether the leaf is in the map or in memory: pages of others don't exist, and looking for them
  // would take memory for nothing.
  [[nodiscard]] bool has_leaf(std::uint32_t index) const {
    return peek_leaf(index) != nullptr || map_.leaf_slot(index) != kNoSlot;
  }
  // Pages from here on are neither in the map nor in memory, whatever ids were given out.
  [[nodiscard]] std::uint64_t page_end() const {
    return std::uint64_t{std::max(map_.leaf_count(), leaf_end_.load())} * fanout_;
  }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t leaf_bytes() const {
    return sizeof(TableLeaf) + groups_ * (sizeof(Atomic<TableGroup*>) + kGroupBytes) + 32;
  }

 private:
  static constexpr std::uint32_t kChunkLeaves = 4096;
  static constexpr std::uint32_t kChunks = 2112;  // For 2^32 ids at the smallest page size.
  using Chunk = std::array<Atomic<TableLeaf*>, kChunkLeaves>;
  using NewGroups = std::vector<std::unique_ptr<TableGroup>>;

  [[nodiscard]] std::size_t bare_leaf_bytes() const { return leaf_bytes() - groups_ * kGroupBytes; }
  NewGroups make_groups(std::span<const MapEntry> entries, std::uint32_t wanted, bool whole) const;
  TableGroup* link(std::uint32_t index, TableLeaf::Owner& leaf, NewGroups& groups,
                   std::uint32_t wanted);
  bool drop_group(TableLeaf& leaf, std::uint32_t at,
                  const std::function<bool(TableGroup&, bool)>& empties, bool again);
  void drop_leaf(std::uint32_t index, TableLeaf& leaf);
  void reclaim(std::uint64_t oldest_guard);

  const PageMap& map_;
  const std::uint32_t fanout_;
  const std::uint32_t groups_;  // Of a leaf.
  std::unique_ptr<Atomic<Chunk*>[]> chunks_;
  std::uint32_t chunks_used_ = 0;
  Atomic<std::uint32_t> leaf_end_{0};  // All that are in memory lie before.
  Atomic<std::uint64_t> bytes_{0};
  mutable Mutex mutex_;
  std::uint32_t hand_ = 0;  // The leaf where dropping goes on.
  // Unlinked; readers may still look at them.
  TableGroup* gone_groups_ = nullptr;
  TableLeaf* gone_leaves_ = nullptr;
  std::size_t gone_bytes_ = 0;
};

}  // namespace holdfast
