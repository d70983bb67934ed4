#include "fuzz/app/app_lives.h"

#include <algorithm>
#include <utility>

#include "engine/base/limits.h"
#include "engine/file/meta_format.h"
#include "fuzz/lab/fault_ways.h"

namespace holdfast::crashlab {
namespace {

constexpr std::uint64_t kFaultsWithin = 64;   // Calls of the kind that fails.
constexpr std::uint64_t kEarlyWithin = 64;    // Changes after which an early crash strikes.
constexpr std::uint64_t kLateWithin = 1024;   // And a late one.
constexpr std::uint64_t kRoomMost = 1 << 20;  // On a disk with little room.

// From 1 to `most`, each power of two as likely as the next.
std::uint64_t scale(Rng& rng, std::uint64_t most) {
  std::uint64_t range = most;
  for (std::uint64_t halvings = rng.below(10); halvings > 0 && range > 1; --halvings) range /= 2;
  return 1 + rng.below(range);
}

CrashPolicy draw_crash(Rng& rng) {
  using Kind = CrashPolicy::Kind;
  constexpr Kind kKinds[] = {Kind::kWeak,    Kind::kProcessKill, Kind::kKeepAll, Kind::kKeepNone,
                             Kind::kOrdered, Kind::kExt4Like,    Kind::kWeak,    Kind::kWeak};
  CrashPolicy policy;
  policy.kind = kKinds[rng.below(std::size(kKinds))];
  policy.sector_bytes = rng.chance(1, 3) ? 4096 : 512;
  return policy;
}

}  // namespace

AppSizes AppLives::draw_sizes(Rng& rng) const {
  const Options& given = run_.subject().options;
  AppSizes sizes{given.cache_bytes, given.checkpoint_log_bytes, given.log_segment_bytes};
  if (rng.chance(1, 2)) sizes.checkpoint_log_bytes = std::uint64_t{4096} << rng.below(8);
  if (rng.chance(1, 2)) sizes.log_segment_bytes = kLogSegmentMin << rng.below(4);
  return sizes;
}

std::optional<AppFound> AppLives::run(const AppLivesPath& path, std::vector<std::string>* story) {
  Rng rng(path.seed);
  stage_->reset(rng.next(), true);
  stage_->disk.trace_calls(story != nullptr);
  stage_->tell(story);
  const std::uint64_t lives = std::min(1 + rng.below(AppLivesPath::kAll), path.lives);
  for (std::uint64_t i = 0; i < lives && !stage_->failure() && !stage_->given_up(); ++i) life(rng);
  last_life();
  stage_->tell(nullptr);
  ++run_.report().runs;
  run_.count(*stage_);
  if (!stage_->failure()) return std::nullopt;
  return AppFound{path, *stage_->failure()};
}

void AppLives::plan_fault(Rng& rng) {
  const FaultWay& way = fault_ways()[rng.below(fault_ways().size())];
  constexpr SimCall kCalls[] = {SimCall::kWrite,  SimCall::kSync,          SimCall::kRead,
                                SimCall::kRename, SimCall::kSyncDirectory, SimCall::kRemove,
                                SimCall::kOpen,   SimCall::kTruncate,      SimCall::kAllocate};
  Fault fault = way.fault;
  fault.call = way.only ? *way.only : kCalls[rng.below(std::size(kCalls))];
  if (!can_fail_like(*fault.call, way)) fault.code = ErrorCode::kIo;
  fault.nth = scale(rng, kFaultsWithin);
  stage_->disk.inject(fault);
  stage_->say("to come: " + std::to_string(fault.nth) + ". " + sim_call_name(*fault.call) +
              " fails: " + way.name);
}

Weather AppLives::plan_trouble(Rng& rng) {
  stage_->disk.clear_faults();
  stage_->disk.set_capacity(SimDisk::Options{}.capacity_bytes);
  const std::uint64_t what = rng.below(6);
  if (what == 0) {
    plan_fault(rng);
    return Weather::kFaulty;
  }
  if (what != 1) return Weather::kFair;
  std::uint64_t used = 0;
  for (const std::string& path : stage_->disk.paths()) {
    used += stage_->disk.cached_bytes(path).size();
  }
  stage_->disk.set_capacity(used + scale(rng, kRoomMost));
  stage_->say("to come: the disk has little room");
  return Weather::kFull;
}

void AppLives::life(Rng& rng) {
  ++run_.report().lives;
  stage_->set_sizes(draw_sizes(rng));
  stage_->expect(plan_trouble(rng));
  stage_->disk.crash_at_change(0);  // None: that count is behind us already.
  if (rng.chance(7, 8)) {
    const std::uint64_t within = rng.chance(1, 2) ? kEarlyWithin : kLateWithin;
    stage_->disk.crash_at_change(scale(rng, within), rng.chance(1, 2));
  }
  stage_->live();
  if (!stage_->failure()) end_life(rng);
}

void AppLives::end_life(Rng& rng) {
  const CrashPolicy policy = draw_crash(rng);
  ++run_.report().crashes;
  stage_->disk.crash(policy, rng.next());
  stage_->crashed(policy.kind);
  if (policy.kind != CrashPolicy::Kind::kProcessKill && rng.chance(1, 24)) rot(rng);
}

// One bit of the tree file's pages: the rest of the run may end in errors, never in wrong data.
void AppLives::rot(Rng& rng) {
  const std::uint64_t bytes = stage_->disk.durable_bytes(AppStage::kPath).size();
  if (bytes <= kHeaderRegionBytes) return;
  const std::uint64_t bit = kHeaderRegionBytes * 8 + rng.below((bytes - kHeaderRegionBytes) * 8);
  stage_->say("bit " + std::to_string(bit) + " of the tree file rots");
  stage_->disk.flip_bit(AppStage::kPath, bit);
  stage_->harmed();
}

void AppLives::last_life() {
  stage_->disk.clear_faults();
  stage_->disk.set_capacity(SimDisk::Options{}.capacity_bytes);
  stage_->disk.crash_at_change(0);
  stage_->expect(Weather::kFair);
  stage_->live();
}

AppFound AppLives::shrink(AppFound found) {
  AppLivesPath path = std::get<AppLivesPath>(found.path);
  for (path.lives = 0; path.lives < AppLivesPath::kAll && run_.go_on(); ++path.lives) {
    if (auto smaller = run(path)) return *std::move(smaller);
  }
  return found;
}

}  // namespace holdfast::crashlab
