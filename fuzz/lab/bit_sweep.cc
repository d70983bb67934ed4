#include "fuzz/lab/bit_sweep.h"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "engine/base/bytes.h"
#include "engine/base/limits.h"
#include "fuzz/lab/compare.h"

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

bool is_log(const std::string& path) {
  return path.find(".log") != path.npos;
}

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

void BitCounts::add(const BitCounts& more) {
  bits += more.bits;
  right += more.right;
  refused += more.refused;
  named += more.named;
  undecidable += more.undecidable;
}

BitSweep::BitSweep(BitState state)
    : environment_{&disk_, &clock_, &random_}, arena_memory_(new std::byte[2 * kMinCacheBytes]) {
  const auto at = reinterpret_cast<std::uintptr_t>(arena_memory_.get());
  arena_ = {arena_memory_.get() + (align_up(at, 4096) - at), kMinCacheBytes};
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
      if (flip(place) == Verdict::kWrong) return BitFailure{place, what_};
    }
    break;
  }
  return std::nullopt;
}

std::optional<std::string> BitSweep::replay(const BitPlace& place,
                                            std::vector<std::string>* story) {
  const Verdict verdict = flip(place);
  constexpr const char* kNames[] = {"right data", "refused", "named", "undecidable", "WRONG"};
  if (story != nullptr) {
    for (const File& file : files_) {
      story->push_back(file.path + ": " + std::to_string(file.bytes) + " bytes");
    }
    story->push_back("bit " + std::to_string(place.bit) + " of " + place.file + ", in byte " +
                     std::to_string(place.bit / 8) + ", is flipped");
    story->push_back(std::string(kNames[static_cast<int>(verdict)]) + ": " + what_);
  }
  return verdict == Verdict::kWrong ? std::optional(what_) : std::nullopt;
}

BitSweep::Verdict BitSweep::flip(const BitPlace& place) {
  what_.clear();
  const std::uint64_t alterations = disk_.alterations();
  disk_.flip_bit(place.file, place.bit);
  const Verdict verdict = judge(place);
  if (disk_.alterations() == alterations) {
    disk_.crash({.kind = CrashPolicy::Kind::kProcessKill}, 0);
    disk_.flip_bit(place.file, place.bit);
  } else {
    disk_.become(base_.disk);
  }
  ++counts_.bits;
  counts_.right += verdict == Verdict::kRight ? 1 : 0;
  counts_.refused += verdict == Verdict::kRefused ? 1 : 0;
  counts_.named += verdict == Verdict::kNamed ? 1 : 0;
  counts_.undecidable += verdict == Verdict::kUndecidable ? 1 : 0;
  return verdict;
}

BitSweep::Verdict BitSweep::wrong(std::string what) {
  what_ = std::move(what);
  return Verdict::kWrong;
}

// Good enough is a code that says damage and a place that says where.
BitSweep::Verdict BitSweep::named(const Error& error, Verdict verdict) {
  const ErrorCode code = error.code();
  const bool damage = code == ErrorCode::kDamaged || code == ErrorCode::kNotADatabase ||
                      code == ErrorCode::kUnsupportedFormat;
  if (!damage || error.place().file.empty()) {
    return wrong("the error doesn't name damage and its place: " + error.to_string());
  }
  what_ = error.to_string();
  return verdict;
}

BitSweep::Verdict BitSweep::judge(const BitPlace& place) {
  Options options;
  options.mode = OpenMode::kReadWrite;
  options.cache_bytes = kMinCacheBytes;
  options.background = Background::kHost;
  options.arena = arena_;
  options.environment = &environment_;
  auto database = Database::open(LabDatabase::kPath, options);
  if (!database) return named(database.error(), Verdict::kRefused);
  const Verdict verdict = judge_opened(*database, place);
  disk_.crash_at_call(1);  // The process ends here: nothing is closed.
  return verdict;
}

BitSweep::Verdict BitSweep::judge_opened(Database& database, const BitPlace& place) {
  const std::uint64_t found = database.stats().newest_txn;
  const std::uint64_t newest = base_.database.model().newest();
  auto reader = database.begin_read();
  if (!reader) return wrong("begin_read(): " + reader.error().to_string());
  if (found == newest) return walk(*reader, newest_);
  if (found + 1 != newest || !in_last_group(place)) {
    return wrong("opens silently with transaction " + std::to_string(found) + " of " +
                 std::to_string(newest));
  }
  const Verdict verdict = walk(*reader, before_);
  if (verdict == Verdict::kWrong) return verdict;
  what_ = "the newest transaction is gone";
  return Verdict::kUndecidable;
}

BitSweep::Verdict BitSweep::walk(const Reader& reader, const Model::Trees& expected) {
  Verdict verdict = Verdict::kRight;
  for (const auto& [name, records] : expected) {
    const Verdict one = walk_tree(reader, name, records);
    if (one == Verdict::kWrong) return one;
    if (one == Verdict::kNamed) verdict = one;
  }
  return verdict;
}

// Each record by its key, so that what damage leaves readable is compared too; then all in order,
// so that nothing appears.
BitSweep::Verdict BitSweep::walk_tree(const Reader& reader, std::string_view name,
                                      const Model::Records& records) {
  const auto tree = reader.open_tree(name);
  if (!tree) return named(tree.error(), Verdict::kNamed);
  Verdict verdict = Verdict::kRight;
  for (const auto& [key, value] : records) {
    const auto got = reader.get(*tree, key);
    if (!got) {
      verdict = named(got.error(), Verdict::kNamed);
      if (verdict == Verdict::kWrong) return verdict;
    } else if (!*got || **got != value) {
      return wrong("get() of " + show_bytes(key) +
                   (*got ? " gives another value" : " finds nothing"));
    }
  }
  auto cursor = reader.cursor(*tree);
  if (!cursor) return named(cursor.error(), Verdict::kNamed);
  auto want = records.begin();
  auto on = cursor->first();
  for (; on && *on; on = cursor->next(), ++want) {
    if (want == records.end() || cursor->key() != want->first) {
      return wrong("a scan shows " + show_bytes(cursor->key()) + " where it doesn't belong");
    }
  }
  if (!on) return named(on.error(), Verdict::kNamed);
  return want == records.end() ? verdict : wrong("a scan ends early");
}

}  // namespace holdfast
