// Whether what a reader shows is what the model says: every record of every tree, both ways.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "fuzz/lab/model.h"
#include "fuzz/lab/rng.h"
#include "holdfast/transaction.h"

namespace holdfast {

// The first difference in words, or nothing. An error is one that a call gave; what it means is the
// caller's to judge. `rng` picks the point gets: some keys that are there, some that aren't. After
// `cuts` estimates may be too large: what a range took away nobody has counted.
Result<std::optional<std::string>> compare(const Reader& reader, const Model::Trees& expected,
                                           bool cuts, Rng& rng);

// For messages: printable, shortened.
std::string show_bytes(std::string_view bytes);

}  // namespace holdfast
