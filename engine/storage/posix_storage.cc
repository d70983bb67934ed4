#include "engine/storage/posix_storage.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string_view>

#include "engine/base/result.h"
#include "engine/storage/descriptor.h"
#include "engine/storage/place.h"
#include "engine/storage/plain_requests.h"
#include "engine/storage/posix_error.h"
#include "engine/storage/posix_file.h"
#include "engine/storage/uninterrupted.h"

namespace holdfast {
namespace {

std::unexpected<Error> os_fail(const char* failed, const std::string& path) {
  return std::unexpected(os_error(errno, failed, place_in(path)));
}

Result<void> require_regular_file(mode_t mode, const std::string& path) {
  if (S_ISREG(mode)) return {};
  const char* kind = S_ISDIR(mode)    ? "a directory"
                     : S_ISFIFO(mode) ? "a fifo"
                     : S_ISSOCK(mode) ? "a socket"
                                      : "a device";
  return fail(ErrorCode::kNotADatabase,
              std::string("this is ") + kind + ", where a regular file is needed", place_in(path));
}

struct CloseDirectory {
  void operator()(DIR* stream) const { ::closedir(stream); }
};

}  // namespace

Result<std::unique_ptr<StorageFile>> PosixStorage::open(const std::string& path, FileMode mode) {
  // O_NONBLOCK: should the name become a fifo between the two looks, opening it must not wait.
  int flags = O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  flags |= mode == FileMode::kReadOnly ? O_RDONLY : O_RDWR;
  if (mode == FileMode::kCreateNew) flags |= O_CREAT | O_EXCL;

  struct stat info = {};
  if (mode != FileMode::kCreateNew) {
    // Looked at before it is opened, because opening a device can have effects of its own.
    if (uninterrupted([&] { return ::stat(path.c_str(), &info); }) != 0)
      return os_fail("could not open the file", path);
    TRY(require_regular_file(info.st_mode, path));
  }
  const int descriptor = uninterrupted([&] { return ::open(path.c_str(), flags, 0644); });
  if (descriptor < 0) {
    return os_fail(
        mode == FileMode::kCreateNew ? "could not create the file" : "could not open the file",
        path);
  }
  Descriptor opened(descriptor);
  auto file = std::make_unique<PosixFile>(path, descriptor);
  opened.release();
  if (uninterrupted([&] { return ::fstat(descriptor, &info); }) != 0)
    return os_fail("could not look at the file", path);
  TRY(require_regular_file(info.st_mode, path));
  return file;
}

Result<std::string> PosixStorage::real_path(const std::string& path) {
  struct Freed {
    void operator()(char* text) const { ::free(text); }
  };
  const auto resolve = [](const std::string& name) {
    return std::unique_ptr<char, Freed>(
        uninterrupted([&] { return ::realpath(name.c_str(), nullptr); }));
  };
  if (const auto whole = resolve(path)) return std::string(whole.get());
  if (errno != ENOENT) return os_fail("could not follow the path", path);
  const auto directory = resolve(directory_of(path));
  if (!directory) return os_fail("could not follow the path", path);
  const std::string_view found = directory.get();
  return std::string(found == "/" ? "" : found) + "/" + name_of(path);
}

Result<bool> PosixStorage::exists(const std::string& path) {
  struct stat info = {};
  if (uninterrupted([&] { return ::lstat(path.c_str(), &info); }) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return os_fail("could not find out whether the file exists", path);
}

Result<std::vector<std::string>> PosixStorage::list(const std::string& directory,
                                                    const std::string& prefix) {
  const std::unique_ptr<DIR, CloseDirectory> stream(
      uninterrupted([&] { return ::opendir(directory.c_str()); }));
  if (stream == nullptr) return os_fail("could not list the directory", directory);
  std::vector<std::string> names;
  const auto next = [&] {
    return uninterrupted([&] {
      errno = 0;  // readdir() tells its end from an error by errno alone.
      return ::readdir(stream.get());
    });
  };
  while (const dirent* entry = next()) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != ".." && name.starts_with(prefix)) names.emplace_back(name);
  }
  if (errno != 0) return os_fail("could not list the directory", directory);
  std::sort(names.begin(), names.end());
  return names;
}

Result<void> PosixStorage::rename(const std::string& from, const std::string& to, bool replace) {
  const char* failed = "could not rename the file";
  if (replace) {
    if (uninterrupted([&] { return ::rename(from.c_str(), to.c_str()); }) != 0)
      return os_fail(failed, from);
    return {};
  }
  const int outcome = uninterrupted(
      [&] { return ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE); });
  if (outcome == 0) return {};
  if (errno == EEXIST) return os_fail(failed, to);
  if (errno != EINVAL && errno != ENOSYS) return os_fail(failed, from);
  // A file system that doesn't know the flag. link() never replaces either; a crash in between
  // leaves the file under both names, which is harmless.
  if (uninterrupted([&] { return ::link(from.c_str(), to.c_str()); }) != 0)
    return os_fail(failed, errno == EEXIST ? to : from);
  if (uninterrupted([&] { return ::unlink(from.c_str()); }) != 0)
    return os_fail("could not take away the file's old name", from);
  return {};
}

Result<void> PosixStorage::remove(const std::string& path) {
  if (uninterrupted([&] { return ::unlink(path.c_str()); }) != 0)
    return os_fail("could not remove the file", path);
  return {};
}

Result<void> PosixStorage::sync_directory(const std::string& directory) {
  const int descriptor =
      uninterrupted([&] { return ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  if (descriptor < 0) return os_fail("could not open the directory to sync it", directory);
  const int outcome = ::fsync(descriptor) == 0 ? 0 : errno;
  ::close(descriptor);
  // EINVAL: the file system keeps no directories that could be synced; its names are its server's.
  if (outcome == 0 || outcome == EINVAL) return {};
  errno = outcome;
  return os_fail("could not sync the directory", directory);
}

void PosixStorage::submit(std::span<IoRequest> requests) {
  // The system fetches all of them at once, and the reads that follow wait for the slowest. That is
  // as fast as io_uring, which many containers forbid (docs/decisions/0013).
  if (requests.size() > 1) {
    for (const IoRequest& request : requests) {
      if (request.kind == IoRequest::Kind::kRead)
        request.file->will_read(request.offset, request.buffer.size());
    }
  }
  run_plainly(requests);
}

void PosixStorage::complete(std::span<IoRequest>) {}

}  // namespace holdfast
