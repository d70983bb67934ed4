// What a crash of the simulated machine may leave: the units it decides on, and the ways to decide.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/lab/rng.h"

namespace holdfast {

// What disks there are: which images of unsynced changes are legal.
enum class DiskKind : std::uint8_t {
  kOrdered,   // A prefix of the calls, the last of them torn.
  kExt4Like,  // Any 4 KiB blocks; names and sizes in order; no size without its data.
  kWeak,      // Any sectors, sizes and names, each on its own, in any order.
  kLying,     // The same, and syncs answer success and keep nothing: for detection only.
};
inline constexpr std::array kDiskKinds = {DiskKind::kOrdered, DiskKind::kExt4Like, DiskKind::kWeak,
                                          DiskKind::kLying};
const char* disk_name(DiskKind kind);
std::optional<DiskKind> find_disk(std::string_view name);
// What such a disk writes as a whole.
constexpr std::uint32_t sector_bytes_of(DiskKind kind) {
  return kind == DiskKind::kExt4Like ? 4096 : 512;
}

// The smallest things that a crash keeps or loses on their own.
struct CrashUnit {
  enum class Kind : std::uint8_t {
    kSector,  // One sector's worth of one unsynced write.
    kSize,    // The size that one unsynced write, truncate or allocate gave the file.
    kLimbo,   // One sector that a failed sync covered.
    kName,    // One unsynced create, rename or remove.
  };
  Kind kind = Kind::kSector;
  // Of a sector: it lies past the durable size. Of a name: it is a rename that may be torn.
  bool extends = false;
  std::uint32_t inode = 0;
  std::uint32_t op = 0;  // Of the inode's ops, limbo blocks, or the name ops.
  std::uint32_t length = 0;
  std::uint64_t offset = 0;  // On the medium.
  std::uint64_t call = 0;    // The storage call that made it.
};

enum class Fate : std::uint8_t {
  kLost,
  kKept,
  kZero,     // Sectors: all zero, neither the old nor the new.
  kGarbage,  // Sectors: bytes that nobody wrote there.
  kTorn,     // A rename: the file is under both names.
};
const char* fate_name(Fate fate);

struct CrashPolicy {
  enum class Kind : std::uint8_t {
    kProcessKill,  // The machine lives on: nothing is lost, and nothing becomes durable by it.
    kKeepAll,      // Everything reached the medium just in time.
    kKeepNone,     // Nothing unsynced did.
    kOrdered,      // As the disks of these names leave it.
    kExt4Like,
    kWeak,
  };
  static constexpr std::uint32_t kDrawn = 0xffffffff;

  Kind kind = Kind::kWeak;
  std::uint32_t sector_bytes = 512;      // 512 or 4096; kExt4Like takes 4096 whatever stands here.
  std::uint32_t keep_per_1024 = kDrawn;  // kWeak and kExt4Like; drawn per crash, extremes included.
  bool garbage = true;                   // kWeak: lost sectors past the old size may hold anything.
  bool garbage_in_place = false;         // kWeak: overwritten ones too (a sector torn inside).
  bool torn_renames = true;              // kWeak: a rename without replacing may leave both names.
};

// Fills in `fates`, one for each unit, in whatever order they come.
// kProcessKill has nothing to decide.
void decide_fates(const CrashPolicy& policy, const std::vector<CrashUnit>& units, Rng& rng,
                  std::vector<Fate>& fates);

}  // namespace holdfast
