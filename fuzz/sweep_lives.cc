// crashlab run lives: random runs of several lives each, one seed after another, without an end.
#include <fmt/format.h>

#include "engine/base/sync.h"
#include "fuzz/lab/crash_run.h"
#include "fuzz/lab/replay_line.h"
#include "fuzz/sweep.h"

namespace holdfast::crashlab {
namespace {

class LivesSweep final : public Sweep {
 public:
  LivesSweep(std::uint64_t seed, DiskKind disk) : seed_(seed), lying_(disk == DiskKind::kLying) {}

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
    MutexLock lock(mutex_);
    std::string text, missed;
    for (std::size_t i = 0; i < FaultClasses::kCount; ++i) {
      const FaultClass each = FaultClasses::nth(i);
      const std::uint64_t times = sum_.classes.times(each);
      if (!lives_can_meet(each, lying_)) continue;
      text += fmt::format("{:>12} {:<4} {}\n", times, fault_class_number(each),
                          fault_class_words(each));
      if (times == 0)
        missed += (missed.empty() ? "" : ", ") + std::string(fault_class_number(each));
    }
    return text + fmt::format("Runs drawn from seeds {} on: a sample. {}", seed_,
                              missed.empty()
                                  ? "Every fault class above happened."
                                  : "These fault classes never happened: " + missed + ".");
  }

  [[nodiscard]] std::uint64_t seed() const { return seed_; }
  [[nodiscard]] bool lying() const { return lying_; }
  void done(const CrashRun::Totals& totals) {
    MutexLock lock(mutex_);
    sum_.add(totals);
  }

 private:
  const std::uint64_t seed_;
  const bool lying_;
  mutable Mutex mutex_;
  CrashRun::Totals sum_;
};

class LivesWorker final : public Worker {
 public:
  explicit LivesWorker(LivesSweep& sweep) : sweep_(sweep), lab_(sweep.lying()) {}

  std::optional<Found> run(std::uint64_t part, const GoOn&) override {
    const std::uint64_t seed = sweep_.seed() + part;
    const auto failure = lab_.run(seed);
    sweep_.done(lab_.take_totals());
    if (!failure) return std::nullopt;
    return Found{line_of(LivesLine{seed, sweep_.lying()}), *failure};
  }

 private:
  LivesSweep& sweep_;
  CrashRun lab_;
};

std::unique_ptr<Worker> LivesSweep::worker() {
  return std::make_unique<LivesWorker>(*this);
}

}  // namespace

std::unique_ptr<Sweep> lives_sweep(std::uint64_t seed, DiskKind disk) {
  return std::make_unique<LivesSweep>(seed, disk);
}

}  // namespace holdfast::crashlab
