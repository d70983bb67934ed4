// Every short workload: all sequences of up to kShortOps ops over put, delete, large put, range
// delete, commit, abort, checkpoint and reopen with kShortKeys keys, from two beginnings.
//
// Up to symmetry: keys that no op has named yet are one like the other, so they are named in the
// order of their first use. That order isn't the order of their bytes, and one of them is empty.
//
// A name says it all: a beginning, a point, and an op for each letter.
//
//   new   nothing on the disk: creation is part of the life
//   old   the five keys are there, in the file, and once more in the log beside it
//   p1 d1 l1   put, delete, large put (a value of two pages) of key 1, …
//   x1         delete of key 1 and all that follow it
//   c a k r    commit, abort, checkpoint, reopen
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/lab/workloads.h"

namespace holdfast {

inline constexpr std::size_t kShortOps = 4;
inline constexpr unsigned kShortKeys = 5;

// All of them, shorter ones first; those of no op at all included.
const std::vector<std::string>& short_names();
// Nothing where it isn't such a name. More ops than kShortOps are taken, and keys in any order.
std::optional<Workload> short_workload(std::string_view name);
// Of the workload's ops, those of its beginning.
std::size_t ops_before(std::string_view name);
// The same with one op left out, in every way; none for what isn't a short workload.
std::vector<std::string> shorter_names(std::string_view name);

}  // namespace holdfast
