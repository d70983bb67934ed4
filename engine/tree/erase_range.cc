// Erasing a range of keys: only the two paths to its ends are read and changed.
//
// What lies between them is cut off as it is. Several children of one node go as the children of a
// new inner page, so that each node of the two paths leaves one part.
#include <algorithm>
#include <vector>

#include "engine/base/result.h"
#include "engine/tree/descent.h"
#include "engine/tree/make_room.h"
#include "engine/tree/mend.h"
#include "engine/tree/node_edit.h"
#include "engine/tree/overflow.h"
#include "engine/tree/tree.h"

namespace holdfast {
namespace {

constexpr std::uint32_t kToTheEnd = UINT32_MAX;

class RangeEraser {
 public:
  RangeEraser(PageSink& sink, TreeRef tree) : sink_(sink), tree_(tree) {}

  // From the leaves up, and the node where the paths part last: indices above stay as they are.
  Result<std::uint64_t> run(std::string_view from, std::optional<std::string_view> to) {
    Path left;
    const std::uint32_t begin = TRY(edge(from, left));
    if (!to) {
      TRY(erase_records(left.back().page, begin, kToTheEnd));
      for (std::uint32_t at = left.depth - 1; at-- > 0;)
        TRY(cut_children(left.steps[at].page, left.steps[at].index + 1, kToTheEnd));
    } else {
      Path right;
      const std::uint32_t end = TRY(edge(*to, right));
      if (left.back().page == right.back().page) {
        TRY(erase_records(left.back().page, begin, end));
      } else {
        TRY(erase_between(left, begin, right, end));
      }
    }
    TRY(mend_all(sink_, tree_, left));
    if (to) {
      Path right;
      TRY(descend(sink_, tree_, *to, right));
      TRY(mend_all(sink_, tree_, right));
    }
    return erased_;
  }

 private:
  Result<std::uint32_t> edge(std::string_view key, Path& path) {
    const NodeView leaf = TRY(descend(sink_, tree_, key, path));
    NodePlace place;
    if (!leaf.lower_bound(key, place))
      return damaged(tree_.id, leaf.id(), "leaf's record is damaged");
    return place.index;
  }

  Result<void> erase_between(const Path& left, std::uint32_t begin, const Path& right,
                             std::uint32_t end) {
    if (left.depth != right.depth)
      return damaged(tree_.id, tree_.root, "leaves of one tree lie at different depths");
    std::uint32_t fork = 0;
    while (left.steps[fork].index == right.steps[fork].index) ++fork;
    TRY(erase_records(left.back().page, begin, kToTheEnd));
    TRY(erase_records(right.back().page, 0, end));
    for (std::uint32_t at = left.depth - 1; at-- > fork + 1;) {
      TRY(cut_children(left.steps[at].page, left.steps[at].index + 1, kToTheEnd));
      TRY(cut_children(right.steps[at].page, 0, right.steps[at].index));
    }
    return cut_children(left.steps[fork].page, left.steps[fork].index + 1, right.steps[fork].index);
  }

  // Of a leaf, [from, to).
  Result<void> erase_records(PageId page, std::uint32_t from, std::uint32_t to) {
    to = std::min(to, TRY(visit(sink_, tree_, page, 0)).count());
    if (from >= to) return {};
    Editor editor = TRY(sink_.edit(page));
    std::vector<OverflowStub> runs;
    for (std::uint32_t i = to; i-- > from;) {
      const NodeView leaf = TRY(view_of(tree_.id, editor));
      Record was;
      OverflowStub stub;
      if (!leaf.record(i, was)) return damaged(tree_.id, page, "leaf's record is damaged");
      if (was.overflow) {
        if (!OverflowStub::decode(was.payload, sink_.page_size(), stub))
          return damaged(tree_.id, page, "leaf's reference to overflow pages is damaged");
        runs.push_back(stub);
      }
      erase_entry(editor, leaf, i, was);
    }
    erased_ += to - from;
    for (const OverflowStub& run : runs) TRY(release_run(sink_, tree_.id, run));
    return {};
  }

  // Of an inner node, [from, to), which aren't all.
  Result<void> cut_children(PageId page, std::uint32_t from, std::uint32_t to) {
    const NodeView before = TRY(visit(sink_, tree_, page));
    to = std::min(to, before.count());
    if (from >= to) return {};
    PageId part = kNoPage;
    if (to - from > 1) {
      part = TRY(bundle(before, from, to));
    } else if (!before.child(from, part)) {
      return bad_record(page);
    }
    Editor editor = TRY(sink_.edit(page));
    if (from == 0) TRY(move_to_front(editor, to));
    // Entry 0 has the first child that stays: the key that led to it goes.
    const std::uint32_t shift = from == 0 ? 1 : 0;
    for (std::uint32_t i = to + shift; i-- > from + shift;) {
      const NodeView node = TRY(view_of(tree_.id, editor));
      Record was;
      if (!node.record(i, was)) return bad_record(page);
      erase_entry(editor, node, i, was);
    }
    return sink_.cut({.tree = tree_.id, .first = part});
  }

  // A new inner page with these children.
  Result<PageId> bundle(const NodeView& node, std::uint32_t from, std::uint32_t to) {
    NodeBatch batch(PageKind::kInner, node.level(), node.page_size(), node.prefix());
    if (const char* wrong = batch.take(node)) return damaged(tree_.id, node.id(), wrong);
    Editor fresh = TRY(sink_.create(tree_.id, PageKind::kInner, node.level()));
    if (!batch.write(fresh, from, to, {}, kNoHint))
      return damaged(tree_.id, fresh.id(), "node's entries are larger than the limits allow");
    return fresh.id();
  }

  Result<void> move_to_front(Editor& editor, std::uint32_t index) {
    const NodeView node = TRY(view_of(tree_.id, editor));
    Record first;
    PageId child;
    if (!node.record(0, first) || !node.child(index, child)) return bad_record(editor.id());
    set_child(editor, first, child);
    return {};
  }

  [[nodiscard]] std::unexpected<Error> bad_record(PageId page) const {
    return damaged(tree_.id, page, "inner node's record is damaged");
  }

  PageSink& sink_;
  TreeRef tree_;
  std::uint64_t erased_ = 0;
};

}  // namespace

Result<std::uint64_t> tree_erase_range(PageSink& sink, TreeRef tree, std::string_view from,
                                       std::optional<std::string_view> to) {
  if (to && from >= *to) return std::uint64_t{0};
  const PageGuard guard(sink);
  return RangeEraser(sink, tree).run(from, to);
}

}  // namespace holdfast
