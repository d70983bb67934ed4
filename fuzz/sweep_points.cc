// crashlab run points: every crash point of the standard workloads.
#include <fmt/format.h>

#include <map>

#include "engine/base/sync.h"
#include "fuzz/lab/crash_points.h"
#include "fuzz/lab/replay_line.h"
#include "fuzz/sweep.h"
#include "fuzz/sweep_order.h"

namespace holdfast::crashlab {
namespace {

class PointsSweep final : public Sweep {
 public:
  PointsSweep(const std::string& name, DiskKind disk) : workloads_(chosen_workloads(name)) {
    Stage stage;
    std::vector<std::uint64_t> sizes;
    for (Workload& each : workloads_) {
      if (disk != DiskKind::kWeak) put_on(each, disk);
      sizes.push_back(changes_of(stage, each) + 1);
      ops_ += fmt::format("{}{} {}", ops_.empty() ? "" : ", ", each.name, each.ops.size());
      shared_.push_back(std::make_unique<CrashPoints::Shared>());
      shared_.back()->nested = &nested_;
    }
    parts_ = spread(sizes);
  }

  [[nodiscard]] std::uint64_t parts() const override { return parts_.size(); }
  std::unique_ptr<Worker> worker() override;
  [[nodiscard]] const char* pace() const override { return "recovered"; }

  [[nodiscard]] std::vector<Figure> figures() const override {
    MutexLock lock(mutex_);
    std::uint64_t distinct = 0, states = 0;
    for (const auto& each : shared_) {
      distinct += each->recovered.size();
      states += each->recovered.states();
    }
    return {{"moments", sum_.moments},
            {"points", sum_.points},
            {"points_enumerated_fully", sum_.points_full},
            {"images", sum_.images},
            {"distinct_images", distinct},
            {"distinct_states", states},
            {"quiet_recoveries", sum_.quiet},
            {"nested_points", sum_.nested_points},
            {"nested_images", sum_.nested_images},
            {"distinct_nested_images", sum_.nested_distinct},
            {"third_crashes", sum_.deeper_images},
            {"recovered", sum_.recovered}};
  }

  [[nodiscard]] std::string covered() const override {
    MutexLock lock(mutex_);
    const double share = sum_.points == 0 ? 0.0
                                          : 100.0 * static_cast<double>(sum_.points_full) /
                                                static_cast<double>(sum_.points);
    return fmt::format(
        "Operations: {}; {:.1f} % of the points with every legal image, the others "
        "with all prefixes, singles, pairs and halves and {} drawn images. Inside recoveries: "
        "{} images of each moment, going on from {} images of each; third crashes are a sample.",
        ops_, share, kImagesDrawn, kImagesNested, PointLimits{}.nested);
  }

  [[nodiscard]] const Part& part(std::uint64_t number) const { return parts_[number]; }
  [[nodiscard]] const Workload& workload(std::uint32_t of) const { return workloads_[of]; }
  CrashPoints::Shared& shared(std::uint32_t of) { return *shared_[of]; }
  void done(const PointCounts& counts) {
    MutexLock lock(mutex_);
    sum_.add(counts);
  }

 private:
  std::vector<Workload> workloads_;
  std::vector<std::unique_ptr<CrashPoints::Shared>> shared_;
  std::vector<Part> parts_;
  SeenImages nested_;
  std::string ops_;  // Of each workload, how many.
  mutable Mutex mutex_;
  PointCounts sum_;
};

class PointsWorker final : public Worker {
 public:
  explicit PointsWorker(PointsSweep& sweep) : sweep_(sweep) {}

  std::optional<Found> run(std::uint64_t number, const GoOn& go_on) override {
    const Part& part = sweep_.part(number);
    const Workload& workload = sweep_.workload(part.of);
    auto& points = points_[part.of];
    if (points == nullptr) {
      points = std::make_unique<CrashPoints>(workload, sweep_.shared(part.of), PointLimits{});
    }
    points->ask(go_on);
    const auto failure = points->run(part.number);
    sweep_.done(points->take_counts());
    if (!failure) return std::nullopt;
    return Found{line_of(workload, failure->path), failure->what};
  }

 private:
  PointsSweep& sweep_;
  std::map<std::uint32_t, std::unique_ptr<CrashPoints>> points_;
};

std::unique_ptr<Worker> PointsSweep::worker() {
  return std::make_unique<PointsWorker>(*this);
}

}  // namespace

std::unique_ptr<Sweep> points_sweep(const std::string& workload, DiskKind disk) {
  return std::make_unique<PointsSweep>(workload, disk);
}

}  // namespace holdfast::crashlab
