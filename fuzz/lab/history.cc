#include "fuzz/lab/history.h"

namespace holdfast {
namespace {

using Kind = Op::Kind;
using What = HistoryStep::What;

HistoryStep op(const Op& op, const char* age = nullptr) {
  return {.what = What::kOp, .op = op, .age = age};
}
HistoryStep end(What what, const char* age) {
  return {.what = what, .op = {}, .age = age};
}

Shape history_shape() {
  Shape shape;
  shape.key_count = 40;
  shape.checkpoint_log_bytes = std::uint64_t{1} << 20;
  return shape;
}

}  // namespace

std::span<const HistoryStep> history_steps() {
  static const HistoryStep steps[] = {
      op({.kind = Kind::kPutRun, .count = 30, .key = 0, .bytes = 120}),
      op({.kind = Kind::kCreateTree, .tree = 1}),
      op({.kind = Kind::kPutRun, .tree = 1, .count = 4, .key = 2, .bytes = 900}),
      op({.kind = Kind::kPut, .tree = 1, .key = 9, .bytes = 5000}),
      op({.kind = Kind::kCommitSync}, "first commit"),
      op({.kind = Kind::kCheckpoint}, "first checkpoint"),
      op({.kind = Kind::kPutRun, .count = 3, .key = 5, .bytes = 200}),
      op({.kind = Kind::kCommitSync}, "second commit"),
      op({.kind = Kind::kPut, .tree = 1, .key = 3, .bytes = 700}),
      op({.kind = Kind::kErase, .key = 8}),
      op({.kind = Kind::kCommitSync}, "third commit"),
      op({.kind = Kind::kSettle}, "mark"),
      end(What::kKill, nullptr),
      op({.kind = Kind::kPutRun, .count = 8, .key = 20, .bytes = 300}),
      op({.kind = Kind::kCommitSync}, "second epoch"),
      op({.kind = Kind::kErase, .tree = 1, .key = 9}),
      op({.kind = Kind::kCommitSync}, "its next commit"),
      op({.kind = Kind::kCheckpoint}, "second checkpoint"),
      op({.kind = Kind::kPut, .key = 30, .bytes = 2000}),
      op({.kind = Kind::kCommitSync}, "commit after it"),
      end(What::kClose, "closed"),
      op({.kind = Kind::kPutRun, .count = 5, .key = 11, .bytes = 60}),
      op({.kind = Kind::kCommitSync}, "third epoch"),
      op({.kind = Kind::kCheckpoint}, "third checkpoint"),
      end(What::kClose, "closed again"),
  };
  return steps;
}

bool is_log(const std::string& path) {
  return path.find(".log") != path.npos;
}

void do_step(Stage& stage, const HistoryStep& step) {
  LabDatabase& database = stage.database;
  if (!database.is_open()) database.open();
  switch (step.what) {
    case What::kOp:
      return database.apply(step.op);
    case What::kClose:
      return database.close();
    case What::kKill:
      database.stop();
      stage.disk.crash({.kind = CrashPolicy::Kind::kProcessKill}, 0);
      return database.crashed(CrashPolicy::Kind::kProcessKill);
  }
}

void play_history(Stage& stage, std::uint64_t seed, std::size_t end,
                  std::vector<std::string>* story) {
  stage.database.stop();
  SimDisk::Options options;
  options.trace = story != nullptr;
  stage.disk.reset(options);
  stage.database.start(history_shape(), seed);
  stage.database.tell(story);
  stage.database.open();
  // Values are numbered: so many to begin with, and no two databases have one in common.
  for (std::uint64_t i = 0; i < seed; ++i) {
    stage.database.apply({.kind = Kind::kPutRun, .count = 100, .key = 1, .bytes = 1});
  }
  stage.database.apply({.kind = Kind::kAbort});
  for (const HistoryStep& step : history_steps().first(end)) do_step(stage, step);
}

History::History(std::uint64_t seed) {
  Stage stage;
  states[1] = Model().trees();
  for (std::size_t i = 0; i < history_steps().size(); ++i) {
    const HistoryStep& step = history_steps()[i];
    if (i == 0) play_history(stage, seed, 0);
    do_step(stage, step);
    if (step.age == nullptr) continue;
    const Model& model = stage.database.model();
    Age age{.name = step.age, .txn = model.newest(), .files = {}};
    for (const std::string& path : stage.disk.paths()) {
      const auto bytes = stage.disk.cached_bytes(path);
      age.files.push_back({path, {bytes.begin(), bytes.end()}});
    }
    states[age.txn] = model.trees();
    ages.push_back(std::move(age));
  }
  stage.database.stop();
}

}  // namespace holdfast
