// What the kinds of run of one subject share: memory for frames, the plan, the deadline, the
// report.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "fuzz/app/app_stage.h"
#include "fuzz/lab/arena.h"
#include "fuzz/lab/crash_points.h"
#include "fuzz/lab/fault_sweep.h"
#include "holdfast/crashlab/run.h"

namespace holdfast::crashlab {

// A random run, cut short after some lives.
struct AppLivesPath {
  static constexpr std::uint64_t kAll = 8;
  std::uint64_t seed = 0;
  std::uint64_t lives = kAll;
};

// One run of a subject. As a word, of the last IMAGE may be kill:
//   points:MOMENT.IMAGE[:MOMENT.IMAGE…]
//   faults:life|MOMENT.kill|MOMENT.loss:CALL:WAY
//   lives:SEED:LIVES
using AppPath = std::variant<PointPath, FaultPath, AppLivesPath>;
std::string app_line(const AppPath& path);
std::optional<AppPath> read_app_line(std::string_view line);

struct AppFound {
  AppPath path;
  std::string what;
};

class AppRun {
 public:
  AppRun(const Subject& subject, const Plan& plan);

  [[nodiscard]] const Subject& subject() const { return subject_; }
  [[nodiscard]] const Plan& plan() const { return plan_; }
  Report& report() { return report_; }
  std::unique_ptr<AppStage> stage() { return std::make_unique<AppStage>(subject_, arena_.bytes()); }
  // False once time is over, which the report then says.
  bool go_on();
  void count(AppStage& stage);
  // Of the report.
  void count_time();

 private:
  const Subject& subject_;
  const Plan plan_;
  Report report_;
  const Arena arena_;
  std::chrono::steady_clock::time_point begin_;
};

}  // namespace holdfast::crashlab
