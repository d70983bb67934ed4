#include "engine/storage/posix_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/result.h"
#include "engine/storage/place.h"
#include "engine/storage/posix_error.h"
#include "engine/storage/uninterrupted.h"

namespace holdfast {
namespace {

// What off_t can say; damaged files make callers ask for more.
constexpr std::uint64_t kEndOfOffsets = std::numeric_limits<off_t>::max();

bool fits(std::uint64_t offset, std::uint64_t length) {
  return offset <= kEndOfOffsets && length <= kEndOfOffsets - offset;
}

std::string counted(const char* verb, std::uint64_t bytes) {
  return std::string("could not ") + verb + " " + std::to_string(bytes) + " bytes";
}

}  // namespace

PosixFile::PosixFile(std::string path, int descriptor)
    : path_(std::move(path)), descriptor_(descriptor), lock_(descriptor) {}

PosixFile::~PosixFile() {
  lock_.release();
  // Nothing that matters can fail here: what must last was synced, and that outcome was reported.
  ::close(descriptor_);
}

Error PosixFile::os_failure(int os_code, const std::string& failed, std::uint64_t offset) const {
  return os_error(os_code, failed, place_in(path_, offset));
}

Result<std::uint64_t> PosixFile::size() {
  struct stat info = {};
  if (uninterrupted([&] { return ::fstat(descriptor_, &info); }) != 0) {
    return std::unexpected(os_error(errno, "could not ask for the file's size", place_in(path_)));
  }
  return static_cast<std::uint64_t>(info.st_size);
}

Result<std::size_t> PosixFile::read(std::uint64_t offset, std::span<std::byte> buffer) {
  if (offset > kEndOfOffsets) return 0;  // No file reaches that far.
  std::size_t done = 0;
  while (done < buffer.size()) {
    const std::uint64_t at = offset + done;
    if (at > kEndOfOffsets) break;
    const ssize_t count = uninterrupted([&] {
      return ::pread(descriptor_, buffer.data() + done, buffer.size() - done,
                     static_cast<off_t>(at));
    });
    if (count == 0) break;
    if (count < 0) return std::unexpected(os_failure(errno, counted("read", buffer.size()), at));
    done += static_cast<std::size_t>(count);
  }
  return done;
}

Result<void> PosixFile::write(std::uint64_t offset, std::span<const std::byte> bytes) {
  if (!fits(offset, bytes.size())) {
    return std::unexpected(os_failure(EFBIG, counted("write", bytes.size()), offset));
  }
  std::size_t done = 0;
  while (done < bytes.size()) {
    const std::uint64_t at = offset + done;
    const ssize_t count = uninterrupted([&] {
      return ::pwrite(descriptor_, bytes.data() + done, bytes.size() - done,
                      static_cast<off_t>(at));
    });
    if (count < 0) return std::unexpected(os_failure(errno, counted("write", bytes.size()), at));
    if (count == 0) {
      return fail(ErrorCode::kIo,
                  counted("write", bytes.size()) + ": the system takes no more and says not why",
                  place_in(path_, at));
    }
    done += static_cast<std::size_t>(count);
  }
  return {};
}

Result<std::size_t> PosixFile::read_past_cache(std::uint64_t offset, std::span<std::byte> buffer) {
  if (offset > kEndOfOffsets) return 0;
  // Only whole pages are dropped, so the range is widened to theirs.
  constexpr std::uint64_t kLargestPage = std::uint64_t{64} << 10;
  const std::uint64_t from = align_down(offset, kLargestPage);
  const std::uint64_t to = std::min(kEndOfOffsets, align_up(offset + buffer.size(), kLargestPage));
  // Its failure is no error: the read is then as good as the system allows.
  (void)::posix_fadvise(descriptor_, static_cast<off_t>(from), static_cast<off_t>(to - from),
                        POSIX_FADV_DONTNEED);
  return read(offset, buffer);
}

void PosixFile::will_read(std::uint64_t offset, std::uint64_t length) noexcept {
  if (!fits(offset, length)) return;
  // Its failure is no error: the read then waits on its own.
  (void)::posix_fadvise(descriptor_, static_cast<off_t>(offset), static_cast<off_t>(length),
                        POSIX_FADV_WILLNEED);
}

Result<void> PosixFile::allocate(std::uint64_t offset, std::uint64_t length) {
  if (length == 0) return {};
  if (!fits(offset, length)) {
    return std::unexpected(os_failure(EFBIG, counted("allocate", length), offset));
  }
  const std::uint64_t size_before = TRY(size());
  const int outcome = uninterrupted([&] {
    return ::fallocate(descriptor_, 0, static_cast<off_t>(offset), static_cast<off_t>(length));
  });
  if (outcome == 0) return {};
  const int os_code = errno;
  if (os_code == EOPNOTSUPP || os_code == ENOSYS) {
    // What exists is left alone: it may be in use, and holes in it can't be told from zeros.
    if (offset + length <= size_before) return {};
    auto extended = extend_with_zeros(size_before, offset + length);
    if (!extended) (void)truncate(size_before);
    return extended;
  }
  // Some file systems grow the file as they go and stop half-way.
  const auto size_after = size();
  if (size_after && *size_after > size_before) (void)truncate(size_before);
  return std::unexpected(os_failure(os_code, counted("allocate", length), offset));
}

Result<void> PosixFile::extend_with_zeros(std::uint64_t from, std::uint64_t to) {
  constexpr std::uint64_t kPiece = std::uint64_t{256} << 10;
  const std::vector<std::byte> zeros(std::min(kPiece, to - from));
  while (from < to) {
    const std::uint64_t length = std::min<std::uint64_t>(zeros.size(), to - from);
    TRY(write(from, std::span(zeros).first(length)));
    from += length;
  }
  return {};
}

Result<void> PosixFile::truncate(std::uint64_t size) {
  int outcome = -1;
  errno = EFBIG;
  if (fits(size, 0)) {
    outcome = uninterrupted([&] { return ::ftruncate(descriptor_, static_cast<off_t>(size)); });
  }
  if (outcome == 0) return {};
  return std::unexpected(os_failure(
      errno, "could not set the file's size to " + std::to_string(size) + " bytes", size));
}

Result<void> PosixFile::sync() {
  if (::fdatasync(descriptor_) == 0) return {};
  // Not even EINTR is tried again: a second try may succeed without having written a thing (S3).
  return std::unexpected(os_error(errno, "could not sync the file", place_in(path_)));
}

Result<void> PosixFile::lock(LockMode mode) {
  return lock_.take(mode, path_);
}

}  // namespace holdfast
