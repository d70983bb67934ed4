// The small language in which a run is written: what is done to a database, one step at a time.
//
// Keys and values stand for themselves by a number, so that an op is a few bytes; a Shape says
// which bytes they are.
#pragma once

#include <cstdint>
#include <string>

#include "fuzz/lab/choices.h"
#include "holdfast/options.h"

namespace holdfast {

class Swarm;

struct Op {
  enum class Kind : std::uint8_t {
    kPut,        // Begins a write transaction where none is open, as all changes do.
    kPutRun,     // `count` keys from `key` on.
    kPutStream,  // A value of `bytes` in pieces; finished or not, by `count`.
    kBulkLoad,   // `count` keys after the tree's last, in one go; in the wrong order now and then.
    kErase,
    kEraseRun,    // `count` keys drawn from all, by `key`; with `bytes` those that follow it.
    kEraseRange,  // Between keys number `key` and `count`, whichever is less; 0: to the end.
    kPutIf,       // Inserted, replaced, or compared and set: by `count`.
    kBatch,       // `count` puts and erases from `key` on: a recorded batch, put_many() in between.
    kCreateTree,  // Tree number `tree`, made or found.
    kDropTree,
    kRenameTree,  // To the name of tree number `key`, if that is free.
    kSavepoint,
    kRollBack,  // To savepoint number `key` of those open; it stays.
    kRelease,   // Savepoint number `key`.
    kTooLong,   // A key one byte longer than the limit: refused, and nothing else.
    kCommit,    // With the durability that the opening set.
    kCommitSync,
    kCommitOs,
    kCommitLazy,
    kCommitAsync,
    kBeside,  // While the next sync of the log is under way, another thread puts `count` keys from
              // `key` on and commits, by `bytes` % 3: lazily, os, async.
    kAbort,
    kSync,         // Everything committed becomes durable.
    kSnapshot,     // A reader that stays.
    kEndSnapshot,  // Number `key` of those open.
    kCompare,      // Everything a new reader sees.
    kCompareMine,  // What the open write transaction sees.
    kCompareOld,   // Everything a reader sees that stayed: number `key`.
    kGet,
    kCursor,   // A cursor that stays: of the writer or, without one, of snapshot number `key`. It
               // must stand where it stood, and moves by `count`.
    kGetMany,  // `count` keys from `key` on.
    kWalk,     // The writer's cursor, from `key` on over `count` records, forward or (`bytes`)
               // backward; every other is erased, by the cursor or beside it.
    kIntrude,  // Another opening: refused.
    kBackground,  // `count` steps of background work.
    kTime,        // The clock goes on by `count` milliseconds.
    kSetClock,    // Somebody sets the wall clock, to any time: `key`.
    kSettle,      // Time and background work until nothing is left to do: then all is durable.
    kCheckpoint,
    kCompact,
    kKeep,         // A checkpoint that stays.
    kReleaseKept,  // Number `key` of those.
    kBackup,       // One of those or the newest state, by `key`, restored and compared; how, by
                   // `count`; an increment, by `bytes`.
    kVerify,
    kReopen,  // Closed and opened again.
    kKindCount,
  };
  Kind kind = Kind::kPut;
  std::uint8_t tree = 0;
  std::uint16_t count = 1;
  std::uint32_t key = 0;
  std::uint32_t bytes = 0;  // Of values.
};

inline constexpr std::uint64_t kLabCacheMax = std::uint64_t{6} << 20;
// Just enough for the least number of the largest pages.
inline constexpr std::uint64_t kLabCacheTight = (std::uint64_t{1} << 20) + 40960;

// What the keys and values of a run look like, and how tight it is.
struct Shape {
  enum class Keys : std::uint8_t { kShort, kMixed, kLong, kDeep };
  Keys keys = Keys::kShort;
  std::uint32_t key_count = 100;
  std::uint32_t value_bytes_max = 300;
  std::uint8_t trees = 3;
  std::uint32_t page_size = 4096;        // Of the database, for ever.
  std::uint32_t asked_page_size = 4096;  // Of an opening; only a new file has it.
  std::uint64_t cache_bytes = std::uint64_t{1} << 20;
  std::uint32_t frames = 0;  // No more than these; 0: as many as cache_bytes are.
  std::uint64_t segment_bytes = std::uint64_t{64} << 10;
  std::uint64_t checkpoint_log_bytes = std::uint64_t{64} << 10;
  Durability durability = Durability::kSync;
  OldSnapshots old_snapshots = OldSnapshots::kKeep;

  static Shape draw(Choices& choices);
  // What may be otherwise at the next opening.
  void draw_options(Choices& choices);
  // Key 0 is the empty one.
  [[nodiscard]] std::string key(std::uint32_t number) const;
  [[nodiscard]] std::string to_string() const;
};

// One that `swarm` does.
Op draw_op(Choices& choices, const Shape& shape, const Swarm& swarm);
// A value nobody wrote before, if `stamp` is new.
std::string value_of(std::uint32_t bytes, std::uint64_t stamp);
std::string tree_name(std::uint8_t tree);
const char* op_name(Op::Kind kind);
std::string to_string(const Op& op);

}  // namespace holdfast
