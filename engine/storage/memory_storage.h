// A file system in memory: for tests, fuzzing, and databases that need not last.
//
// Keeps every promise of storage.h as a file system does whose machine never fails: all writes
// count as synced at once, a removed file lives on for those who have it open, locks are honoured
// between the StorageFile objects of one MemoryStorage. There are no directories to make: any path
// can be created, and list() shows the files whose path begins with the directory's name.
//
// File contents lie in pieces that exist only where something other than zero was written, so that
// a damaged file that asks for a terabyte costs an error or little, never the machine's memory.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/sync.h"
#include "engine/storage/storage.h"

namespace holdfast {

struct MemoryFileContent;

class MemoryStorage final : public Storage {
 public:
  static constexpr std::uint64_t kDefaultMaxFileBytes = std::uint64_t{64} << 30;

  // Growing a file beyond `max_file_bytes` is kDiskFull.
  explicit MemoryStorage(std::uint64_t max_file_bytes = kDefaultMaxFileBytes);
  ~MemoryStorage() override;

  Result<std::unique_ptr<StorageFile>> open(const std::string& path, FileMode mode) override;
  Result<bool> exists(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& directory,
                                        const std::string& prefix) override;
  Result<void> rename(const std::string& from, const std::string& to, bool replace) override;
  Result<void> remove(const std::string& path) override;
  Result<void> sync_directory(const std::string& directory) override;
  void submit(std::span<IoRequest> requests) override;
  void complete(std::span<IoRequest> requests) override;

 private:
  const std::uint64_t max_file_bytes_;
  Mutex mutex_;  // Guards files_; each content has a mutex of its own.
  std::map<std::string, std::shared_ptr<MemoryFileContent>> files_;
};

}  // namespace holdfast
