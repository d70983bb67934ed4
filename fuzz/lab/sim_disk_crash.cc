// Crashes: what is decided on, and what is left.
#include <algorithm>
#include <utility>

#include "engine/storage/storage.h"
#include "fuzz/lab/sim_disk.h"

namespace holdfast {

void SimDisk::list_all_units(std::uint32_t sector_bytes, bool skip_unchanged) {
  units_.clear();
  for (std::uint32_t i = 0; i < inodes_.size(); ++i) {
    const SimInode& inode = *inodes_[i];
    if (inode.ops.empty() && inode.limbo.empty()) continue;
    // A file that no name can lead to any more has nothing to be decided.
    if (names_.mentions(i)) inode.list_units(i, sector_bytes, skip_unchanged, units_);
  }
  names_.list_units(units_);
}

void SimDisk::crash(const CrashPolicy& policy, std::uint64_t seed) {
  MutexLock guard(mutex_);
  if (policy.kind != CrashPolicy::Kind::kProcessKill) {
    const std::uint32_t sector_bytes =
        policy.kind == CrashPolicy::Kind::kExt4Like ? 4096 : policy.sector_bytes;
    Rng rng(seed);
    list_all_units(sector_bytes, false);
    decide_fates(policy, units_, rng, fates_);
    if (classes_ != nullptr) note_crash(sector_bytes);
    crash_by_fates(sector_bytes, rng);
  } else {
    met(FaultClass::kKilled);
  }
  if (options_.trace) trace_.push_back("  crash and new life");
  start_new_life();
}

// Each class once, however many units fared so. What F7 takes is known where it is taken.
void SimDisk::note_crash(std::uint32_t sector_bytes) const {
  using Unit = CrashUnit::Kind;
  bool lost = false, torn = false, grown = false, spoiled = false;
  bool size_lost = false, name_lost = false, resize_lost = false;
  std::uint64_t first_lost = ~std::uint64_t{0}, last_kept = 0;
  std::uint64_t size = 0, end = 0;  // Of the file: what stays of its size, and of its data.
  for (std::size_t i = 0; i < units_.size(); ++i) {
    const CrashUnit& unit = units_[i];
    const bool kept = fates_[i] == Fate::kKept;
    const bool same_write = i > 0 && units_[i - 1].kind == unit.kind &&
                            units_[i - 1].inode == unit.inode && units_[i - 1].op == unit.op;
    (kept ? last_kept : first_lost) =
        kept ? std::max(last_kept, unit.call) : std::min(first_lost, unit.call);
    if (i == 0 || unit.inode != units_[i - 1].inode || unit.kind == Unit::kName) {
      size_lost = size_lost || end > size;
      size = inodes_[unit.inode]->medium.size();
      end = 0;
    }
    if (unit.kind == Unit::kName) {
      name_lost = name_lost || !kept;
    } else if (unit.kind == Unit::kSize) {
      if (kept) size = unit.offset;
      resize_lost =
          resize_lost || (!kept && inodes_[unit.inode]->ops[unit.op].kind == SimOp::Kind::kResize);
    } else {
      lost = lost || !kept;
      if (kept) end = std::max(end, unit.offset + unit.length);
      torn = torn || (same_write && kept != (fates_[i - 1] == Fate::kKept));
      const bool other = fates_[i] == Fate::kZero || fates_[i] == Fate::kGarbage;
      (unit.extends ? grown : spoiled) = (unit.extends ? grown : spoiled) || other;
    }
  }
  if (lost) met(FaultClass::kUnsyncedLost);
  if (first_lost < last_kept) met(FaultClass::kOutOfOrder);
  if (torn && sector_bytes < kSimBlock) met(FaultClass::kTornAt512);
  if ((torn && sector_bytes == kSimBlock) || spoiled) met(FaultClass::kTornAt4096);
  if (grown) met(FaultClass::kGrownAndSpoiled);
  if (size_lost || end > size) met(FaultClass::kSizeLost);
  if (name_lost) met(FaultClass::kNameLost);
  if (resize_lost) met(FaultClass::kResizeLost);
  if (options_.kind == DiskKind::kLying) met(FaultClass::kSyncsLie);
}

const std::vector<CrashUnit>& SimDisk::crash_units(std::uint32_t sector_bytes) {
  list_all_units(sector_bytes, true);
  return units_;
}

void SimDisk::crash_with(std::uint32_t sector_bytes, std::span<const Fate> fates,
                         std::uint64_t seed) {
  MutexLock guard(mutex_);
  list_all_units(sector_bytes, true);
  fates_.assign(units_.size(), Fate::kLost);
  for (std::size_t i = 0; i < std::min(fates.size(), fates_.size()); ++i) fates_[i] = fates[i];
  Rng rng(seed);
  crash_by_fates(sector_bytes, rng);
  start_new_life();
}

void SimDisk::crash_keeping(std::uint32_t sector_bytes, std::uint64_t mask) {
  Fate fates[64];
  for (unsigned i = 0; i < 64; ++i) fates[i] = (mask >> i & 1) != 0 ? Fate::kKept : Fate::kLost;
  crash_with(sector_bytes, fates);
}

std::span<const std::byte> SimDisk::stale_bytes(std::uint32_t besides, Rng& rng) const {
  const std::uint32_t pick = static_cast<std::uint32_t>(rng.below(inodes_.size() + 1));
  if (pick == inodes_.size()) return graveyard_;
  if (pick == besides) return {};
  return inodes_[pick]->medium;
}

void SimDisk::crash_by_fates(std::uint32_t sector_bytes, Rng& rng) {
  // Each file's units lie together, in the order of the files; names come last.
  std::size_t at = 0;
  for (std::uint32_t i = 0; i < inodes_.size(); ++i) {
    SimInode& inode = *inodes_[i];
    std::size_t end = at;
    while (end < units_.size() && units_[end].inode == i &&
           units_[end].kind != CrashUnit::Kind::kName) {
      ++end;
    }
    if (end > at || inode.diverged || !inode.ops.empty() || !inode.limbo.empty()) {
      inode.crash(sector_bytes, std::span(units_).subspan(at, end - at),
                  std::span(fates_).subspan(at, end - at), stale_bytes(i, rng), rng);
      if (std::exchange(inode.old_bytes_shown, false)) met(FaultClass::kOldBytes);
    }
    inode.late_failure = false;
    at = end;
  }
  names_.crash(fates_.data() + at);
}

std::string SimDisk::describe(const CrashUnit& unit) const {
  std::string name = "a removed file";
  for (const auto* entries : {&names_.durable(), &names_.seen()}) {
    for (const NameEntry& entry : *entries) {
      if (entry.inode == unit.inode) name = entry.path;
    }
  }
  const std::string range =
      std::to_string(unit.offset) + " to " + std::to_string(unit.offset + unit.length);
  std::string text;
  switch (unit.kind) {
    case CrashUnit::Kind::kSector:
      text = "write " + range + " of " + name;
      break;
    case CrashUnit::Kind::kLimbo:
      text = "write " + range + " of " + name + " that failed to sync";
      break;
    case CrashUnit::Kind::kSize:
      text = "size " + std::to_string(unit.offset) + " of " + name;
      break;
    case CrashUnit::Kind::kName: {
      const NameOp& op = names_.ops()[unit.op];
      text = op.kind == NameOp::Kind::kCreate   ? "create " + op.path
             : op.kind == NameOp::Kind::kRemove ? "remove " + op.path
                                                : "rename " + op.path + " to " + op.to;
      break;
    }
  }
  return text + " (call " + std::to_string(unit.call) + ")";
}

}  // namespace holdfast
