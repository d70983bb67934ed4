// The stages of verify() that go by trees: each from its root, what is dying, and what none
// reaches.
#include "engine/base/result.h"
#include "engine/tree/tree_check.h"
#include "engine/verification.h"

namespace holdfast {
namespace {

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
  const RowPin row = TRY(parts_.cache->pin_row(id));
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
  if (!parts_.ids->adds_up()) {
    findings_.add({"ids_lost",
                   "more or fewer page ids are listed as free than are counted so",
                   {},
                   {},
                   {},
                   {},
                   {}});
  }
  return {};
}

}  // namespace holdfast
