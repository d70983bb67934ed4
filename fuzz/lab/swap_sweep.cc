#include "fuzz/lab/swap_sweep.h"

#include <algorithm>

#include "engine/file/meta_format.h"
#include "fuzz/lab/needed_ranges.h"

namespace holdfast {
namespace {

constexpr std::uint64_t kOwnSeed = 1;
constexpr std::uint64_t kOtherSeed = 2;
constexpr std::uint64_t kPage = 4096;

bool is_stray(SwapRow row) {
  return row <= SwapRow::kMisdirected;
}

// What a checkpoint or a close writes to the tree file: the offset of each write.
std::vector<std::uint64_t> writes_of(const std::vector<std::string>& trace) {
  const std::string wanted = std::string(" write ") + LabDatabase::kPath + " ";
  std::vector<std::uint64_t> offsets;
  for (const std::string& line : trace) {
    const std::size_t at = line.find(wanted);
    if (at != line.npos) offsets.push_back(std::stoull(line.substr(at + wanted.size())));
  }
  return offsets;
}

}  // namespace

const char* swap_row_name(SwapRow row) {
  constexpr const char* kNames[] = {"lost",    "doubled", "misdirected", "missing",
                                    "emptied", "older",   "newer",       "foreign"};
  return kNames[static_cast<std::size_t>(row)];
}

std::optional<SwapRow> find_swap_row(std::string_view name) {
  for (const SwapRow row : kSwapRows) {
    if (swap_row_name(row) == name) return row;
  }
  return std::nullopt;
}

SwapSweep::SwapSweep(SwapRow row)
    : row_(row), own_(kOwnSeed), other_(kOtherSeed), stage_(std::make_unique<Stage>()) {
  if (is_stray(row)) {
    list_strays();
  } else {
    list_swaps();
  }
}

std::uint64_t SwapSweep::parts() const {
  return strays_.size() + swaps_.size();
}

void SwapSweep::list_strays() {
  const auto steps = history_steps();
  for (std::size_t step = 0; step < steps.size(); ++step) {
    const bool checkpoint = steps[step].op.kind == Op::Kind::kCheckpoint;
    if (!checkpoint && steps[step].what != HistoryStep::What::kClose) continue;
    play_history(*stage_, kOwnSeed, step);
    stage_->disk.trace_calls(true);
    do_step(*stage_, steps[step]);
    const std::vector<std::uint64_t> writes = writes_of(stage_->disk.take_trace());
    const std::uint64_t end = stage_->disk.cached_bytes(LabDatabase::kPath).size() + kPage;
    for (std::uint64_t nth = 0; nth < writes.size(); ++nth) {
      for (std::uint64_t to = 0; to < end; to += kPage) {
        // Metas lie at four places of the header region; nothing else does.
        const bool somewhere = to >= kHeaderRegionBytes || to % (4 * kPage) == 0;
        const bool once = row_ == SwapRow::kLost;
        if (once ? to != 0 : !somewhere || to == writes[nth]) continue;
        for (const bool goes_on : {false, true}) {
          const auto distance = static_cast<std::int64_t>(to - writes[nth]);
          strays_.push_back({step, nth + 1, distance, goes_on});
        }
      }
    }
  }
}

void SwapSweep::list_swaps() {
  const bool alone = row_ == SwapRow::kMissing || row_ == SwapRow::kEmptied;
  for (std::size_t age = 0; age < own_.ages.size(); ++age) {
    const auto& files = own_.ages[age].files;
    for (std::size_t file = 0; file < files.size(); ++file) {
      if (alone) swaps_.push_back({age, file, 0, 0});
      // With leave to create, a lone file that is gone isn't missed.
      if (row_ == SwapRow::kMissing && files.size() > 1) {
        swaps_.push_back({age, file, 0, 0, OpenMode::kCreate});
      }
      for (std::size_t to = 0; to < own_.ages.size() && !alone; ++to) {
        if (row_ == SwapRow::kOlder ? to >= age : row_ == SwapRow::kNewer && to <= age) continue;
        const auto& others = origin().ages[to].files;
        for (std::size_t i = 0; i < others.size(); ++i) {
          if (is_log(others[i].path) != is_log(files[file].path)) continue;
          if (others[i].bytes != files[file].bytes) swaps_.push_back({age, file, to, i});
        }
      }
    }
  }
}

std::optional<SwapFailure> SwapSweep::run(std::uint64_t number) {
  auto failure = replay(number, nullptr);
  if (!failure) return std::nullopt;
  return SwapFailure{{row_, number}, *std::move(failure)};
}

std::optional<std::string> SwapSweep::replay(std::uint64_t number,
                                             std::vector<std::string>* story) {
  if (number >= parts()) return std::nullopt;
  const Outcome outcome =
      is_stray(row_) ? do_stray(strays_[number], story) : do_swap(swaps_[number], story);
  counts_.add(outcome);
  if (story != nullptr) story->push_back(to_string(outcome));
  return outcome.shown == Shown::kWrong ? std::optional(outcome.what) : std::nullopt;
}

Outcome SwapSweep::do_stray(const Stray& stray, std::vector<std::string>* story) {
  const HistoryStep& step = history_steps()[stray.step];
  play_history(*stage_, kOwnSeed, stray.step, story);
  Fault fault;
  fault.call = SimCall::kWrite;
  fault.effect = row_ == SwapRow::kLost      ? Fault::Effect::kLose
                 : row_ == SwapRow::kDoubled ? Fault::Effect::kDuplicate
                                             : Fault::Effect::kMisdirect;
  fault.path_is = LabDatabase::kPath;
  fault.nth = stray.nth;
  fault.distance = stray.distance;
  stage_->disk.inject(fault);
  // A meta is read back, so that one that got lost fails the checkpoint at once. What the rule
  // needs is read from the file, where from then on a meta may lie that no one wrote over.
  stage_->disk.unwatch();
  stage_->database.expect(Weather::kFaulty);
  stage_->database.harmed(Harm::kTree);
  if (story != nullptr) {
    story->push_back("write " + std::to_string(stray.nth) + " of the tree file from here on: " +
                     swap_row_name(row_) + ", by " + std::to_string(stray.distance) + " bytes");
  }
  do_step(*stage_, step);
  if (stray.goes_on) {
    do_step(*stage_, {.what = HistoryStep::What::kOp,
                      .op = {.kind = Op::Kind::kPut, .key = 4, .bytes = 50},
                      .age = nullptr});
    stage_->database.apply({.kind = Op::Kind::kCommitSync});
    stage_->database.close();
  }
  stage_->database.stop();
  if (story != nullptr) story->push_back("power is lost");
  stage_->database.tell(nullptr);
  if (stage_->database.failure()) return {Shown::kWrong, false, *stage_->database.failure()};
  const Model& model = stage_->database.model();
  const std::uint64_t least = model.promised(Model::Promise::kPowerLoss);
  stage_->disk.crash({.kind = CrashPolicy::Kind::kKeepAll}, 0);
  disk_.become(stage_->disk);
  Model::Trees expected;
  const auto verdict = judge_.judge([&](std::uint64_t txn) -> const Model::Trees* {
    if (txn < least || txn > model.newest()) return nullptr;
    expected = model.as_of(txn);
    return &expected;
  });
  return {verdict.shown, false, verdict.what};
}

std::vector<History::File> SwapSweep::files_after(const Swap& swap) const {
  std::vector<History::File> files = own_.ages[swap.age].files;
  const auto at = files.begin() + static_cast<std::ptrdiff_t>(swap.file);
  if (row_ == SwapRow::kMissing) {
    files.erase(at);
  } else if (row_ == SwapRow::kEmptied) {
    at->bytes.clear();
  } else {
    at->bytes = origin().ages[swap.to_age].files[swap.to_file].bytes;
  }
  return files;
}

void SwapSweep::lay_out(const Swap& swap) {
  disk_.reset({});
  for (const History::File& file : files_after(swap)) disk_.set_file(file.path, file.bytes);
}

Outcome SwapSweep::do_swap(const Swap& swap, std::vector<std::string>* story) {
  const History::Age& age = own_.ages[swap.age];
  if (story != nullptr) {
    const History::Age& to = origin().ages[swap.to_age];
    story->push_back("Age '" + std::string(age.name) + "', after transaction " +
                     std::to_string(age.txn) + ":");
    for (const History::File& file : age.files) {
      story->push_back("    " + file.path + ": " + std::to_string(file.bytes.size()) + " bytes");
    }
    const std::string& path = age.files[swap.file].path;
    if (row_ == SwapRow::kMissing || row_ == SwapRow::kEmptied) {
      story->push_back(path + " is " + swap_row_name(row_) +
                       (swap.mode == OpenMode::kCreate ? "; opened to be created if need be" : ""));
    } else {
      story->push_back(path + " is replaced by " + to.files[swap.to_file].path + " of age '" +
                       to.name + (row_ == SwapRow::kForeign ? "' of another database" : "'") +
                       ", transaction " + std::to_string(to.txn));
    }
  }
  return judge_swap(swap);
}

Outcome SwapSweep::judge_swap(const Swap& swap) {
  const std::uint64_t newest = own_.ages[swap.age].txn;
  lay_out(swap);
  const auto verdict = judge_.judge(
      [&](std::uint64_t txn) { return txn == newest ? &own_.states.at(newest) : nullptr; },
      swap.mode);
  if (verdict.shown != Shown::kWrong) return {verdict.shown, false, verdict.what};
  lay_out(swap);
  const auto whole = judge_.judge([&](std::uint64_t txn) {
    const auto state = origin().states.find(txn);
    return may_show(swap, txn) && state != origin().states.end() ? &state->second : nullptr;
  });
  if (whole.shown != Shown::kRight)
    return {Shown::kWrong, false, verdict.what + "; or: " + whole.what};
  return {Shown::kRight, true,
          "another whole state, after transaction " + std::to_string(whole.txn)};
}

// Whether that state of the replacing file's history may be shown in place of what was promised.
bool SwapSweep::may_show(const Swap& swap, std::uint64_t txn) const {
  if (row_ == SwapRow::kMissing || row_ == SwapRow::kEmptied) return false;
  const History::Age& age = own_.ages[swap.age];
  const History::Age& to = origin().ages[swap.to_age];
  const std::string& path = to.files[swap.to_file].path;
  // A database at rest is one file: where that is replaced by another, nothing is amiss.
  const bool at_rest = !is_log(path) && to.files.size() == 1;
  if (at_rest && (row_ != SwapRow::kOlder || age.files.size() == 1)) return txn == to.txn;
  if (row_ == SwapRow::kForeign) return false;
  // The same segment with fewer batches, or with more; or a tree file that a checkpoint made newer.
  if (is_log(path) && path != age.files[swap.file].path) return false;
  if (row_ == SwapRow::kOlder) return is_log(path) && to.txn <= txn && txn < age.txn;
  return age.txn < txn && txn <= to.txn;
}

}  // namespace holdfast
