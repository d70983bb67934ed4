// An open file of the simulated disk: a handle, all of whose work is the disk's.
#pragma once

#include <string>

#include "engine/storage/storage.h"
#include "fuzz/lab/sim_disk.h"

namespace holdfast {

class SimFile final : public StorageFile {
 public:
  SimFile(SimDisk& disk, std::string path, bool writable, std::uint32_t inode, std::uint64_t life);
  ~SimFile() override;
  SimFile(const SimFile&) = delete;
  SimFile& operator=(const SimFile&) = delete;

  const std::string& path() const override { return path_; }
  Result<std::uint64_t> size() override;
  Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> buffer) override;
  Result<void> write(std::uint64_t offset, std::span<const std::byte> bytes) override;
  Result<std::size_t> read_past_cache(std::uint64_t offset, std::span<std::byte> buffer) override;
  bool reads_past_cache() const override { return disk_.options_.reads_past_cache; }
  Result<void> allocate(std::uint64_t offset, std::uint64_t length) override;
  Result<void> truncate(std::uint64_t size) override;
  Result<void> sync() override;
  Result<void> lock(LockMode mode) override;

 private:
  friend class SimDisk;
  SimDisk& disk_;
  const std::string path_;
  const bool writable_;
  const std::uint32_t inode_;
  const std::uint64_t life_;
};

}  // namespace holdfast
