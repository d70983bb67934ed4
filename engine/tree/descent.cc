#include "engine/tree/descent.h"

#include "engine/base/result.h"

namespace holdfast {

void prefetch_node(const std::byte* page, std::uint32_t page_size) {
  constexpr std::uint32_t kLine = 64;
  constexpr std::uint32_t kLines = 8;
  for (std::uint32_t i = 0; i < kLines; ++i) __builtin_prefetch(page + i * kLine);
  __builtin_prefetch(page + page_size - kLine);
}

Result<NodeView> visit(PageSource& source, TreeRef tree, PageId id, int level) {
  const std::byte* page = TRY(page_of(source, tree.id, id));
  prefetch_node(page, source.page_size());
  NodeView node;
  if (const char* wrong = NodeView::open(page, source.page_size(), tree.id, node)) {
    return damaged(tree.id, id, wrong);
  }
  if (level != kAnyLevel && node.level() != level) {
    return damaged(tree.id, id, "node's level is not one below its parent's");
  }
  return node;
}

Result<NodeView> visit_child(PageSource& source, TreeRef tree, const NodeView& node,
                             std::uint32_t index, Path& path) {
  PageId child;
  // Levels fall by one per step, so only damage makes a path outgrow its array.
  if (path.depth == kMaxTreeLevels || !node.child(index, child))
    return damaged(tree.id, node.id(), "inner node's record is damaged");
  path.back().index = index;
  path.steps[path.depth++] = {child, 0};
  return visit(source, tree, child, node.level() - 1);
}

Result<NodeView> descend(PageSource& source, TreeRef tree, std::string_view key, Path& path) {
  path.depth = 1;
  path.steps[0] = {tree.root, 0};
  NodeView node = TRY(visit(source, tree, tree.root));
  while (!node.leaf()) {
    std::uint32_t index = 0;
    if (!node.child_for(key, index)) {
      return damaged(tree.id, node.id(), "inner node's record is damaged");
    }
    node = TRY(visit_child(source, tree, node, index, path));
  }
  return node;
}

Result<KeyBounds> bounds_at(PageSource& source, TreeRef tree, const Path& path,
                            std::uint32_t depth) {
  KeyBounds bounds;
  while (depth-- > 0 && !(bounds.low && bounds.high)) {
    const auto& [page, index] = path.steps[depth];
    const NodeView node = TRY(visit(source, tree, page));
    bool sound = index < node.count();
    if (!bounds.low && index > 0 && sound) sound = node.key(index, bounds.low.emplace());
    if (!bounds.high && index + 1 < node.count() && sound) {
      sound = node.key(index + 1, bounds.high.emplace());
    }
    if (!sound) return damaged(tree.id, page, "inner node's record is damaged");
  }
  return bounds;
}

}  // namespace holdfast
