// The in-memory page table: per page a word (which frame, or "on disk") and its durable map entry.
//
// It has the shape of the page map: one leaf per map leaf, loaded when first needed. Leaves stay
// until the database is closed; they count as part of the budget.
//
// Word: low half the newest version, a frame or the descriptor of a parked one (0: on disk, as the
// entry says), high half a count that every publishing raises, so that a reader that loaded an old
// version from disk can't install it after a newer one came and went.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/base/sync.h"
#include "engine/base/types.h"
#include "engine/cache/parked_pool.h"
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

struct TableLeaf {
  explicit TableLeaf(std::uint32_t fanout)
      : pages(new TablePage[fanout]), listed(fanout, 0), freed(fanout) {}
  std::unique_ptr<TablePage[]> pages;
  std::vector<std::uint8_t> listed;  // Page is in the dirty list. Version lock.
  bool leaf_listed = false;          // Some page of it is. Version lock.
  std::vector<bool> freed;           // By a transaction, not settled yet. Version lock.
};

class PageTable {
 public:
  PageTable(const PageMap& map);
  ~PageTable();
  PageTable(const PageTable&) = delete;
  PageTable& operator=(const PageTable&) = delete;

  [[nodiscard]] std::uint32_t fanout() const { return fanout_; }
  // The page's row if its leaf is in memory. Lock-free.
  TablePage* peek(PageId id) const {
    const std::uint32_t index = raw(id) / fanout_;
    const Chunk* chunk = chunks_[index / kChunkLeaves].load(std::memory_order_acquire);
    if (chunk == nullptr) return nullptr;
    const TableLeaf* leaf = (*chunk)[index % kChunkLeaves].load(std::memory_order_acquire);
    return leaf == nullptr ? nullptr : &leaf->pages[raw(id) % fanout_];
  }
  TableLeaf* peek_leaf(std::uint32_t index) const;
  // The same, loading the leaf where it is missing. Does I/O: not within a guard. kDamaged, kIo.
  Result<TablePage*> row(PageId id);
  Result<TableLeaf*> leaf(std::uint32_t index);

  // Whether the page's row is in memory, or being loaded: then that is waited for.
  [[nodiscard]] bool is_loaded(PageId id) {
    if (peek(id) != nullptr) return true;
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

 private:
  static constexpr std::uint32_t kChunkLeaves = 4096;
  static constexpr std::uint32_t kChunks = 2112;  // For 2^32 ids at the smallest page size.
  using Chunk = std::array<Atomic<TableLeaf*>, kChunkLeaves>;

  const PageMap& map_;
  const std::uint32_t fanout_;
  std::unique_ptr<Atomic<Chunk*>[]> chunks_;
  std::uint32_t chunks_used_ = 0;
  Atomic<std::uint32_t> leaf_end_{0};  // All that are in memory lie before.
  Atomic<std::uint64_t> bytes_{0};
  Mutex mutex_;
};

}  // namespace holdfast
