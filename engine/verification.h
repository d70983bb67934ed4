// What the stages of verify() share: the parts of the database, its snapshot, and what was found.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/cache/page_cache.h"
#include "engine/file/page_map.h"
#include "engine/progress_teller.h"
#include "engine/tree/id_set.h"
#include "engine/txn/catalog.h"
#include "engine/txn/dying.h"
#include "engine/txn/id_space.h"
#include "engine/txn/snapshot_view.h"
#include "holdfast/verify.h"

namespace holdfast {

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
        view_(*parts.cache, std::move(slot), at_least, true),
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

}  // namespace holdfast
