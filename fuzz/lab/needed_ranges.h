// What the durable bytes of a tree file are still needed for: the part of "a block that any durable
// state still needs is never written again" that only the file itself can tell.
//
// Needed are the good meta blocks of the newest generation, the map pages it names, both twins, and
// every slot that the map names; the same of each kept checkpoint; and the slots that the log
// places, from the position on that the meta names. Where the newest generation has but one good
// copy, what it replaced is needed as well: one more fault, and that is what opens.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "fuzz/lab/sim_disk.h"

namespace holdfast {

// Nothing where no meta is good: such a file isn't a database yet. Without what the log places.
std::vector<NeededRange> needed_ranges(std::span<const std::byte> durable_bytes);
// With it.
std::vector<NeededRange> needed_ranges(const SimDisk& disk, const std::string& path);

// Watches over the file; remembers what it found for as long as the meta blocks stay the same.
void watch_needed_ranges(SimDisk& disk, const std::string& path);

}  // namespace holdfast
