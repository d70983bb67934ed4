#include "fuzz/lab/bit_sweep.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "engine/base/bytes.h"
#include "fuzz/lab/history.h"

namespace holdfast {
namespace {

using Kind = Op::Kind;

constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kSeed = 11;

Shape small_shape() {
  Shape shape;
  shape.key_count = 40;
  shape.checkpoint_log_bytes = std::uint64_t{1} << 20;
  return shape;
}

// A few pages of two trees with a long value, a checkpoint, and commits after it.
std::vector<Op> ops_of(BitState state) {
  std::vector<Op> ops = {
      {.kind = Kind::kPutRun, .count = 30, .key = 0, .bytes = 120},
      {.kind = Kind::kCreateTree, .tree = 1},
      {.kind = Kind::kPutRun, .tree = 1, .count = 4, .key = 2, .bytes = 900},
      {.kind = Kind::kPut, .tree = 1, .key = 9, .bytes = 5000},
      {.kind = Kind::kCommitSync},
      {.kind = Kind::kCheckpoint},
      {.kind = Kind::kPutRun, .count = 3, .key = 5, .bytes = 200},
      {.kind = Kind::kCommitSync},
      {.kind = Kind::kPut, .tree = 1, .key = 3, .bytes = 700},
      {.kind = Kind::kErase, .key = 8},
      {.kind = Kind::kCommitSync},
  };
  if (state == BitState::kMark) ops.push_back({.kind = Kind::kSettle});
  if (state == BitState::kCheckpoint) ops.push_back({.kind = Kind::kCheckpoint});
  return ops;
}

constexpr std::uint64_t kBatchAlign = 8;
constexpr std::size_t kLastCommit = 10;  // Of ops_of().

}  // namespace

const char* bit_state_name(BitState state) {
  switch (state) {
    case BitState::kClosed:
      return "closed";
    case BitState::kLog:
      return "log";
    case BitState::kMark:
      return "mark";
    case BitState::kCheckpoint:
      return "checkpoint";
  }
  return "?";
}

std::optional<BitState> find_bit_state(std::string_view name) {
  for (const BitState state : kBitStates) {
    if (bit_state_name(state) == name) return state;
  }
  return std::nullopt;
}

BitSweep::BitSweep(BitState state) {
  build(state);
  for (const File& file : files_) parts_ += (file.bytes * 8 + kPartBits - 1) / kPartBits;
}

// How many changes the last op made. Where it is to be killed, it is done twice: once to count.
std::uint64_t BitSweep::live_up_to_the_end(BitState state, std::uint64_t changes_of_last_op) {
  base_.database.stop();
  base_.disk.reset({});
  base_.database.start(small_shape(), kSeed);
  base_.database.open();
  files_.clear();
  const std::vector<Op> ops = ops_of(state);
  std::uint64_t changes = 0;
  for (std::size_t i = 0; i < ops.size(); ++i) {
    // What the log has now, before the last commit: the commit's bytes are what differs later.
    const bool vouched = state == BitState::kClosed || state == BitState::kMark;
    const bool last_commit = !vouched && i == kLastCommit;
    for (const std::string& path : base_.disk.paths()) {
      if (last_commit && is_log(path)) {
        const auto bytes = base_.disk.cached_bytes(path);
        logs_before_[path].assign(bytes.begin(), bytes.end());
      }
    }
    if (last_commit) before_ = base_.database.model().as_of(base_.database.model().newest());
    changes = base_.disk.changes();
    if (i + 1 == ops.size() && changes_of_last_op != kNever) {
      base_.disk.crash_at_change(changes_of_last_op);
    }
    base_.database.apply(ops[i]);
  }
  changes = base_.disk.changes() - changes;
  if (state == BitState::kClosed) base_.database.close();
  base_.database.stop();
  return changes;
}

void BitSweep::build(BitState state) {
  const std::uint64_t changes = live_up_to_the_end(state, kNever);
  if (state == BitState::kCheckpoint) (void)live_up_to_the_end(state, changes / 2);
  newest_ = base_.database.model().trees();
  base_.disk.crash({.kind = CrashPolicy::Kind::kKeepAll}, 0);
  disk_.become(base_.disk);
  for (const std::string& path : base_.disk.paths()) {
    const std::span<const std::byte> bytes = base_.disk.durable_bytes(path);
    File file{.path = path, .bytes = bytes.size()};
    const auto before = logs_before_.find(path);
    for (std::uint64_t at = 0; before != logs_before_.end() && at < bytes.size(); ++at) {
      const auto old = at < before->second.size() ? before->second[at] : std::byte{0};
      if (old == bytes[at]) continue;
      if (file.group_to == 0) file.group_from = at;
      file.group_to = align_up(at + 1, kBatchAlign);
    }
    files_.push_back(std::move(file));
  }
}

// Where the newest transaction may be gone.
bool BitSweep::in_last_group(const BitPlace& place) const {
  const std::uint64_t byte = place.bit / 8;
  return std::ranges::any_of(files_, [&](const File& file) {
    return file.path == place.file && byte >= file.group_from && byte < file.group_to;
  });
}

std::optional<BitFailure> BitSweep::run(std::uint64_t part, std::uint64_t stride) {
  for (const File& file : files_) {
    const std::uint64_t parts = (file.bytes * 8 + kPartBits - 1) / kPartBits;
    if (part >= parts) {
      part -= parts;
      continue;
    }
    const std::uint64_t end = std::min(file.bytes * 8, (part + 1) * kPartBits);
    for (std::uint64_t bit = part * kPartBits + part % stride; bit < end; bit += stride) {
      const BitPlace place{file.path, bit};
      if (Outcome outcome = flip(place); outcome.shown == Shown::kWrong) {
        return BitFailure{place, std::move(outcome.what)};
      }
    }
    break;
  }
  return std::nullopt;
}

std::optional<std::string> BitSweep::replay(const BitPlace& place,
                                            std::vector<std::string>* story) {
  const Outcome outcome = flip(place);
  if (story != nullptr) {
    for (const File& file : files_) {
      story->push_back(file.path + ": " + std::to_string(file.bytes) + " bytes");
    }
    story->push_back("bit " + std::to_string(place.bit) + " of " + place.file + ", in byte " +
                     std::to_string(place.bit / 8) + ", is flipped");
    story->push_back(to_string(outcome));
  }
  return outcome.shown == Shown::kWrong ? std::optional(outcome.what) : std::nullopt;
}

Outcome BitSweep::flip(const BitPlace& place) {
  const std::uint64_t newest = base_.database.model().newest();
  const std::uint64_t alterations = disk_.alterations();
  disk_.flip_bit(place.file, place.bit);
  auto verdict = judge_.judge([&](std::uint64_t txn) -> const Model::Trees* {
    if (txn == newest) return &newest_;
    return txn + 1 == newest && in_last_group(place) ? &before_ : nullptr;
  });
  if (disk_.alterations() == alterations) {
    disk_.crash({.kind = CrashPolicy::Kind::kProcessKill}, 0);
    disk_.flip_bit(place.file, place.bit);
  } else {
    disk_.become(base_.disk);
  }
  Outcome outcome{verdict.shown, false, std::move(verdict.what)};
  if (verdict.txn == newest - 1) {
    outcome.undecidable = true;
    outcome.what = "the newest transaction is gone";
  }
  counts_.add(outcome);
  return outcome;
}

}  // namespace holdfast
