#include "fuzz/lab/crash_points.h"

#include <algorithm>
#include <utility>

namespace holdfast {
namespace {

constexpr std::uint64_t kAskEvery = 64;
constexpr std::uint64_t kThirdWithin =
    48;  // Changes after a recovery; a third crash is among them.

const std::vector<CrashUnit>& units_of(Stage& stage) {
  return stage.disk.crash_units(sector_bytes_of(stage.disk.kind()));
}

void crash_to(Stage& stage, const ImagePlan& plan, std::uint64_t image, std::vector<Fate>& fates) {
  if (image == PointPath::kKill) {
    stage.disk.crash({.kind = CrashPolicy::Kind::kProcessKill}, 0);
    stage.database.crashed(CrashPolicy::Kind::kProcessKill);
  } else {
    plan.image(image, fates);
    stage.disk.crash_with(sector_bytes_of(stage.disk.kind()), fates, image);
    stage.database.crashed(CrashPolicy::Kind::kWeak);
    if (stage.disk.kind() == DiskKind::kLying) stage.database.harmed(Harm::kLies);
  }
  stage.database.expect(Weather::kFair);
}

// A hash under which an image is the same only where a database is equally expected in it.
SeenImages::Hash hash_of(const Stage& stage) {
  SeenImages::Hash hash = stage.disk.durable_hash();
  hash[0] ^= stage.database.created() ? 1 : 0;
  return hash;
}

}  // namespace

void PointCounts::add(const PointCounts& more) {
  moments += more.moments;
  points += more.points;
  points_full += more.points_full;
  images += more.images;
  quiet += more.quiet;
  nested_points += more.nested_points;
  nested_images += more.nested_images;
  nested_distinct += more.nested_distinct;
  deeper_images += more.deeper_images;
  recovered += more.recovered;
}

void crash_by_plan(Stage& stage, std::uint64_t image, std::vector<std::string>* story) {
  const std::vector<CrashUnit> units = units_of(stage);
  const ImagePlan plan(units, stage.disk.kind());
  std::vector<Fate> fates;
  std::vector<std::string> names;
  if (story != nullptr) {
    for (const CrashUnit& unit : units) names.push_back(stage.disk.describe(unit));
  }
  crash_to(stage, plan, image, fates);
  if (story == nullptr) return;
  if (image == PointPath::kKill) {
    story->push_back("the process is killed; the machine keeps all that was written");
    return;
  }
  story->push_back("power is lost; of what was not synced:");
  for (std::size_t i = 0; i < names.size(); ++i) {
    story->push_back("    " + names[i] + ": " + fate_name(fates[i]));
  }
}

CrashPoints::CrashPoints(const Workload& workload, Shared& shared, const PointLimits& limits)
    : workload_(workload), shared_(shared), limits_(limits) {}

bool CrashPoints::done() {
  if (failure_) return true;
  if (!stopped_ && go_on_ && !go_on_()) stopped_ = true;
  return stopped_;
}

void CrashPoints::fail(const std::string& what) {
  if (!failure_) failure_ = {path_, what};
}

std::optional<PointFailure> CrashPoints::run(std::uint64_t moment) {
  failure_.reset();
  path_.steps = {{moment, PointPath::kKill}};
  if (look_at_moment(moment)) try_images(moment);
  return std::exchange(failure_, {});
}

// Plays up to the moment, with the last change answered and unanswered. The files are the same both
// times; what may be expected of them is not.
bool CrashPoints::look_at_moment(std::uint64_t moment) {
  play(base_, workload_, moment, Told::kYes);
  if (base_.database.failure()) return fail(*base_.database.failure()), false;
  newest_untold_ = base_.database.model().newest();
  if (moment == 0) return true;
  play(branch_, workload_, moment, Told::kNo);
  if (branch_.database.failure()) return fail(*branch_.database.failure()), false;
  newest_untold_ = branch_.database.model().newest();
  if (branch_.disk.durable_hash() == base_.disk.durable_hash()) return true;
  return fail("the same ops left another disk: the run doesn't repeat"), false;
}

void CrashPoints::try_images(std::uint64_t moment) {
  const std::uint64_t points = moment == 0 ? 1 : 2;
  counts_.points += points;
  plan_ = std::make_unique<ImagePlan>(units_of(base_), base_.disk.kind());
  try_image(PointPath::kKill);
  if (limits_.inside && !done()) nest(PointPath::kKill, opening_changes_);
  const std::uint64_t picks = plan_->picks(limits_.images);
  for (std::uint64_t i = 0; i < picks && !failure_; ++i) {
    if (i % kAskEvery == 0 && done()) return;
    try_image(plan_->picked(i, limits_.images));
  }
  // Going on is tried from the moment's extremes first, then from images evenly between.
  const std::uint64_t nested = limits_.inside && moment % limits_.nested_every == 0
                                   ? std::min(limits_.nested, plan_->size())
                                   : 0;
  for (std::uint64_t i = 0; i < nested && !done(); ++i) {
    const std::uint64_t spread = (i * 0x9e3779b97f4a7c15 + moment) % plan_->size();
    nest(i < 2 ? (i + moment) % 2 : spread, ~std::uint64_t{0});
  }
  if (done()) return;
  ++counts_.moments;
  if (plan_->full() && picks == plan_->size()) counts_.points_full += points;
}

void CrashPoints::try_image(std::uint64_t image) {
  path_.steps.resize(1);
  path_.steps[0].image = image;
  ++counts_.images;
  branch_off(branch_, base_, image);
  crash_to(branch_, *plan_, image, fates_);
  if (branch_.database.failure()) return fail(*branch_.database.failure());
  const bool killed = image == PointPath::kKill;
  const SeenImages::Hash hash = hash_of(branch_);
  std::uint64_t txn = 0;
  if (const auto known = killed ? std::nullopt : shared_.recovered.find_or_add(hash)) {
    txn = *known;
    if (txn < branch_.database.least()) {
      return fail("the image of an earlier moment comes back with transaction " +
                  std::to_string(txn) + " where " + std::to_string(branch_.database.least()) +
                  " is promised");
    }
  } else {
    txn = recover(branch_, killed);
    if (!killed) shared_.recovered.recovered(hash, txn);
    // An opening that alters something is crashed at each of its own moments, once for all.
    if (limits_.inside && opening_altered_ && !killed && shared_.nested->add(hash)) {
      nest(image, opening_changes_);
    }
  }
  if (!failure_ && txn > newest_untold_) {
    fail("transaction " + std::to_string(txn) + " comes back, which nobody had begun to commit");
  }
}

// Opens, compares, goes on; answers the transaction that came back.
std::uint64_t CrashPoints::recover(Stage& stage, bool killed) {
  const std::uint64_t changes = stage.disk.changes();
  const std::uint64_t alterations = stage.disk.alterations();
  stage.database.open();
  const std::uint64_t txn = stage.database.model().newest();
  opening_changes_ = stage.disk.changes() - changes;
  opening_altered_ = stage.disk.alterations() != alterations;
  if (!killed && !opening_altered_) ++counts_.quiet;
  for (const Op& op : first_steps()) stage.database.apply(op);
  stage.database.stop();
  ++counts_.recovered;
  if (stage.database.failure()) fail(*stage.database.failure());
  return txn;
}

// Every moment after this image's recovery began, up to `moments` of them or the end.
void CrashPoints::nest(std::uint64_t image, std::uint64_t moments) {
  if (failure_) return;
  path_.steps.resize(1);
  path_.steps[0].image = image;
  nested_seen_.clear();
  branch_off(parent_, base_, image);
  crash_to(parent_, *plan_, image, fates_);
  for (std::uint64_t moment = 0; moment <= moments && !done(); ++moment) {
    if (!nest_at(moment)) break;
  }
  counts_.nested_distinct += nested_seen_.size();
}

// False when what is done after a recovery ends before that moment.
bool CrashPoints::nest_at(std::uint64_t moment) {
  path_.steps.resize(1);
  path_.steps.push_back({moment, PointPath::kKill});
  branch_off(middle_, parent_, moment);
  const std::uint64_t changes = middle_.disk.changes();
  middle_.disk.crash_at_change(moment + 1);
  live(middle_, going_on());
  if (middle_.database.failure()) return fail(*middle_.database.failure()), false;
  if (middle_.disk.changes() - changes < moment) return false;
  ++counts_.nested_points;
  nested_plan_ = std::make_unique<ImagePlan>(units_of(middle_), middle_.disk.kind());
  nest_image(PointPath::kKill);
  const std::uint64_t picks = nested_plan_->picks(limits_.nested_images);
  for (std::uint64_t i = 0; i < picks && !failure_; ++i) {
    nest_image(nested_plan_->picked(i, limits_.nested_images));
  }
  return true;
}

void CrashPoints::nest_image(std::uint64_t image) {
  path_.steps.resize(2);
  path_.steps[1].image = image;
  ++counts_.nested_images;
  branch_off(leaf_, middle_, image);
  crash_to(leaf_, *nested_plan_, image, fates_);
  if (leaf_.database.failure()) return fail(*leaf_.database.failure());
  const bool killed = image == PointPath::kKill;
  const SeenImages::Hash hash = hash_of(leaf_);
  if (const auto txn = killed ? std::nullopt : nested_seen_.find_or_add(hash)) {
    if (*txn >= leaf_.database.least() && *txn <= leaf_.database.model().newest()) return;
    return fail("the image of an earlier moment comes back with transaction " +
                std::to_string(*txn) + "; promised was " + std::to_string(leaf_.database.least()) +
                ", the newest begun was " + std::to_string(leaf_.database.model().newest()));
  }
  const std::uint64_t txn = recover(leaf_, killed);
  if (!killed) nested_seen_.recovered(hash, txn);
  if (!failure_ && hash[1] % limits_.deeper_every == 0) deeper(image, hash[1]);
}

// The same image once more, whose recovery or first work crashes too.
void CrashPoints::deeper(std::uint64_t image, std::uint64_t seed) {
  branch_off(branch_, middle_, image);
  crash_to(branch_, *nested_plan_, image, fates_);
  Rng rng(seed);
  const std::uint64_t moment = rng.below(kThirdWithin);
  branch_.disk.crash_at_change(moment + 1);
  live(branch_, going_on());
  const ImagePlan plan(units_of(branch_), branch_.disk.kind());
  const std::uint64_t third = rng.below(plan.size());
  path_.steps.push_back({moment, third});
  if (branch_.database.failure()) return fail(*branch_.database.failure());
  ++counts_.deeper_images;
  crash_to(branch_, plan, third, fates_);
  (void)recover(branch_, false);
}

std::optional<std::string> CrashPoints::replay(const PointPath& path,
                                               std::vector<std::string>* story) {
  failure_.reset();
  path_ = path;
  if (path.steps.empty() || !look_at_moment(path.steps.front().moment)) {
    return failure_ ? std::optional(failure_->what) : std::nullopt;
  }
  play(base_, workload_, path.steps.front().moment, Told::kYes, story);
  base_.database.tell(story);
  crash_by_plan(base_, path.steps.front().image, story);
  for (std::size_t i = 1; i < path.steps.size(); ++i) {
    base_.disk.crash_at_change(path.steps[i].moment + 1);
    live(base_, going_on());
    crash_by_plan(base_, path.steps[i].image, story);
  }
  const std::uint64_t txn = recover(base_, true);
  base_.database.tell(nullptr);
  if (!failure_ && path.steps.size() == 1 && txn > newest_untold_) {
    fail("transaction " + std::to_string(txn) + " comes back, which nobody had begun to commit");
  }
  return failure_ ? std::optional(failure_->what) : std::nullopt;
}

}  // namespace holdfast
