// verify(): every check there is, as findings.
//
//   trees from the catalog down and what is dying of them, as of a snapshot -> pages that no tree
//   reaches -> each page and map page on disk against what vouches for it -> slots used twice ->
//   record counts -> the log
//
// Readers and the writer go on meanwhile. A page that changes under the check is looked at again
// and only reported if what vouches for it stayed the same.
#include <algorithm>
#include <map>
#include <set>

#include "engine/base/result.h"
#include "engine/database_impl.h"
#include "engine/file/map_walk.h"
#include "engine/progress_teller.h"
#include "engine/tree/id_set.h"
#include "engine/tree/tree_check.h"
#include "engine/txn/dying.h"
#include "recovery/log_check.h"

namespace holdfast {
namespace {

class Findings {
 public:
  Findings(VerifyReport& report, std::uint64_t limit, std::string file)
      : report_(report), limit_(limit), file_(std::move(file)) {}
  void add(Finding finding) {
    ++report_.findings_total;
    if (finding.file.empty()) finding.file = file_;
    if (report_.findings.size() < limit_) report_.findings.push_back(std::move(finding));
  }
  void add(std::string code, const Error& error) {
    const ErrorPlace& place = error.place();
    add({std::move(code), error.message(), place.file, place.offset, place.page, place.tree,
         place.txn});
  }

 private:
  VerifyReport& report_;
  const std::uint64_t limit_;
  const std::string file_;
};

bool has_bit(const std::vector<std::uint64_t>& bits, Slot slot) {
  return raw(slot) / 64 < bits.size() && ((bits[raw(slot) / 64] >> (raw(slot) % 64)) & 1) != 0;
}

void add_bits(std::vector<std::uint64_t>& to, const std::vector<std::uint64_t>& more) {
  if (to.size() < more.size()) to.resize(more.size(), 0);
  for (std::size_t word = 0; word < more.size(); ++word) to[word] |= more[word];
}

class TreeFindings final : public TreeCheckSink {
 public:
  TreeFindings(Findings& findings, IdSet& claimed, ProgressTeller& teller)
      : findings_(findings), claimed_(claimed), teller_(teller) {}
  void finding(const TreeFinding& found) override {
    findings_.add(
        {std::string(found.code), found.detail, {}, found.offset, raw(found.page), raw(tree), {}});
  }
  bool claim(PageId page) override { return claimed_.insert(page); }
  bool go_on() override { return teller_.step(); }
  TreeId tree{};

 private:
  Findings& findings_;
  IdSet& claimed_;
  ProgressTeller& teller_;
};

}  // namespace

// One verification; holds what its stages share.
class Verification {
 public:
  struct Parts {
    StorageFile* file;
    Storage* storage;
    const PageMap* map;
    SlotSpace* slots;
    PageCache* cache;
    IdSpace* ids;
  };
  Verification(const Parts& parts, SlotClaim slot, TxnNumber at_least, const VerifyOptions& options,
               VerifyReport& report)
      : parts_(parts),
        view_(*parts.cache, std::move(slot), at_least),
        report_(report),
        findings_(report, options.findings_max, parts.file->path()),
        teller_(options.progress) {
    teller_.begin("trees", id_end());
  }

  Result<void> check_trees();
  Result<void> check_reach();
  Result<void> check_pages_on_disk();
  void check_map_pages();
  // A kept checkpoint, which stays meanwhile.
  Result<void> check_kept(const Meta& meta);
  // With no checkpoint going on.
  Result<void> check_slots();
  Findings& findings() { return findings_; }

 private:
  Result<void> check_tree(TreeRef tree, const TreeInfo* info);
  Result<void> check_dying();
  Result<void> check_part(const DyingPart& dying);
  Result<bool> is_live(PageId id);
  // A damaged or hostile file may claim any number of ids.
  [[nodiscard]] std::uint32_t id_end() const {
    return static_cast<std::uint32_t>(
        std::min<std::uint64_t>(parts_.ids->high_water(), parts_.cache->table().page_end()));
  }
  // The first id from `id` on whose leaf of the map exists: between those that do there may lie any
  // number of others.
  [[nodiscard]] std::uint32_t first_id(std::uint32_t id) const {
    const std::uint32_t fanout = parts_.cache->table().fanout();
    const std::uint32_t end = id_end();
    if (id > 1 && id % fanout != 0) return id;  // Of the leaf that the one before was of.
    while (id < end && !parts_.cache->table().has_leaf(id / fanout))
      id = static_cast<std::uint32_t>(
          std::min<std::uint64_t>(end, (std::uint64_t{id} / fanout + 1) * fanout));
    return id;
  }

