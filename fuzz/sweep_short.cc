// crashlab run short: every short workload, crashed at every moment.
#include <fmt/format.h>

#include "engine/base/sync.h"
#include "fuzz/lab/replay_line.h"
#include "fuzz/lab/short_sweep.h"
#include "fuzz/sweep.h"
#include "fuzz/sweep_order.h"

namespace holdfast::crashlab {
namespace {

class ShortsSweep final : public Sweep {
 public:
  explicit ShortsSweep(DiskKind disk) : disk_(disk), parts_(spread({short_names().size()})) {}

  [[nodiscard]] std::uint64_t parts() const override { return parts_.size(); }
  std::unique_ptr<Worker> worker() override;
  [[nodiscard]] const char* pace() const override { return "recovered"; }

  [[nodiscard]] std::vector<Figure> figures() const override {
    MutexLock lock(mutex_);
    return {{"workloads", workloads_},
            {"moments", sum_.moments},
            {"points", sum_.points},
            {"points_enumerated_fully", sum_.points_full},
            {"images", sum_.images},
            {"nested_points", sum_.nested_points},
            {"nested_images", sum_.nested_images},
            {"third_crashes", sum_.deeper_images},
            {"recovered", sum_.recovered}};
  }

  [[nodiscard]] std::string covered() const override {
    MutexLock lock(mutex_);
    const PointLimits limits = ShortSweep::limits();
    const double share = sum_.points == 0 ? 0.0
                                          : 100.0 * static_cast<double>(sum_.points_full) /
                                                static_cast<double>(sum_.points);
    return fmt::format(
        "{} of {} sequences of up to {} operations with {} keys, from two beginnings; {:.1f} % of "
        "the points with every legal image, the others with {}. Inside recoveries that write, and "
        "going on from an image of every {}th moment: {} images of each moment; third crashes are "
        "a sample.",
        workloads_, parts_.size(), kShortOps, kShortKeys, share, limits.images, limits.nested_every,
        limits.nested_images);
  }

  [[nodiscard]] const std::string& name(std::uint64_t part) const {
    return short_names()[parts_[part].number];
  }
  [[nodiscard]] DiskKind disk() const { return disk_; }
  SeenImages& nested() { return nested_; }
  void done(const PointCounts& counts) {
    MutexLock lock(mutex_);
    ++workloads_;
    sum_.add(counts);
  }

 private:
  const DiskKind disk_;
  std::vector<Part> parts_;
  SeenImages nested_;
  mutable Mutex mutex_;
  std::uint64_t workloads_ = 0;
  PointCounts sum_;
};

class ShortWorker final : public Worker {
 public:
  explicit ShortWorker(ShortsSweep& sweep) : sweep_(sweep), shorts_(sweep.nested(), sweep.disk()) {}

  std::optional<Found> run(std::uint64_t part, const GoOn& go_on) override {
    shorts_.ask(go_on);
    const auto failure = shorts_.run(sweep_.name(part));
    sweep_.done(shorts_.take_counts());
    if (!failure) return std::nullopt;
    return Found{line_of(shorts_.workload(), failure->path), failure->what};
  }

 private:
  ShortsSweep& sweep_;
  ShortSweep shorts_;
};

std::unique_ptr<Worker> ShortsSweep::worker() {
  return std::make_unique<ShortWorker>(*this);
}

}  // namespace

std::unique_ptr<Sweep> short_sweep(DiskKind disk) {
  return std::make_unique<ShortsSweep>(disk);
}

}  // namespace holdfast::crashlab
