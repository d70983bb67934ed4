// Dropping a tree: every page of it is released, damaged subtrees are left out.
#include <vector>

#include "engine/base/result.h"
#include "engine/tree/descent.h"
#include "engine/tree/id_set.h"
#include "engine/tree/overflow.h"
#include "engine/tree/tree.h"

namespace holdfast {
namespace {

class Dropper {
 public:
  Dropper(PageSink& sink, TreeRef tree) : sink_(sink), tree_(tree) {}

  Result<DropOutcome> run() {
    TRY(enter(tree_.root, kAnyLevel));
    while (!open_.empty()) {
      auto& [page, level, index] = open_.back();
      PageId child = kNoPage;
      const NodeView node = TRY(visit(sink_, tree_, page, level));
      if (index == node.count()) {
        TRY(release(page, 1));
        open_.pop_back();
      } else if (!node.child(index++, child)) {
        ++outcome_.subtrees_skipped;
      } else {
        TRY(enter(child, level - 1));
      }
    }
    return outcome_;
  }

 private:
  struct Open {
    PageId page;
    int level;
    std::uint32_t index;  // Children before it are done.
  };

  // A leaf is finished here, an inner node is opened. A damaged page, or one met before, is
  // skipped.
  Result<void> enter(PageId id, int level) {
    if (!seen_.insert(id)) {
      ++outcome_.subtrees_skipped;
      return {};
    }
    const Result<NodeView> node = visit(sink_, tree_, id, level);
    if (!node) {
      if (node.error().code() != ErrorCode::kDamaged) return std::unexpected(node.error());
      ++outcome_.subtrees_skipped;
      return {};
    }
    if (!node->leaf()) {
      open_.push_back({id, node->level(), 0});
      return {};
    }
    std::vector<OverflowStub> runs;
    for (std::uint32_t i = 0; i < node->count(); ++i) {
      Record record;
      OverflowStub stub;
      const bool sound = node->record(i, record);
      if (sound && !record.overflow) continue;
      if (sound && OverflowStub::decode(record.payload, sink_.page_size(), stub)) {
        runs.push_back(stub);
      } else {
        ++outcome_.subtrees_skipped;
      }
    }
    for (const OverflowStub& run : runs) TRY(release(run.first, run.pages));
    return release(id, 1);
  }

  Result<void> release(PageId first, std::uint32_t count) {
    outcome_.pages_released += count;
    return sink_.release(first, count);
  }

  PageSink& sink_;
  TreeRef tree_;
  DropOutcome outcome_;
  IdSet seen_;
  std::vector<Open> open_;  // One per level at most: levels fall.
};

}  // namespace

Result<DropOutcome> tree_drop(PageSink& sink, TreeRef tree) {
  const PageGuard guard(sink);
  return Dropper(sink, tree).run();
}

}  // namespace holdfast
