// crashlab run faults: every storage call of the standard workloads failing.
#include <fmt/format.h>

#include <map>

#include "engine/base/sync.h"
#include "fuzz/lab/fault_sweep.h"
#include "fuzz/lab/replay_line.h"
#include "fuzz/sweep.h"
#include "fuzz/sweep_order.h"

extern "C" const char __executable_start;  // The linker's: where this program lies in memory.

namespace holdfast::crashlab {
namespace {

class FaultsSweep final : public Sweep {
 public:
  explicit FaultsSweep(const std::string& name) : workloads_(chosen_workloads(name)) {
    std::vector<std::uint64_t> sizes;
    for (const Workload& each : workloads_) {
      sizes.push_back(std::make_unique<FaultSweep>(each)->parts());
    }
    parts_ = spread(sizes);
  }

  [[nodiscard]] std::uint64_t parts() const override { return parts_.size(); }
  std::unique_ptr<Worker> worker() override;
  [[nodiscard]] const char* pace() const override { return "runs"; }

  [[nodiscard]] std::vector<Figure> figures() const override {
    MutexLock lock(mutex_);
    return {{"runs", sum_.runs},
            {"recoveries", sum_.recoveries},
            {"sites", sites_.all().size()},
            {"sites_that_failed", sites_.covered()}};
  }

  [[nodiscard]] std::vector<Place> places() const override {
    MutexLock lock(mutex_);
    std::vector<Place> places;
    for (const auto& [site, count] : sites_.all()) {
      const auto* at = static_cast<const char*>(site.second);
      places.push_back({sim_call_name(site.first),
                        static_cast<std::uint64_t>(at - &__executable_start), count.called,
                        count.struck});
    }
    return places;
  }

  [[nodiscard]] std::string covered() const override {
    MutexLock lock(mutex_);
    const std::size_t all = sites_.all().size();
    return fmt::format(
        "{} of {} places that call storage failed ({:.1f} %), in {} ways where the call can.",
        sites_.covered(), all,
        all == 0 ? 0.0 : 100.0 * static_cast<double>(sites_.covered()) / static_cast<double>(all),
        fault_ways().size());
  }

  [[nodiscard]] const Part& part(std::uint64_t number) const { return parts_[number]; }
  [[nodiscard]] const Workload& workload(std::uint32_t of) const { return workloads_[of]; }
  void done(const FaultCounts& counts, const SimSites& sites) {
    MutexLock lock(mutex_);
    sum_.add(counts);
    sites_.add(sites);
  }

 private:
  std::vector<Workload> workloads_;
  std::vector<Part> parts_;
  mutable Mutex mutex_;
  FaultCounts sum_;
  SimSites sites_;
};

class FaultsWorker final : public Worker {
 public:
  explicit FaultsWorker(FaultsSweep& sweep) : sweep_(sweep) {}

  std::optional<Found> run(std::uint64_t number, const GoOn& go_on) override {
    const Part& part = sweep_.part(number);
    const Workload& workload = sweep_.workload(part.of);
    auto& faults = faults_[part.of];
    if (faults == nullptr) faults = std::make_unique<FaultSweep>(workload);
    faults->ask(go_on);
    const auto failure = faults->run(part.number);
    sweep_.done(faults->take_counts(), faults->take_sites());
    if (!failure) return std::nullopt;
    return Found{line_of(workload, failure->path), failure->what};
  }

 private:
  FaultsSweep& sweep_;
  std::map<std::uint32_t, std::unique_ptr<FaultSweep>> faults_;
};

std::unique_ptr<Worker> FaultsSweep::worker() {
  return std::make_unique<FaultsWorker>(*this);
}

}  // namespace

std::unique_ptr<Sweep> faults_sweep(const std::string& workload) {
  return std::make_unique<FaultsSweep>(workload);
}

}  // namespace holdfast::crashlab
