#include "fuzz/app/app_points.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace holdfast::crashlab {
namespace {

constexpr std::uint32_t kSectorBytes = 512;
constexpr std::uint64_t kWholeLife = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kSeed = 7;          // Of uuids and salts, and of Life::random().
constexpr std::uint64_t kMomentsLater = 4;  // Of the life after a crash; other ones each time.
constexpr std::uint64_t kImagesLater = 8;   // Of each.
constexpr std::uint64_t kImagesEarlier =
    96;  // Of each moment when something smaller is looked for.
constexpr std::uint64_t kPlanTried = 20'000;

// A hash under which an image is the same only where the same is known of it.
SeenImages::Hash hash_of(const AppStage& stage) {
  SeenImages::Hash hash = stage.disk.durable_hash();
  const Evidence& evidence = stage.evidence();
  hash[0] ^= evidence.begun.size() * 0x9e3779b97f4a7c15;
  hash[1] ^= evidence.acknowledged.size() * 0xbf58476d1ce4e5b9;
  return hash;
}

}  // namespace

AppPoints::AppPoints(AppRun& run)
    : run_(run),
      base_(run.stage()),
      branch_(run.stage()),
      parent_(run.stage()),
      middle_(run.stage()) {}

// What was found at path_, if anything.
bool AppPoints::note(AppStage& stage) {
  run_.count(stage);
  if (!found_ && stage.failure()) found_ = AppFound{path_, *stage.failure()};
  return found_.has_value();
}

// From an empty disk up to the moment.
void AppPoints::play(AppStage& stage, std::uint64_t moment, std::vector<std::string>* story) {
  stage.reset(kSeed);
  stage.disk.trace_calls(story != nullptr);
  stage.tell(story);
  if (moment != kWholeLife) stage.disk.crash_at_change(moment + 1);
  stage.live();
}

void AppPoints::go_on(AppStage& stage, const AppStage& from, std::uint64_t moment) {
  stage.become(from);
  if (moment != kWholeLife) stage.disk.crash_at_change(moment + 1);
  stage.live();
}

void AppPoints::crash(AppStage& stage, const ImagePlan& plan, std::uint64_t image) {
  if (image == PointPath::kKill) {
    stage.disk.crash({.kind = CrashPolicy::Kind::kProcessKill}, 0);
    return stage.crashed(CrashPolicy::Kind::kProcessKill);
  }
  plan.image(image, fates_);
  stage.disk.crash_with(kSectorBytes, fates_, image);
  stage.crashed(CrashPolicy::Kind::kWeak);
}

void AppPoints::crash(AppStage& stage, std::uint64_t image, std::vector<std::string>* story) {
  const std::vector<CrashUnit> units = stage.disk.crash_units(kSectorBytes);
  const ImagePlan plan(units);
  std::vector<std::string> names;
  for (const CrashUnit& unit : units) names.push_back(stage.disk.describe(unit));
  stage.disk.trace_calls(story != nullptr);
  stage.tell(story);
  crash(stage, plan, image);
  if (story == nullptr || image == PointPath::kKill) return;
  stage.say("of what was not synced:");
  for (std::size_t i = 0; i < names.size(); ++i) {
    stage.say("    " + names[i] + ": " + fate_name(fates_[i]));
  }
}

std::optional<AppFound> AppPoints::whole_life() {
  found_.reset();
  path_.steps.clear();
  play(*base_, kWholeLife);
  changes_ = base_->disk.changes();
  if (note(*base_)) return std::exchange(found_, {});
  play(*branch_, kWholeLife);
  const bool same = branch_->disk.changes() == changes_ &&
                    branch_->disk.durable_hash() == base_->disk.durable_hash() &&
                    branch_->evidence().begun == base_->evidence().begun;
  if (!same) {
    branch_->fail(
        "the same life twice left two different databases: the workload depends on something "
        "else than its database and Life");
  }
  note(*branch_);
  return std::exchange(found_, {});
}

std::optional<AppFound> AppPoints::at(std::uint64_t moment, const Limits& limits) {
  found_.reset();
  path_.steps = {{moment, PointPath::kKill}};
  play(*base_, moment);
  if (note(*base_)) return std::exchange(found_, {});
  const ImagePlan plan(base_->disk.crash_units(kSectorBytes));
  bool going = limits.from != 0 || try_image(*base_, plan, PointPath::kKill, seen_);
  for (std::uint64_t i = limits.from; going && i < plan.picks(limits.images); ++i) {
    going = try_image(*base_, plan, plan.picked(i, limits.images), seen_);
  }
  if (going && limits.later) {
    const std::uint64_t turn = moment % 3;
    later(moment, turn == 2 ? PointPath::kKill : std::min(turn, plan.size() - 1), plan);
  }
  return std::exchange(found_, {});
}

