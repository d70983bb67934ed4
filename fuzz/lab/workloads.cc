#include "fuzz/lab/workloads.h"

#include <algorithm>

#include "engine/base/limits.h"
#include "fuzz/lab/short_workloads.h"

namespace holdfast {
namespace {

using Kind = Op::Kind;

Shape shape(Shape::Keys keys, std::uint32_t key_count, std::uint64_t checkpoint_log_bytes,
            std::uint64_t segment_bytes = kLogSegmentMin) {
  Shape shape;
  shape.segment_bytes = segment_bytes;
  shape.keys = keys;
  shape.key_count = key_count;
  shape.value_bytes_max = 6000;
  shape.checkpoint_log_bytes = checkpoint_log_bytes;
  return shape;
}

// Commits of every durability, and nothing that a checkpoint does before the close.
std::vector<Op> commits() {
  return {
      {.kind = Kind::kPutRun, .count = 5, .key = 0, .bytes = 60},
      {.kind = Kind::kCommitSync},
      {.kind = Kind::kPut, .key = 2, .bytes = 900},
      {.kind = Kind::kCommitOs},
      {.kind = Kind::kErase, .key = 1},
      {.kind = Kind::kCommitLazy},
      {.kind = Kind::kPut, .key = 3, .bytes = 30},
      {.kind = Kind::kAbort},
      {.kind = Kind::kPut, .key = 4, .bytes = 30},
      {.kind = Kind::kCommitAsync},
      {.kind = Kind::kSync},
      {.kind = Kind::kPut, .key = 5, .bytes = 1500},
      {.kind = Kind::kCommitLazy},
      {.kind = Kind::kTime, .count = 250},
      {.kind = Kind::kBackground, .count = 2},
      {.kind = Kind::kSettle},
      {.kind = Kind::kPut, .key = 6, .bytes = 10},
      {.kind = Kind::kCommitSync},
      {.kind = Kind::kReopen},
      {.kind = Kind::kPut, .key = 2, .bytes = 20},
      {.kind = Kind::kCommitSync},
  };
}

// Checkpoints taken in steps, with commits between the steps, and asked for.
std::vector<Op> checkpoints() {
  return {
      {.kind = Kind::kPutRun, .count = 8, .key = 0, .bytes = 500},
      {.kind = Kind::kCommitSync},
      {.kind = Kind::kCheckpoint},
      {.kind = Kind::kPutRun, .count = 8, .key = 4, .bytes = 900},
      {.kind = Kind::kCommitOs},
      {.kind = Kind::kBackground, .count = 1},
      {.kind = Kind::kPut, .key = 1, .bytes = 40},
      {.kind = Kind::kCommitSync},
      {.kind = Kind::kBackground, .count = 1},
      {.kind = Kind::kErase, .key = 3},
      {.kind = Kind::kCommitSync},
      {.kind = Kind::kBackground, .count = 12},
      {.kind = Kind::kPut, .key = 2, .bytes = 2000},
      {.kind = Kind::kCommitSync},
      {.kind = Kind::kCheckpoint},
      {.kind = Kind::kVerify},
      {.kind = Kind::kReopen},
      {.kind = Kind::kPut, .key = 9, .bytes = 70},
      {.kind = Kind::kCommitSync},
  };
}

// Several trees, splits, values too long for a page, and all of it gone again.
std::vector<Op> trees() {
  return {
      {.kind = Kind::kPutRun, .count = 12, .key = 0, .bytes = 400},
      {.kind = Kind::kCreateTree, .tree = 1},
      {.kind = Kind::kPut, .tree = 1, .key = 3, .bytes = 6000},
      {.kind = Kind::kCommitSync},
      {.kind = Kind::kCreateTree, .tree = 2},
      {.kind = Kind::kPutRun, .tree = 2, .count = 4, .key = 1, .bytes = 1200},
      {.kind = Kind::kEraseRun, .count = 30, .key = 3},
      {.kind = Kind::kCommitSync},
      {.kind = Kind::kCheckpoint},
      {.kind = Kind::kErase, .tree = 1, .key = 3},
      {.kind = Kind::kPut, .tree = 2, .key = 2, .bytes = 5000},
      {.kind = Kind::kCommitSync},
      {.kind = Kind::kPutRun, .tree = 1, .count = 3, .key = 5, .bytes = 3000},
      {.kind = Kind::kCommitLazy},
      {.kind = Kind::kReopen},
      {.kind = Kind::kErase, .tree = 2, .key = 2},
      {.kind = Kind::kCommitSync},
  };
}

// A log of several segments, some of them let go by checkpoints, and a group that spans two.
std::vector<Op> segments() {
  return {
      {.kind = Kind::kPutRun, .count = 6, .key = 0, .bytes = 5000},
      {.kind = Kind::kCommitSync},
      {.kind = Kind::kPutRun, .count = 2, .key = 5, .bytes = 5200},
      {.kind = Kind::kCommitLazy},
      {.kind = Kind::kPutRun, .count = 5, .key = 2, .bytes = 5500},
      {.kind = Kind::kCommitLazy},
      {.kind = Kind::kPutRun, .count = 4, .key = 1, .bytes = 5200},
      {.kind = Kind::kCommitSync},
      {.kind = Kind::kBackground, .count = 1},
      {.kind = Kind::kPutRun, .count = 3, .key = 4, .bytes = 5200},
      {.kind = Kind::kCommitSync},
      {.kind = Kind::kCheckpoint},
      {.kind = Kind::kPut, .key = 3, .bytes = 100},
      {.kind = Kind::kCommitSync},
  };
}

// Commits while another's sync is under way, also of two segments, and what both leave: also where
// the block that is being synced has batches of two writes, of which power may take the second.
std::vector<Op> beside() {
  return {
      {.kind = Kind::kPutRun, .count = 4, .key = 0, .bytes = 60},
      {.kind = Kind::kCommitSync},
      {.kind = Kind::kBeside, .count = 1, .key = 2, .bytes = 1},
      {.kind = Kind::kPut, .key = 1, .bytes = 900},
      {.kind = Kind::kCommitSync},
      {.kind = Kind::kBeside, .count = 2, .key = 4, .bytes = 600},
      {.kind = Kind::kPut, .key = 3, .bytes = 40},
      {.kind = Kind::kCommitLazy},
      {.kind = Kind::kSync},
      {.kind = Kind::kPut, .key = 0, .bytes = 20},
      {.kind = Kind::kCommitOs},
      {.kind = Kind::kBeside, .count = 1, .key = 2, .bytes = 31},
      {.kind = Kind::kPut, .key = 1, .bytes = 24},
      {.kind = Kind::kCommitSync},
      {.kind = Kind::kPutRun, .count = 8, .key = 0, .bytes = 5900},
      {.kind = Kind::kCommitLazy},
      {.kind = Kind::kBeside, .count = 1, .key = 6, .bytes = 31},
      {.kind = Kind::kPutRun, .count = 3, .key = 5, .bytes = 5900},
      {.kind = Kind::kCommitSync},
      {.kind = Kind::kPut, .key = 2, .bytes = 20},
      {.kind = Kind::kCommitSync},
  };
}

// A file that grows, and its log with it, is emptied and cut when it is closed, twice; compacted
// while a reader stays; and once more, which moves a long value that nobody changes any more.
std::vector<Op> shrinking() {
  return {
      {.kind = Kind::kPutRun, .count = 10, .key = 0, .bytes = 7000},
      {.kind = Kind::kCommitSync},
      {.kind = Kind::kCheckpoint},
      {.kind = Kind::kEraseRun, .count = 60, .key = 5},
      {.kind = Kind::kCommitSync},
      {.kind = Kind::kReopen},
      {.kind = Kind::kPutRun, .count = 9, .key = 0, .bytes = 7000},
      {.kind = Kind::kCommitSync},
      {.kind = Kind::kCheckpoint},
      {.kind = Kind::kSnapshot},
      {.kind = Kind::kErase, .key = 1},
      {.kind = Kind::kErase, .key = 3},
      {.kind = Kind::kCommitSync},
      {.kind = Kind::kCompact},
      {.kind = Kind::kEndSnapshot},
      {.kind = Kind::kPut, .key = 1, .bytes = 100},
      {.kind = Kind::kCreateTree, .tree = 1},
      {.kind = Kind::kPut, .tree = 1, .key = 2, .bytes = 7000},
      {.kind = Kind::kCommitOs},
      {.kind = Kind::kEraseRun, .count = 40, .key = 7},
      {.kind = Kind::kCommitSync},
      {.kind = Kind::kCompact},
      {.kind = Kind::kPutRun, .count = 3, .key = 6, .bytes = 2500},
      {.kind = Kind::kCommitSync},
      {.kind = Kind::kReopen},
      {.kind = Kind::kErase, .key = 7},
      {.kind = Kind::kCommitOs},
  };
}

// Savepoints kept, rolled back and left open; conditions; trees dropped, renamed and brought back;
// batches; a cursor that erases.
std::vector<Op> transactions() {
  return {
      {.kind = Kind::kPutRun, .count = 6, .key = 0, .bytes = 400},
      {.kind = Kind::kCreateTree, .tree = 1},
      {.kind = Kind::kPutRun, .tree = 1, .count = 4, .key = 1, .bytes = 900},
      {.kind = Kind::kCommitSync},
      {.kind = Kind::kCheckpoint},
      {.kind = Kind::kPutIf, .count = 0, .key = 2, .bytes = 50},
      {.kind = Kind::kSavepoint},
      {.kind = Kind::kPutRun, .count = 6, .key = 3, .bytes = 1200},
      {.kind = Kind::kDropTree, .tree = 1},
      {.kind = Kind::kSavepoint},
      {.kind = Kind::kCreateTree, .tree = 1},
      {.kind = Kind::kPut, .tree = 1, .key = 5, .bytes = 6000},
      {.kind = Kind::kRollBack, .key = 1},
      {.kind = Kind::kRollBack, .key = 0},
      {.kind = Kind::kPutIf, .count = 6, .key = 3, .bytes = 70},
      {.kind = Kind::kSavepoint},
      {.kind = Kind::kErase, .key = 0},
      {.kind = Kind::kRelease, .key = 1},
      {.kind = Kind::kCommitSync},
      {.kind = Kind::kDropTree, .tree = 1},
      {.kind = Kind::kCreateTree, .tree = 2},
      {.kind = Kind::kRenameTree, .tree = 2, .key = 1},
      {.kind = Kind::kPut, .tree = 1, .key = 7, .bytes = 5000},
      {.kind = Kind::kCommitSync},
      {.kind = Kind::kBatch, .count = 6, .key = 3, .bytes = 300},
      {.kind = Kind::kBatch, .count = 5, .key = 1, .bytes = 700},
      {.kind = Kind::kSavepoint},
      {.kind = Kind::kWalk, .count = 8, .key = 9, .bytes = 1},
      {.kind = Kind::kCommitOs},
      {.kind = Kind::kCheckpoint},
      {.kind = Kind::kReopen},
      {.kind = Kind::kDropTree, .tree = 1},
      {.kind = Kind::kCommitSync},
  };
}

// A range and a tree that go, and whose pages are freed by background work and by a close.
std::vector<Op> ranges() {
  return {
      {.kind = Kind::kPutRun, .count = 12, .key = 0, .bytes = 500},
      {.kind = Kind::kCreateTree, .tree = 1},
      {.kind = Kind::kPutRun, .tree = 1, .count = 3, .key = 1, .bytes = 1200},
      {.kind = Kind::kCommitSync},
      {.kind = Kind::kEraseRange, .count = 9, .key = 2},
      {.kind = Kind::kDropTree, .tree = 1},
      {.kind = Kind::kCommitSync},
      {.kind = Kind::kBackground, .count = 1},
      {.kind = Kind::kPut, .key = 5, .bytes = 40},
      {.kind = Kind::kCommitLazy},
      {.kind = Kind::kBackground, .count = 1},
      {.kind = Kind::kEraseRange, .count = 0, .key = 0},
      {.kind = Kind::kCommitOs},
      {.kind = Kind::kReopen},
  };
}

// What is kept, backed up whole, as an increment and to a file, and restored each time.
std::vector<Op> backups() {
  return {
      {.kind = Kind::kPutRun, .count = 5, .key = 1, .bytes = 300},
      {.kind = Kind::kCommitSync},
      {.kind = Kind::kKeep},
      {.kind = Kind::kBackup, .count = 7, .key = 0},
      {.kind = Kind::kPutRun, .count = 2, .key = 4, .bytes = 900},
      {.kind = Kind::kCommitOs},
      {.kind = Kind::kKeep},
      {.kind = Kind::kBackup, .count = 7, .key = 1, .bytes = 1},
      {.kind = Kind::kReleaseKept, .key = 0},
      {.kind = Kind::kErase, .key = 2},
      {.kind = Kind::kCommitLazy},
      {.kind = Kind::kBackup, .count = 7, .key = 2, .bytes = 1},
      {.kind = Kind::kBackup, .count = 4, .key = 2},
      {.kind = Kind::kReopen},
  };
}

constexpr std::uint64_t kMany = std::uint64_t{1} << 20;

const std::vector<Op>& going_on_ops() {
  static const std::vector<Op> ops = {
      {.kind = Kind::kPutRun, .count = 3, .key = 1, .bytes = 700},
      {.kind = Kind::kCommitSync},
      {.kind = Kind::kVerify},
      {.kind = Kind::kCheckpoint},
      {.kind = Kind::kVerify},
      {.kind = Kind::kReopen},
      {.kind = Kind::kVerify},
  };
  return ops;
}

}  // namespace

std::span<const Workload> workloads() {
  static const Workload all[] = {
      {"commits", "commits of every durability", shape(Shape::Keys::kShort, 10, kMany), commits()},
      {"checkpoints", "checkpoints beside commits", shape(Shape::Keys::kMixed, 12, 8192),
       checkpoints()},
      {"trees", "several trees, splits, long values", shape(Shape::Keys::kMixed, 16, kMany),
       trees()},
      {"segments", "a log of several files", shape(Shape::Keys::kShort, 8, kMany), segments()},
      {"beside", "commits while a sync is under way", shape(Shape::Keys::kShort, 8, kMany),
       beside()},
      {"shrinking", "a file that is emptied, compacted and cut",
       shape(Shape::Keys::kMixed, 12, kMany, 4 * kLogSegmentMin), shrinking()},
      {"transactions", "savepoints, conditions, trees that go",
       shape(Shape::Keys::kMixed, 12, kMany), transactions()},
      {"ranges", "ranges and trees that go, and are freed in steps",
       shape(Shape::Keys::kMixed, 12, kMany), ranges()},
      {"backups", "kept checkpoints, backups of them, increments",
       shape(Shape::Keys::kShort, 8, kMany), backups()},
  };
  return all;
}

std::optional<Workload> find_workload(std::string_view name) {
  if (const std::size_t at = name.find('@'); at != name.npos) {
    auto found = find_workload(name.substr(0, at));
    const auto disk = find_disk(name.substr(at + 1));
    if (!found || !disk) return std::nullopt;
    put_on(*found, *disk);
    return found;
  }
  for (const Workload& each : workloads()) {
    if (each.name == name) return each;
  }
  return short_workload(name);
}

void put_on(Workload& workload, DiskKind disk) {
  workload.disk = disk;
  workload.name.resize(std::min(workload.name.size(), workload.name.find('@')));
  if (disk != DiskKind::kWeak) workload.name += std::string("@") + disk_name(disk);
}

std::vector<Workload> chosen_workloads(std::string_view name) {
  if (name.empty()) return {workloads().begin(), workloads().end()};
  return {*find_workload(name)};
}

std::string workload_names() {
  std::string names;
  for (const Workload& each : workloads()) names += (names.empty() ? "" : ", ") + each.name;
  return names;
}

std::span<const Op> going_on() {
  return going_on_ops();
}

std::span<const Op> first_steps() {
  return std::span(going_on_ops()).first(3);
}

}  // namespace holdfast
