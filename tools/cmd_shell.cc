// holdfast shell: Lychee statements from a pipe or a person.
#include <fmt/format.h>
#include <unistd.h>

#include <cstring>

#include "tools/line_reader.h"
#include "tools/opening.h"
#include "tools/prompt.h"
#include "tools/shell.h"
#include "tools/verbs.h"

namespace holdfast::tools {
namespace {

constexpr std::size_t kLineBytesMax = std::size_t{16} << 20;

ExitCode read_script(Shell& shell, Console& console) {
  LineReader lines(0, kLineBytesMax);
  std::string line;
  for (bool going_on = true; going_on;) {
    switch (lines.next(line)) {
      case LineReader::Got::kLine:
        going_on = shell.line(line);
        break;
      case LineReader::Got::kTooLong:
        going_on = shell.invalid();
        break;
      case LineReader::Got::kEnd:
        going_on = false;
        break;
      case LineReader::Got::kInterrupted:
        return ExitCode::kInterrupted;
      case LineReader::Got::kFailed:
        return console.fail(ExitCode::kFailed, fmt::format("Standard input could not be read: {}.",
                                                           std::strerror(lines.error())));
    }
  }
  return shell.code();
}

ExitCode converse(Shell& shell) {
  Prompt prompt("lychee> ");
  std::string line;
  for (;;) {
    switch (prompt.next(line)) {
      case Prompt::Got::kLine:
        if (!shell.line(line)) return shell.code();
        break;
      case Prompt::Got::kEnd:
        return shell.code();
      case Prompt::Got::kInterrupted:
        return ExitCode::kInterrupted;
    }
  }
}

}  // namespace

ExitCode run_shell(const Arguments& args, Console& console) {
  auto database = open_or_create(args, console);
  if (!database) return database.error();
  Shell shell(*database, console);
  const ExitCode code = isatty(0) == 1 ? converse(shell) : read_script(shell, console);
  return close(*database, code, console);
}

}  // namespace holdfast::tools
