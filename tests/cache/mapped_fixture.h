// A page cache whose checkpoints write the page map too, so that parts of its table can be dropped
// and read again. Each page's newest version is known.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string_view>
#include <vector>

#include "tests/cache/cache_fixture.h"

namespace holdfast {

class MappedCacheTest : public CacheTest {
 protected:
  using Model = std::map<std::uint32_t, std::uint64_t>;  // Page -> the transaction that made it.
  using Between = std::function<void(std::string_view stage)>;

  void SetUp() override { start(256); }

  TxnNumber change(const std::vector<std::uint32_t>& ids) {
    const TxnNumber txn = write(ids);
    for (std::uint32_t id : ids) model_[id] = raw(txn);
    return txn;
  }

  // A few at a time, for caches that can't hold them all.
  void change_in_turns(const std::vector<std::uint32_t>& ids) {
    for (std::size_t from = 0; from < ids.size(); from += 8) {
      change({ids.begin() + static_cast<std::ptrdiff_t>(from),
              ids.begin() + static_cast<std::ptrdiff_t>(std::min(from + 8, ids.size()))});
      checkpoint();
    }
  }

  // As engine/checkpoint.cc does it; calls `between` after each of its steps.
  void checkpoint(const Between& between = [](std::string_view) {}) {
    ReaderSlot& slot = **cache_->readers().claim();
    const TxnNumber d = cache_->begin_snapshot_at(slot, [&] { return cache_->durable(); });
    const std::vector<FreedRun> freed = cache_->frees_through(d);
    const auto dirty = must(cache_->take_dirty(d));
    std::map<PageId, MapEntry> written;
    for (PageId id : dirty.pages) {
      const MapEntry entry = written_at(id, d);
      if (entry_slot(entry) != kNoSlot) written[id] = entry;
    }
    between("written");
    MapUpdate update(map_, d);
    write_leaves(update, written, freed);
    between("map written");
    cache_->keep_table(true);
    const std::vector<Slot> replaced = update.install();
    between("installed");
    for (const auto& [id, entry] : written) {
      slots_.free(cache_->became_clean(id, d, entry));
      between("told");
    }
    cache_->settle_placed(d);
    cache_->keep_table(false);
    for (Slot each : replaced) slots_.free(each);
    cache_->end_snapshot(slot);
    cache_->readers().release(slot);
    slots_.unreserve(static_cast<std::uint32_t>(slots_.reserved_slots()));
    between("done");
  }

  void expect_newest() {
    ReaderSlot& reader = **cache_->readers().claim();
    for (const auto& [id, txn] : model_)
      ASSERT_EQ(must(seen(id, cache_->newest(), reader)), txn) << "page " << id;
    cache_->readers().release(reader);
  }
  void expect_snapshot(Snapshot& snapshot, const Model& then) {
    for (const auto& [id, txn] : then)
      ASSERT_EQ(must(seen(id, snapshot.txn, snapshot.slot())), txn) << "page " << id;
  }
  [[nodiscard]] bool is_loaded(std::uint32_t id) {
    return cache_->table().peek_group(PageId{id}) != nullptr;
  }

  Model model_;

 private:
  MapEntry written_at(PageId id, TxnNumber d) {
    const PageCache::DirtyVersion version = cache_->dirty_version_at(id, d);
    if (version.frame == kNoFrame) return version.parked;
    std::vector<std::byte> page(cache_->bytes(version.frame).begin(),
                                cache_->bytes(version.frame).end());
    cache_->unpin_base(version.frame);
    const std::uint64_t check = seal_page(page);
    const Slot slot = slots_.allocate(kNoSlot).value();
    file_->write(slots_.offset_of(slot), page).value();
    return make_entry(slot, check);
  }
  void write_leaves(MapUpdate& update, const std::map<PageId, MapEntry>& written,
                    const std::vector<FreedRun>& freed) {
    const std::uint32_t fanout = cache_->table().fanout();
    std::set<std::uint32_t> leaves;
    for (const auto& [id, entry] : written) leaves.insert(raw(id) / fanout);
    for (const FreedRun& each : freed) leaves.insert(raw(each.run.first) / fanout);
    for (std::uint32_t leaf : leaves) {
      std::vector<MapEntry> entries(fanout);
      must(cache_->table().read_entries(leaf, entries));
      for (const FreedRun& each : freed) {
        for (std::uint32_t i = 0; i < each.run.count; ++i) {
          const PageId id = each.run.first + i;
          if (raw(id) / fanout == leaf) entries[raw(id) % fanout] = MapEntry{};
        }
      }
      for (const auto& [id, entry] : written) {
        if (raw(id) / fanout == leaf) entries[raw(id) % fanout] = entry;
      }
      must(update.write_leaf(leaf, entries));
    }
    must(update.finish());
  }
};

}  // namespace holdfast
