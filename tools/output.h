// Standard output with its errors noticed: a full disk is a failure, a closed pipe is not.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "tools/exit_code.h"

namespace holdfast::tools {

// Buffers; write() answers whether going on makes sense. One thread.
class Output {
 public:
  explicit Output(int fd);

  // False once anything has failed to go out; later text is dropped.
  bool write(std::string_view text);
  bool flush();
  [[nodiscard]] bool ok() const noexcept { return error_ == 0; }
  [[nodiscard]] bool closed_pipe() const noexcept;
  // Ctrl-C came while nobody took what we had to say.
  [[nodiscard]] bool gave_up() const noexcept;
  // The errno of the first failed write, or 0.
  [[nodiscard]] int error() const noexcept { return error_; }

 private:
  int fd_;
  std::size_t piece_bytes_;  // At most this much in one write.
  int error_ = 0;
  std::string buffer_;
};

}  // namespace holdfast::tools
