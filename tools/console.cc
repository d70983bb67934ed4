// Messages and the last word on the exit code.
#include "tools/console.h"

#include <fmt/format.h>

#include <cstring>

#include "tools/interrupt.h"
#include "tools/json_output.h"

namespace holdfast::tools {

void Console::say(std::string_view sentence) {
  out_.flush();
  Output errors(2);
  errors.write(fmt::format("{}: {}\n", program_, sentence));
  errors.flush();
}

ExitCode Console::fail(ExitCode code, std::string_view sentence) {
  say(sentence);
  if (json_) {
    out_.write(
        JsonObject().text("error", sentence).number("exit_code", static_cast<int>(code)).line());
  }
  return code;
}

ExitCode Console::fail(const Error& error) {
  if (error.code() == ErrorCode::kCancelled && interrupted()) return ExitCode::kInterrupted;
  return fail(error, exit_code_for(error.code()), "");
}

ExitCode Console::fail(const Error& error, ExitCode code, std::string_view hint) {
  const std::string more = hint.empty() ? "" : fmt::format(". {}", hint);
  say(error.to_string() + more);
  if (!json_) return code;
  JsonObject object;
  object.text("error", error.message() + more).number("exit_code", static_cast<int>(code));
  object.text("code", error_code_name(error.code()));
  const ErrorPlace& place = error.place();
  if (!place.file.empty()) object.text("file", place.file);
  if (place.offset) object.number("offset", *place.offset);
  if (place.page) object.number("page", *place.page);
  if (place.tree) object.number("tree", *place.tree);
  if (place.txn) object.number("transaction", *place.txn);
  out_.write(object.line());
  return code;
}

ExitCode Console::finish(ExitCode code) {
  if (out_.flush() || out_.closed_pipe()) return code;
  if (code != ExitCode::kDone) return code;
  if (out_.gave_up()) return ExitCode::kInterrupted;
  return fail(ExitCode::kFailed,
              fmt::format("The output could not be written: {}.", std::strerror(out_.error())));
}

}  // namespace holdfast::tools
