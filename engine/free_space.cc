// What is free in the file that was opened: slots and page ids. No list of them has to be right; a
// walk over the page map tells, and where the file was closed a hint spares the walk.
#include <algorithm>
#include <utility>
#include <vector>

#include "engine/base/boundary.h"
#include "engine/base/result.h"
#include "engine/database_impl.h"
#include "engine/file/free_hint.h"

namespace holdfast {
namespace {

constexpr std::uint32_t kEagerScanLeaves = 64;  // Beyond, the first checkpoint scans.
constexpr std::uint32_t kHintLeaves = 2;        // Below, reading the map is as quick.
constexpr std::uint64_t kHintShare = 8;         // Of the map's leaves, what a hint may take.

// Ids that the log freed, asked for in ascending order.
class FreedIds {
 public:
  explicit FreedIds(std::vector<FreedRun> runs) : runs_(std::move(runs)), next_(runs_.begin()) {
    std::ranges::sort(runs_, {}, [](const FreedRun& freed) { return freed.run.first; });
  }
  bool contains(std::uint64_t id) {
    while (next_ != runs_.end() && std::uint64_t{raw(next_->run.first)} + next_->run.count <= id)
      ++next_;
    return next_ != runs_.end() && raw(next_->run.first) <= id;
  }

 private:
  std::vector<FreedRun> runs_;
  std::vector<FreedRun>::const_iterator next_;
};

// Behind what is in it.
void add_run(IdRuns& runs, std::uint64_t first, std::uint64_t count) {
  if (runs.empty() || raw(runs.back().first) + runs.back().count != first)
    runs.push_back({PageId{static_cast<std::uint32_t>(first)}, 0});
  runs.back().count += static_cast<std::uint32_t>(count);
}

}  // namespace

// Where it isn't made at opening, it is by the first checkpoint before that gives back any slot:
// one that a version is parked in after that would look free.
Result<void> DatabaseImpl::scan_free_space(bool now) {
  // Until the whole log is redone, ids and slots that look free may not be.
  if (slots_->scanned() || !redo_done_ || scan_given_up_) return {};
  const std::size_t maps = 1 + kept_checkpoints().size();
  if (!now && believe_free_hint()) return {};
  if (map_->leaf_count() * maps > kEagerScanLeaves && !now) return {};
  std::vector<bool> used(std::size_t{slots_->high_water()} + 1);
  auto mark = [&](Slot slot) {
    if (raw(slot) < used.size()) used[raw(slot)] = true;
  };
  std::vector<Slot> map_slots;
  map_->collect_slots(map_slots);
  for (Slot slot : map_slots) mark(slot);
  for (Slot slot : cache_->placed_slots()) mark(slot);
  FreedIds freed(cache_->frees_through(cache_->newest()));
  IdRuns free_ids;
  const std::uint64_t fanout = map_->leaf_fanout();
  std::vector<MapEntry> entries(fanout);
  auto scan_leaf = [&](std::uint64_t leaf) {
    for (std::uint32_t i = 0; i < entries.size(); ++i) {
      const std::uint64_t id = leaf * fanout + i;
      mark(entry_slot(entries[i]));
      if (entries[i] != MapEntry{} || id <= raw(kCatalogRoot) || id >= opened_id_high_water_)
        continue;
      const bool in_memory = cache_->table().has_version(PageId{static_cast<std::uint32_t>(id)});
      if (!in_memory && !freed.contains(id)) add_run(free_ids, id, 1);
    }
  };
  for (std::uint32_t leaf = 0; leaf < map_->leaf_count(); ++leaf) {
    // Slots behind an unreadable leaf can't be told from free ones: then nothing that lay there
    // before is reused. A later scan would find again what was freed, and given out, since.
    if (auto read = map_->read_leaf(leaf, entries); !read) {
      scan_given_up_ = true;
      // The report is the opening's: later it is read by others.
      if (!now) report_.notes.push_back("free space is not reused: " + read.error().to_string());
      return {};
    }
    scan_leaf(leaf);
  }
  // Ids past the map were given out since its checkpoint, and are in use only where redo has their
  // pages in memory.
  std::fill(entries.begin(), entries.end(), MapEntry{});
  for (std::uint64_t leaf = map_->leaf_count(); leaf * fanout < opened_id_high_water_; ++leaf) {
    if (cache_->table().has_leaf(static_cast<std::uint32_t>(leaf))) {
      scan_leaf(leaf);
    } else {
      add_run(free_ids, leaf * fanout, std::min(fanout, opened_id_high_water_ - leaf * fanout));
    }
  }
  scan_kept();
  ids_.give_back(std::move(free_ids));
  slots_->release_unused(used);
  return {};
}

// The file has been closed, and nothing has been written to it since.
bool DatabaseImpl::believe_free_hint() {
  const auto believed = at_boundary([&]() -> Result<bool> {
    Meta meta;
    {
      MutexLock lock(meta_mutex_);
      meta = meta_->meta();
    }
    if (meta.log_beside || !meta.kept_maps().empty() || map_->leaf_count() < kHintLeaves)
      return false;
    std::vector<bool> used(std::size_t{meta.slot_high_water} + 1, true);
    std::uint64_t used_count = meta.slot_high_water;
    IdRuns free_ids;
    std::uint64_t ids = meta.id_high_water - 1;
    const auto take = [&](FreeKind kind, FreeRun run) {
      if (kind == FreeKind::kSlot) {
        std::fill_n(used.begin() + run.first, run.count, false);
        used_count -= run.count;
      } else {
        free_ids.push_back({PageId{run.first}, run.count});
        ids -= run.count;
      }
    };
    if (!read_free_hint(*file_, meta, take)) return false;
    std::vector<Slot> map_slots;
    map_->collect_slots(map_slots);
    for (Slot slot : map_slots) {
      if (raw(slot) >= used.size() || !used[raw(slot)]) return false;
    }
    if (used_count != meta.pages + map_slots.size() || ids != meta.pages) return false;
    ids_.give_back(std::move(free_ids));
    slots_->release_unused(used);
    return true;
  });
  return believed && *believed;
}

// At the very end of a close; what fails costs the next opening a walk over the map, nothing else.
void DatabaseImpl::leave_free_hint() {
  (void)at_boundary([&]() -> Result<void> {
    Meta meta;
    {
      MutexLock lock(meta_mutex_);
      meta = meta_->meta();
    }
    // Something beyond is used, or set aside.
    if (slots_->allocated() > meta.slot_high_water) return {};
    if (!has_free_hint_to_give(meta)) return {};
    // Not synced: of one that a loss of power tore nothing is believed.
    if (auto written = write_free_hint(meta); !written)
      return file_->truncate(slots_->offset_of(Slot{meta.slot_high_water + 1}));
    return {};
  });
}

// Only what adds up is told: a slot that nobody owns, be it that a write to it failed, would have
// no owner ever after.
bool DatabaseImpl::has_free_hint_to_give(const Meta& meta) {
  if (!meta.kept_maps().empty() || map_->leaf_count() < kHintLeaves) return false;
  std::vector<Slot> map_slots;
  map_->collect_slots(map_slots);
  return slots_->used_slots() == meta.pages + map_slots.size() &&
         meta.id_high_water - 1 == meta.pages + ids_.free_ids();
}

Result<void> DatabaseImpl::write_free_hint(const Meta& meta) {
  const std::uint64_t map_bytes = std::uint64_t{map_->leaf_count()} * meta.page_size;
  FreeHintWriter hint(*file_, meta, std::max<std::uint64_t>(map_bytes / kHintShare, 4096));
  for (SlotSpace::SlotRun run = slots_->free_run_from(1); run.count != 0;
       run = slots_->free_run_from(raw(run.first) + run.count)) {
    TRY(hint.add(FreeKind::kSlot, {raw(run.first), run.count}));
  }
  for (IdRun run = ids_.free_run_from(1); run.count != 0;
       run = ids_.free_run_from(raw(run.first) + run.count)) {
    TRY(hint.add(FreeKind::kPageId, {raw(run.first), run.count}));
  }
  return hint.finish();
}

}  // namespace holdfast
