// One open regular file: transfers that go through to the end or fail, and its lock.
#pragma once

#include <string>

#include "engine/storage/posix_lock.h"
#include "engine/storage/storage.h"

namespace holdfast {

class PosixFile final : public StorageFile {
 public:
  // Takes the descriptor over.
  PosixFile(std::string path, int descriptor);
  ~PosixFile() override;
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;

  const std::string& path() const override { return path_; }
  Result<std::uint64_t> size() override;
  Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> buffer) override;
  Result<void> write(std::uint64_t offset, std::span<const std::byte> bytes) override;
  Result<std::size_t> read_past_cache(std::uint64_t offset, std::span<std::byte> buffer) override;
  bool reads_past_cache() const override { return true; }
  void will_read(std::uint64_t offset, std::uint64_t length) noexcept override;
  // Where it fails, a growth of the same file by another thread meanwhile may be cut off again.
  Result<void> allocate(std::uint64_t offset, std::uint64_t length) override;
  Result<void> truncate(std::uint64_t size) override;
  Result<void> sync() override;
  Result<void> lock(LockMode mode) override;

 private:
  Error os_failure(int os_code, const std::string& failed, std::uint64_t offset) const;
  Result<void> extend_with_zeros(std::uint64_t from, std::uint64_t to);

  const std::string path_;
  const int descriptor_;
  PosixLock lock_;
};

}  // namespace holdfast
