// How far long work is, and the way to stop it: the same for verify(), reclaim(), compact(),
// backup() and restore().
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace holdfast {

struct Progress {
  std::string_view stage;   ///< What is being done, one word: "pages", "trees", "reclaim" …
  std::uint64_t done = 0;   ///< Of this stage, in `unit`.
  std::uint64_t total = 0;  ///< 0 while unknown; may grow.
  std::string_view unit;    ///< Plural: "pages", "bytes".
};

/// Told now and then by the thread that called. Returning false, or throwing, ends the work with
/// kCancelled: what it had begun is undone, or finished where that is what its caller reads. Must
/// not use the database.
using ProgressFunction = std::function<bool(const Progress&)>;

}  // namespace holdfast
