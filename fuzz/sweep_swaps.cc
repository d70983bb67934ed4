// crashlab run swaps: page writes lost or sent elsewhere, files swapped or missing.
#include "fuzz/lab/replay_line.h"
#include "fuzz/lab/swap_sweep.h"
#include "fuzz/sweep_table.h"

namespace holdfast::crashlab {
namespace {

class SwapsRow final : public TableRow {
 public:
  explicit SwapsRow(SwapRow row) : sweep_(row) {}
  [[nodiscard]] std::uint64_t parts() const override { return sweep_.parts(); }
  std::optional<Found> run(std::uint64_t part) override {
    const auto failure = sweep_.run(part);
    if (!failure) return std::nullopt;
    return Found{line_of(failure->place), failure->what};
  }
  OutcomeCounts take_counts() override { return sweep_.take_counts(); }

 private:
  SwapSweep sweep_;
};

}  // namespace

std::unique_ptr<Sweep> swaps_sweep(const std::string& name) {
  std::vector<SwapRow> rows;
  Table table{.row = "case",
              .cases = "cases",
              .undecidable = "another whole state (U3)",
              .names = {},
              .make = {}};
  for (const SwapRow row : kSwapRows) {
    if (!name.empty() && name != swap_row_name(row)) continue;
    rows.push_back(row);
    table.names.emplace_back(swap_row_name(row));
  }
  table.make = [rows](std::size_t at) { return std::make_unique<SwapsRow>(rows[at]); };
  return table_sweep(std::move(table));
}

}  // namespace holdfast::crashlab
