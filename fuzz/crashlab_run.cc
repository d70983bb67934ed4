#include "fuzz/crashlab_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <set>
#include <thread>
#include <vector>

#include "engine/base/sync.h"
#include "fuzz/lab/replay_line.h"
#include "fuzz/sweep.h"
#include "tools/interrupt.h"
#include "tools/json_output.h"
#include "tools/output.h"
#include "tools/progress_line.h"

namespace holdfast::crashlab {
namespace {

using tools::ExitCode;
using tools::JsonObject;
using Clock = std::chrono::steady_clock;

const char* kind_name(Kind kind) {
  switch (kind) {
    case Kind::kPoints:
      return "points";
    case Kind::kShort:
      return "short";
    case Kind::kFaults:
      return "faults";
    case Kind::kBits:
      return "bits";
    case Kind::kSwaps:
      return "swaps";
    case Kind::kLives:
      return "lives";
  }
  return "?";
}

std::unique_ptr<Sweep> sweep_for(const Arguments& args) {
  switch (args.kind) {
    case Kind::kPoints:
      return points_sweep(args.workload, args.disk);
    case Kind::kShort:
      return short_sweep(args.disk);
    case Kind::kFaults:
      return faults_sweep(args.workload);
    case Kind::kBits:
      return bits_sweep(args.workload);
    case Kind::kSwaps:
      return swaps_sweep(args.workload);
    case Kind::kLives:
      return lives_sweep(args.seed, args.disk);
  }
  return nullptr;
}

class Run {
 public:
  explicit Run(const Arguments& args)
      : args_(args), sweep_(sweep_for(args)), begin_(Clock::now()), next_(args.from) {
    const std::uint64_t parts = sweep_->parts();
    end_ = parts - std::min(parts, args.from) > args.parts ? args.from + args.parts : parts;
  }

  ExitCode run() {
    {
      std::vector<std::jthread> threads;
      for (unsigned i = 0; i < args_.jobs; ++i) threads.emplace_back([this] { work(); });
      show_progress();
    }
    return report();
  }

 private:
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(Clock::now() - begin_).count();
  }
  [[nodiscard]] bool go_on() const {
    return !found_any_.load() && !tools::interrupted() && seconds() < args_.seconds;
  }

  void work() {
    const auto worker = sweep_->worker();
    while (const auto part = take()) {
      auto found = worker->run(*part, [this] { return go_on(); });
      MutexLock lock(mutex_);
      if (found) {
        found_.push_back(*std::move(found));
        found_any_.store(true);
      }
      if (go_on() || found_any_.load()) {
        under_way_.erase(*part);
        ++done_;
      }
    }
    MutexLock lock(mutex_);
    ++ended_;
  }

  std::optional<std::uint64_t> take() {
    MutexLock lock(mutex_);
    if (next_ >= end_ || !go_on()) return std::nullopt;
    under_way_.insert(next_);
    return next_++;
  }

  void show_progress() {
    tools::ProgressLine line;
    for (;;) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      std::uint64_t done = 0;
      {
        MutexLock lock(mutex_);
        if (ended_ == args_.jobs) return;
        done = done_;
      }
      if (line.due()) line.show(progress_text(done));
    }
  }

  std::string progress_text(std::uint64_t done) const {
    const double now = seconds();
    std::string text = fmt::format("{}: {:.0f} s", kind_name(args_.kind), now);
    double left = args_.seconds - now;
    if (end_ != Sweep::kEndless) {
      const std::uint64_t all = end_ - std::min(end_, args_.from);
      text += fmt::format(", {} of {} parts", done, all);
      if (done > 0)
        left = std::min(
            left, now / static_cast<double>(done) * static_cast<double>(all - std::min(all, done)));
    }
    for (const Figure& each : sweep_->figures()) {
      if (each.name != std::string_view(sweep_->pace())) continue;
      text += fmt::format(", {} {}, {:.0f}/s", each.value, each.name,
                          static_cast<double>(each.value) / std::max(now, 0.001));
    }
    if (std::isfinite(left)) text += fmt::format(", {:.0f} s left", std::max(left, 0.0));
    return text;
  }

  ExitCode report() {
    tools::Output out(1);
    for (const Found& each : found_) out.write(args_.json ? json_of(each) : text_of(each));
    const bool whole = under_way_.empty() && next_ >= end_;
    const std::uint64_t resume = under_way_.empty() ? next_ : *under_way_.begin();
    out.write(args_.json ? json_summary(whole, resume) : text_summary(whole, resume));
    if (!out.flush()) return ExitCode::kFailed;
    if (!found_.empty()) return ExitCode::kDamaged;
    return tools::interrupted() ? ExitCode::kInterrupted : ExitCode::kDone;
  }

  static std::string json_of(const Found& found) {
    JsonObject line;
    return line.text("type", "found").text("line", found.line).text("what", found.what).line();
  }

  static std::string text_of(const Found& found) {
    std::string text;
    if (const auto line = read_line(found.line)) {
      for (const std::string& each : replay(*line).story) text += each + "\n";
    }
    return text + "FOUND: " + found.what + "\nAgain: crashlab replay " + found.line + "\n\n";
  }

  std::string json_summary(bool whole, std::uint64_t resume) const {
    JsonObject line;
    line.text("type", "summary").text("kind", kind_name(args_.kind));
    line.number("found", found_.size()).flag("whole", whole).number("parts", done_);
    if (!whole) line.number("go_on_from", resume);
    for (const Figure& each : sweep_->figures()) line.number(each.name, each.value);
    std::vector<JsonObject> places;
    for (const Place& each : sweep_->places()) {
      JsonObject& place = places.emplace_back();
      place.text("call", each.call).number("address", each.address);
      place.number("called", each.called).number("struck", each.struck);
    }
    if (!places.empty()) line.list("places", places);
    return line.text("covered", sweep_->covered()).real("seconds", seconds()).line();
  }

  std::string text_summary(bool whole, std::uint64_t resume) const {
    std::string text;
    for (const Figure& each : sweep_->figures()) {
      std::string name = each.name;
      std::replace(name.begin(), name.end(), '_', ' ');
      text += fmt::format("{:>12} {}\n", each.value, name);
    }
    text += sweep_->covered() + "\n";
    const double now = seconds();
    text += fmt::format("{}: {} parts in {:.1f} s on {} threads, {} found.\n",
                        kind_name(args_.kind), done_, now, args_.jobs, found_.size());
    if (whole || end_ == Sweep::kEndless) return text;
    return text + fmt::format(
                      "Not all of it: parts {} to {} are left. Goes on with: crashlab run "
                      "{} --from {}{}{}\n",
                      resume, end_, kind_name(args_.kind), resume,
                      args_.workload.empty() ? "" : " --workload " + args_.workload,
                      args_.disk == DiskKind::kWeak
                          ? std::string()
                          : std::string(" --disk ") + disk_name(args_.disk));
  }

  const Arguments& args_;
  std::unique_ptr<Sweep> sweep_;
  Clock::time_point begin_;
  std::uint64_t end_ = 0;
  Atomic<bool> found_any_{false};
  Mutex mutex_;
  std::uint64_t next_;
  std::uint64_t done_ = 0;
  unsigned ended_ = 0;
  std::set<std::uint64_t> under_way_;
  std::vector<Found> found_;
};

}  // namespace

ExitCode run_sweep(const Arguments& args) {
  return std::make_unique<Run>(args)->run();
}

}  // namespace holdfast::crashlab