// The last step of path_. False when something was found.
bool AppPoints::try_image(AppStage& from, const ImagePlan& plan, std::uint64_t image,
                          SeenImages& seen) {
  path_.steps.back().image = image;
  ++run_.report().images;
  branch_->become(from);
  crash(*branch_, plan, image);
  const bool killed = image == PointPath::kKill;
  if (!killed && !seen.add(hash_of(*branch_))) return true;
  run_.report().images_distinct += killed ? 0 : 1;
  branch_->live(AppStage::Until::kFirstCheck);
  return !note(*branch_);
}

// The life after one image: whole, and crashed at its opening, at each end of it, and between.
void AppPoints::later(std::uint64_t moment, std::uint64_t image, const ImagePlan& plan) {
  path_.steps = {{moment, image}};
  parent_->become(*base_);
  crash(*parent_, plan, image);
  go_on(*middle_, *parent_, kWholeLife);
  if (note(*middle_)) return;
  const std::uint64_t changes = middle_->disk.changes() - parent_->disk.changes();
  path_.steps.push_back({0, 0});
  for (std::uint64_t i = 0; i < kMomentsLater; ++i) {
    const std::uint64_t at = (changes * i + moment * 7) / kMomentsLater % (changes + 1);
    if (!later_at(at, kImagesLater)) return;
  }
}

bool AppPoints::later_at(std::uint64_t moment, std::uint64_t images) {
  path_.steps.resize(2);
  path_.steps.back().moment = moment;
  go_on(*middle_, *parent_, moment);
  if (note(*middle_)) return false;
  ++run_.report().crashes_in_later;
  const ImagePlan plan(middle_->disk.crash_units(kSectorBytes));
  bool going = try_image(*middle_, plan, PointPath::kKill, seen_later_);
  for (std::uint64_t i = 0; going && i < plan.picks(images); ++i) {
    going = try_image(*middle_, plan, plan.picked(i, images), seen_later_);
  }
  return going;
}

std::optional<AppFound> AppPoints::replay(const PointPath& path, std::vector<std::string>* story) {
  found_.reset();
  path_ = path;
  play(*base_, path.steps.empty() ? kWholeLife : path.steps.front().moment, story);
  AppStage* from = base_.get();
  AppStage* to = parent_.get();
  for (std::size_t i = 0; i < path.steps.size() && !note(*from); ++i) {
    from->tell(nullptr);
    to->become(*from);
    crash(*to, path.steps[i].image, story);
    if (i + 1 < path.steps.size()) to->disk.crash_at_change(path.steps[i + 1].moment + 1);
    to->live();
    from = std::exchange(to, from);
  }
  from->tell(nullptr);
  note(*from);
  return std::exchange(found_, {});
}

AppFound AppPoints::shrink(AppFound found) {
  if (!std::holds_alternative<PointPath>(found.path)) return found;
  if (std::get<PointPath>(found.path).steps.empty()) return found;
  return fewer_losses(earlier(std::move(found)));
}

// One crash in place of several, and the first moment at which that fails.
AppFound AppPoints::earlier(AppFound found) {
  const auto& steps = std::get<PointPath>(found.path).steps;
  const std::uint64_t end = steps.size() > 1 ? changes_ + 1 : steps.front().moment;
  seen_.clear();
  for (std::uint64_t moment = 0; moment < end && run_.go_on(); ++moment) {
    if (auto smaller = at(moment, {0, kImagesEarlier, false})) return *std::move(smaller);
  }
  return found;
}

// Of the last crash.
AppFound AppPoints::fewer_losses(AppFound found) {
  PointPath path = std::get<PointPath>(found.path);
  PointPath before = path;
  before.steps.back().image = PointPath::kKill;
  // As the machine stopped before that crash: where the replay of all but it stands.
  play(*base_, path.steps.front().moment);
  for (std::size_t i = 0; i + 1 < path.steps.size(); ++i) {
    parent_->become(*base_);
    crash(*parent_, path.steps[i].image, nullptr);
    go_on(*base_, *parent_, path.steps[i + 1].moment);
  }
  const ImagePlan plan(base_->disk.crash_units(kSectorBytes));
  const auto losses = [&](std::uint64_t image) {
    if (image == PointPath::kKill) return std::ptrdiff_t{0};
    plan.image(image, fates_);
    return std::ssize(fates_) - std::count(fates_.begin(), fates_.end(), Fate::kKept);
  };
  std::vector<std::pair<std::ptrdiff_t, std::uint64_t>> images = {{0, PointPath::kKill}};
  for (std::uint64_t i = 0; i < std::min(plan.size(), kPlanTried); ++i) {
    images.emplace_back(losses(i), i);
  }
  std::sort(images.begin() + 1, images.end());
  const std::ptrdiff_t now = losses(path.steps.back().image);
  for (const auto& [lost, image] : images) {
    if (image != PointPath::kKill && lost >= now) break;
    if (!run_.go_on()) break;
    path.steps.back().image = image;
    if (auto smaller = replay(path, nullptr)) return *std::move(smaller);
  }
  return found;
}

}  // namespace holdfast::crashlab
