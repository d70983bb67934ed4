#include "fuzz/lab/fault_sweep.h"

namespace holdfast {
FaultSweep::FaultSweep(const Workload& workload) : workload_(workload) {
  moments_ = changes_of(base_, workload);
  life_ = calls_of({});
  life_calls_ = life_.size();
}

// The stage stands before the life that is to fail.
void FaultSweep::prepare(const FaultPath& path) {
  if (path.moment == FaultPath::kLife) {
    begin(faulty_, workload_);
    return;
  }
  branch_off(faulty_, base_, path.moment);
  faulty_.disk.crash(
      {.kind = path.killed ? CrashPolicy::Kind::kProcessKill : CrashPolicy::Kind::kKeepAll}, 0);
  faulty_.database.crashed(path.killed ? CrashPolicy::Kind::kProcessKill
                                       : CrashPolicy::Kind::kKeepAll);
}

// What is called when nothing fails.
std::vector<SimCall> FaultSweep::calls_of(const FaultPath& path) {
  prepare(path);
  SimSites order;
  order.keep_order();
  faulty_.disk.note_sites(&order);
  live(faulty_, path.moment == FaultPath::kLife ? std::span<const Op>(workload_.ops) : going_on());
  faulty_.disk.note_sites(nullptr);
  sites_.add(order);
  return order.order();
}

std::optional<FaultFailure> FaultSweep::run(std::uint64_t part) {
  failure_.reset();
  if (part < life_calls_) {
    FaultPath path;
    path.call = part + 1;
    sweep_call(path, life_[part]);
  } else {
    play(base_, workload_, part - life_calls_, Told::kYes);
    sweep_recovery(part - life_calls_, true);
    sweep_recovery(part - life_calls_, false);
  }
  return std::exchange(failure_, {});
}

void FaultSweep::sweep_recovery(std::uint64_t moment, bool killed) {
  FaultPath path;
  path.moment = moment;
  path.killed = killed;
  const std::vector<SimCall> calls = calls_of(path);
  for (path.call = 1; path.call <= calls.size() && !failure_; ++path.call) {
    if (go_on_ && !go_on_()) stopped_ = true;
    if (stopped_) return;
    sweep_call(path, calls[path.call - 1]);
  }
}

void FaultSweep::sweep_call(FaultPath path, SimCall call) {
  for (path.way = 0; path.way < fault_ways().size() && !failure_; ++path.way) {
    if (can_fail_like(call, fault_ways()[path.way])) try_one(path, call);
  }
}

void FaultSweep::try_one(const FaultPath& path, SimCall call, std::vector<std::string>* story) {
  live_with(path, call, story);
  // In recoveries, of which there are many, the two ends take turns.
  const bool both = path.moment == FaultPath::kLife;
  const bool kill = (path.call + path.way + path.moment) % 2 == 0;
  if (!failure_ && (both || kill)) recover_from(path, CrashPolicy::Kind::kProcessKill, story);
  if (!failure_ && (both || !kill)) recover_from(path, CrashPolicy::Kind::kWeak, story);
}

void FaultSweep::live_with(const FaultPath& path, SimCall call, std::vector<std::string>* story) {
  ++counts_.runs;
  prepare(path);
  // A meta that is there and can't be read just once looks like one that a crash never finished:
  // what is then written over it breaks no promise, but the rule, which sees it.
  if (call == SimCall::kReadPastCache && !fault_ways()[path.way].fault.for_ever) {
    faulty_.disk.unwatch();
  }
  Fault fault = fault_ways()[path.way].fault;
  fault.nth = path.call;
  faulty_.disk.inject(fault);
  faulty_.disk.note_sites(&sites_);
  // For ever is for ever here: from that call on all fail, of whatever kind.
  faulty_.database.expect(Weather::kFaulty,
                          fault.for_ever ? std::nullopt : bad_slots_of(call, fault));
  faulty_.disk.trace_calls(story != nullptr);
  faulty_.database.tell(story);
  live(faulty_, path.moment == FaultPath::kLife ? std::span<const Op>(workload_.ops) : going_on());
  faulty_.database.tell(nullptr);
  faulty_.disk.note_sites(nullptr);
  faulty_.disk.clear_faults();
  if (faulty_.database.failure()) failure_ = {path, *faulty_.database.failure()};
}

void FaultSweep::recover_from(const FaultPath& path, CrashPolicy::Kind kind,
                              std::vector<std::string>* story) {
  ++counts_.recoveries;
  branch_off(branch_, faulty_, path.call);
  branch_.disk.crash({.kind = kind}, path.call);
  branch_.database.crashed(kind);
  branch_.database.expect(Weather::kFair);
  if (story != nullptr) {
    story->push_back(kind == CrashPolicy::Kind::kProcessKill
                         ? "storage is well again; the process was killed"
                         : "storage is well again; power was lost");
  }
  branch_.disk.trace_calls(story != nullptr);
  branch_.database.tell(story);
  const bool of_life = path.moment == FaultPath::kLife;
  if (of_life && kind == CrashPolicy::Kind::kProcessKill) live_once_more(story);
  live(branch_, going_on());
  branch_.database.tell(nullptr);
  if (branch_.database.failure()) failure_ = {path, *branch_.database.failure()};
}

// A commit on top of what a cache shows after a kill, and then a loss of power, which leaves what
// is on the medium.
void FaultSweep::live_once_more(std::vector<std::string>* story) {
  branch_.database.open();
  for (const Op& op : first_steps()) branch_.database.apply(op);
  branch_.database.stop();
  branch_.disk.crash({.kind = CrashPolicy::Kind::kKeepNone}, 0);
  branch_.database.crashed(CrashPolicy::Kind::kKeepNone);
  if (story != nullptr) story->push_back("then power was lost, and all that was not synced");
}

std::optional<std::string> FaultSweep::replay(const FaultPath& path,
                                              std::vector<std::string>* story) {
  failure_.reset();
  if (path.way >= fault_ways().size()) return std::nullopt;
  if (path.moment != FaultPath::kLife) {
    play(base_, workload_, path.moment, Told::kYes, story);
    if (story != nullptr) {
      story->push_back(path.killed ? "the process is killed" : "power is lost, all was kept");
    }
  }
  if (story != nullptr) {
    story->push_back("from here on call " + std::to_string(path.call) +
                     " fails: " + fault_ways()[path.way].name);
  }
  const std::vector<SimCall> calls = calls_of(path);
  if (path.call == 0 || path.call > calls.size()) return std::nullopt;
  try_one(path, calls[path.call - 1], story);
  return failure_ ? std::optional(failure_->what) : std::nullopt;
}

}  // namespace holdfast
