// What befalls the files of a database while nobody uses it: a bit rots, bytes are overwritten or
// can't be read, a file goes missing, is emptied, or is replaced by another.
//
// One harm to a run. Two could hit both copies of what is kept twice, and then no promise is left
// that one could judge by.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fuzz/lab/choices.h"
#include "fuzz/lab/sim_disk.h"
#include "fuzz/lab/swarm.h"

namespace holdfast {

// What may come of it, from the least to the worst.
enum class Harm : std::uint8_t {
  kNone,
  kScar,  // There is another copy, or nobody needs it: all goes on; verify() may find it.
  kTree,  // What is gone is an error: never another answer, never an older state.
  kLog,   // The same; and the last group that was synced may be gone without a word.
  kFile,  // A file isn't the database's any more: as kTree, or there is no database.
  kLies,  // Syncs kept nothing and power was lost, or a file is an older one: any older state may
          // be shown, or none.
};

struct KeptFile {
  std::string path;
  std::vector<std::byte> bytes;
};
using Files = std::vector<KeptFile>;
// All of a disk's.
Files files_of(const SimDisk& disk);

// Does one harm to the database at `path` and says what it was. After a power cut or, `at_rest`, a
// clean close: what is in the cache is what is on the medium.
// `older` are its files as they were at some time before, or none. Only what `swarm` has.
Harm do_harm(SimDisk& disk, const std::string& path, bool at_rest, const Files& older,
             const Swarm& swarm, Choices& choices, std::string& story, FaultClasses& classes);

}  // namespace holdfast
