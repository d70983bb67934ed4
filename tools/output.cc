// Buffered writing to a file descriptor.
#include "tools/output.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "tools/interrupt.h"

namespace holdfast::tools {
namespace {
constexpr std::size_t kBufferBytes = std::size_t{64} << 10;
}

// A pipe that can be written takes this much without waiting; a regular file never keeps us
// waiting.
Output::Output(int fd) : fd_(fd), piece_bytes_(PIPE_BUF) {
  struct stat found = {};
  if (fstat(fd, &found) == 0 && S_ISREG(found.st_mode)) piece_bytes_ = kBufferBytes;
}

bool Output::write(std::string_view text) {
  if (!ok()) return false;
  buffer_.append(text);
  return buffer_.size() < kBufferBytes || flush();
}

bool Output::flush() {
  std::string_view rest = buffer_;
  while (ok() && !rest.empty()) {
    if (!wait_writable(fd_)) {
      error_ = EINTR;
      break;
    }
    const ssize_t written = ::write(fd_, rest.data(), std::min(rest.size(), piece_bytes_));
    if (written >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR && errno != EAGAIN) {
      error_ = errno;
    }
  }
  buffer_.clear();
  return ok();
}

bool Output::closed_pipe() const noexcept {
  return error_ == EPIPE;
}

bool Output::gave_up() const noexcept {
  return error_ == EINTR;
}

}  // namespace holdfast::tools
