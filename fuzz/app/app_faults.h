// Every storage call of a subject's life failing, and of the lives after some of its crashes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fuzz/app/app_run.h"
#include "fuzz/lab/sim_sites.h"

namespace holdfast::crashlab {

class AppFaults {
 public:
  explicit AppFaults(AppRun& run);
  std::optional<AppFound> run();
  std::optional<AppFound> replay(const FaultPath& path, std::vector<std::string>* story);

 private:
  std::vector<SimCall> calls_of(const FaultPath& path);
  void prepare(const FaultPath& path, std::vector<std::string>* story = nullptr);
  void sweep(FaultPath path);
  void try_one(const FaultPath& path, SimCall call, std::vector<std::string>* story = nullptr);
  void recover(const FaultPath& path, CrashPolicy::Kind kind, std::vector<std::string>* story);
  bool note(AppStage& stage, const FaultPath& path);

  AppRun& run_;
  SimSites sites_;
  std::optional<AppFound> found_;
  std::unique_ptr<AppStage> base_, faulty_, branch_;
};

}  // namespace holdfast::crashlab
