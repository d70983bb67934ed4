// How much lies in a range of keys, without walking it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/tree/page_source.h"
#include "engine/tree/tree.h"

namespace holdfast {

struct TreeEstimate {
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;  // Of keys and values.
  bool exact = true;
};

// Of the keys at or after `from` and before `to`; nothing: from the first, to the last. The leaves
// at both ends are counted. What lies between is known by its subtrees: of each row of siblings up
// to eight are followed down, and the others are taken for their like. So it reads some pages per
// level, whatever the range, and is exact where nothing lies between.
Result<TreeEstimate> tree_estimate(PageSource& source, TreeRef tree,
                                   std::optional<std::string_view> from,
                                   std::optional<std::string_view> to);

}  // namespace holdfast