  const Parts parts_;
  SnapshotView view_;
  VerifyReport& report_;
  Findings findings_;
  ProgressTeller teller_;
  IdSet claimed_;
  std::map<TreeId, std::uint64_t> dying_records_;
  std::set<TreeId> dying_unknown_;
  std::vector<std::uint64_t> kept_bits_;  // Slots of kept checkpoints that were checked.
  bool skipped_ = false;  // Some subtree couldn't be walked: what lies below counts as reached.
};

Result<void> Verification::check_tree(TreeRef tree, const TreeInfo* info) {
  TreeFindings sink(findings_, claimed_, teller_);
  sink.tree = tree.id;
  const std::uint64_t before = report_.findings_total;
  const TreeTotals totals = TRY(tree_check(view_, tree, sink));
  const bool sound = report_.findings_total == before;
  skipped_ = skipped_ || !sound;
  if (info == nullptr) return {};
  const std::uint64_t dying = dying_records_[tree.id];
  if (sound && !dying_unknown_.contains(tree.id) && totals.records + dying != info->records) {
    findings_.add({"record_count",
                   "the catalog counts " + std::to_string(info->records) +
                       " records, the tree holds " + std::to_string(totals.records) + " and " +
                       std::to_string(dying) + " that are being freed",
                   {},
                   {},
                   {},
                   raw(tree.id),
                   {}});
  }
  report_.records += totals.records;
  report_.trees.push_back({info->name, raw(tree.id), totals.records, totals.nodes,
                           totals.overflow_pages, totals.height, totals.bytes_used});
  return {};
}

Result<void> Verification::check_dying() {
  DyingCursor cursor(view_);
  for (;;) {
    const auto next = cursor.next();
    if (!next) {
      if (next.error().code() != ErrorCode::kDamaged) return std::unexpected(next.error());
      if (!skipped_) findings_.add("catalog", next.error());
      skipped_ = true;
      return {};
    }
    if (!*next) return {};
    TRY(check_part(**next));
  }
}

Result<void> Verification::check_part(const DyingPart& dying) {
  const CutPart& part = dying.part;
  TreeFindings sink(findings_, claimed_, teller_);
  sink.tree = part.tree;
  const std::uint64_t before = report_.findings_total;
  if (part.run_pages != 0) {
    TRY(run_check(view_, part.tree, part.first, part.run_pages, sink));
    report_.dying_pages += part.run_pages;
  } else {
    const TreeTotals totals = TRY(tree_check(view_, {part.tree, part.first}, sink, dying.done));
    report_.dying_pages += totals.nodes + totals.overflow_pages;
    dying_records_[part.tree] += totals.records;
  }
  if (report_.findings_total == before) return {};
  dying_unknown_.insert(part.tree);
  skipped_ = true;
  return {};
}

Result<void> Verification::check_trees() {
  TRY(check_tree(kCatalog, nullptr));
  TRY(check_dying());
  if (auto sound = catalog_check(view_); !sound) {
    if (sound.error().code() != ErrorCode::kDamaged) return sound;
    if (!skipped_) findings_.add("catalog", sound.error());
  }
  auto trees = catalog_list(view_);
  if (!trees) {
    if (trees.error().code() != ErrorCode::kDamaged) return std::unexpected(trees.error());
    skipped_ = true;  // The walk above has reported it.
    return {};
  }
  for (const TreeInfo& info : *trees) {
    auto entry = catalog_find(view_, TreeId{info.tree.id()});
    if (!entry) {
      findings_.add("catalog", entry.error());
      skipped_ = true;
      continue;
    }
    TRY(check_tree(entry->tree, &info));
  }
  return {};
}

// Whether the snapshot has this page.
Result<bool> Verification::is_live(PageId id) {
  const TablePage* row = TRY(parts_.cache->table().row(id));
  if (Word{row->word.load()}.version() == kNoVersion && entry_slot(row->entry.load()) == kNoSlot)
    return false;
  if (parts_.cache->freed_by(id, view_.snapshot())) return false;
  PageGuard guard(view_);
  return view_.page(id).has_value();
}

Result<void> Verification::check_reach() {
  if (skipped_) return {};
  const std::uint32_t high_water = id_end();
  teller_.begin("reach", high_water);
  for (std::uint32_t id = first_id(1); id < high_water; id = first_id(id + 1)) {
    if (!teller_.step()) return ProgressTeller::cancelled("verify()");
    if (claimed_.contains(PageId{id})) continue;
    auto live = is_live(PageId{id});
    if (live && *live)
      findings_.add(
          {"page_lost", "no tree reaches this page and it isn't free", {}, {}, id, {}, {}});
  }
  return {};
}

Result<void> Verification::check_pages_on_disk() {
  const std::uint32_t high_water = id_end();
  std::vector<std::byte> page(parts_.cache->page_size());
  teller_.begin("pages", high_water);
  for (std::uint32_t id = first_id(1); id < high_water; id = first_id(id + 1)) {
    if (!teller_.step()) return ProgressTeller::cancelled("verify()");
    auto row = parts_.cache->table().row(PageId{id});
    if (!row) {
      // The map leaf itself is bad, and check_map_pages() says so.
      id += parts_.cache->table().fanout() - id % parts_.cache->table().fanout() - 1;
      continue;
    }
    for (;;) {
      const MapEntry entry = (*row)->entry.load();
      if (entry_slot(entry) == kNoSlot) break;
      const std::uint64_t offset = parts_.slots->offset_of(entry_slot(entry));
      auto bytes = parts_.file->read_past_cache(offset, page);
      Result<void> sound = bytes ? Result<void>() : std::unexpected(bytes.error());
      if (bytes && *bytes != page.size())
        sound = fail(ErrorCode::kDamaged, "the file ends before this page");
      if (sound)
        sound = verify_page(page, {parts_.cache->tag(), PageId{id}, entry_check(entry), 32});
      if (!sound && (*row)->entry.load() != entry) continue;
      if (!sound) findings_.add({"page_check", sound.error().message(), {}, offset, id, {}, {}});
      ++report_.pages_checked;
      break;
    }
  }
  return {};
}

void Verification::check_map_pages() {
  std::vector<std::byte> page(parts_.cache->page_size());
  for (const MapRef& ref : parts_.map->all_refs()) {
    for (Slot slot : ref.slots) {
      if (slot == kNoSlot) continue;
      const std::uint64_t offset = parts_.slots->offset_of(slot);
      auto bytes = parts_.file->read_past_cache(offset, page);
      const bool whole = bytes && *bytes == page.size();
      Result<void> sound = bytes ? Result<void>() : std::unexpected(bytes.error());
      if (bytes && !whole)
        sound = fail(ErrorCode::kDamaged, "the file ends before this page of the page map");
      if (sound)
        sound = verify_page(page, {parts_.cache->tag(), page_id(page.data()), ref.check, 64});
      if (!sound)
        findings_.add({"map_page_check", sound.error().message(), {}, offset, {}, {}, {}});
      ++report_.map_pages_checked;
    }
  }
}

Result<void> Verification::check_kept(const Meta& meta) {
  PageMap map(*parts_.file, *parts_.slots, meta.page_size, meta.tag());
  if (auto opened = map.open(meta); !opened) {
    findings_.add("kept_map_check", opened.error());
    return {};
  }
  // The newest state has most of it, and was looked at.
  auto passed = parts_.map->needed_slots().value_or(std::vector<std::uint64_t>());
  add_bits(passed, kept_bits_);
  teller_.begin("kept", meta.pages);
  TRY(walk_map(*parts_.file, map,
               {.skip = [&](Slot slot) { return has_bit(passed, slot); },
                .visit = [&](const StoredPage& page) -> Result<void> {
                  if (!teller_.step()) return ProgressTeller::cancelled("verify()");
                  ++report_.kept_pages_checked;
                  if (page.damage)
                    findings_.add(page.of_map ? "kept_map_check" : "kept_page_check", *page.damage);
                  return {};
                }}));
  // Else what its slots are isn't known, and its damage has been told.
  if (auto needed = map.needed_slots()) add_bits(kept_bits_, *needed);
  return {};
}

Result<void> Verification::check_slots() {
  std::vector<bool> taken(std::size_t{parts_.slots->high_water()} + 1);
  auto take = [&](Slot slot, std::optional<std::uint32_t> page) {
    if (slot == kNoSlot) return;
    const std::uint64_t offset = parts_.slots->offset_of(slot);
    if (raw(slot) >= taken.size()) {
      findings_.add({"slot_beyond",
                     "a place beyond the highest slot in use is named",
                     {},
                     offset,
                     page,
                     {},
                     {}});
      return;
    }
    if (taken[raw(slot)])
      findings_.add({"slot_shared", "two pages claim the same place", {}, offset, page, {}, {}});
    if (!parts_.slots->is_used(slot))
      findings_.add(
          {"slot_free", "a page lies in a place that counts as free", {}, offset, page, {}, {}});
    taken[raw(slot)] = true;
  };
  for (const MapRef& ref : parts_.map->all_refs()) {
    for (Slot slot : ref.slots) take(slot, std::nullopt);
  }
  for (std::uint32_t id = first_id(1); id < id_end(); id = first_id(id + 1)) {
    auto row = parts_.cache->table().row(PageId{id});
    if (row) take(entry_slot((*row)->entry.load()), id);
  }
  for (std::uint32_t slot = 1; slot < kept_bits_.size() * 64; ++slot) {
    if (!has_bit(kept_bits_, Slot{slot}) || (slot < taken.size() && taken[slot])) continue;
    ++report_.kept_slots;
    if (parts_.slots->is_used(Slot{slot})) continue;
    findings_.add({"slot_free",
                   "a page of a kept checkpoint lies in a place that counts as free",
                   {},
                   parts_.slots->offset_of(Slot{slot}),
                   {},
                   {},
                   {}});
  }
  report_.slots_free = parts_.slots->free_slots();
  return {};
}

Result<VerifyReport> DatabaseImpl::verify(const VerifyOptions& options) {
  VerifyReport report;
  const auto begun = environment_.clock->now();
  TRY(must_be_open());
  if (auto error = poisoned()) return std::unexpected(*error);
  const Verification::Parts parts{file_.get(),  environment_.storage, map_.get(),
                                  slots_.get(), cache_.get(),         &ids_};
  SlotClaim slot(cache_->readers(), TRY(cache_->readers().claim()));
  Verification verification(parts, std::move(slot), TxnNumber{last_returned_.load()}, options,
                            report);
  TRY(verification.check_trees());
  TRY(verification.check_reach());
  TRY(verification.check_pages_on_disk());
  for (const KeptCheckpoint& kept : kept_checkpoints()) {
    const auto reading = KeptReading::begin(*this, kept.id);
    if (!reading) continue;  // Released by now.
    TRY(verification.check_kept(reading->meta()));
  }
  {
    MutexLock lock(checkpoint_mutex_);
    if (checkpoint_ != nullptr) TRY(run_checkpoint());
    verification.check_map_pages();
    TRY(verification.check_slots());
    MetaStore metas = TRY(MetaStore::open(*file_));
    if (metas.bad_copies() != 0) {
      verification.findings().add(
          {"meta_copy",
           std::to_string(metas.bad_copies()) +
               " copy of the newest meta block is bad; the next write mends it",
           {},
           {},
           {},
           {},
           {}});
    }
    if (metas.meta().log_beside) {
      const LogWriter* log = log_.load();
      const LogPosition durable = log == nullptr ? opened_place_.end : log->durable_position().end;
      const Meta& meta = metas.meta();
      const LogStart start{{meta.segment_epoch, meta.segment_salt, meta.segment_start},
                           {meta.log_lsn, meta.log_chain, meta.txn},
                           meta.epoch,
                           {meta.epoch, meta.epoch_salt, meta.epoch_start}};
      auto checked = check_log(*environment_.storage, path_, meta.uuid, start, durable);
      if (!checked) {
        verification.findings().add("log", checked.error());
      } else {
        report.log_bytes_checked = checked->bytes_checked;
        for (const LogDamage& damage : checked->damage) {
          verification.findings().add(
              {"log_damage",
               damage.reason + (damage.evidence.empty() ? "" : "; " + damage.evidence),
               damage.place.file,
               damage.place.offset,
               {},
               {},
               damage.place.txn});
        }
      }
    }
  }
  report.seconds = std::chrono::duration<double>(environment_.clock->now() - begun).count();
  return report;
}

}  // namespace holdfast
