#include "engine/tree/estimate.h"

#include <algorithm>
#include <cmath>

#include "engine/base/result.h"
#include "engine/tree/descent.h"
#include "engine/tree/overflow.h"

namespace holdfast {
namespace {

// A count of records that may have been multiplied up.
struct Amount {
  double records = 0;
  double bytes = 0;
  Amount& operator+=(const Amount& more) {
    records += more.records;
    bytes += more.bytes;
    return *this;
  }
  friend Amount operator*(double times, const Amount& amount) {
    return {times * amount.records, times * amount.bytes};
  }
};

// Children [from, to) of a node.
struct Siblings {
  PageId parent;
  std::uint32_t from;
  std::uint32_t to;
};

class Estimator {
 public:
  Estimator(PageSource& source, TreeRef tree) : source_(source), tree_(tree) {}

  Result<TreeEstimate> run(std::optional<std::string_view> from,
                           std::optional<std::string_view> to) {
    Path left;
    Path right;
    const std::uint32_t begin = TRY(edge(from, false, left));
    const std::uint32_t end = TRY(edge(to, true, right));
    std::uint32_t fork = 0;
    const std::uint32_t depth = std::min(left.depth, right.depth);
    while (fork + 1 < depth && left.steps[fork].index == right.steps[fork].index) ++fork;
    const PageId leaf = left.back().page;
    if (leaf == right.back().page) return rounded(TRY(count(leaf, begin, end)), true);

    Amount sum = TRY(count(leaf, begin, kToTheEnd));
    sum += TRY(count(right.back().page, 0, end));
    bool exact = true;
    const auto add = [&](const Siblings& between) -> Result<void> {
      if (between.from >= between.to) return {};
      exact = false;
      sum += TRY(like_some(between));
      return {};
    };
    TRY(add({left.steps[fork].page, left.steps[fork].index + 1, right.steps[fork].index}));
    for (std::uint32_t at = fork + 1; at + 1 < left.depth; ++at)
      TRY(add({left.steps[at].page, left.steps[at].index + 1, kToTheEnd}));
    for (std::uint32_t at = fork + 1; at + 1 < right.depth; ++at)
      TRY(add({right.steps[at].page, 0, right.steps[at].index}));
    return rounded(sum, exact);
  }

 private:
  static constexpr std::uint32_t kToTheEnd = UINT32_MAX;
  static constexpr std::uint32_t kWays = 8;
  static constexpr double kGoldenRatio = 0.618;

  static TreeEstimate rounded(const Amount& amount, bool exact) {
    return {static_cast<std::uint64_t>(amount.records + 0.5),
            static_cast<std::uint64_t>(amount.bytes + 0.5), exact};
  }

  // To the leaf where the bound belongs; answers the index of the first record at or after it.
  Result<std::uint32_t> edge(std::optional<std::string_view> key, bool last, Path& path) {
    if (key) {
      const NodeView leaf = TRY(descend(source_, tree_, *key, path));
      NodePlace place;
      if (!leaf.lower_bound(*key, place))
        return damaged(tree_.id, leaf.id(), "leaf's record is damaged");
      return place.index;
    }
    path.depth = 1;
    path.steps[0] = {tree_.root, 0};
    NodeView node = TRY(visit(source_, tree_, tree_.root));
    while (!node.leaf())
      node = TRY(visit_child(source_, tree_, node, last ? node.count() - 1 : 0, path));
    return last ? node.count() : 0;
  }

  // Of the leaf's records [from, to), counted.
  Result<Amount> count(PageId leaf, std::uint32_t from, std::uint32_t to) {
    const NodeView node = TRY(visit(source_, tree_, leaf, 0));
    Amount sum;
    for (std::uint32_t i = from; i < std::min(to, node.count()); ++i) {
      Record record;
      OverflowStub stub;
      if (!node.record(i, record)) return damaged(tree_.id, leaf, "leaf's record is damaged");
      std::size_t value = record.payload.size();
      if (record.overflow && OverflowStub::decode(record.payload, source_.page_size(), stub))
        value = stub.bytes;
      sum += {1, static_cast<double>(node.prefix().size() + record.suffix.size() + value)};
    }
    return sum;
  }

  // What lies below siblings, by some ways down, spread evenly over them and, further down, over
  // the children of each node. One way stands for as many leaves as it passed children, so that
  // the mean of all is without bias (D. E. Knuth, Estimating the efficiency of backtrack programs,
  // 1975).
  Result<Amount> like_some(const Siblings& siblings) {
    const std::uint32_t held = TRY(visit(source_, tree_, siblings.parent)).count();
    const std::uint32_t end = std::min(siblings.to, held);
    if (siblings.from >= end) return Amount{};
    const std::uint32_t children = end - siblings.from;
    const std::uint32_t ways = std::min(kWays, children);
    Amount sum;
    for (std::uint32_t way = 0; way < ways; ++way) {
      const std::uint32_t first = (2 * way + 1) * children / (2 * ways);
      const double deeper = std::fmod(0.5 + (way * kGoldenRatio), 1.0);
      sum += TRY(way_down(siblings.parent, siblings.from + first, deeper));
    }
    return (static_cast<double>(children) / ways) * sum;
  }

  // The leaf below a child of `parent`, taken for all leaves below that child.
  Result<Amount> way_down(PageId parent, std::uint32_t index, double deeper) {
    NodeView node = TRY(visit(source_, tree_, parent));
    double leaves = 1;
    for (unsigned levels = 0; levels < kMaxTreeLevels; ++levels) {
      PageId child = kNoPage;
      if (!node.child(index, child))
        return damaged(tree_.id, node.id(), "inner node's record is damaged");
      node = TRY(visit(source_, tree_, child, node.level() - 1));
      if (node.leaf()) return leaves * TRY(count(child, 0, kToTheEnd));
      leaves *= node.count();
      index = static_cast<std::uint32_t>(deeper * node.count());
    }
    return damaged(tree_.id, node.id(), "tree has more levels than there may be");
  }

  PageSource& source_;
  TreeRef tree_;
};

}  // namespace

Result<TreeEstimate> tree_estimate(PageSource& source, TreeRef tree,
                                   std::optional<std::string_view> from,
                                   std::optional<std::string_view> to) {
  if (from && to && *from >= *to) return TreeEstimate{};
  const PageGuard guard(source);
  return Estimator(source, tree).run(from, to);
}

}  // namespace holdfast
