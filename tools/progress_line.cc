// Uses the erase-line sequence that every terminal since the VT100 knows.
#include "tools/progress_line.h"

#include <fmt/format.h>
#include <unistd.h>

#include "tools/interrupt.h"
#include "tools/output.h"

namespace holdfast::tools {
namespace {
constexpr std::string_view kEraseLine = "\r\x1b[K";

void write_error_line(std::string_view text) {
  Output errors(2);
  errors.write(kEraseLine);
  errors.write(text);
  errors.flush();
}
}  // namespace

ProgressLine::ProgressLine() : terminal_(isatty(2) == 1) {}
ProgressLine::~ProgressLine() {
  wipe();
}

bool ProgressLine::due() {
  if (!terminal_) return false;
  const auto now = std::chrono::steady_clock::now();
  if (now < next_) return false;
  next_ = now + std::chrono::milliseconds(100);
  return true;
}

void ProgressLine::show(std::string_view text) {
  if (!terminal_) return;
  shown_ = true;
  write_error_line(text);
}

void ProgressLine::wipe() {
  if (shown_) write_error_line("");
  shown_ = false;
}

ProgressFunction shown_on(ProgressLine& line) {
  return [&line](const Progress& progress) {
    if (line.due()) {
      const std::string of = progress.total == 0 ? "" : fmt::format(" of {}", progress.total);
      line.show(fmt::format("{}: {}{} {}", progress.stage, progress.done, of, progress.unit));
    }
    return !interrupted();
  };
}

}  // namespace holdfast::tools
