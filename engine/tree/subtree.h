// A subtree that was cut off its tree: counting what it holds, and freeing it piece by piece.
//
// It is freed leaf by leaf in key order, an inner page once all below it is gone. How far that is
// stands in `done`; the pages themselves are not changed.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/base/types.h"
#include "engine/tree/page_source.h"

namespace holdfast {

struct Subtree {
  TreeId tree{};
  PageId root{};
  // Of the root, of its child that is being freed, and so on down to the last inner page: how many
  // of its children are gone. Empty: none of anything.
  std::vector<std::uint16_t> done;
};

struct SubtreeFreed {
  std::uint64_t records = 0;  // In leaves that were freed.
  std::uint64_t pages = 0;
  bool finished = false;  // Nothing is left.
};

// Reads every leaf. Errors: kDamaged, and what the source answers.
Result<std::uint64_t> subtree_records(PageSource& source, const Subtree& subtree);

// Releases some `pages_wanted` pages, or a leaf with all that belongs to it, and moves `done` on.
// What is damaged further down is left out and handed to PageSink::cut() as such, long runs are
// handed to it to be freed on their own. kDamaged: its root, or what an inner page says.
Result<SubtreeFreed> subtree_free_some(PageSink& sink, Subtree& subtree,
                                       std::uint32_t pages_wanted);

}  // namespace holdfast
