#include "fuzz/lab/shrink.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "fuzz/lab/short_workloads.h"

namespace holdfast {
namespace {

constexpr std::uint64_t kImagesTried = 96;    // Of each earlier moment.
constexpr std::uint64_t kPlanTried = 20'000;  // Of the last moment's plan, fewest losses first.

class Shrinker {
 public:
  Shrinker(const Workload& workload, PointPath path) : workload_(workload) {
    shared_.nested = &nested_;
    best_.workload = workload;
    (void)keep_if_it_fails(std::move(path));
  }

  Shrunk run() {
    if (best_.what.empty()) return best_;
    while (fewer_ops()) {
    }
    if (!one_crash()) fewer_crashes();
    fewer_losses();
    return best_;
  }

 private:
  bool keep_if_it_fails(PointPath path) {
    ++best_.tried;
    SeenImages nested;
    CrashPoints::Shared shared{{}, &nested};
    auto failure =
        std::make_unique<CrashPoints>(workload_, shared, PointLimits{})->replay(path, {});
    if (!failure) return false;
    best_.workload = workload_;
    best_.path = std::move(path);
    best_.what = *std::move(failure);
    return true;
  }

  // Short workloads only: others have no names to go by with an op less.
  bool fewer_ops() {
    const Workload now = workload_;
    for (const std::string& name : shorter_names(now.name.substr(0, now.name.find('@')))) {
      workload_ = *short_workload(name);
      put_on(workload_, now.disk);
      if (one_crash()) return true;
    }
    workload_ = now;
    return false;
  }

  // The first moment of the workload at which a single crash fails.
  bool one_crash() {
    shared_.recovered.clear();
    PointLimits limits;
    limits.images = kImagesTried;
    limits.inside = false;
    CrashPoints points(workload_, shared_, limits);
    Stage stage;
    const std::uint64_t last = changes_of(stage, workload_);
    for (std::uint64_t moment = 0; moment <= last; ++moment) {
      const auto failure = points.run(moment);
      best_.tried += points.take_counts().recovered;
      if (failure && keep_if_it_fails(failure->path)) return true;
    }
    return false;
  }

  // The first crashes of the path alone.
  void fewer_crashes() {
    for (std::size_t steps = 1; steps < best_.path.steps.size(); ++steps) {
      PointPath path = best_.path;
      path.steps.resize(steps);
      if (keep_if_it_fails(std::move(path))) return;
    }
  }

  // Of the last crash.
  void fewer_losses() {
    Stage stage;
    const std::size_t last = best_.path.steps.size() - 1;
    play_to(stage, last);
    const std::vector<CrashUnit> units = stage.disk.crash_units(sector_bytes_of(workload_.disk));
    const ImagePlan plan(units, workload_.disk);
    std::vector<std::pair<std::ptrdiff_t, std::uint64_t>> images;  // Losses, number.
    std::vector<Fate> fates;
    const auto losses = [&](std::uint64_t image) {
      plan.image(image, fates);
      return std::ssize(fates) - std::count(fates.begin(), fates.end(), Fate::kKept);
    };
    for (std::uint64_t i = 0; i < std::min(plan.size(), kPlanTried); ++i) {
      images.emplace_back(losses(i), i);
    }
    std::sort(images.begin(), images.end());
    const std::uint64_t now = best_.path.steps[last].image;
    const std::ptrdiff_t now_lost = now == PointPath::kKill ? 0 : losses(now);
    for (const auto& [lost, image] : images) {
      PointPath path = best_.path;
      path.steps[last].image = image;
      if (lost >= now_lost || keep_if_it_fails(std::move(path))) return;
    }
  }

  // As the machine stopped before crash number `last`.
  void play_to(Stage& stage, std::size_t last) {
    play(stage, workload_, best_.path.steps[0].moment, Told::kYes);
    for (std::size_t i = 0; i < last; ++i) {
      crash_by_plan(stage, best_.path.steps[i].image);
      stage.disk.crash_at_change(best_.path.steps[i + 1].moment + 1);
      live(stage, going_on());
    }
  }

  Workload workload_;
  SeenImages nested_;
  CrashPoints::Shared shared_;
  Shrunk best_;
};

}  // namespace

Shrunk shrink(const Workload& workload, const PointPath& path) {
  return std::make_unique<Shrinker>(workload, path)->run();
}

}  // namespace holdfast
