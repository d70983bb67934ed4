// Sweeps that make a table: rows by name, each with its cases, and for each what became of how
// many.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fuzz/lab/judge.h"
#include "fuzz/sweep.h"

namespace holdfast::crashlab {

// One row's cases, for one thread.
class TableRow {
 public:
  virtual ~TableRow() = default;
  [[nodiscard]] virtual std::uint64_t parts() const = 0;
  virtual std::optional<Found> run(std::uint64_t part) = 0;
  virtual OutcomeCounts take_counts() = 0;
};

struct Table {
  const char* row;          // Heads the first column: "state".
  const char* cases;        // Heads the second, and names the figure: "bits".
  const char* undecidable;  // Heads the last: "last group gone (U1)".
  std::vector<std::string> names;
  std::function<std::unique_ptr<TableRow>(std::size_t row)> make;
};

std::unique_ptr<Sweep> table_sweep(Table table);

}  // namespace holdfast::crashlab
