// What befalls the files of a database while nobody uses it: a bit rots, a file goes missing, a
// pair of metas is lost or can't be read.
//
// One harm to a run. Two could hit both copies of what is kept twice, and then no promise is left
// that one could judge by.
#pragma once

#include <cstdint>
#include <string>

#include "fuzz/lab/choices.h"
#include "fuzz/lab/sim_disk.h"

namespace holdfast {

// What may come of it, from the least to the worst.
enum class Harm : std::uint8_t {
  kNone,
  kScar,  // There is another copy, or nobody needs it: all goes on; verify() may find it.
  kTree,  // What is gone is an error: never another answer, never an older state.
  kLog,   // The same; and the last group that was synced may be gone without a word.
  kLies,  // Syncs kept nothing, and power was lost: any older state may be shown, or none.
};

// Does one harm to the database at `path` and says what it was. After a power cut or, `at_rest`, a
// clean close: what is in the cache is what is on the medium.
Harm do_harm(SimDisk& disk, const std::string& path, bool at_rest, Choices& choices,
             std::string& story);

}  // namespace holdfast
