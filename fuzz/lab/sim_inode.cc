// Ops, syncs and reads of one file; its crash is in sim_inode_crash.cc.
#include "fuzz/lab/sim_inode.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/base/bytes.h"
#include "engine/base/zeros.h"

namespace holdfast {

void SimInode::reset() {
  in_use = is_log = diverged = late_failure = old_bytes_shown = false;
  watch = -1;
  open_files = 0;
  cache.clear();
  medium.clear();
  ops.clear();
  arena.clear();
  limbo.clear();
  limbo_bytes.clear();
  sealed.clear();
  locks.clear();
  unreadable.clear();
}

void SimInode::become(const SimInode& other) {
  in_use = other.in_use;
  is_log = other.is_log;
  diverged = other.diverged;
  late_failure = other.late_failure;
  old_bytes_shown = false;
  watch = -1;
  open_files = 0;
  cache = other.cache;
  medium = other.medium;
  ops = other.ops;
  arena = other.arena;
  limbo = other.limbo;
  limbo_bytes = other.limbo_bytes;
  sealed = other.sealed;
  locks.clear();
  unreadable = other.unreadable;
}

std::span<const std::byte> SimInode::bytes_of(const SimOp& op) const {
  return std::span(arena).subspan(op.data_at, op.zero ? 0 : op.length);
}

SimOp& SimInode::write(std::uint64_t call, std::uint64_t offset, std::span<const std::byte> bytes) {
  SimOp& op = ops.emplace_back();
  op.zero = all_zero(bytes);
  op.call = call;
  op.offset = op.medium_at = offset;
  op.length = bytes.size();
  op.data_at = arena.size();
  op.size_before = cache.size();
  if (!op.zero) arena.insert(arena.end(), bytes.begin(), bytes.end());
  const std::uint64_t end = offset + bytes.size();
  const bool all_new = offset >= cache.size();
  if (end > cache.size()) cache.resize(end);
  if (!(op.zero && all_new)) std::memcpy(cache.data() + offset, bytes.data(), bytes.size());
  op.size_after = cache.size();
  return op;
}

SimOp& SimInode::resize(std::uint64_t call, std::uint64_t size) {
  SimOp& op = ops.emplace_back();
  op.kind = SimOp::Kind::kResize;
  op.call = call;
  op.size_before = cache.size();
  op.size_after = size;
  op.offset = op.medium_at = std::min(op.size_before, size);
  op.length = std::max(op.size_before, size) - op.offset;
  cache.resize(size);
  return op;
}

void SimInode::put_on_medium(std::uint64_t offset, std::span<const std::byte> bytes) {
  if (offset == SimOp::kNowhere || bytes.empty()) return;
  if (offset + bytes.size() > medium.size()) medium.resize(offset + bytes.size());
  std::memcpy(medium.data() + offset, bytes.data(), bytes.size());
}

void SimInode::put_zeros_on_medium(std::uint64_t offset, std::uint64_t length) {
  if (offset == SimOp::kNowhere) return;
  const std::uint64_t old_end = medium.size();
  if (offset + length > old_end) medium.resize(offset + length);
  if (offset < old_end) {
    std::memset(medium.data() + offset, 0, std::min(length, old_end - offset));
  }
}

void SimInode::apply_whole(const SimOp& op) {
  if (op.kind == SimOp::Kind::kResize) {
    medium.resize(op.size_after);
    return;
  }
  for (const std::uint64_t at : {op.medium_at, op.copy_at}) {
    if (op.zero) {
      put_zeros_on_medium(at, op.length);
    } else {
      put_on_medium(at, bytes_of(op));
    }
  }
  // The size goes its own way: a write that got lost or went astray moves it all the same.
  if (op.size_after > op.size_before && op.size_after > medium.size()) medium.resize(op.size_after);
  if (op.medium_at != op.offset || op.copy_at != SimOp::kNowhere) diverged = true;
}

void SimInode::drop_covered_ops() {
  std::erase_if(ops, [](const SimOp& op) { return op.covered; });
  if (ops.empty()) arena.clear();
}

void SimInode::begin_sync() {
  for (SimOp& op : ops) op.covered = !op.in_flight;
}

void SimInode::sync() {
  for (const SimOp& op : ops) {
    if (!op.covered) continue;
    // A cached block is written as a whole, so what lay there in limbo goes with it.
    if (!limbo.empty() && op.kind == SimOp::Kind::kWrite) {
      std::erase_if(limbo, [&](const LimboBlock& each) {
        const std::uint64_t at = each.block * kSimBlock;
        if (at >= op.offset + op.length || op.offset >= at + kSimBlock) return false;
        if (at >= cache.size()) return true;
        const std::uint64_t length = std::min<std::uint64_t>(kSimBlock, cache.size() - at);
        put_on_medium(at, std::span(limbo_bytes).subspan(each.data_at, length));
        return true;
      });
    }
    apply_whole(op);
  }
  drop_covered_ops();
}

void SimInode::fail_sync(SyncLoss loss, std::uint64_t call) {
  for (const SimOp& op : ops) {
    if (!op.covered || op.kind != SimOp::Kind::kWrite || op.length == 0) continue;
    const std::uint64_t last = (op.offset + op.length - 1) / kSimBlock;
    for (std::uint64_t block = op.offset / kSimBlock; block <= last; ++block) {
      const std::uint64_t at = block * kSimBlock;
      if (at >= cache.size()) break;
      auto known = std::find_if(limbo.begin(), limbo.end(),
                                [&](const LimboBlock& each) { return each.block == block; });
      if (known == limbo.end()) {
        known = limbo.insert(known, {block, limbo_bytes.size(), call});
        limbo_bytes.resize(limbo_bytes.size() + kSimBlock);
      }
      std::byte* to = limbo_bytes.data() + known->data_at;
      const std::uint64_t length = std::min(kSimBlock, cache.size() - at);
      std::memcpy(to, cache.data() + at, length);
      std::memset(to + length, 0, kSimBlock - length);
    }
  }
  // Sizes are metadata: they stay to be written, the data does not.
  for (SimOp& op : ops) {
    const bool covered = std::exchange(op.covered, false);
    if (!covered || op.kind == SimOp::Kind::kResize) continue;
    if (loss == SyncLoss::kCacheOld) cache_from_medium(op.offset, op.length);
    op.kind = SimOp::Kind::kResize;
    op.offset = op.medium_at = op.size_before;
    op.length = op.size_after - op.size_before;
    op.copy_at = SimOp::kNowhere;
  }
  std::erase_if(ops, [](const SimOp& op) {
    return op.kind == SimOp::Kind::kResize && op.size_before == op.size_after;
  });
  if (ops.empty()) arena.clear();
  diverged = true;
}

void SimInode::settle_limbo(std::uint64_t offset, std::uint64_t length, Rng& rng) {
  constexpr std::uint64_t kSector = 512;
  std::erase_if(limbo, [&](const LimboBlock& each) {
    const std::uint64_t at = each.block * kSimBlock;
    if (at >= offset + length || at + kSimBlock <= offset) return false;
    const bool whole = rng.chance(1, 2);
    for (std::uint64_t in_block = 0; in_block < kSimBlock; in_block += kSector) {
      if (!rng.chance(whole ? 7 : 1, 8) || at + in_block >= medium.size()) continue;
      const std::uint64_t count = std::min(kSector, medium.size() - at - in_block);
      put_on_medium(at + in_block, std::span(limbo_bytes).subspan(each.data_at + in_block, count));
    }
    return true;
  });
}

std::size_t SimInode::read_medium(std::uint64_t offset, std::span<std::byte> buffer) const {
  if (offset >= cache.size()) return 0;
  const std::size_t count = std::min<std::uint64_t>(buffer.size(), cache.size() - offset);
  const std::uint64_t end = offset + count;
  const std::uint64_t there = std::clamp<std::uint64_t>(medium.size(), offset, end) - offset;
  if (there > 0) std::memcpy(buffer.data(), medium.data() + offset, there);
  if (count > there) std::memset(buffer.data() + there, 0, count - there);
  for (const SimOp& op : ops) {  // Dirty pages aren't dropped: they are read as they are.
    const std::uint64_t from = std::max(op.offset, offset);
    const std::uint64_t to = std::min(op.offset + op.length, end);
    if (from < to) std::memcpy(buffer.data() + (from - offset), cache.data() + from, to - from);
  }
  return count;
}

void SimInode::cache_from_medium(std::uint64_t offset, std::uint64_t length) {
  if (offset >= cache.size()) return;
  const std::uint64_t end = std::min<std::uint64_t>(offset + length, cache.size());
  const std::uint64_t there = std::clamp<std::uint64_t>(medium.size(), offset, end);
  if (there > offset) std::memcpy(cache.data() + offset, medium.data() + offset, there - offset);
  if (end > there) std::memset(cache.data() + there, 0, end - there);
}

}  // namespace holdfast
