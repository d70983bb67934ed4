// Storage on the operating system's own files, with plain calls.
//
// What it takes from the system and what it doesn't:
//  - Every descriptor is close-on-exec. Only regular files are opened; a directory, fifo, socket or
//    device is kNotADatabase and is never waited for.
//  - sync() is fdatasync(2), which covers the size and all that is needed to read the data back. It
//    is not repeated, whatever its error (S3).
//  - read_past_cache() drops the range's clean cached pages and reads again. That is advice to the
//    kernel, not an order: a page that is mapped or in use elsewhere may come from the cache.
//  - lock() uses locks that belong to the open file, so that closing another descriptor of the same
//    file doesn't let go of them; see posix_lock.h.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/storage/storage.h"

namespace holdfast {

class PosixStorage final : public Storage {
 public:
  Result<std::unique_ptr<StorageFile>> open(const std::string& path, FileMode mode) override;
  Result<std::unique_ptr<StorageFile>> create_like(const std::string& path,
                                                   const std::string& original,
                                                   Rights rights) override;
  Result<bool> exists(const std::string& path) override;
  Result<std::string> real_path(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& directory,
                                        const std::string& prefix) override;
  Result<void> rename(const std::string& from, const std::string& to, bool replace) override;
  Result<void> remove(const std::string& path) override;
  Result<void> sync_directory(const std::string& directory) override;
  void submit(std::span<IoRequest> requests) override;
  void complete(std::span<IoRequest> requests) override;
};

}  // namespace holdfast
