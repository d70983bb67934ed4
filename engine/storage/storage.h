// The one interface through which bytes reach and leave the machine.
//
// Implementations: PosixStorage (plain calls), MemoryStorage (tests, in-memory databases), and the
// simulated disk of fuzz/. Nothing else in the project calls the operating system for storage.
//
// Promises every implementation keeps:
//  S1 A write is durable only once a sync() of the same file, begun after the write completed, has
//     succeeded. A created, renamed or removed name is durable only after sync_directory().
//  S2 read() and write() loop over short transfers and EINTR; a transfer without progress is kIo.
//  S3 A failed write() may have changed any byte it covered. After a failed sync() nothing is known
//     of any unsynced write to that file. Callers never retry a failed sync and believe it.
//  S4 Errors carry path and offset; ENOSPC and EDQUOT are kDiskFull, EACCES, EPERM and EROFS
//     kPermission, ENOENT kNotFound, EEXIST kAlreadyExists, the rest kIo.
// Thread rules: Storage and StorageFile may be used from any thread at once; two transfers that
// overlap in the same file at the same time have no defined order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "holdfast/error.h"

namespace holdfast {

class StorageFile;

// One transfer of a set. `buffer` is only read from for writes.
struct IoRequest {
  enum class Kind : std::uint8_t { kRead, kWrite };
  Kind kind = Kind::kRead;
  StorageFile* file = nullptr;
  std::uint64_t offset = 0;
  std::span<std::byte> buffer;
  std::size_t transferred =
      0;  // Set by complete(). A read may end short only at the end of the file.
  std::optional<Error> error;  // Set by complete() where it failed.
};

enum class LockMode : std::uint8_t { kShared, kExclusive };

class StorageFile {
 public:
  virtual ~StorageFile() = default;  // Closes, releases the lock.

  virtual const std::string& path() const = 0;
  virtual Result<std::uint64_t> size() = 0;

  // Reads until `buffer` is full or the file ends; answers the bytes read.
  virtual Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> buffer) = 0;
  virtual Result<void> write(std::uint64_t offset, std::span<const std::byte> bytes) = 0;
  // As read(), from the medium and not from any cache before it. Where that can't be had,
  // reads_past_cache() is false and this is read().
  virtual Result<std::size_t> read_past_cache(std::uint64_t offset,
                                              std::span<std::byte> buffer) = 0;
  virtual bool reads_past_cache() const = 0;
  // Advice: this will be read soon, so storage that can may begin to fetch it. Waits for nothing.
  virtual void will_read(std::uint64_t offset, std::uint64_t length) noexcept;

  // Makes room for [offset, offset + length) so that writing there can't fail for lack of space;
  // the file grows if need be, new bytes read as zero. kDiskFull leaves the size as it was.
  virtual Result<void> allocate(std::uint64_t offset, std::uint64_t length) = 0;
  virtual Result<void> truncate(std::uint64_t size) = 0;
  // All completed writes and the size are on the medium when this succeeds.
  virtual Result<void> sync() = 0;

  // Doesn't wait. kBusy names the holder (process id and command) where it can be found out. Guards
  // against other processes and against other StorageFile objects of this one.
  virtual Result<void> lock(LockMode mode) = 0;
};

enum class FileMode : std::uint8_t {
  kReadOnly,
  kReadWrite,
  kCreateNew,  // Read-write; kAlreadyExists if the name is taken.
};

// Who may use a file that belongs to another one.
enum class Rights : std::uint8_t {
  kSame,   // Owner, group and mode are the original's, as near as the system lets it, never more.
  kAtMost  // The mode is the original's where the process's umask leaves it that.
};

class Storage {
 public:
  virtual ~Storage() = default;

  virtual Result<std::unique_ptr<StorageFile>> open(const std::string& path, FileMode mode) = 0;
  // As open() with kCreateNew, but at no moment may anybody use the file who may not use the file
  // `original`; where there is no such file, only its owner may. An empty `original`, and storage
  // without owners and modes: just open().
  virtual Result<std::unique_ptr<StorageFile>> create_like(const std::string& path,
                                                           const std::string& original,
                                                           Rights rights);
  virtual Result<bool> exists(const std::string& path) = 0;
  // The one path of this file, there or yet to be made: from the root, links followed, so that
  // neither a change of the working directory nor another name for it makes a difference. Storage
  // that has one path for each file answers that.
  virtual Result<std::string> real_path(const std::string& path) { return path; }
  // Names (not paths) in the directory that start with `prefix`, sorted.
  virtual Result<std::vector<std::string>> list(const std::string& directory,
                                                const std::string& prefix) = 0;
  // With `replace` false an existing target is kAlreadyExists and untouched.
  virtual Result<void> rename(const std::string& from, const std::string& to, bool replace) = 0;
  virtual Result<void> remove(const std::string& path) = 0;
  virtual Result<void> sync_directory(const std::string& directory) = 0;

  // Starts a set of transfers, to be followed by complete() with the same span, which waits for all
  // and fills in each one's outcome. Implementations with plain calls do the work in submit().
  virtual void submit(std::span<IoRequest> requests) = 0;
  virtual void complete(std::span<IoRequest> requests) = 0;
};

inline void StorageFile::will_read(std::uint64_t, std::uint64_t) noexcept {}

inline Result<std::unique_ptr<StorageFile>> Storage::create_like(const std::string& path,
                                                                 const std::string&, Rights) {
  return open(path, FileMode::kCreateNew);
}

// "dir" of "dir/name", "." where there is none.
std::string directory_of(const std::string& path);
std::string name_of(const std::string& path);

}  // namespace holdfast
