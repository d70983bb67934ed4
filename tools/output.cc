// Buffered writing to a file descriptor.
#include "tools/output.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

namespace holdfast::tools {
namespace {
constexpr std::size_t kBufferBytes = std::size_t{64} << 10;
}

bool Output::write(std::string_view text) {
  if (!ok()) return false;
  buffer_.append(text);
  return buffer_.size() < kBufferBytes || flush();
}

bool Output::flush() {
  std::string_view rest = buffer_;
  while (ok() && !rest.empty()) {
    const ssize_t written = ::write(fd_, rest.data(), rest.size());
    if (written >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {
      pollfd room = {fd_, POLLOUT, 0};
      poll(&room, 1, -1);
    } else if (errno != EINTR) {
      error_ = errno;
    }
  }
  buffer_.clear();
  return ok();
}

bool Output::closed_pipe() const noexcept {
  return error_ == EPIPE;
}

}  // namespace holdfast::tools
