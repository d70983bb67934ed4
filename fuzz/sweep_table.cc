#include "fuzz/sweep_table.h"

#include <fmt/format.h>

#include <map>
#include <utility>

#include "engine/base/sync.h"
#include "fuzz/sweep_order.h"

namespace holdfast::crashlab {
namespace {

class TableSweep final : public Sweep {
 public:
  explicit TableSweep(Table table) : table_(std::move(table)), sums_(table_.names.size()) {
    std::vector<std::uint64_t> sizes;
    for (std::size_t row = 0; row < table_.names.size(); ++row) {
      sizes.push_back(table_.make(row)->parts());
    }
    parts_ = spread(sizes);
  }

  [[nodiscard]] std::uint64_t parts() const override { return parts_.size(); }
  std::unique_ptr<Worker> worker() override;
  [[nodiscard]] const char* pace() const override { return table_.cases; }

  [[nodiscard]] std::vector<Figure> figures() const override {
    MutexLock lock(mutex_);
    OutcomeCounts sum;
    for (const OutcomeCounts& each : sums_) sum.add(each);
    return {{table_.cases, sum.cases},
            {"right_data", sum.right},
            {"refused_with_the_damage_named", sum.refused},
            {"named_by_what_is_hit", sum.named},
            {"undecidable_by_design", sum.undecidable}};
  }

  // As it stands in docs/FAULT_MODEL.md.
  [[nodiscard]] std::string covered() const override {
    MutexLock lock(mutex_);
    std::string text = fmt::format(
        "| {} | {} | right data | opening refused, damage named | damage named when read | {} "
        "|\n|---|---|---|---|---|---|",
        table_.row, table_.cases, table_.undecidable);
    for (std::size_t i = 0; i < sums_.size(); ++i) {
      const OutcomeCounts& sum = sums_[i];
      text += fmt::format("\n| {} | {} | {} | {} | {} | {} |", table_.names[i], sum.cases,
                          sum.right, sum.refused, sum.named, sum.undecidable);
    }
    return text;
  }

  [[nodiscard]] const Part& part(std::uint64_t number) const { return parts_[number]; }
  std::unique_ptr<TableRow> make(std::size_t row) const { return table_.make(row); }
  void done(std::size_t row, const OutcomeCounts& counts) {
    MutexLock lock(mutex_);
    sums_[row].add(counts);
  }

 private:
  const Table table_;
  std::vector<Part> parts_;
  mutable Mutex mutex_;
  std::vector<OutcomeCounts> sums_;
};

class TableWorker final : public Worker {
 public:
  explicit TableWorker(TableSweep& sweep) : sweep_(sweep) {}

  std::optional<Found> run(std::uint64_t number, const GoOn&) override {
    const Part& part = sweep_.part(number);
    auto& row = rows_[part.of];
    if (row == nullptr) row = sweep_.make(part.of);
    auto found = row->run(part.number);
    sweep_.done(part.of, row->take_counts());
    return found;
  }

 private:
  TableSweep& sweep_;
  std::map<std::uint32_t, std::unique_ptr<TableRow>> rows_;
};

std::unique_ptr<Worker> TableSweep::worker() {
  return std::make_unique<TableWorker>(*this);
}

}  // namespace

std::unique_ptr<Sweep> table_sweep(Table table) {
  return std::make_unique<TableSweep>(std::move(table));
}

}  // namespace holdfast::crashlab
