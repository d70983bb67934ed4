// Lines of a file or pipe, with a bound on their length, and ended by Ctrl-C at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace holdfast::tools {

class LineReader {
 public:
  enum class Got {
    kLine,
    kEnd,      // Of the input; a last line without newline was given before.
    kTooLong,  // The line passed the bound and was skipped whole; the next call goes on after it.
    kInterrupted,
    kFailed,  // See error().
  };

  // Reads from `fd`, which it does not close.
  LineReader(int fd, std::size_t max_line_bytes) : fd_(fd), max_line_bytes_(max_line_bytes) {}

  // The next line, without its newline.
  Got next(std::string& line);
  // Makes the next call of next() give `line`, the one just read, again.
  void put_back(std::string line);

  // Of the line that next() gave last, from 1.
  [[nodiscard]] std::uint64_t line_number() const noexcept { return line_number_; }
  [[nodiscard]] std::size_t max_line_bytes() const noexcept { return max_line_bytes_; }
  // The errno of a failed read.
  [[nodiscard]] int error() const noexcept { return error_; }

 private:
  enum class Filled { kSome, kEnd, kInterrupted, kFailed };
  Filled fill();

  int fd_;
  std::size_t max_line_bytes_;
  std::string buffer_;
  std::size_t at_ = 0;
  std::uint64_t line_number_ = 0;
  int error_ = 0;
  bool has_put_back_ = false;
  std::string put_back_;
};

}  // namespace holdfast::tools
