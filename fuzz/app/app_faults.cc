#include "fuzz/app/app_faults.h"

#include <utility>

#include "fuzz/lab/fault_ways.h"

namespace holdfast::crashlab {
namespace {

constexpr std::uint64_t kSeed = 7;
constexpr std::uint64_t kRecoveries =
    4;  // Moments, spread evenly, after which the next life is swept.

}  // namespace

AppFaults::AppFaults(AppRun& run)
    : run_(run), base_(run.stage()), faulty_(run.stage()), branch_(run.stage()) {}

bool AppFaults::note(AppStage& stage, const FaultPath& path) {
  run_.count(stage);
  if (!found_ && stage.failure()) found_ = AppFound{path, *stage.failure()};
  return found_.has_value();
}

// The stage stands before the life that is to fail.
void AppFaults::prepare(const FaultPath& path, std::vector<std::string>* story) {
  if (path.moment == FaultPath::kLife) return faulty_->reset(kSeed);
  base_->reset(kSeed);
  base_->disk.trace_calls(story != nullptr);
  base_->tell(story);
  base_->disk.crash_at_change(path.moment + 1);
  base_->live();
  base_->tell(nullptr);
  const auto kind = path.killed ? CrashPolicy::Kind::kProcessKill : CrashPolicy::Kind::kKeepAll;
  faulty_->become(*base_);
  faulty_->disk.crash({.kind = kind}, 0);
  faulty_->crashed(kind);
}

// What a life calls when nothing fails, though it might.
std::vector<SimCall> AppFaults::calls_of(const FaultPath& path) {
  prepare(path);
  SimSites order;
  order.keep_order();
  faulty_->disk.note_sites(&order);
  faulty_->expect(Weather::kFaulty);
  faulty_->live();
  faulty_->disk.note_sites(nullptr);
  sites_.add(order);
  return order.order();
}

std::optional<AppFound> AppFaults::run() {
  found_.reset();
  FaultPath path;
  run_.report().calls = calls_of(path).size();
  const std::uint64_t changes = faulty_->disk.changes();
  sweep(path);
  for (std::uint64_t i = 1; i <= kRecoveries && !found_ && run_.go_on(); ++i) {
    path.moment = changes * i / kRecoveries;
    path.killed = i % 2 == 0;
    sweep(path);
  }
  run_.report().sites = sites_.all().size();
  run_.report().sites_failed = sites_.covered();
  return std::exchange(found_, {});
}

void AppFaults::sweep(FaultPath path) {
  const std::vector<SimCall> calls = calls_of(path);
  for (path.call = 1; path.call <= calls.size(); ++path.call) {
    const SimCall call = calls[path.call - 1];
    for (path.way = 0; path.way < fault_ways().size(); ++path.way) {
      if (found_ || !run_.go_on()) return;
      if (can_fail_like(call, fault_ways()[path.way])) try_one(path, call);
    }
  }
}

void AppFaults::try_one(const FaultPath& path, SimCall call, std::vector<std::string>* story) {
  ++run_.report().faults;
  prepare(path, story);
  // A meta that is there and can't be read just once looks like one that a crash never finished:
  // what is then written over it breaks no promise, but the rule, which sees it.
  Fault fault = fault_ways()[path.way].fault;
  if (call == SimCall::kReadPastCache && !fault.for_ever) faulty_->disk.unwatch();
  fault.nth = path.call;
  faulty_->disk.inject(fault);
  faulty_->disk.note_sites(&sites_);
  faulty_->disk.trace_calls(story != nullptr);
  faulty_->tell(story);
  faulty_->expect(Weather::kFaulty);
  faulty_->live();
  faulty_->tell(nullptr);
  faulty_->disk.note_sites(nullptr);
  faulty_->disk.clear_faults();
  if (note(*faulty_, path)) return;
  // The two ends take turns, so that each call meets both.
  const bool kill = (path.call + path.way) % 2 == 0;
  recover(path, kill ? CrashPolicy::Kind::kProcessKill : CrashPolicy::Kind::kWeak, story);
}

void AppFaults::recover(const FaultPath& path, CrashPolicy::Kind kind,
                        std::vector<std::string>* story) {
  branch_->become(*faulty_);
  branch_->disk.trace_calls(story != nullptr);
  branch_->tell(story);
  branch_->say("storage is well again");
  branch_->disk.crash({.kind = kind}, path.call);
  branch_->crashed(kind);
  branch_->live();
  branch_->tell(nullptr);
  note(*branch_, path);
}

std::optional<AppFound> AppFaults::replay(const FaultPath& path, std::vector<std::string>* story) {
  found_.reset();
  if (path.way >= fault_ways().size()) return std::nullopt;
  const std::vector<SimCall> calls = calls_of(path);
  if (path.call == 0 || path.call > calls.size()) return std::nullopt;
  if (story != nullptr) {
    story->push_back("call " + std::to_string(path.call) + " of the " +
                     (path.moment == FaultPath::kLife ? "life" : "second life") +
                     " will fail: " + fault_ways()[path.way].name);
  }
  try_one(path, calls[path.call - 1], story);
  return std::exchange(found_, {});
}

}  // namespace holdfast::crashlab
