// Erasing many records in transactions of a bounded size.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "holdfast/database.h"
#include "tools/console.h"

namespace holdfast::tools {

// Erases from key `from` up to, and without, `to`, or to the tree's end. A transaction that turns
// out too large for the cache is halved. Ctrl-C ends it between two of them; what was committed
// stays gone.
class Eraser {
 public:
  Eraser(Database& database, Tree tree, Console& console)
      : database_(database), tree_(tree), console_(console) {}

  ExitCode run(std::string from, const std::optional<std::string>& to);
  [[nodiscard]] std::uint64_t erased() const { return erased_; }
  [[nodiscard]] std::uint64_t commits() const { return commits_; }

 private:
  // Up to batch_ records; whether there are more.
  Result<bool> erase_some(std::string& from, const std::optional<std::string>& to);

  Database& database_;
  Tree tree_;
  Console& console_;
  std::uint64_t batch_ = 4096;
  std::uint64_t erased_ = 0;
  std::uint64_t commits_ = 0;
};

}  // namespace holdfast::tools
