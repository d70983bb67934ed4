// Messages and the last word on the exit code.
#include "tools/console.h"

#include <fmt/format.h>

#include <cstring>

#include "tools/interrupt.h"

namespace holdfast::tools {

void Console::say(std::string_view sentence) {
  out_.flush();
  Output errors(2);
  errors.write(fmt::format("{}: {}\n", program_, sentence));
  errors.flush();
}

ExitCode Console::fail(ExitCode code, std::string_view sentence) {
  say(sentence);
  return code;
}

ExitCode Console::fail(const Error& error) {
  if (error.code() == ErrorCode::kCancelled && interrupted()) return ExitCode::kInterrupted;
  return fail(exit_code_for(error.code()), error.to_string());
}

ExitCode Console::finish(ExitCode code) {
  if (out_.flush() || out_.closed_pipe()) return code;
  if (code != ExitCode::kDone) return code;
  return fail(ExitCode::kFailed,
              fmt::format("The output could not be written: {}.", std::strerror(out_.error())));
}

}  // namespace holdfast::tools
