#include "fuzz/app/app_run.h"

#include <algorithm>
#include <stdexcept>

#include "engine/base/bytes.h"
#include "fuzz/app/app_faults.h"
#include "fuzz/app/app_lives.h"
#include "fuzz/app/app_points.h"

namespace holdfast::crashlab {
namespace {

constexpr std::uint64_t kImagesFirst = 4;  // Of each moment, before any gets more.

std::optional<AppFound> run_points(AppRun& run, AppPoints& points) {
  Report& report = run.report();
  report.moments = points.changes() + 1;
  for (const bool first : {true, false}) {
    for (std::uint64_t moment = 0; moment <= points.changes(); ++moment) {
      if (!run.go_on()) return std::nullopt;
      const AppPoints::Limits limits =
          first ? AppPoints::Limits{0, std::min(kImagesFirst, run.plan().images), false}
                : AppPoints::Limits{kImagesFirst, run.plan().images, true};
      auto found = points.at(moment, limits);
      report.moments_done += first ? 1 : 0;
      if (found) return points.shrink(*std::move(found));
    }
  }
  return std::nullopt;
}

std::optional<AppFound> run_lives(AppRun& run) {
  AppLives lives(run);
  for (std::uint64_t i = 0; i < run.plan().runs && run.go_on(); ++i) {
    if (auto found = lives.run({run.plan().seed + i, AppLivesPath::kAll})) {
      return lives.shrink(*std::move(found));
    }
  }
  return std::nullopt;
}

std::optional<AppFound> look(AppRun& run) {
  const Plan& plan = run.plan();
  AppPoints points(run);
  if (auto found = points.whole_life()) return found;
  if (plan.points) {
    if (auto found = run_points(run, points)) return found;
  }
  if (plan.faults && run.go_on()) {
    if (auto found = AppFaults(run).run()) return found;
  }
  if (plan.lives) return run_lives(run);
  return std::nullopt;
}

std::optional<AppFound> again(AppRun& run, const AppPath& path, std::vector<std::string>* story) {
  if (const auto* points = std::get_if<PointPath>(&path)) {
    return AppPoints(run).replay(*points, story);
  }
  if (const auto* faults = std::get_if<FaultPath>(&path)) {
    return AppFaults(run).replay(*faults, story);
  }
  return AppLives(run).run(std::get<AppLivesPath>(path), story);
}

void need_functions(const Subject& subject) {
  if (subject.work && subject.check) return;
  throw std::invalid_argument("A crashlab::Subject needs both work and check.");
}

}  // namespace

AppRun::AppRun(const Subject& subject, const Plan& plan)
    : subject_(subject),
      plan_(plan),
      arena_(subject.options.cache_bytes),
      begin_(std::chrono::steady_clock::now()) {
  report_.name = subject.name;
}

bool AppRun::go_on() {
  if (plan_.time.count() == 0) return true;
  if (std::chrono::steady_clock::now() - begin_ < plan_.time) return true;
  report_.cut_short = true;
  return false;
}

void AppRun::count(AppStage& stage) {
  const AppCounters counters = stage.take_counters();
  report_.recoveries += counters.recoveries;
  report_.checks += counters.checks;
}

void AppRun::count_time() {
  report_.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
}

Report run(const Subject& subject, const Plan& plan) {
  need_functions(subject);
  AppRun run(subject, plan);
  if (const auto found = look(run)) {
    Found told{found->what, app_line(found->path), {}};
    (void)again(run, found->path, &told.story);
    run.report().found = std::move(told);
  }
  run.count_time();
  return run.report();
}

Result<Found> replay(const Subject& subject, std::string_view line) {
  need_functions(subject);
  const auto path = read_app_line(line);
  if (!path) {
    return std::unexpected(Error(ErrorCode::kInvalidArgument,
                                 "'" + std::string(line) +
                                     "' is no line of a crash lab's finding; it begins with "
                                     "points:, faults: or lives:"));
  }
  AppRun run(subject, {});
  Found told{"", std::string(line), {}};
  if (auto found = again(run, *path, &told.story)) told.what = std::move(found->what);
  return told;
}

}  // namespace holdfast::crashlab
