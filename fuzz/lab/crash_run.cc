#include "fuzz/lab/crash_run.h"

#include <algorithm>
#include <cstdlib>

#include "engine/file/meta_format.h"
#include "fuzz/lab/fault_ways.h"
#include "fuzz/lab/history.h"

namespace holdfast {
namespace {

void add(LabCounters& sum, const LabCounters& more) {
  sum.ops += more.ops;
  sum.records += more.records;
  sum.commits += more.commits;
  sum.openings += more.openings;
  sum.recoveries += more.recoveries;
  sum.compared += more.compared;
  sum.limits += more.limits;
  sum.refusals += more.refusals;
}

}  // namespace

const char* policy_name(CrashPolicy::Kind kind) {
  switch (kind) {
    case CrashPolicy::Kind::kProcessKill:
      return "process killed";
    case CrashPolicy::Kind::kKeepAll:
      return "power lost, all kept";
    case CrashPolicy::Kind::kKeepNone:
      return "power lost, nothing kept";
    case CrashPolicy::Kind::kOrdered:
      return "power lost, in order";
    case CrashPolicy::Kind::kExt4Like:
      return "power lost, as on ext4";
    case CrashPolicy::Kind::kWeak:
      return "power lost, anything goes";
  }
  return "?";
}

CrashPolicy CrashRun::draw_policy(Choices& choices) const {
  constexpr CrashPolicy::Kind kKinds[] = {
      CrashPolicy::Kind::kWeak,     CrashPolicy::Kind::kProcessKill, CrashPolicy::Kind::kKeepAll,
      CrashPolicy::Kind::kKeepNone, CrashPolicy::Kind::kOrdered,     CrashPolicy::Kind::kExt4Like,
      CrashPolicy::Kind::kWeak,     CrashPolicy::Kind::kWeak};
  CrashPolicy policy;
  policy.kind = kKinds[swarm_.draw_way(choices, std::size(kKinds))];
  policy.sector_bytes = choices.chance(1, 3) ? 4096 : 512;
  policy.garbage = !choices.chance(1, 4);
  policy.garbage_in_place = choices.chance(1, 4);
  return policy;
}

void CrashRun::Totals::add(const Totals& more) {
  runs += more.runs;
  lives += more.lives;
  crashes += more.crashes;
  classes.add(more.classes);
  holdfast::add(counters, more.counters);
}

std::string CrashRun::Totals::to_string() const {
  return std::to_string(runs) + " runs, " + std::to_string(lives) + " lives, " +
         std::to_string(crashes) + " crashes, " + std::to_string(counters.recoveries) +
         " recoveries, " + std::to_string(counters.ops) + " ops, " +
         std::to_string(counters.commits) + " commits, " + std::to_string(counters.compared) +
         " states compared, " + std::to_string(counters.limits) + " limits, " +
         std::to_string(counters.refusals) + " refusals";
}

CrashRun::CrashRun(bool lying) : database_(disk_), lying_(lying) {
  disk_.note_classes(&totals_.classes);
}

std::optional<std::string> CrashRun::run(std::uint64_t seed) {
  Choices choices(seed);
  return run(choices, nullptr);
}

std::optional<std::string> CrashRun::run(std::span<const std::byte> bytes) {
  Choices choices(bytes);
  return run(choices, nullptr);
}

std::string CrashRun::story_of(std::uint64_t seed) {
  std::vector<std::string> story;
  Choices choices(seed);
  (void)run(choices, &story);
  std::string text;
  for (const std::string& line : story) text += line + "\n";
  return text;
}

std::string CrashRun::story_of(std::span<const std::byte> bytes) {
  std::vector<std::string> story;
  Choices choices(bytes);
  (void)run(choices, &story);
  std::string text;
  for (const std::string& line : story) text += line + "\n";
  return text;
}

std::optional<std::string> CrashRun::run(Choices& choices, std::vector<std::string>* story) {
  database_.stop();
  story_ = story;
  SimDisk::Options options;
  options.seed = choices.seed();
  options.trace = story != nullptr;
  if (lying_) options.kind = DiskKind::kLying;
  disk_.reset(options);
  swarm_ = Swarm::draw(choices);
  shape_ = Shape::draw(choices);
  harmed_ = false;
  fills_ = shape_.page_size >= 16384 && choices.chance(1, 6);
  older_.clear();
  database_.start(shape_, choices.seed());
  if (lying_) database_.lied_to();
  keeps_older_ = !lying_ && swarm_.has(Trouble::kHarm) && choices.chance(1, 4);
  if (keeps_older_) database_.keep_history();
  database_.tell(story);
  if (story != nullptr) story->push_back(shape_.to_string());
  const std::uint64_t lives = 1 + choices.below(choices.chance(1, 32) ? 40 : 8);
  for (std::uint64_t i = 0; i < lives && !database_.failure(); ++i) live(choices);
  if (!database_.failure()) last_life();
  std::optional<std::string> failure = database_.failure();
  count();
  database_.stop();
  database_.tell(nullptr);
  story_ = nullptr;
  return failure;
}

void CrashRun::count() {
  ++totals_.runs;
  add(totals_.counters, database_.counters());
}

void CrashRun::plan_fault(Choices& choices) {
  constexpr SimCall kCalls[] = {SimCall::kWrite,         SimCall::kSync,     SimCall::kRead,
                                SimCall::kSyncDirectory, SimCall::kRename,   SimCall::kRemove,
                                SimCall::kAllocate,      SimCall::kTruncate, SimCall::kOpen,
                                SimCall::kReadPastCache};
  const SimCall call = kCalls[swarm_.draw_call(choices, std::size(kCalls))];
  const FaultWay& way = fault_ways()[choices.below(fault_ways().size())];
  Fault fault;
  if (can_fail_like(call, way)) fault = way.fault;
  fault.call = call;
  fault.nth = choices.scale(call == SimCall::kWrite || call == SimCall::kRead ? 64 : 12);
  fault.for_ever = choices.chance(1, 3);
  fault.sync_loss = static_cast<SyncLoss>(choices.below(lying_ ? 3 : 2));
  if (choices.chance(1, 2)) fault.part = Fault::Part::kDrawn;
  // A meta that is there and can't be read just once looks like one that a crash never finished:
  // what is then written over it breaks no promise, but the rule, which sees it.
  const bool metas_too = fault.for_ever || fault.call != SimCall::kReadPastCache;
  if (!metas_too || choices.chance(1, 3)) fault.path_contains = ".log";
  disk_.inject(fault);
  // A cache that goes back to the medium goes back to before all that syncs kept nothing of.
  if (lying_ && call == SimCall::kSync) database_.harmed(Harm::kLies);
  weather_ = Weather::kFaulty;
  bad_slots_ = bad_slots_of(call, fault);
  if (story_ != nullptr) {
    story_->push_back(std::string("fault: the ") + std::to_string(fault.nth) + "th " +
                      sim_call_name(*fault.call) + (fault.for_ever ? " and all after" : "") + " " +
                      fault.path_contains + " " + error_code_name(fault.code));
  }
}

// Storage answers success and does something else with a write.
void CrashRun::plan_betrayal(Choices& choices) {
  constexpr Fault::Effect kEffects[] = {Fault::Effect::kLose, Fault::Effect::kMisdirect,
                                        Fault::Effect::kDuplicate};
  Fault fault;
  fault.call = SimCall::kWrite;
  fault.effect = kEffects[choices.below(std::size(kEffects))];
  fault.nth = choices.scale(64);
  // Metas lie four blocks apart: a copy of one in the place of another is no harm.
  const auto blocks = static_cast<std::int64_t>(1 + choices.below(3));
  fault.distance = 4096 * (choices.chance(1, 2) ? blocks : -blocks);
  const std::uint64_t where = choices.below(3);
  if (where == 0) {
    // Metas are read back, so nothing that depends on them may be gone.
    fault.effect = Fault::Effect::kLose;
    fault.path_is = LabDatabase::kPath;
    fault.before = kHeaderRegionBytes;
    fault.nth = choices.scale(8);
    fault.for_ever = true;
    weather_ = Weather::kFaulty;
  } else if (harmed_) {
    return;
  } else {
    harmed_ = true;
    // Zeros written ahead that land further back take all batches, and what vouches for them.
    if (where == 2) fault.distance = std::abs(fault.distance);
    (where == 1 ? fault.path_is : fault.path_contains) = where == 1 ? LabDatabase::kPath : ".log";
    database_.harmed(where == 1 ? Harm::kTree : Harm::kLog);
  }
  disk_.inject(fault);
  if (story_ != nullptr) {
    story_->push_back("betrayal: the " + std::to_string(fault.nth) + "th write " +
                      (where == 0   ? "of a meta and all after are lost"
                       : where == 1 ? "of the tree file goes wrong"
                                    : "of the log goes wrong"));
  }
}

// Pages that come from elsewhere. Of a log they would be the end of it, and of metas an older
// state, for this once; that is F17's business.
void CrashRun::plan_astray(Choices& choices) {
  Fault fault;
  fault.call = SimCall::kRead;
  fault.effect = Fault::Effect::kMisdirect;
  fault.path_is = LabDatabase::kPath;
  fault.from = kHeaderRegionBytes;
  fault.nth = choices.scale(64);
  fault.for_ever = choices.chance(1, 4);
  fault.distance = 4096 * static_cast<std::int64_t>(1 + choices.below(16));
  if (choices.chance(1, 2)) fault.distance = -fault.distance;
  disk_.inject(fault);
  weather_ = Weather::kAstray;
  if (story_ != nullptr) {
    story_->push_back("astray: the " + std::to_string(fault.nth) + "th read of a page" +
                      (fault.for_ever ? " and all after" : "") + " comes from elsewhere");
  }
}

void CrashRun::harm(Choices& choices, bool at_rest) {
  if (harmed_ || !swarm_.has(Trouble::kHarm) || !choices.chance(1, 8)) return;
  std::string story;
  const Harm harm =
      do_harm(disk_, LabDatabase::kPath, at_rest, older_, swarm_, choices, story, totals_.classes);
  harmed_ = harm != Harm::kNone;
  database_.harmed(harm);
  if (harm == Harm::kLies) database_.lied_to();
  if (story_ != nullptr) story_->push_back(story);
}

// What will befall this life, the crash apart.
void CrashRun::plan_trouble(Choices& choices) {
  weather_ = Weather::kFair;
  bad_slots_.reset();
  disk_.clear_faults();
  disk_.set_capacity(SimDisk::Options{}.capacity_bytes);
  disk_.crash_at_change(0);  // None: that count is behind us already.
  const std::uint64_t what = choices.below(10);
  if (what == 6 && swarm_.has(Trouble::kFault)) plan_fault(choices);
  if (what == 7 && swarm_.has(Trouble::kFull)) plan_little_room(choices);
  if (what == 8 && swarm_.has(Trouble::kBetrayal)) plan_betrayal(choices);
  if (what == 9 && swarm_.has(Trouble::kAstray)) plan_astray(choices);
  database_.expect(weather_, bad_slots_);
}

void CrashRun::plan_little_room(Choices& choices) {
  std::uint64_t used = 0;
  for (const std::string& path : disk_.paths()) used += disk_.cached_bytes(path).size();
  disk_.set_capacity(used + choices.scale(1 << 20));
  weather_ = Weather::kFull;
  if (story_ != nullptr) story_->push_back("the disk has little room");
}

void CrashRun::plan_options(Choices& choices) {
  if (!swarm_.has(Trouble::kOptions) || !choices.chance(1, 2)) return;
  shape_.draw_options(choices);
  database_.set_options(shape_);
  if (story_ != nullptr) story_->push_back("from now on: " + shape_.to_string());
}

// How often the classes say that something failed.
std::uint64_t CrashRun::failures() const {
  std::uint64_t sum = 0;
  for (const FaultClass which :
       {FaultClass::kSyncFails, FaultClass::kDiskFull, FaultClass::kCallFails})
    sum += totals_.classes.times(which);
  return sum;
}

void CrashRun::open() {
  const std::uint64_t before = failures();
  const bool has_log = std::ranges::any_of(disk_.paths(), is_log);
  const bool stopped = disk_.crashed();
  database_.open();
  if (has_log && disk_.crashed() && !stopped) totals_.classes.met(FaultClass::kCrashInRecovery);
  if (failures() != before) totals_.classes.met(FaultClass::kFailureInRecovery);
}

void CrashRun::apply(const Op& op) {
  const std::uint64_t before = failures();
  database_.apply(op);
  using Kind = Op::Kind;
  const bool writes_back = op.kind == Kind::kCheckpoint || op.kind == Kind::kReopen;
  if (writes_back && failures() != before) totals_.classes.met(FaultClass::kFailureInRecovery);
  if (op.kind == Kind::kSetClock) totals_.classes.met(FaultClass::kClockJumps);
  if (op.kind == Kind::kIntrude) totals_.classes.met(FaultClass::kOpenedTwice);
}

void CrashRun::live(Choices& choices) {
  ++totals_.lives;
  plan_options(choices);
  plan_trouble(choices);
  const bool crashes = choices.chance(7, 8);
  const bool early = choices.chance(1, 2);
  const std::uint64_t at = choices.scale(early ? 64 : 1024);
  const bool takes_effect = choices.chance(1, 2);
  if (crashes && early) disk_.crash_at_change(at, takes_effect);
  if (choices.chance(1, 8)) database_.look();
  open();
  if (crashes && !early) disk_.crash_at_change(at, takes_effect);
  if (database_.usable() && choices.chance(1, 2)) database_.apply({.kind = Op::Kind::kVerify});
  if (std::exchange(fills_, false)) fill();
  const std::uint64_t ops = choices.scale(200);
  for (std::uint64_t i = 0; i < ops && database_.usable() && !choices.used_up(); ++i) {
    apply(draw_op(choices, shape_, swarm_));
  }
  if (database_.usable() && choices.chance(1, 6)) tidy();
  if (!database_.failure()) end_life(choices);
}

// Nothing open and nothing left to write: whatever is held now is lost, and verify() counts it.
void CrashRun::tidy() {
  database_.apply({.kind = Op::Kind::kAbort});
  for (int i = 0; i < 6; ++i) database_.apply({.kind = Op::Kind::kEndSnapshot});
  database_.apply({.kind = Op::Kind::kCheckpoint});
}

// More pages than the smallest cache has frames: from now on they come and go.
void CrashRun::fill() {
  constexpr std::uint16_t kRun = 16;
  for (std::uint32_t key = 0; key < shape_.key_count; key += kRun) {
    database_.apply({.kind = Op::Kind::kPutRun, .count = kRun, .key = key, .bytes = 12000});
    database_.apply({.kind = Op::Kind::kCommitLazy});
  }
  database_.apply({.kind = Op::Kind::kCheckpoint});
}

void CrashRun::end_life(Choices& choices) {
  const bool closes = choices.chance(1, 5);
  const CrashPolicy policy = draw_policy(choices);
  const std::uint64_t seed = choices.seed();
  if (closes && database_.is_open()) {
    const std::uint64_t before = failures();
    database_.close();
    if (failures() != before) totals_.classes.met(FaultClass::kFailureInRecovery);
    if (database_.failure()) return;
    if (!disk_.crashed() && weather_ == Weather::kFair) {
      harm(choices, true);
      return remember(choices);
    }
  }
  database_.stop();
  if (database_.failure()) return;
  if (story_ != nullptr) story_->push_back(std::string("crash: ") + policy_name(policy.kind));
  ++totals_.crashes;
  disk_.crash(policy, seed);
  database_.crashed(policy.kind);
  if (policy.kind == CrashPolicy::Kind::kProcessKill) return;
  if (lying_) database_.harmed(Harm::kLies);
  harm(choices, false);
  remember(choices);
}

// The files as they are now may come back, one of them.
void CrashRun::remember(Choices& choices) {
  if (keeps_older_ && !harmed_ && choices.chance(1, 2)) older_ = files_of(disk_);
}

// Good weather to the end: opens, is whole, closes, is one file, and reads the same.
void CrashRun::last_life() {
  disk_.clear_faults();
  disk_.set_capacity(SimDisk::Options{}.capacity_bytes);
  database_.expect(Weather::kFair);
  disk_.crash_at_change(0);  // None: the count is behind us already.
  database_.open();
  database_.apply({.kind = Op::Kind::kVerify});
  database_.apply({.kind = Op::Kind::kPut, .key = 1, .bytes = 10});
  database_.apply({.kind = Op::Kind::kCommitSync});
  database_.apply({.kind = Op::Kind::kCheckpoint});
  database_.apply({.kind = Op::Kind::kVerify});
  database_.close();
  database_.look();
  database_.open();
  database_.apply({.kind = Op::Kind::kVerify});
  database_.close();
}

}  // namespace holdfast
