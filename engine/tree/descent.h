// The way from the root to a node: which page at each level, and which of its entries.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "engine/base/limits.h"
#include "engine/tree/node_batch.h"
#include "engine/tree/node_view.h"
#include "engine/tree/page_source.h"
#include "engine/tree/tree.h"

namespace holdfast {

struct Path {
  struct Step {
    PageId page;
    std::uint32_t index;
  };
  std::array<Step, kMaxTreeLevels> steps;
  std::uint32_t depth = 0;  // Steps in use; the last is the leaf's.

  [[nodiscard]] Step& back() { return steps[depth - 1]; }
  [[nodiscard]] const Step& back() const { return steps[depth - 1]; }
};

inline constexpr int kAnyLevel = -1;

// What a search will touch of a page that is not in the processor's caches: the lines of its
// arrays, and the prefix. Asked for at once, they come together instead of one after the other.
void prefetch_node(const std::byte* page, std::uint32_t page_size);

// The page as a node of this tree; kDamaged when it is none, or is not of this level.
Result<NodeView> visit(PageSource& source, TreeRef tree, PageId id, int level = kAnyLevel);

// Visits the child and appends it to the path, its index 0. `node` is the path's last node and its
// entry `index` is entered.
Result<NodeView> visit_child(PageSource& source, TreeRef tree, const NodeView& node,
                             std::uint32_t index, Path& path);

// To the leaf where `key` belongs. The path's last index is left at 0.
Result<NodeView> descend(PageSource& source, TreeRef tree, std::string_view key, Path& path);

// What the path's nodes above `depth` say about the keys below the node there.
Result<KeyBounds> bounds_at(PageSource& source, TreeRef tree, const Path& path,
                            std::uint32_t depth);

}  // namespace holdfast
