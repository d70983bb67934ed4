// Freeing what a dropped tree or an erased range left, with a line of progress.
#pragma once

#include <cstdint>

#include "holdfast/database.h"
#include "tools/console.h"

namespace holdfast::tools {

// Answers the pages freed. Ctrl-C ends it: the records are gone all the same, and the next opening
// that writes goes on with their pages.
Step<std::uint64_t> reclaim(Database& database, Console& console);

}  // namespace holdfast::tools
