// After an erase: emptied nodes are unlinked, underfull ones merge with a sibling or borrow from
// it, and a root with a single child takes over that child's content.
#pragma once

#include <cstdint>

#include "engine/tree/descent.h"

namespace holdfast {

// A node with fewer bytes in use asks its siblings; two that together stay within the merge limit
// become one. The distance between the limits keeps a merged node from splitting again at once.
constexpr std::uint32_t underfull_limit(std::uint32_t page_size) {
  return page_size / 10 * 4;
}
constexpr std::uint32_t merge_limit(std::uint32_t page_size) {
  return page_size / 20 * 17;
}

// The path's last node has lost an entry.
Result<void> mend(PageSink& sink, TreeRef tree, const Path& path);
// Any node of the path has lost entries; each still has its child on the path.
Result<void> mend_all(PageSink& sink, TreeRef tree, const Path& path);

}  // namespace holdfast
