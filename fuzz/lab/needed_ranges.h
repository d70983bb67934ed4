// What the durable bytes of a tree file are still needed for: the part of "a block that any durable
// state still needs is never written again" that only the file itself can tell.
//
// Needed are the good meta blocks of the newest generation, the map pages it names, both twins, and
// every slot that the map names. Where the newest generation has but one good copy, what it
// replaced is needed as well: one more fault, and that is what opens. Slots that a log places
// aren't looked for.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "fuzz/lab/sim_rule.h"

namespace holdfast {

// Nothing where no meta is good: such a file isn't a database yet.
std::vector<NeededRange> needed_ranges(std::span<const std::byte> durable_bytes);

// For SimDisk::watch(); remembers its last answer for as long as the meta blocks stay the same.
NeededRanges needed_ranges_watch();

}  // namespace holdfast
