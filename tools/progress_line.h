// A line on standard error that rewrites itself while long work runs; silent unless that is a
// terminal.
#pragma once

#include <chrono>
#include <string_view>

#include "holdfast/progress.h"

namespace holdfast::tools {

class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine();  // Wipes the line.
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // True at most ten times a second, so that callers build the text only when it will be shown.
  [[nodiscard]] bool due();
  void show(std::string_view text);
  void wipe();

 private:
  bool terminal_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point next_{};
};

// Shows how far long work is on `line`, which must outlive it; an interruption ends the work.
ProgressFunction shown_on(ProgressLine& line);

}  // namespace holdfast::tools
