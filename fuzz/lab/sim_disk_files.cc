// The calls on open files.
#include <algorithm>
#include <cstring>

#include "engine/base/result.h"
#include "engine/storage/place.h"
#include "fuzz/lab/sim_disk.h"
#include "fuzz/lab/sim_file.h"

namespace holdfast {

Result<SimInode*> SimDisk::alive(SimFile& file) {
  if (file.life_ != life_) [[unlikely]] {
    return fail(ErrorCode::kIo, "this file was open when the simulated machine crashed",
                place_in(file.path_));
  }
  if (crashed_) [[unlikely]] {
    return fail(ErrorCode::kIo, "simulated crash", place_in(file.path_));
  }
  return inodes_[file.inode_].get();
}

void SimDisk::close(SimFile& file) {
  if (file.life_ != life_) return;
  SimInode& inode = *inodes_[file.inode_];
  std::erase_if(inode.locks, [&](const auto& held) { return held.first == &file; });
  if (--inode.open_files == 0 && !names_.mentions(file.inode_)) bury(inode);
}

Result<std::uint64_t> SimDisk::size(SimFile& file) {
  const SimInode* inode = TRY(alive(file));
  const Gate gate = enter(SimCall::kSize, file.path_, false);
  if (gate.error) return std::unexpected(*gate.error);
  return inode->cache.size();
}

Result<void> SimDisk::lock(SimFile& file, LockMode mode) {
  SimInode* inode = TRY(alive(file));
  const Gate gate = enter(SimCall::kLock, file.path_, false);
  if (gate.error) return std::unexpected(*gate.error);
  for (const auto& [owner, held] : inode->locks) {
    if (owner != &file && (held == LockMode::kExclusive || mode == LockMode::kExclusive)) {
      return fail(ErrorCode::kBusy, "database is in use by this process already; close it there",
                  place_in(file.path_));
    }
  }
  std::erase_if(inode->locks, [&](const auto& held) { return held.first == &file; });
  inode->locks.emplace_back(&file, mode);
  return {};
}

Result<std::size_t> SimDisk::read(SimFile& file, SimCall call, std::uint64_t offset,
                                  std::span<std::byte> buffer) {
  SimInode* inode = TRY(alive(file));
  const Gate gate = enter(call, file.path_, false, offset, buffer.size());
  if (gate.error) return std::unexpected(*gate.error);
  if (gate.fault && gate.fault->effect == Fault::Effect::kMisdirect) {
    offset += static_cast<std::uint64_t>(gate.fault->distance);
  }
  if (offset >= inode->cache.size()) return 0;
  const std::size_t count = std::min<std::uint64_t>(buffer.size(), inode->cache.size() - offset);
  for (const auto& [bad, length] : inode->unreadable) {
    if (offset < bad + length && bad < offset + count) {
      met(FaultClass::kCallFails);
      return std::unexpected(failure(ErrorCode::kIo, call, file.path_, std::max(bad, offset)));
    }
  }
  if (call == SimCall::kReadPastCache && options_.reads_past_cache) {
    if (!inode->limbo.empty()) {
      inode->settle_limbo(offset, buffer.size(), rng_);
      rule_.durable_changed();
    }
    const std::size_t there = inode->read_medium(offset, buffer);
    // The cache was dropped for it, and reads the medium from now on.
    if (inode->diverged && there > 0) {
      std::memcpy(inode->cache.data() + offset, buffer.data(), there);
    }
    return there;
  }
  if (count > 0) std::memcpy(buffer.data(), inode->cache.data() + offset, count);
  return count;
}

Result<void> SimDisk::may_grow(const SimInode& inode, std::uint64_t size, SimCall call,
                               const std::string& path) const {
  if (size <= inode.cache.size()) return {};
  bool fits = size <= options_.max_file_bytes;
  if (fits && options_.capacity_bytes != Options{}.capacity_bytes) {
    std::uint64_t used = size - inode.cache.size();
    for (std::uint32_t i = 0; i < inodes_.size(); ++i) {
      const auto is_it = [i](const NameEntry& entry) { return entry.inode == i; };
      const bool named = std::any_of(names_.seen().begin(), names_.seen().end(), is_it);
      if (named || inodes_[i]->open_files > 0) used += inodes_[i]->cache.size();
    }
    fits = used <= options_.capacity_bytes;
  }
  if (fits) return {};
  met(FaultClass::kDiskFull);
  return std::unexpected(failure(ErrorCode::kDiskFull, call, path, inode.cache.size()));
}

std::size_t SimDisk::part_of(const Fault& fault, std::size_t bytes) {
  switch (fault.part) {
    case Fault::Part::kDrawn:
      return rng_.below(bytes + 1);
    case Fault::Part::kNone:
      return 0;
    case Fault::Part::kHalf:
      return bytes / 2;
    case Fault::Part::kWhole:
      return bytes;
  }
  return 0;
}

void SimDisk::apply_write_fault(SimOp& op, const SimInode& inode, const Fault& fault) const {
  const std::uint64_t elsewhere = op.offset + static_cast<std::uint64_t>(fault.distance);
  // Where there is no such place on the medium, the write is lost.
  const bool there = elsewhere < inode.cache.size() + op.length;
  switch (fault.effect) {
    case Fault::Effect::kLose:
      op.medium_at = SimOp::kNowhere;
      break;
    case Fault::Effect::kMisdirect:
      op.medium_at = there ? elsewhere : SimOp::kNowhere;
      break;
    case Fault::Effect::kDuplicate:
      op.copy_at = there ? elsewhere : SimOp::kNowhere;
      break;
    case Fault::Effect::kFail:
      break;
  }
}

Result<void> SimDisk::write(SimFile& file, std::uint64_t offset, std::span<const std::byte> bytes,
                            bool in_flight) {
  SimInode* inode = TRY(alive(file));
  const Gate gate = enter(SimCall::kWrite, file.path_, true, offset, bytes.size());
  if (!gate.act && !gate.fault) return std::unexpected(*gate.error);
  if (!file.writable_) {
    return fail(ErrorCode::kIo, "could not change the file: it was opened read-only",
                place_in(file.path_, offset));
  }
  if (!gate.act) {
    const std::size_t whole = bytes.size();
    bytes = bytes.first(part_of(*gate.fault, whole));
    if (!bytes.empty() && bytes.size() < whole) met(FaultClass::kShortWrite);
  }
  if (bytes.empty()) {
    if (gate.error) return std::unexpected(*gate.error);
    return {};
  }
  if (offset + bytes.size() < offset) {
    return std::unexpected(failure(ErrorCode::kIo, SimCall::kWrite, file.path_, offset));
  }
  TRY(may_grow(*inode, offset + bytes.size(), SimCall::kWrite, file.path_));
  rule_.check(*inode, file.path_, "write", calls_, offset, bytes.size(), bytes);
  SimOp& op = inode->write(calls_, offset, bytes);
  op.in_flight = in_flight && gate.act;
  if (gate.fault) apply_write_fault(op, *inode, *gate.fault);
  if (gate.error) return std::unexpected(*gate.error);
  return {};
}

Result<void> SimDisk::allocate(SimFile& file, std::uint64_t offset, std::uint64_t length) {
  SimInode* inode = TRY(alive(file));
  const Gate gate = enter(SimCall::kAllocate, file.path_, true, offset, length);
  if (!gate.act) return std::unexpected(*gate.error);
  if (!file.writable_ || offset + length < offset) {
    return std::unexpected(failure(ErrorCode::kIo, SimCall::kAllocate, file.path_, offset));
  }
  if (length > 0 && offset + length > inode->cache.size()) {
    TRY(may_grow(*inode, offset + length, SimCall::kAllocate, file.path_));
    inode->resize(calls_, offset + length);
  }
  if (gate.error) return std::unexpected(*gate.error);
  return {};
}

Result<void> SimDisk::truncate(SimFile& file, std::uint64_t size) {
  SimInode* inode = TRY(alive(file));
  const Gate gate = enter(SimCall::kTruncate, file.path_, true, size);
  if (!gate.act) return std::unexpected(*gate.error);
  if (!file.writable_) {
    return fail(ErrorCode::kIo, "could not change the file: it was opened read-only",
                place_in(file.path_, size));
  }
  TRY(may_grow(*inode, size, SimCall::kTruncate, file.path_));
  const std::uint64_t now = inode->cache.size();
  if (size < now) rule_.check(*inode, file.path_, "cut", calls_, size, now - size);
  if (size != now) inode->resize(calls_, size);
  if (gate.error) return std::unexpected(*gate.error);
  return {};
}

Result<void> SimDisk::fail_sync(SimInode& inode, const Gate& gate) {
  inode.fail_sync(gate.fault->sync_loss, calls_);
  if (gate.fault->sync_loss == SyncLoss::kReportedLate) {
    inode.late_failure = true;
    return {};
  }
  return std::unexpected(*gate.error);
}

// A sync counts as a call when it ends. What others do in the middle comes before.
Result<void> SimDisk::sync(SimFile& file, MutexLock& guard) {
  SimInode* inode = TRY(alive(file));
  SimRule::seal(*inode);  // Submitted it was, whatever becomes of it.
  inode->begin_sync();
  if (during_syncs_) {
    const void* caller = caller_;
    guard.unlock();
    during_syncs_(file.path_);
    guard.lock();
    caller_ = caller;
    if (crashed_) return std::unexpected(failure(ErrorCode::kIo, SimCall::kSync, file.path_, 0));
  }
  const Gate gate = enter(SimCall::kSync, file.path_, true);
  if (!gate.act) {
    if (gate.fault) return fail_sync(*inode, gate);
    return std::unexpected(*gate.error);
  }
  if (!inode->ops.empty() && options_.kind != DiskKind::kLying) {
    inode->sync();
    rule_.durable_changed();
  }
  if (gate.error) return std::unexpected(*gate.error);
  if (inode->late_failure) {
    inode->late_failure = false;
    return std::unexpected(failure(ErrorCode::kIo, SimCall::kSync, file.path_, 0));
  }
  return {};
}

}  // namespace holdfast
