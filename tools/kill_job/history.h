// What every transaction of the job does, as a function of its number alone. The child carries it
// out, the parent works out from it what must be in the database: the two share nothing else.
//
// Revision after revision the whole package database is written, a slice a transaction. A revision
// puts every package anew, leaves out about one in sixteen (a deletion, undone by the next
// revision), and rewrites the lists of the maintainers concerned. Every kLargeEvery-th transaction
// also writes a few mebibytes into tree "copies", so that kills fall into large commits too.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tools/kill_job/packages.h"

namespace holdfast::kill_job {

enum class Where : std::uint8_t { kPackages, kMaintainers, kCopies, kJob };
inline constexpr int kTrees = 4;

// Names of the trees; the first is the default tree.
inline constexpr const char* kTreeNames[kTrees] = {"", "maintainer", "copies", "job"};
// In tree "job": the number of the last transaction, in decimal.
inline constexpr const char* kCounterKey = "transaction";

struct Change {
  Where where;
  std::string key;
  std::optional<std::string> value;  // Nothing: the record goes.
};

using TreeState = std::map<std::string, std::string>;
using State = TreeState[kTrees];

class History {
 public:
  explicit History(std::vector<Package> packages);

  // Of transaction `n`, from 1.
  [[nodiscard]] std::vector<Change> changes(std::uint64_t n) const;
  // What is in the database after transactions 1 to `n`.
  void state_after(std::uint64_t n, State& state) const;

  [[nodiscard]] std::uint64_t revision(std::uint64_t n) const noexcept;
  [[nodiscard]] const std::vector<Package>& packages() const noexcept { return packages_; }

 private:
  static constexpr std::uint64_t kSlicePackages = 4;
  static constexpr std::uint64_t kLargeEvery = 50;
  static constexpr std::uint64_t kLargeBytes = std::uint64_t{3} << 20;

  [[nodiscard]] std::uint64_t slices() const noexcept;
  [[nodiscard]] bool present(std::uint64_t package, std::uint64_t n) const noexcept;
  [[nodiscard]] std::string maintainer_value(const std::vector<std::uint64_t>& owned,
                                             std::uint64_t n) const;
  void add_copies(std::uint64_t n, std::vector<Change>& changes) const;

  std::vector<Package> packages_;
  std::map<std::string, std::vector<std::uint64_t>> owned_;  // By maintainer: package indexes.
  std::string whole_;                                        // All paragraphs in a row.
};

}  // namespace holdfast::kill_job
