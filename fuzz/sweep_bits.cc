// crashlab run bits: every bit of a small database flipped, in each of its states.
#include "fuzz/lab/bit_sweep.h"
#include "fuzz/lab/replay_line.h"
#include "fuzz/sweep_table.h"

namespace holdfast::crashlab {
namespace {

class BitRow final : public TableRow {
 public:
  explicit BitRow(BitState state) : state_(state), sweep_(state) {}
  [[nodiscard]] std::uint64_t parts() const override { return sweep_.parts(); }
  std::optional<Found> run(std::uint64_t part) override {
    const auto failure = sweep_.run(part);
    if (!failure) return std::nullopt;
    return Found{line_of(state_, failure->place), failure->what};
  }
  OutcomeCounts take_counts() override { return sweep_.take_counts(); }

 private:
  BitState state_;
  BitSweep sweep_;
};

}  // namespace

std::unique_ptr<Sweep> bits_sweep(const std::string& name) {
  std::vector<BitState> states;
  Table table{.row = "state",
              .cases = "bits",
              .undecidable = "last group gone (U1)",
              .names = {},
              .make = {}};
  for (const BitState state : kBitStates) {
    if (!name.empty() && name != bit_state_name(state)) continue;
    states.push_back(state);
    table.names.emplace_back(bit_state_name(state));
  }
  table.make = [states](std::size_t row) { return std::make_unique<BitRow>(states[row]); };
  return table_sweep(std::move(table));
}

}  // namespace holdfast::crashlab
