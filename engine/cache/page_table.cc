#include "engine/cache/page_table.h"

#include <algorithm>

#include "engine/base/result.h"

namespace holdfast {

PageTable::PageTable(const PageMap& map)
    : map_(map), fanout_(map.leaf_fanout()), chunks_(new Atomic<Chunk*>[kChunks]()) {}

PageTable::~PageTable() {
  for (std::uint32_t c = 0; c < chunks_used_; ++c) {
    Chunk* chunk = chunks_[c].load();
    if (chunk == nullptr) continue;
    for (auto& leaf : *chunk) delete leaf.load();
    delete chunk;
  }
}

TableLeaf* PageTable::peek_leaf(std::uint32_t index) const {
  const Chunk* chunk = chunks_[index / kChunkLeaves].load(std::memory_order_acquire);
  return chunk == nullptr ? nullptr
                          : (*chunk)[index % kChunkLeaves].load(std::memory_order_acquire);
}

Result<TablePage*> PageTable::row(PageId id) {
  if (TablePage* page = peek(id)) return page;
  TableLeaf* found = TRY(leaf(raw(id) / fanout_));
  return &found->pages[raw(id) % fanout_];
}

Result<TableLeaf*> PageTable::leaf(std::uint32_t index) {
  if (TableLeaf* found = peek_leaf(index)) return found;
  MutexLock lock(mutex_);
  if (TableLeaf* found = peek_leaf(index)) return found;
  std::vector<MapEntry> entries(fanout_);
  TRY(map_.read_leaf(index, entries));
  auto leaf = std::make_unique<TableLeaf>(fanout_);
  for (std::uint32_t i = 0; i < fanout_; ++i) {
    leaf->pages[i].entry.store(entries[i], std::memory_order_relaxed);
  }
  const std::uint32_t c = index / kChunkLeaves;
  if (chunks_[c].load() == nullptr) {
    chunks_[c].store(new Chunk());
    chunks_used_ = std::max(chunks_used_, c + 1);
    bytes_.fetch_add(sizeof(Chunk), std::memory_order_relaxed);
  }
  TableLeaf* kept = leaf.release();
  bytes_.fetch_add(fanout_ * (sizeof(TablePage) + 1), std::memory_order_relaxed);
  leaf_end_.store(std::max(leaf_end_.load(), index + 1));
  (*chunks_[c].load())[index % kChunkLeaves].store(kept, std::memory_order_release);
  return kept;
}

}  // namespace holdfast
