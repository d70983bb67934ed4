// What a crash does to one file.
#include <algorithm>
#include <array>
#include <cstring>

#include "engine/base/bytes.h"
#include "engine/base/zeros.h"
#include "fuzz/lab/sim_inode.h"

namespace holdfast {
namespace {

constexpr std::array<std::byte, kSimBlock> kZeroBlock{};

bool partial(const CrashUnit& unit, std::uint32_t sector_bytes) {
  return unit.offset % sector_bytes != 0 || unit.length != sector_bytes;
}

bool same_sector(const CrashUnit& a, const CrashUnit& b, std::uint32_t sector_bytes) {
  return a.offset / sector_bytes == b.offset / sector_bytes;
}

}  // namespace

bool SimInode::changes_nothing(const CrashUnit& unit, std::uint32_t op_number) const {
  const std::uint64_t end = unit.offset + unit.length;
  for (std::uint32_t i = 0; i < op_number; ++i) {  // An earlier op may have changed it first.
    const SimOp& op = ops[i];
    if (op.medium_at < end && unit.offset < op.medium_at + op.length) return false;
  }
  const SimOp& op = ops[op_number];
  const std::span<const std::byte> after =
      op.zero ? std::span(kZeroBlock).first(unit.length)
              : bytes_of(op).subspan(unit.offset - op.medium_at, unit.length);
  const std::uint64_t there =
      std::clamp<std::uint64_t>(medium.size(), unit.offset, end) - unit.offset;
  const bool same =  // An empty medium has no bytes to compare, nor an address.
      there == 0 || std::memcmp(after.data(), medium.data() + unit.offset, there) == 0;
  return same && all_zero(after.subspan(there));
}

void SimInode::list_sectors(std::uint32_t self, std::uint32_t op_number, std::uint32_t sector_bytes,
                            bool skip_unchanged, std::vector<CrashUnit>& units) const {
  const SimOp& op = ops[op_number];
  if (op.kind != SimOp::Kind::kWrite || op.medium_at == SimOp::kNowhere) return;
  const std::uint64_t end = op.medium_at + op.length;
  for (std::uint64_t at = op.medium_at; at < end;) {
    const std::uint64_t stop = std::min(end, align_down(at, sector_bytes) + sector_bytes);
    CrashUnit unit;
    unit.extends = at >= medium.size();
    unit.inode = self;
    unit.op = op_number;
    unit.offset = at;
    unit.length = static_cast<std::uint32_t>(stop - at);
    unit.call = op.call;
    if (!skip_unchanged || !changes_nothing(unit, op_number)) units.push_back(unit);
    at = stop;
  }
}

void SimInode::list_units(std::uint32_t self, std::uint32_t sector_bytes, bool skip_unchanged,
                          std::vector<CrashUnit>& units) const {
  for (std::uint32_t i = 0; i < limbo.size(); ++i) {
    for (std::uint64_t in_block = 0; in_block < kSimBlock; in_block += sector_bytes) {
      CrashUnit unit;
      unit.kind = CrashUnit::Kind::kLimbo;
      unit.inode = self;
      unit.op = i;
      unit.offset = limbo[i].block * kSimBlock + in_block;
      unit.extends = unit.offset >= medium.size();
      unit.length = sector_bytes;
      unit.call = limbo[i].call;
      units.push_back(unit);
    }
  }
  for (std::uint32_t i = 0; i < ops.size(); ++i) {
    list_sectors(self, i, sector_bytes, skip_unchanged, units);
    if (ops[i].size_after == ops[i].size_before) continue;
    CrashUnit unit;
    unit.kind = CrashUnit::Kind::kSize;
    unit.inode = self;
    unit.op = i;
    unit.offset = ops[i].size_after;
    unit.call = ops[i].call;
    units.push_back(unit);
  }
}

void SimInode::keep_sector(const CrashUnit& unit, std::uint64_t limit) {
  if (unit.offset >= limit) return;
  const std::uint64_t length = std::min<std::uint64_t>(unit.length, limit - unit.offset);
  if (unit.kind == CrashUnit::Kind::kLimbo) {
    const std::uint64_t data_at = limbo[unit.op].data_at + unit.offset % kSimBlock;
    put_on_medium(unit.offset, std::span(limbo_bytes).subspan(data_at, length));
    return;
  }
  const SimOp& op = ops[unit.op];
  put_on_medium(unit.offset, op.zero ? std::span(kZeroBlock).first(length)
                                     : bytes_of(op).subspan(unit.offset - op.medium_at, length));
}

void SimInode::keep_part_of_sector(std::uint32_t sector_bytes, std::span<const CrashUnit> units,
                                   std::span<const Fate> fates) {
  const CrashUnit& unit = units.back();
  for (std::size_t i = 0; i + 1 < units.size(); ++i) {
    if (units[i].kind == CrashUnit::Kind::kSize || !same_sector(units[i], unit, sector_bytes)) {
      continue;
    }
    // What a kept truncate has cut off in between does not come back.
    std::uint64_t limit = ~std::uint64_t{0};
    for (std::size_t j = i + 1; j < units.size(); ++j) {
      if (units[j].kind == CrashUnit::Kind::kSize && fates[j] == Fate::kKept &&
          ops[units[j].op].kind == SimOp::Kind::kResize) {
        limit = std::min(limit, ops[units[j].op].size_after);
      }
    }
    keep_sector(units[i], limit);
  }
  keep_sector(unit, ~std::uint64_t{0});
}

void SimInode::spoil_sector(const CrashUnit& unit, std::span<const std::byte> stale, Rng& rng) {
  put_zeros_on_medium(unit.offset, unit.length);
  const std::span<std::byte> at = std::span(medium).subspan(unit.offset, unit.length);
  const std::uint64_t in_sector = unit.offset % kSimBlock;
  if (stale.size() >= kSimBlock && rng.chance(1, 2)) {
    // Another block's bytes at the same place within the block: what recycled space looks like.
    const std::uint64_t block = rng.below(stale.size() / kSimBlock);
    std::memcpy(at.data(), stale.data() + block * kSimBlock + in_sector, at.size());
    old_bytes_shown = true;
  } else {
    rng.fill(at);
  }
}

void SimInode::keep_size(const SimOp& op, std::uint64_t& final_size) {
  if (op.kind == SimOp::Kind::kWrite) {
    final_size = std::max(final_size, op.size_after);
    return;
  }
  if (op.size_after < medium.size() && op.size_after < op.size_before) medium.resize(op.size_after);
  final_size = op.size_after;
}

void SimInode::crash(std::uint32_t sector_bytes, std::span<const CrashUnit> units,
                     std::span<const Fate> fates, std::span<const std::byte> stale, Rng& rng) {
  std::uint64_t final_size = medium.size();
  for (std::size_t i = 0; i < units.size(); ++i) {
    const CrashUnit& unit = units[i];
    if (unit.kind == CrashUnit::Kind::kSize) {
      if (fates[i] == Fate::kKept) keep_size(ops[unit.op], final_size);
      continue;
    }
    switch (fates[i]) {
      case Fate::kKept:
        if (unit.kind == CrashUnit::Kind::kSector && partial(unit, sector_bytes)) {
          keep_part_of_sector(sector_bytes, units.first(i + 1), fates);
        } else {
          keep_sector(unit, ~std::uint64_t{0});
        }
        break;
      case Fate::kZero:
        put_zeros_on_medium(unit.offset, unit.length);
        break;
      case Fate::kGarbage:
        spoil_sector(unit, stale, rng);
        break;
      case Fate::kLost:
      case Fate::kTorn:
        break;
    }
  }
  medium.resize(final_size);
  if (diverged || !limbo.empty()) {
    cache = medium;
  } else {
    cache.resize(medium.size());
    for (const SimOp& op : ops) cache_from_medium(op.offset, op.length);
  }
  diverged = late_failure = false;
  ops.clear();
  arena.clear();
  limbo.clear();
  limbo_bytes.clear();
}

}  // namespace holdfast
