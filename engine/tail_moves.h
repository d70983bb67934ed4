// How far the pages in the tree file's tail have been moved down, over as many checkpoints as that
// takes: each takes some more of them, leaf by leaf of the page map.
//
// A crash forgets this and nothing else: what a durable checkpoint has moved lies below.
#pragma once

#include <cstdint>
#include <optional>

#include "holdfast/error.h"

namespace holdfast {

struct TailMoves {
  std::uint32_t ceiling = 0;    // What lies in higher slots is moved below.
  std::uint32_t next_leaf = 0;  // Of the map: those before have been looked at.
  std::uint32_t most = 0;       // Pages that one checkpoint moves, to a leaf of the map.
  std::uint64_t pages = 0;      // Moved, all in all.
  bool no_room = false;         // Nothing is free below any more.
  std::uint64_t damaged = 0;    // Pages that stay where they are, because they can't be read,
  std::optional<Error> damage;  // and what is wrong with the first.
};

}  // namespace holdfast
