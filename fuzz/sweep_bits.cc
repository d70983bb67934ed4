// crashlab run bits: every bit of a small database flipped, in each of its states.
#include <fmt/format.h>

#include <map>

#include "engine/base/sync.h"
#include "fuzz/lab/bit_sweep.h"
#include "fuzz/lab/replay_line.h"
#include "fuzz/sweep.h"
#include "fuzz/sweep_order.h"

namespace holdfast::crashlab {
namespace {

class BitsSweep final : public Sweep {
 public:
  explicit BitsSweep(const std::string& name) {
    std::vector<std::uint64_t> sizes;
    for (const BitState state : kBitStates) {
      if (!name.empty() && name != bit_state_name(state)) continue;
      states_.push_back(state);
      sizes.push_back(std::make_unique<BitSweep>(state)->parts());
    }
    parts_ = spread(sizes);
    sums_.resize(states_.size());
  }

  [[nodiscard]] std::uint64_t parts() const override { return parts_.size(); }
  std::unique_ptr<Worker> worker() override;
  [[nodiscard]] const char* pace() const override { return "bits"; }

  [[nodiscard]] std::vector<Figure> figures() const override {
    MutexLock lock(mutex_);
    BitCounts sum;
    for (const BitCounts& each : sums_) sum.add(each);
    return {{"bits", sum.bits},
            {"right_data", sum.right},
            {"refused_with_the_damage_named", sum.refused},
            {"named_by_what_is_hit", sum.named},
            {"undecidable_last_group", sum.undecidable}};
  }

  // The table of docs/FAULT_MODEL.md.
  [[nodiscard]] std::string covered() const override {
    MutexLock lock(mutex_);
    std::string table = fmt::format(
        "\n| state | bits | right data | opening refused | named when read | last group |\n"
        "|---|---|---|---|---|---|");
    for (std::size_t i = 0; i < states_.size(); ++i) {
      const BitCounts& sum = sums_[i];
      table += fmt::format("\n| {} | {} | {} | {} | {} | {} |", bit_state_name(states_[i]),
                           sum.bits, sum.right, sum.refused, sum.named, sum.undecidable);
    }
    return table;
  }

  [[nodiscard]] const Part& part(std::uint64_t number) const { return parts_[number]; }
  [[nodiscard]] BitState state(std::uint32_t of) const { return states_[of]; }
  void done(std::uint32_t of, const BitCounts& counts) {
    MutexLock lock(mutex_);
    sums_[of].add(counts);
  }

 private:
  std::vector<BitState> states_;
  std::vector<Part> parts_;
  mutable Mutex mutex_;
  std::vector<BitCounts> sums_;
};

class BitsWorker final : public Worker {
 public:
  explicit BitsWorker(BitsSweep& sweep) : sweep_(sweep) {}

  std::optional<Found> run(std::uint64_t number, const GoOn&) override {
    const Part& part = sweep_.part(number);
    auto& bits = bits_[part.of];
    if (bits == nullptr) bits = std::make_unique<BitSweep>(sweep_.state(part.of));
    const auto failure = bits->run(part.number);
    sweep_.done(part.of, bits->take_counts());
    if (!failure) return std::nullopt;
    return Found{line_of(sweep_.state(part.of), failure->place), failure->what};
  }

 private:
  BitsSweep& sweep_;
  std::map<std::uint32_t, std::unique_ptr<BitSweep>> bits_;
};

std::unique_ptr<Worker> BitsSweep::worker() {
  return std::make_unique<BitsWorker>(*this);
}

}  // namespace

std::unique_ptr<Sweep> bits_sweep(const std::string& state) {
  return std::make_unique<BitsSweep>(state);
}

}  // namespace holdfast::crashlab
