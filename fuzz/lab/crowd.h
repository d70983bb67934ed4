// Readers that stay while the records beneath them are written anew, again and again.
//
// The cache is so small that it has neither frames for all that they see nor room to note where
// that lies: versions are parked, frames change hands under cursors that stand on them, and where
// snapshots may be given up (Options::old_snapshots), they are. Random runs hardly ever have more
// pages than frames, and readers besides.
#pragma once

#include <cstdint>

#include "fuzz/lab/lab_database.h"

namespace holdfast {

struct Crowd {
  OldSnapshots old_snapshots;
  std::uint32_t readers;  // One after the other; a lone one has more to see.
  std::uint64_t seed;
  bool beside_a_read = false;  // All is written while a reader reads a page.
};

// Pages of the largest size, and the least memory for them.
Shape shape_of(const Crowd& crowd);
// For a new database of that shape; judged as it goes.
void live(LabDatabase& database, const Crowd& crowd);

}  // namespace holdfast
