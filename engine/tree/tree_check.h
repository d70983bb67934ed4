// Walks a whole tree and tests everything it claims.
//
// Order of keys within nodes and against the parents' separators, levels, kinds, tree ids, heads
// against records, overlapping records, garbage accounts, overflow runs. What a check finds goes to
// the sink; a bad subtree is reported and left out, and the walk goes on.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/tree/tree.h"

namespace holdfast {

struct TreeFinding {
  std::string_view code;  // Stable and static: "key_order", "page_shared", "node_layout" …
  std::string detail;     // One sentence.
  PageId page;
  std::optional<std::uint64_t> offset = {};  // In the tree file, where it was read from there.
};

class TreeCheckSink {
 public:
  virtual ~TreeCheckSink() = default;

  virtual void finding(const TreeFinding& found) = 0;

  // The tree claims this page. False when something claimed it before: the check reports it as
  // "page_shared" and doesn't go into it again, which also ends hostile cycles.
  virtual bool claim(PageId page) = 0;

  // Asked once per page; false ends the walk with kCancelled.
  virtual bool go_on() { return true; }
};

struct TreeTotals {
  std::uint64_t records = 0;
  std::uint64_t nodes = 0;  // Pages of the tree proper.
  std::uint64_t overflow_pages = 0;
  std::uint64_t bytes_used = 0;  // In nodes: heads, prefixes, records; no gaps, no garbage.
  std::uint64_t leaf_bytes_used = 0;
  std::uint64_t leaves = 0;
  std::uint32_t height = 0;  // Levels; 1 for a lone leaf, 0 when the root can't be read.
};

// Errors: kCancelled, and what the source answers other than kDamaged, which becomes a finding.
// `done` is that of a subtree that is being freed (subtree.h): what is gone is left out.
Result<TreeTotals> tree_check(PageSource& source, TreeRef tree, TreeCheckSink& sink,
                              std::span<const std::uint16_t> done = {});

// The run of a long value that nothing but the list of what is being freed names.
Result<void> run_check(PageSource& source, TreeId tree, PageId first, std::uint32_t pages,
                       TreeCheckSink& sink);

}  // namespace holdfast
