// Storing an entry in a node, however little room there is: in its gap, by compaction, by giving
// some to a sibling, by a split that may go on up to the root.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/tree/descent.h"

namespace holdfast {

struct NewEntry {
  std::uint32_t index = 0;
  bool replaces = false;  // The entry at index, whose key is the same.
  std::string_view key;   // Whole.
  std::string_view payload;
  bool overflow = false;
};

// Into the node at path.steps[depth].
Result<void> store_entry(PageSink& sink, TreeRef tree, const Path& path, std::uint32_t depth,
                         NewEntry entry);

// Gives entry `index` of an inner node another key, if it then still fits; else changes nothing and
// answers false.
Result<bool> replace_separator(PageSink& sink, TreeRef tree, PageId page, std::uint32_t index,
                               std::string_view key);

// Lays out a batch over two neighbours; the parent's separator between them is the caller's
// concern.
Result<void> write_pair(TreeRef tree, const NodeBatch& batch, std::uint32_t at, Editor& left,
                        Editor& right, const KeyBounds& bounds);

}  // namespace holdfast
