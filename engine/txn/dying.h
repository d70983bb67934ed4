// What is dying: parts of trees that were cut off, listed in the catalog until they are freed.
//
// Keys: 'd', tree id, big-endian u32, first page, big-endian u32
//    -> flags u8 (1: a run, 2: damaged), transaction that cut it u64, then of a run its pages u32,
//       of a subtree Subtree::done, u16 each
//
// The catalog's count of a tree includes the records of its dying subtrees: a cut doesn't know how
// many it takes away. Freeing a leaf takes its records off; until then count() goes and looks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/tree/cursor.h"
#include "engine/tree/subtree.h"
#include "engine/txn/catalog.h"

namespace holdfast {

struct DyingPart {
  CutPart part;
  TxnNumber cut{};  // Snapshots before it see these pages in their tree.
  std::vector<std::uint16_t> done;

  [[nodiscard]] Subtree subtree() const { return {part.tree, part.first, done}; }
};

// All parts, or those of one tree. Changes of the catalog in between are not its concern.
class DyingCursor {
 public:
  explicit DyingCursor(PageSource& source, std::optional<TreeId> tree = {});
  // The next part; nothing at the end.
  Result<std::optional<DyingPart>> next();

 private:
  TreeCursor cursor_;
  std::string prefix_;
  bool begun_ = false;
};

// Dying from transaction `cut` on.
Result<void> dying_add(PageSink& sink, const CutPart& part, TxnNumber cut);

// The records of a tree: what the catalog says and `pending` more, less what is dying, which is
// read. kDamaged: some of that can't be read, so nobody knows. kNotFound: no such tree.
Result<std::uint64_t> live_records(PageSource& source, TreeId tree, std::int64_t pending = 0);

// Whether any of its records are dying.
Result<bool> dying_subtrees(PageSource& source, TreeId tree);

// Frees some, and notes how far that is. What comes up on the way (long runs, damage) the sink is
// told by cut(). Answers pages freed. kDamaged: see subtree_free_some().
Result<std::uint64_t> dying_free_some(PageSink& sink, DyingPart part, std::uint32_t pages_wanted);
// It can't be freed, and is not to be tried again.
Result<void> dying_give_up(PageSink& sink, DyingPart part);

}  // namespace holdfast
