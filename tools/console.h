// What a command says and to whom: results to standard output, sentences about failures to standard
// error. Turns library errors into exit codes.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

#include "holdfast/error.h"
#include "tools/exit_code.h"
#include "tools/output.h"

namespace holdfast::tools {

// A step of a command: a value, or the exit code of a failure that has been reported already.
template <class T>
using Step = std::expected<T, ExitCode>;

class Console {
 public:
  explicit Console(std::string program) : program_(std::move(program)), out_(1) {}

  [[nodiscard]] Output& out() noexcept { return out_; }

  // From now on failures are told as JSON objects on standard output too.
  void speak_json() noexcept { json_ = true; }

  // "program: sentence" on standard error.
  void say(std::string_view sentence);
  // Says it and answers the code, for `return console.fail(...)`.
  ExitCode fail(ExitCode code, std::string_view sentence);
  ExitCode fail(const Error& error);
  // With an exit code of our own choice and a hint, a sentence or nothing.
  ExitCode fail(const Error& error, ExitCode code, std::string_view hint);

  template <class T>
  Step<T> check(Result<T> result) {
    if (result) {
      if constexpr (std::is_void_v<T>) {
        return {};
      } else {
        return std::move(*result);
      }
    }
    return std::unexpected(fail(result.error()));
  }

  // Call last: pushes out what is buffered. A result that could not be delivered is a failure,
  // unless the reader has simply gone away.
  ExitCode finish(ExitCode code);

 private:
  std::string program_;
  Output out_;
  bool json_ = false;
};

}  // namespace holdfast::tools
