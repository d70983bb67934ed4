// Random runs of a subject: up to eight lives, each drawn with its sizes, its trouble and its end,
// then one in good weather.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fuzz/app/app_run.h"

namespace holdfast::crashlab {

class AppLives {
 public:
  explicit AppLives(AppRun& run) : run_(run), stage_(run.stage()) {}
  std::optional<AppFound> run(const AppLivesPath& path, std::vector<std::string>* story = nullptr);
  // As few lives as still fail.
  AppFound shrink(AppFound found);

 private:
  void life(Rng& rng);
  Weather plan_trouble(Rng& rng);
  void plan_fault(Rng& rng);
  void end_life(Rng& rng);
  void rot(Rng& rng);
  void last_life();
  AppSizes draw_sizes(Rng& rng) const;

  AppRun& run_;
  std::unique_ptr<AppStage> stage_;
};

}  // namespace holdfast::crashlab
