// Every call failing: each storage call of a workload, and of every recovery from one of its
// moments, fails once or for ever, in each way that its kind of call can.
//
// While it fails, nothing wrong may be shown; afterwards, with storage well again, a kill or a loss
// of power is recovered from: nothing that was promised is missing, verify() is clean, and the
// database goes on.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fuzz/lab/fault_ways.h"
#include "fuzz/lab/sim_sites.h"
#include "fuzz/lab/stage.h"

namespace holdfast {

struct FaultPath {
  static constexpr std::uint64_t kLife = ~std::uint64_t{0};
  std::uint64_t moment = kLife;  // The recovery from there; kLife: the workload itself.
  bool killed = false;           // How that moment ended: a kill, else all was kept.
  std::uint64_t call = 1;        // Which fails, from 1.
  std::uint64_t way = 0;         // Of fault_ways().
};

struct FaultFailure {
  FaultPath path;
  std::string what;
};

struct FaultCounts {
  std::uint64_t runs = 0;        // Lives with a failing call.
  std::uint64_t recoveries = 0;  // From those.
  void add(const FaultCounts& more) {
    runs += more.runs;
    recoveries += more.recoveries;
  }
};

class FaultSweep {
 public:
  // Outlived by the workload.
  explicit FaultSweep(const Workload& workload);
  void ask(std::function<bool()> go_on) { go_on_ = std::move(go_on); }

  // Parts are numbered: first one for each call of the workload's life, then one for each of its
  // moments, whose recoveries are swept.
  [[nodiscard]] std::uint64_t parts() const { return life_calls_ + moments_ + 1; }
  [[nodiscard]] std::uint64_t life_calls() const { return life_calls_; }
  std::optional<FaultFailure> run(std::uint64_t part);
  std::optional<std::string> replay(const FaultPath& path, std::vector<std::string>* story);

  [[nodiscard]] const FaultCounts& counts() const { return counts_; }
  FaultCounts take_counts() { return std::exchange(counts_, {}); }
  [[nodiscard]] const SimSites& sites() const { return sites_; }
  SimSites take_sites() { return std::exchange(sites_, {}); }

 private:
  void sweep_call(FaultPath path, SimCall call);
  void sweep_recovery(std::uint64_t moment, bool killed);
  void try_one(const FaultPath& path, SimCall call, std::vector<std::string>* story = nullptr);
  void live_with(const FaultPath& path, SimCall call, std::vector<std::string>* story);
  void live_once_more(std::vector<std::string>* story);
  void recover_from(const FaultPath& path, CrashPolicy::Kind kind, std::vector<std::string>* story);
  void prepare(const FaultPath& path);
  std::vector<SimCall> calls_of(const FaultPath& path);

  const Workload& workload_;
  std::function<bool()> go_on_;
  std::uint64_t life_calls_ = 0;
  std::uint64_t moments_ = 0;
  std::vector<SimCall> life_;
  FaultCounts counts_;
  SimSites sites_;
  std::optional<FaultFailure> failure_;
  bool stopped_ = false;
  Stage base_, faulty_, branch_;
};

}  // namespace holdfast
