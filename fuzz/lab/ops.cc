#include "fuzz/lab/ops.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "engine/base/limits.h"
#include "fuzz/lab/swarm.h"

namespace holdfast {
namespace {

using Kind = Op::Kind;

struct KindInfo {
  Kind kind;
  const char* name;
  unsigned weight;
};

constexpr std::array kKinds = {
    KindInfo{Kind::kPut, "put", 24},
    KindInfo{Kind::kPutRun, "put run", 8},
    KindInfo{Kind::kPutStream, "put stream", 6},
    KindInfo{Kind::kBulkLoad, "bulk load", 4},
    KindInfo{Kind::kErase, "erase", 12},
    KindInfo{Kind::kEraseRun, "erase run", 4},
    KindInfo{Kind::kEraseRange, "erase range", 4},
    KindInfo{Kind::kPutIf, "put if", 6},
    KindInfo{Kind::kBatch, "batch", 4},
    KindInfo{Kind::kCreateTree, "create tree", 3},
    KindInfo{Kind::kDropTree, "drop tree", 1},
    KindInfo{Kind::kRenameTree, "rename tree", 1},
    KindInfo{Kind::kSavepoint, "savepoint", 5},
    KindInfo{Kind::kRollBack, "roll back", 4},
    KindInfo{Kind::kRelease, "release", 2},
    KindInfo{Kind::kTooLong, "put too long a key", 1},
    KindInfo{Kind::kCommit, "commit", 3},
    KindInfo{Kind::kCommitSync, "commit, sync", 8},
    KindInfo{Kind::kCommitOs, "commit, os", 4},
    KindInfo{Kind::kCommitLazy, "commit, lazy", 4},
    KindInfo{Kind::kCommitAsync, "commit, async", 3},
    KindInfo{Kind::kBeside, "commit beside a sync", 5},
    KindInfo{Kind::kAbort, "abort", 3},
    KindInfo{Kind::kSync, "sync", 2},
    KindInfo{Kind::kSnapshot, "snapshot", 2},
    KindInfo{Kind::kEndSnapshot, "end snapshot", 2},
    KindInfo{Kind::kCompare, "compare", 1},
    KindInfo{Kind::kCompareMine, "compare the writer's view", 1},
    KindInfo{Kind::kCompareOld, "compare a snapshot", 2},
    KindInfo{Kind::kGet, "get", 6},
    KindInfo{Kind::kCursor, "move a cursor", 5},
    KindInfo{Kind::kGetMany, "get many", 2},
    KindInfo{Kind::kWalk, "walk and erase", 2},
    KindInfo{Kind::kIntrude, "open once more", 1},
    KindInfo{Kind::kBackground, "background", 12},
    KindInfo{Kind::kTime, "time passes", 3},
    KindInfo{Kind::kSetClock, "the clock is set", 1},
    KindInfo{Kind::kSettle, "settle", 1},
    KindInfo{Kind::kCheckpoint, "checkpoint", 1},
    KindInfo{Kind::kCompact, "compact", 1},
    KindInfo{Kind::kKeep, "keep a checkpoint", 1},
    KindInfo{Kind::kReleaseKept, "release a checkpoint", 1},
    KindInfo{Kind::kBackup, "back up and restore", 1},
    KindInfo{Kind::kVerify, "verify", 1},
    KindInfo{Kind::kReopen, "reopen", 1},
};
static_assert(kKinds.size() == static_cast<std::size_t>(Kind::kKindCount));

constexpr unsigned total_weight() {
  unsigned sum = 0;
  for (const KindInfo& info : kKinds) sum += info.weight;
  return sum;
}
static_assert(total_weight() <= 256, "a fuzzer's choice of a kind should take one byte");

Kind draw_kind(Choices& choices, const Swarm& swarm) {
  unsigned sum = 0;
  for (const KindInfo& info : kKinds) sum += swarm.does(info.kind) ? info.weight : 0;
  auto left = static_cast<unsigned>(choices.below(sum));
  for (const KindInfo& info : kKinds) {
    if (!swarm.does(info.kind)) continue;
    if (left < info.weight) return info.kind;
    left -= info.weight;
  }
  return Kind::kPut;
}

std::string six_digits(std::uint32_t number) {
  std::string text = std::to_string(1'000'000 + number % 1'000'000);
  return text.substr(1);
}

}  // namespace

Shape Shape::draw(Choices& choices) {
  constexpr std::uint32_t kCounts[] = {3, 12, 40, 150, 600};
  constexpr std::uint32_t kValues[] = {12, 120, 700, 6000, 20000};
  Shape shape;
  shape.keys = choices.chance(1, 6) ? Keys::kDeep : static_cast<Keys>(choices.below(3));
  shape.key_count = kCounts[choices.below(std::size(kCounts))];
  if (shape.keys != Keys::kShort) shape.key_count = std::min(shape.key_count, 150u);
  if (shape.keys == Keys::kDeep) shape.key_count = std::min(shape.key_count, 64u);
  shape.value_bytes_max = kValues[choices.below(std::size(kValues))];
  shape.trees = static_cast<std::uint8_t>(1 + choices.below(4));
  shape.page_size = choices.chance(1, 8) ? 8192 : 4096;
  if (choices.chance(1, 12)) {  // So few frames that pages come and go.
    shape.page_size = 16384;
    shape.key_count = 150;
    shape.value_bytes_max = 20000;
  }
  shape.checkpoint_log_bytes = std::uint64_t{4096} << choices.below(6);
  if (choices.chance(1, 32)) {  // Transactions of several batches, a page map of several pages.
    shape.cache_bytes = kLabCacheMax;
    shape.key_count = 150;
    shape.value_bytes_max = 120000;
  }
  if (choices.chance(1, 2)) shape.old_snapshots = OldSnapshots::kGiveUp;
  if (choices.chance(1, 4)) shape.frames = kMinFrames + choices.below(48);
  shape.asked_page_size = shape.page_size;
  return shape;
}

void Shape::draw_options(Choices& choices) {
  constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
  constexpr std::uint64_t kCaches[] = {kMiB, kLabCacheTight, 2 * kMiB, 4 * kMiB, kLabCacheMax};
  cache_bytes = kCaches[choices.below(std::size(kCaches))];
  old_snapshots = choices.chance(1, 2) ? OldSnapshots::kGiveUp : OldSnapshots::kKeep;
  frames = choices.chance(1, 4) ? kMinFrames + choices.below(48) : 0;
  segment_bytes = kLogSegmentMin << choices.below(4);
  checkpoint_log_bytes = std::uint64_t{4096} << choices.below(8);
  durability = static_cast<Durability>(choices.below(3));
  asked_page_size = std::uint32_t{4096} << choices.below(4);
}

std::string Shape::key(std::uint32_t number) const {
  if (number == 0) return {};
  const std::uint32_t spread = number * 2654435761u >> 8;
  const std::size_t longest = max_key_bytes(page_size);
  switch (keys) {
    case Keys::kShort:
      return "k" + six_digits(number);
    case Keys::kMixed: {
      std::string key = six_digits(spread % 1000 * 1000 + number % 1000);
      key.resize(6 + spread % (longest - 5), static_cast<char>('a' + number % 26));
      return key;
    }
    case Keys::kLong: {
      std::string key(longest - 6 - spread % 5, 'p');
      return key + six_digits(number);
    }
    case Keys::kDeep: {
      // Eight by eight they differ at their ends only: separators are long too, nodes have few
      // children, and trees many levels.
      const std::string group = six_digits(number / 8 * 7919);
      std::string key;
      while (key.size() + group.size() < longest) key += group;
      return key + static_cast<char>('0' + number % 8);
    }
  }
  return {};
}

std::string Shape::to_string() const {
  constexpr const char* kNames[] = {"short", "mixed", "long", "deep"};
  return std::to_string(key_count) + " " + kNames[static_cast<int>(keys)] + " keys, values to " +
         std::to_string(value_bytes_max) + " bytes, " + std::to_string(trees) +
         " trees, pages of " + std::to_string(page_size) + ", checkpoint after " +
         std::to_string(checkpoint_log_bytes) + " bytes of log" +
         (old_snapshots == OldSnapshots::kGiveUp ? ", old snapshots given up" : "");
}

Op draw_op(Choices& choices, const Shape& shape, const Swarm& swarm) {
  Op op;
  op.kind = draw_kind(choices, swarm);
  switch (op.kind) {
    case Kind::kPut:
    case Kind::kPutRun:
      op.tree = static_cast<std::uint8_t>(choices.below(shape.trees));
      op.key = static_cast<std::uint32_t>(choices.below(shape.key_count));
      op.bytes = static_cast<std::uint32_t>(choices.scale(shape.value_bytes_max + 1) - 1);
      if (op.kind == Kind::kPutRun) op.count = static_cast<std::uint16_t>(choices.scale(60));
      break;
    case Kind::kPutIf:
    case Kind::kBeside:
    case Kind::kBatch:
      op.tree = static_cast<std::uint8_t>(choices.below(shape.trees));
      op.key = static_cast<std::uint32_t>(choices.below(shape.key_count));
      op.bytes = static_cast<std::uint32_t>(choices.scale(shape.value_bytes_max + 1) - 1);
      op.count = static_cast<std::uint16_t>(op.kind == Kind::kPutIf ? choices.below(8)
                                                                    : choices.scale(40));
      break;
    case Kind::kPutStream:
    case Kind::kBulkLoad:
      op.tree = static_cast<std::uint8_t>(choices.below(shape.trees));
      op.key = static_cast<std::uint32_t>(choices.below(shape.key_count));
      op.bytes = static_cast<std::uint32_t>(choices.scale(shape.value_bytes_max + 1) - 1);
      if (op.kind == Kind::kPutStream) op.bytes *= 4;
      op.count = static_cast<std::uint16_t>(op.kind == Kind::kPutStream ? choices.below(8)
                                                                        : choices.scale(200));
      break;
    case Kind::kEraseRange:
      op.tree = static_cast<std::uint8_t>(choices.below(shape.trees));
      op.key = static_cast<std::uint32_t>(choices.below(shape.key_count));
      op.count = static_cast<std::uint16_t>(choices.below(shape.key_count));
      break;
    case Kind::kErase:
    case Kind::kEraseRun:
    case Kind::kWalk:
    case Kind::kGet:
    case Kind::kCursor:
    case Kind::kGetMany:
      op.tree = static_cast<std::uint8_t>(choices.below(shape.trees));
      op.key = static_cast<std::uint32_t>(choices.below(shape.key_count));
      if (op.kind != Kind::kErase && op.kind != Kind::kGet)
        op.count = static_cast<std::uint16_t>(choices.scale(100));
      if (op.kind == Kind::kWalk || op.kind == Kind::kEraseRun)
        op.bytes = static_cast<std::uint32_t>(choices.below(2));
      break;
    case Kind::kCreateTree:
    case Kind::kDropTree:
      op.tree = static_cast<std::uint8_t>(choices.below(shape.trees));
      break;
    case Kind::kRenameTree:
      op.tree = static_cast<std::uint8_t>(choices.below(shape.trees));
      op.key = static_cast<std::uint32_t>(choices.below(shape.trees));
      break;
    case Kind::kRollBack:
    case Kind::kRelease:
    case Kind::kEndSnapshot:
    case Kind::kCompareOld:
    case Kind::kReleaseKept:
      op.key = static_cast<std::uint32_t>(choices.below(8));
      break;
    case Kind::kBackup:
      op.key = static_cast<std::uint32_t>(choices.below(256));
      op.count = static_cast<std::uint16_t>(choices.below(8));
      op.bytes = static_cast<std::uint32_t>(choices.below(32));
      break;
    case Kind::kBackground:
      op.count = static_cast<std::uint16_t>(choices.scale(8));
      break;
    case Kind::kTime:
      op.count = static_cast<std::uint16_t>(choices.scale(8192));
      break;
    case Kind::kSetClock:
      op.key = static_cast<std::uint32_t>(choices.below(1 << 16));
      break;
    default:
      break;
  }
  return op;
}

std::string value_of(std::uint32_t bytes, std::uint64_t stamp) {
  std::string value(bytes, '\0');
  std::uint64_t word = stamp * 0x9e3779b97f4a7c15 + 1;
  std::size_t at = 0;
  for (; at + sizeof word <= value.size(); at += sizeof word) {
    std::memcpy(value.data() + at, &word, sizeof word);
    word = word * 0xd1342543de82ef95 + 1;
  }
  std::memcpy(value.data() + at, &word, value.size() - at);
  return value;
}

std::string tree_name(std::uint8_t tree) {
  return tree == 0 ? std::string() : "tree " + std::to_string(tree);
}

const char* op_name(Kind kind) {
  for (const KindInfo& info : kKinds) {
    if (info.kind == kind) return info.name;
  }
  return "?";
}

std::string to_string(const Op& op) {
  return std::string(op_name(op.kind)) + " (tree " + std::to_string(op.tree) + ", key " +
         std::to_string(op.key) + ", count " + std::to_string(op.count) + ", bytes " +
         std::to_string(op.bytes) + ")";
}

}  // namespace holdfast
