#include "fuzz/lab/sim_file.h"

#include <utility>

namespace holdfast {

SimFile::SimFile(SimDisk& disk, std::string path, bool writable, std::uint32_t inode,
                 std::uint64_t life)
    : disk_(disk), path_(std::move(path)), writable_(writable), inode_(inode), life_(life) {}

SimFile::~SimFile() {
  MutexLock guard(disk_.mutex_);
  disk_.close(*this);
}

Result<std::uint64_t> SimFile::size() {
  MutexLock guard(disk_.mutex_);
  disk_.caller_ = __builtin_return_address(0);
  return disk_.size(*this);
}

Result<std::size_t> SimFile::read(std::uint64_t offset, std::span<std::byte> buffer) {
  if (disk_.during_reads_) disk_.during_reads_(path_);
  MutexLock guard(disk_.mutex_);
  disk_.caller_ = __builtin_return_address(0);
  return disk_.read(*this, SimCall::kRead, offset, buffer);
}

Result<std::size_t> SimFile::read_past_cache(std::uint64_t offset, std::span<std::byte> buffer) {
  MutexLock guard(disk_.mutex_);
  disk_.caller_ = __builtin_return_address(0);
  return disk_.read(*this, SimCall::kReadPastCache, offset, buffer);
}

Result<void> SimFile::write(std::uint64_t offset, std::span<const std::byte> bytes) {
  MutexLock guard(disk_.mutex_);
  disk_.caller_ = __builtin_return_address(0);
  return disk_.write(*this, offset, bytes, false);
}

Result<void> SimFile::allocate(std::uint64_t offset, std::uint64_t length) {
  MutexLock guard(disk_.mutex_);
  disk_.caller_ = __builtin_return_address(0);
  return disk_.allocate(*this, offset, length);
}

Result<void> SimFile::truncate(std::uint64_t size) {
  MutexLock guard(disk_.mutex_);
  disk_.caller_ = __builtin_return_address(0);
  return disk_.truncate(*this, size);
}

Result<void> SimFile::sync() {
  MutexLock guard(disk_.mutex_);
  disk_.caller_ = __builtin_return_address(0);
  return disk_.sync(*this, guard);
}

Result<void> SimFile::lock(LockMode mode) {
  MutexLock guard(disk_.mutex_);
  disk_.caller_ = __builtin_return_address(0);
  return disk_.lock(*this, mode);
}

}  // namespace holdfast
