// Reading in pieces of 64 KiB; a line longer than the bound is dropped as it comes, never kept.
#include "tools/line_reader.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "tools/interrupt.h"

namespace holdfast::tools {
namespace {
constexpr std::size_t kPieceBytes = std::size_t{64} << 10;
}

LineReader::Filled LineReader::fill() {
  buffer_.resize(kPieceBytes);
  at_ = 0;
  for (;;) {
    if (!wait_readable(fd_)) {
      buffer_.clear();
      return Filled::kInterrupted;
    }
    const ssize_t got = read(fd_, buffer_.data(), buffer_.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) error_ = errno;
    buffer_.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0) return Filled::kFailed;
    return got == 0 ? Filled::kEnd : Filled::kSome;
  }
}

LineReader::Got LineReader::next(std::string& line) {
  if (has_put_back_) {
    has_put_back_ = false;
    line = std::move(put_back_);
    ++line_number_;
    return Got::kLine;
  }
  line.clear();
  bool too_long = false;
  bool any = false;
  for (;;) {
    if (at_ == buffer_.size()) {
      switch (fill()) {
        case Filled::kSome:
          break;
        case Filled::kInterrupted:
          return Got::kInterrupted;
        case Filled::kFailed:
          return Got::kFailed;
        case Filled::kEnd:
          if (!any) return Got::kEnd;
          ++line_number_;
          return too_long ? Got::kTooLong : Got::kLine;
      }
    }
    any = true;
    const std::size_t end = buffer_.find('\n', at_);
    const std::size_t stop = end == std::string::npos ? buffer_.size() : end;
    too_long = too_long || line.size() + (stop - at_) > max_line_bytes_;
    if (too_long) {
      line.clear();
    } else {
      line.append(buffer_, at_, stop - at_);
    }
    at_ = stop;
    if (end == std::string::npos) continue;
    ++at_;
    ++line_number_;
    return too_long ? Got::kTooLong : Got::kLine;
  }
}

void LineReader::put_back(std::string line) {
  put_back_ = std::move(line);
  has_put_back_ = true;
  --line_number_;
}

}  // namespace holdfast::tools
