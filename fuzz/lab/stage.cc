#include "fuzz/lab/stage.h"

#include <limits>

namespace holdfast {
namespace {

constexpr std::uint64_t kSeed = 7;  // Of uuids, salts and what comparisons look at.
constexpr std::uint64_t kBranchSeeds = 1'000'000'000;  // No branch draws what another life drew.

}  // namespace

void live(Stage& stage, std::span<const Op> ops) {
  LabDatabase& database = stage.database;
  database.open();
  for (const Op& op : ops) {
    if (!database.usable()) break;
    database.apply(op);
  }
  if (database.usable()) database.close();
  database.stop();
}

void begin(Stage& stage, const Workload& workload, bool trace) {
  stage.database.stop();
  SimDisk::Options options;
  options.trace = trace;
  options.kind = workload.disk;
  stage.disk.reset(options);
  stage.database.start(workload.shape, kSeed);
  if (workload.disk == DiskKind::kLying) stage.database.lied_to();
}

void play(Stage& stage, const Workload& workload, std::uint64_t moment, Told told,
          std::vector<std::string>* story) {
  begin(stage, workload, story != nullptr);
  stage.database.tell(story);
  if (told == Told::kNo) {
    stage.disk.crash_at_change(moment, true);
  } else if (moment != std::numeric_limits<std::uint64_t>::max()) {
    stage.disk.crash_at_change(moment + 1);
  }
  live(stage, workload.ops);
  stage.database.tell(nullptr);
}

std::uint64_t changes_of(Stage& stage, const Workload& workload) {
  play(stage, workload, std::numeric_limits<std::uint64_t>::max(), Told::kYes);
  return stage.disk.changes();
}

void branch_off(Stage& branch, const Stage& from, std::uint64_t seed) {
  branch.database.stop();
  branch.disk.become(from.disk);
  branch.database.become(from.database, kBranchSeeds + seed);
}

}  // namespace holdfast
