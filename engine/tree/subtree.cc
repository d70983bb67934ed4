#include "engine/tree/subtree.h"

#include <optional>
#include <utility>

#include "engine/base/limits.h"
#include "engine/base/result.h"
#include "engine/tree/descent.h"
#include "engine/tree/id_set.h"
#include "engine/tree/overflow.h"

namespace holdfast {
namespace {

// A leaf may name hundreds of runs: those of more pages become parts of their own.
constexpr std::uint32_t kPagesAtOnce = 16;
// Runs of ids that one call notes, but for those of a single leaf: a transaction has room for more
// (docs/LIMITS.md).
constexpr std::size_t kRunsMost = 1000;

// The inner pages on the way down to what comes next, and which child of each that is.
class Way {
 public:
  struct Step {
    PageId page;
    int level;
    std::uint32_t index;
  };
  Way(PageSource& source, const Subtree& subtree)
      : source_(source), ref_{subtree.tree, subtree.root} {}

  // As far down as `done` says. The root may be a leaf: then the way is empty.
  Result<void> begin(const std::vector<std::uint16_t>& done) {
    const NodeView root = TRY(visit(source_, ref_, ref_.root));
    if (root.leaf()) return {};
    push(ref_.root, root.level(), done);
    while (steps_.size() < done.size()) {
      const auto below = TRY(child());
      const Result<NodeView> node = visit(source_, ref_, below.page, below.level);
      // What became damaged meanwhile is met again as the next child.
      if (!node && node.error().code() == ErrorCode::kDamaged) return {};
      if (!node) return std::unexpected(node.error());
      if (node->leaf()) return damaged(ref_.id, below.page, "a leaf is where an inner page was");
      push(below.page, below.level, done);
    }
    return {};
  }
  [[nodiscard]] bool empty() const { return steps_.empty(); }
  [[nodiscard]] Step& last() { return steps_.back(); }
  // Whether the last page has no child left.
  Result<bool> exhausted() {
    const NodeView node = TRY(visit(source_, ref_, last().page, last().level));
    return last().index >= node.count();
  }
  // The next child; needs one.
  Result<Step> child() {
    const auto [page, level, index] = last();
    const NodeView node = TRY(visit(source_, ref_, page, level));
    PageId below = kNoPage;
    if (index >= node.count() || !node.child(index, below))
      return damaged(ref_.id, page, "inner node's record is damaged");
    return Step{below, level - 1, 0};
  }
  void down(const Step& step) { steps_.push_back(step); }
  void up() {
    steps_.pop_back();
    if (!steps_.empty()) ++last().index;
  }
  [[nodiscard]] std::vector<std::uint16_t> done() const {
    std::vector<std::uint16_t> done;
    for (const Step& step : steps_) done.push_back(static_cast<std::uint16_t>(step.index));
    return done;
  }

 private:
  void push(PageId page, int level, const std::vector<std::uint16_t>& done) {
    const std::size_t at = steps_.size();
    steps_.push_back({page, level, at < done.size() ? done[at] : 0u});
  }

  PageSource& source_;
  TreeRef ref_;
  std::vector<Step> steps_;  // One per level at most: levels fall.
};

class Freeing {
 public:
  Freeing(PageSink& sink, Subtree& subtree)
      : sink_(sink), subtree_(subtree), ref_{subtree.tree, subtree.root}, way_(sink, subtree) {}

  Result<SubtreeFreed> run(std::uint32_t pages_wanted) {
    TRY(way_.begin(subtree_.done));
    if (way_.empty()) {
      const Leaf leaf = TRY(leaf_at(ref_.root, kAnyLevel));
      TRY(free_leaf(leaf));
      freed_.finished = true;
      return freed_;
    }
    while (freed_.pages + skipped_ < pages_wanted && TRY(step())) {
    }
    subtree_.done = way_.done();
    return freed_;
  }

 private:
  struct Leaf {
    PageId page;
    std::uint32_t records;
    std::vector<OverflowStub> runs;
  };

  // One leaf, or one inner page that is done with. False when that is all for now.
  Result<bool> step() {
    if (TRY(way_.exhausted())) {
      TRY(release(way_.last().page, 1));
      way_.up();
      freed_.finished = way_.empty();
      return !freed_.finished;
    }
    const Way::Step below = TRY(way_.child());
    const Result<NodeView> node = visit(sink_, ref_, below.page, below.level);
    if (!node) {
      if (node.error().code() != ErrorCode::kDamaged) return std::unexpected(node.error());
      TRY(sink_.cut({.tree = ref_.id, .first = below.page, .run_pages = 0, .damaged = true}));
      ++skipped_;
    } else if (!node->leaf()) {
      way_.down(below);
      return true;
    } else {
      const Leaf leaf = TRY(leaf_at(below.page, below.level));
      if (runs_ != 0 && runs_ + leaf.runs.size() > kRunsMost) return false;
      TRY(free_leaf(leaf));
    }
    ++way_.last().index;
    return true;
  }

  Result<Leaf> leaf_at(PageId page, int level) {
    const NodeView node = TRY(visit(sink_, ref_, page, level));
    Leaf leaf{page, node.count(), {}};
    for (std::uint32_t i = 0; i < node.count(); ++i) {
      Record record;
      OverflowStub stub;
      if (!node.record(i, record)) return damaged(ref_.id, page, "leaf's record is damaged");
      if (!record.overflow) continue;
      if (!OverflowStub::decode(record.payload, sink_.page_size(), stub))
        return damaged(ref_.id, page, "leaf's reference to overflow pages is damaged");
      leaf.runs.push_back(stub);
    }
    return leaf;
  }

  Result<void> free_leaf(const Leaf& leaf) {
    for (const OverflowStub& run : leaf.runs) {
      TRY(release_run(sink_, ref_.id, run, kPagesAtOnce));
      if (run.pages <= kPagesAtOnce) freed_.pages += run.pages;
      ++runs_;
    }
    freed_.records += leaf.records;
    return release(leaf.page, 1);
  }

  Result<void> release(PageId first, std::uint32_t count) {
    freed_.pages += count;
    ++runs_;
    return sink_.release(first, count);
  }

  PageSink& sink_;
  Subtree& subtree_;
  TreeRef ref_;
  Way way_;
  SubtreeFreed freed_;
  std::size_t runs_ = 0;
  std::uint64_t skipped_ = 0;
};

}  // namespace

Result<std::uint64_t> subtree_records(PageSource& source, const Subtree& subtree) {
  const PageGuard guard(source);
  const TreeRef ref{subtree.tree, subtree.root};
  Way way(source, subtree);
  TRY(way.begin(subtree.done));
  if (way.empty()) return TRY(visit(source, ref, ref.root)).count();
  std::uint64_t records = 0;
  IdSet met;  // Inner pages: a hostile tree could name one in each of its entries.
  while (!way.empty()) {
    if (TRY(way.exhausted())) {
      way.up();
      continue;
    }
    const Way::Step below = TRY(way.child());
    const NodeView node = TRY(visit(source, ref, below.page, below.level));
    if (!node.leaf()) {
      if (!met.insert(below.page))
        return damaged(ref.id, below.page, "page is named more than once");
      way.down(below);
      continue;
    }
    records += node.count();
    ++way.last().index;
  }
  return records;
}

Result<SubtreeFreed> subtree_free_some(PageSink& sink, Subtree& subtree,
                                       std::uint32_t pages_wanted) {
  const PageGuard guard(sink);
  return Freeing(sink, subtree).run(pages_wanted);
}

}  // namespace holdfast
