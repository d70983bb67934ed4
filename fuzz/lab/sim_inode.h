// One file of the simulated disk: what the cache shows, what the medium holds, and the unsynced
// operations between the two.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/storage/storage.h"
#include "fuzz/lab/rng.h"
#include "fuzz/lab/sim_crash.h"

namespace holdfast {

inline constexpr std::uint64_t kSimBlock = 4096;

// A change of a file that no sync has covered.
struct SimOp {
  enum class Kind : std::uint8_t { kWrite, kResize };
  static constexpr std::uint64_t kNowhere = ~std::uint64_t{0};

  Kind kind = Kind::kWrite;
  bool zero = false;       // A write of zeros: it has no bytes in the arena.
  bool in_flight = false;  // Submitted and not completed: no sync covers it yet.
  bool covered = false;    // By the sync that is under way.
  std::uint64_t call = 0;
  std::uint64_t offset = 0;  // What the caller named; of a resize, the smaller size.
  std::uint64_t length = 0;
  std::uint64_t data_at = 0;         // In the arena.
  std::uint64_t medium_at = 0;       // Where the medium puts it; kNowhere for a lost write.
  std::uint64_t copy_at = kNowhere;  // A duplicated write lands here as well.
  std::uint64_t size_before = 0, size_after = 0;
};

// The cached content of a block that a failed sync covered: clean in the cache, of unknown fate.
struct LimboBlock {
  std::uint64_t block;
  std::uint64_t data_at;  // In limbo_bytes; kSimBlock bytes.
  std::uint64_t call;
};

// What a failed sync leaves, after the file systems where each was seen (F10 of the fault model).
enum class SyncLoss : std::uint8_t {
  kCacheNew,      // The cache keeps the new data and calls it clean (ext4, XFS).
  kCacheOld,      // The cache goes back to the old data (Btrfs).
  kReportedLate,  // As kCacheNew, but this sync answers success and the next one fails.
};

struct SimInode {
  bool in_use = false;
  bool is_log = false;           // The rule for logs holds; see sim_rule.h.
  bool diverged = false;         // Cache and medium differ elsewhere than in `ops`.
  bool late_failure = false;     // The next sync fails for the one before.
  bool old_bytes_shown = false;  // A crash has put another place's bytes into it.
  std::int32_t watch = -1;       // Of the rule's watches; -1 for none.
  std::uint32_t open_files = 0;
  std::vector<std::byte> cache;   // The volatile view.
  std::vector<std::byte> medium;  // The durable state.
  std::vector<SimOp> ops;         // In order.
  std::vector<std::byte> arena;   // Bytes of the ops.
  std::vector<LimboBlock> limbo;
  std::vector<std::byte> limbo_bytes;
  std::vector<std::uint8_t> sealed;  // Per block of a log: a submitted sync has covered it.
  std::vector<std::pair<const void*, LockMode>> locks;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> unreadable;  // Offset, length.

  void reset();
  void become(const SimInode& other);

  // Both note one op and answer it, for the caller to add faults to.
  SimOp& write(std::uint64_t call, std::uint64_t offset, std::span<const std::byte> bytes);
  SimOp& resize(std::uint64_t call, std::uint64_t size);

  // A sync begins: it covers everything that is not in flight.
  void begin_sync();
  // What it covers becomes durable.
  void sync();
  // Or it fails.
  void fail_sync(SyncLoss loss, std::uint64_t call);

  // Reading the medium settles what a failed sync left open there: sector by sector, by chance.
  void settle_limbo(std::uint64_t offset, std::uint64_t length, Rng& rng);

  // What is on the medium, and above it what the cache holds that is still to be written.
  std::size_t read_medium(std::uint64_t offset, std::span<std::byte> buffer) const;

  // Appends the units of this file. `skip_unchanged` leaves out sectors whose fate changes nothing.
  void list_units(std::uint32_t self, std::uint32_t sector_bytes, bool skip_unchanged,
                  std::vector<CrashUnit>& units) const;
  // The crash: `units` and `fates` are this file's part, as listed with the same `sector_bytes`.
  // Garbage comes from `stale` half of the time.
  void crash(std::uint32_t sector_bytes, std::span<const CrashUnit> units,
             std::span<const Fate> fates, std::span<const std::byte> stale, Rng& rng);

  [[nodiscard]] std::span<const std::byte> bytes_of(const SimOp& op) const;

 private:
  void put_on_medium(std::uint64_t offset, std::span<const std::byte> bytes);
  void put_zeros_on_medium(std::uint64_t offset, std::uint64_t length);
  void apply_whole(const SimOp& op);
  void list_sectors(std::uint32_t self, std::uint32_t op_number, std::uint32_t sector_bytes,
                    bool skip_unchanged, std::vector<CrashUnit>& units) const;
  [[nodiscard]] bool changes_nothing(const CrashUnit& unit, std::uint32_t op_number) const;
  // Up to the file offset `limit`.
  void keep_sector(const CrashUnit& unit, std::uint64_t limit);
  // The last of the units covers a part of its sector. A sector goes to the medium as the cache had
  // it: with what earlier ops wrote around.
  void keep_part_of_sector(std::uint32_t sector_bytes, std::span<const CrashUnit> units,
                           std::span<const Fate> fates);
  void keep_size(const SimOp& op, std::uint64_t& final_size);
  void spoil_sector(const CrashUnit& unit, std::span<const std::byte> stale, Rng& rng);
  void drop_covered_ops();
  void cache_from_medium(std::uint64_t offset, std::uint64_t length);
};

}  // namespace holdfast
