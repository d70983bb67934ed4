// Tells a caller's ProgressFunction how far long work is, now and then, and asks whether to go on.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/result.h"
#include "holdfast/progress.h"

namespace holdfast {

class ProgressTeller {
 public:
  explicit ProgressTeller(const ProgressFunction& progress) : progress_(progress) {}

  // The next stage. `total` 0: unknown.
  void begin(std::string_view stage, std::uint64_t total, std::string_view unit = "pages") {
    at_ = {stage, 0, total, unit};
    untold_ = kEvery - 1;  // The first step is told.
  }
  // So much more is done. False: the caller wants it to end.
  bool step(std::uint64_t count = 1) {
    at_.done += count;
    untold_ += count;
    if (untold_ < kEvery) return true;
    return tell();
  }
  void add(std::uint64_t count) { at_.done += count; }
  // As step(), whatever was told before.
  bool tell() {
    untold_ = 0;
    if (!progress_) return true;
    if (at_.total != 0) at_.total = std::max(at_.total, at_.done);
    try {
      return progress_(at_);
    } catch (...) {
      return false;
    }
  }
  [[nodiscard]] static std::unexpected<Error> cancelled(const std::string& what) {
    return fail(ErrorCode::kCancelled, what + " was cancelled by its progress function");
  }

 private:
  static constexpr std::uint64_t kEvery = 256;
  const ProgressFunction& progress_;
  Progress at_;
  std::uint64_t untold_ = 0;
};

}  // namespace holdfast
