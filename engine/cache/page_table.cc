#include "engine/cache/page_table.h"

#include <algorithm>
#include <memory>
#include <new>

#include "engine/base/result.h"

namespace holdfast {

static_assert(sizeof(TableLeaf) % alignof(Atomic<TableGroup*>) == 0);

TableLeaf::Owner TableLeaf::make(std::uint32_t groups) {
  using Place = Atomic<TableGroup*>;
  void* memory = ::operator new(sizeof(TableLeaf) + groups * sizeof(Place));
  auto* leaf = new (memory) TableLeaf();
  leaf->count = groups;
  std::uninitialized_value_construct_n(&leaf->group(0), groups);
  return Owner(leaf);
}

void TableLeaf::Delete::operator()(TableLeaf* leaf) const {
  std::destroy_n(&leaf->group(0), leaf->count);
  leaf->~TableLeaf();
  ::operator delete(leaf);
}

PageTable::PageTable(const PageMap& map)
    : map_(map),
      fanout_(map.leaf_fanout()),
      groups_((fanout_ + kGroupPages - 1) / kGroupPages),
      chunks_(new Atomic<Chunk*>[kChunks]()) {}

PageTable::~PageTable() {
  reclaim(UINT64_MAX);
  for (std::uint32_t c = 0; c < chunks_used_; ++c) {
    Chunk* chunk = chunks_[c].load();
    if (chunk == nullptr) continue;
    for (auto& entry : *chunk) {
      TableLeaf* leaf = entry.load();
      if (leaf == nullptr) continue;
      for (std::uint32_t g = 0; g < groups_; ++g) delete leaf->group(g).load();
      TableLeaf::Delete()(leaf);
    }
    delete chunk;
  }
}

std::optional<RowPin> PageTable::pin_loaded(PageId id) {
  MutexLock lock(mutex_);
  TableGroup* group = peek_group(id);
  if (group == nullptr) return std::nullopt;
  group->pins.fetch_add(1);
  group->used = true;
  return RowPin(group, raw(id) % fanout_ % kGroupPages);
}

// Linked is only what the map says that is the one to be read now; a checkpoint that installs
// another one tells its pages' entries to the groups that are linked by then, and nothing is
// dropped before it has. Where another map was installed meanwhile, what was read is old, and its
// place may have been given to others: it is read again.
Result<RowPin> PageTable::pin(PageId id, bool whole) {
  const std::uint32_t index = raw(id) / fanout_;
  const std::uint32_t wanted = raw(id) % fanout_ / kGroupPages;
  std::vector<MapEntry> entries(fanout_);
  for (;;) {
    const std::uint64_t installs = map_.installs();
    if (auto read = map_.read_leaf(index, entries); !read) {
      if (map_.installs() != installs) continue;
      return std::unexpected(read.error());
    }
    NewGroups groups = make_groups(entries, wanted, whole);
    TableLeaf::Owner leaf = TableLeaf::make(groups_);
    MutexLock lock(mutex_);
    if (map_.installs() != installs) continue;
    TableGroup* group = link(index, leaf, groups, wanted);
    group->pins.fetch_add(1);
    group->used = true;
    return RowPin(group, raw(id) % fanout_ % kGroupPages);
  }
}

PageTable::NewGroups PageTable::make_groups(std::span<const MapEntry> entries, std::uint32_t wanted,
                                            bool whole) const {
  NewGroups groups(groups_);
  for (std::uint32_t g = whole ? 0 : wanted; g < (whole ? groups_ : wanted + 1); ++g) {
    groups[g] = std::make_unique<TableGroup>();
    const std::uint32_t first = g * kGroupPages;
    for (std::uint32_t i = first; i < std::min(first + kGroupPages, fanout_); ++i)
      groups[g]->pages[i - first].entry.store(entries[i], std::memory_order_relaxed);
  }
  return groups;
}

// Those that others have linked meanwhile stay. Answers the wanted one.
TableGroup* PageTable::link(std::uint32_t index, TableLeaf::Owner& leaf, NewGroups& groups,
                            std::uint32_t wanted) {
  const std::uint32_t c = index / kChunkLeaves;
  if (chunks_[c].load() == nullptr) {
    chunks_[c].store(new Chunk());
    chunks_used_ = std::max(chunks_used_, c + 1);
    bytes_.fetch_add(sizeof(Chunk), std::memory_order_relaxed);
  }
  TableLeaf* linked = peek_leaf(index);
  if (linked == nullptr) {
    linked = leaf.release();
    leaf_end_.store(std::max(leaf_end_.load(), index + 1));
    (*chunks_[c].load())[index % kChunkLeaves].store(linked);
    bytes_.fetch_add(bare_leaf_bytes(), std::memory_order_relaxed);
  }
  for (std::uint32_t g = 0; g < groups_; ++g) {
    if (groups[g] == nullptr || linked->group(g).load() != nullptr) continue;
    linked->group(g).store(groups[g].release());
    ++linked->loaded;
    bytes_.fetch_add(kGroupBytes, std::memory_order_relaxed);
  }
  return linked->group(wanted).load();
}

MapEntry PageTable::entry_of(PageId id) const {
  MutexLock lock(mutex_);
  const TablePage* row = peek(id);
  return row == nullptr ? MapEntry{} : row->entry.load();
}

bool PageTable::has_version(PageId id) const {
  MutexLock lock(mutex_);
  const TablePage* row = peek(id);
  return row != nullptr && Word{row->word.load()}.version() != kNoVersion;
}

Result<void> PageTable::read_entries(std::uint32_t index, std::span<MapEntry> entries) const {
  {
    MutexLock lock(mutex_);
    const TableLeaf* leaf = peek_leaf(index);
    if (leaf != nullptr && leaf->loaded == groups_) {
      for (std::uint32_t i = 0; i < fanout_; ++i)
        entries[i] = leaf->group(i / kGroupPages).load()->pages[i % kGroupPages].entry.load();
      return {};
    }
  }
  return map_.read_leaf(index, entries);
}

void PageTable::shrink(std::size_t most, ReaderSlots& readers,
                       const std::function<bool(TableGroup&, bool again)>& empties) {
  MutexLock lock(mutex_);
  reclaim(readers.oldest_guard());
  const std::uint32_t end = leaf_end_.load();
  TableGroup* const groups_before = gone_groups_;
  TableLeaf* const leaves_before = gone_leaves_;
  for (std::uint64_t looked = 0; looked < 2 * std::uint64_t{end} && bytes() - gone_bytes_ > most;) {
    if (hand_ >= end) hand_ = 0;
    const bool again = looked >= end;
    if (chunks_[hand_ / kChunkLeaves].load() == nullptr) {
      const std::uint32_t next = (hand_ / kChunkLeaves + 1) * kChunkLeaves;
      looked += next - hand_;
      hand_ = next;
      continue;
    }
    const std::uint32_t index = hand_++;
    ++looked;
    TableLeaf* leaf = peek_leaf(index);
    if (leaf == nullptr) continue;
    for (std::uint32_t g = 0; g < groups_ && bytes() - gone_bytes_ > most; ++g)
      (void)drop_group(*leaf, g, empties, again);
    if (leaf->loaded == 0 && !leaf->listed) drop_leaf(index, *leaf);
  }
  const std::uint64_t epoch = readers.next_epoch();  // All of them are unlinked by now.
  for (TableGroup* group = gone_groups_; group != groups_before; group = group->next_gone)
    group->gone_at = epoch;
  for (TableLeaf* leaf = gone_leaves_; leaf != leaves_before; leaf = leaf->next_gone)
    leaf->gone_at = epoch;
  reclaim(readers.oldest_guard());
}

bool PageTable::drop_group(TableLeaf& leaf, std::uint32_t at,
                           const std::function<bool(TableGroup&, bool)>& empties, bool again) {
  TableGroup* group = leaf.group(at).load();
  if (group == nullptr || group->pins.load() != 0 || group->listed != 0 || group->freed != 0)
    return false;
  if (std::exchange(group->used, false) && !again) return false;
  if (!empties(*group, again)) return false;
  leaf.group(at).store(nullptr);
  --leaf.loaded;
  group->next_gone = std::exchange(gone_groups_, group);
  gone_bytes_ += kGroupBytes;
  return true;
}

void PageTable::drop_leaf(std::uint32_t index, TableLeaf& leaf) {
  (*chunks_[index / kChunkLeaves].load())[index % kChunkLeaves].store(nullptr);
  leaf.next_gone = std::exchange(gone_leaves_, &leaf);
  gone_bytes_ += bare_leaf_bytes();
}

void PageTable::reclaim(std::uint64_t oldest_guard) {
  for (TableGroup** at = &gone_groups_; *at != nullptr;) {
    TableGroup* group = *at;
    if (group->gone_at >= oldest_guard) {
      at = &group->next_gone;
      continue;
    }
    *at = group->next_gone;
    delete group;
    gone_bytes_ -= kGroupBytes;
    bytes_.fetch_sub(kGroupBytes, std::memory_order_relaxed);
  }
  for (TableLeaf** at = &gone_leaves_; *at != nullptr;) {
    TableLeaf* leaf = *at;
    if (leaf->gone_at >= oldest_guard) {
      at = &leaf->next_gone;
      continue;
    }
    *at = leaf->next_gone;
    TableLeaf::Delete()(leaf);
    gone_bytes_ -= bare_leaf_bytes();
    bytes_.fetch_sub(bare_leaf_bytes(), std::memory_order_relaxed);
  }
}

}  // namespace holdfast
