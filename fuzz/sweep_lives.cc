// crashlab run lives: random runs of several lives each, one seed after another, without an end.
#include "engine/base/sync.h"
#include "fuzz/lab/crash_run.h"
#include "fuzz/sweep.h"

namespace holdfast::crashlab {
namespace {

class LivesSweep final : public Sweep {
 public:
  explicit LivesSweep(std::uint64_t seed) : seed_(seed) {}

  [[nodiscard]] std::uint64_t parts() const override { return kEndless; }
  std::unique_ptr<Worker> worker() override;
  [[nodiscard]] const char* pace() const override { return "crashes"; }

  [[nodiscard]] std::vector<Figure> figures() const override {
    MutexLock lock(mutex_);
    return {{"runs", sum_.runs},
            {"lives", sum_.lives},
            {"crashes", sum_.crashes},
            {"recoveries", sum_.counters.recoveries},
            {"operations", sum_.counters.ops},
            {"commits", sum_.counters.commits},
            {"states_compared", sum_.counters.compared},
            {"limits", sum_.counters.limits},
            {"refusals", sum_.counters.refusals}};
  }
  [[nodiscard]] std::string covered() const override {
    return "Runs drawn from seeds " + std::to_string(seed_) + " on: a sample.";
  }

  [[nodiscard]] std::uint64_t seed() const { return seed_; }
  void done(const CrashRun::Totals& totals) {
    MutexLock lock(mutex_);
    sum_.add(totals);
  }

 private:
  std::uint64_t seed_;
  mutable Mutex mutex_;
  CrashRun::Totals sum_;
};

class LivesWorker final : public Worker {
 public:
  explicit LivesWorker(LivesSweep& sweep) : sweep_(sweep) {}

  std::optional<Found> run(std::uint64_t part, const GoOn&) override {
    const std::uint64_t seed = sweep_.seed() + part;
    const auto failure = lab_.run(seed);
    sweep_.done(lab_.take_totals());
    if (!failure) return std::nullopt;
    return Found{"lives:" + std::to_string(seed), *failure};
  }

 private:
  LivesSweep& sweep_;
  CrashRun lab_;
};

std::unique_ptr<Worker> LivesSweep::worker() {
  return std::make_unique<LivesWorker>(*this);
}

}  // namespace

std::unique_ptr<Sweep> lives_sweep(std::uint64_t seed) {
  return std::make_unique<LivesSweep>(seed);
}

}  // namespace holdfast::crashlab
