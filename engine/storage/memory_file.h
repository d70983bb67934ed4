// What MemoryStorage keeps per file, and one open file of it.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/sync.h"
#include "engine/storage/storage.h"

namespace holdfast {

class MemoryFile;

struct MemoryFileContent {
  static constexpr std::size_t kPieceBytes = std::size_t{64} << 10;
  using Piece = std::array<std::byte, kPieceBytes>;

  explicit MemoryFileContent(std::uint64_t limit) : max_bytes(limit) {}

  const std::uint64_t max_bytes;
  Mutex mutex;  // Guards all that follows.
  std::uint64_t size = 0;
  std::vector<std::unique_ptr<Piece>> pieces;  // Absent: zeros. Bytes past `size` are zero.
  std::map<const MemoryFile*, LockMode> locks;
};

class MemoryFile final : public StorageFile {
 public:
  MemoryFile(std::string path, bool writable, std::shared_ptr<MemoryFileContent> content);
  ~MemoryFile() override;
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  const std::string& path() const override { return path_; }
  Result<std::uint64_t> size() override;
  Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> buffer) override;
  Result<void> write(std::uint64_t offset, std::span<const std::byte> bytes) override;
  Result<std::size_t> read_past_cache(std::uint64_t offset, std::span<std::byte> buffer) override {
    return read(offset, buffer);
  }
  bool reads_past_cache() const override { return true; }  // The memory is the medium.
  Result<void> allocate(std::uint64_t offset, std::uint64_t length) override;
  Result<void> truncate(std::uint64_t size) override;
  Result<void> sync() override { return {}; }
  Result<void> lock(LockMode mode) override;

 private:
  Result<void> may_grow_to(std::uint64_t offset, std::uint64_t length) const;
  void set_size(std::uint64_t size);

  const std::string path_;
  const bool writable_;
  const std::shared_ptr<MemoryFileContent> content_;
};

}  // namespace holdfast
