#include "fuzz/lab/sim_crash.h"

#include <algorithm>

namespace holdfast {
namespace {

using Kind = CrashUnit::Kind;

// Mostly extremes: the interesting images are "all but one" and "none but one".
std::uint32_t draw_keep(Rng& rng) {
  constexpr std::uint32_t kLevels[] = {0, 1, 51, 341, 512, 683, 973, 1023, 1024};
  return kLevels[rng.below(std::size(kLevels))];
}

// A call number such that each distinct call of the units, and "before all", is as likely as any.
std::uint64_t draw_cut(const std::vector<CrashUnit>& units, Rng& rng) {
  if (units.empty()) return 0;
  std::uint64_t first = units.front().call, last = first;
  for (const CrashUnit& unit : units) {
    first = std::min(first, unit.call);
    last = std::max(last, unit.call);
  }
  return first + rng.below(last - first + 2);
}

void decide_ordered(const std::vector<CrashUnit>& units, Rng& rng, std::vector<Fate>& fates) {
  const std::uint64_t cut = draw_cut(units, rng);
  for (std::size_t i = 0; i < units.size(); ++i) {
    const bool kept = units[i].call < cut || (units[i].call == cut && rng.chance(1, 2));
    fates[i] = kept ? Fate::kKept : Fate::kLost;
  }
}

void decide_ext4_like(std::uint32_t keep, const std::vector<CrashUnit>& units, Rng& rng,
                      std::vector<Fate>& fates) {
  const std::uint64_t cut = draw_cut(units, rng);
  for (std::size_t i = 0; i < units.size(); ++i) {
    const CrashUnit& unit = units[i];
    const bool in_order = unit.kind == Kind::kSize || unit.kind == Kind::kName || unit.extends;
    const bool kept = in_order ? unit.call < cut : rng.below(1024) < keep;
    fates[i] = kept ? Fate::kKept : Fate::kLost;
  }
}

Fate lost_sector(const CrashPolicy& policy, const CrashUnit& unit, Rng& rng) {
  if (!(unit.extends ? policy.garbage : policy.garbage_in_place)) return Fate::kLost;
  switch (rng.below(8)) {
    case 0:
      return Fate::kGarbage;
    case 1:
      return Fate::kZero;
    default:
      return Fate::kLost;
  }
}

void decide_weak(const CrashPolicy& policy, std::uint32_t keep, const std::vector<CrashUnit>& units,
                 Rng& rng, std::vector<Fate>& fates) {
  const std::uint32_t keep_metadata =
      policy.keep_per_1024 == CrashPolicy::kDrawn ? draw_keep(rng) : keep;
  for (std::size_t i = 0; i < units.size(); ++i) {
    const CrashUnit& unit = units[i];
    const bool metadata = unit.kind == Kind::kSize || unit.kind == Kind::kName;
    if (rng.below(1024) < (metadata ? keep_metadata : keep)) {
      fates[i] = Fate::kKept;
    } else if (metadata) {
      fates[i] = policy.torn_renames && unit.kind == Kind::kName && unit.extends && rng.chance(1, 4)
                     ? Fate::kTorn
                     : Fate::kLost;
    } else {
      fates[i] = lost_sector(policy, unit, rng);
    }
  }
}

}  // namespace

const char* fate_name(Fate fate) {
  switch (fate) {
    case Fate::kLost:
      return "lost";
    case Fate::kKept:
      return "kept";
    case Fate::kZero:
      return "zeros";
    case Fate::kGarbage:
      return "garbage";
    case Fate::kTorn:
      return "torn: both names";
  }
  return "?";
}

const char* disk_name(DiskKind kind) {
  constexpr const char* kNames[] = {"ordered", "ext4-like", "weak", "lying"};
  return kNames[static_cast<int>(kind)];
}

std::optional<DiskKind> find_disk(std::string_view name) {
  for (const DiskKind kind : kDiskKinds) {
    if (disk_name(kind) == name) return kind;
  }
  return std::nullopt;
}

void decide_fates(const CrashPolicy& policy, const std::vector<CrashUnit>& units, Rng& rng,
                  std::vector<Fate>& fates) {
  fates.assign(units.size(), Fate::kLost);
  std::uint32_t keep = policy.keep_per_1024;
  if (keep == CrashPolicy::kDrawn) keep = draw_keep(rng);
  switch (policy.kind) {
    case CrashPolicy::Kind::kProcessKill:
    case CrashPolicy::Kind::kKeepNone:
      return;
    case CrashPolicy::Kind::kKeepAll:
      fates.assign(units.size(), Fate::kKept);
      return;
    case CrashPolicy::Kind::kOrdered:
      return decide_ordered(units, rng, fates);
    case CrashPolicy::Kind::kExt4Like:
      return decide_ext4_like(keep, units, rng, fates);
    case CrashPolicy::Kind::kWeak:
      return decide_weak(policy, keep, units, rng, fates);
  }
}

}  // namespace holdfast
