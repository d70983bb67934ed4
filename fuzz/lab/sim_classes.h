// How often a run met each fault of docs/FAULT_MODEL.md: not what was planned, but what happened.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace holdfast {

// By the numbers of docs/FAULT_MODEL.md, which begin at F1; U5 is a disk whose syncs lie.
enum class FaultClass : std::uint8_t {
  kUnsyncedLost = 1,
  kOutOfOrder,
  kTornAt512,
  kTornAt4096,
  kGrownAndSpoiled,
  kSizeLost,
  kOldBytes,
  kNameLost,
  kResizeLost,
  kSyncFails,
  kDiskFull,
  kCallFails,
  kShortWrite,
  kRotInTree,
  kRotInLog,
  kMisdirected,
  kLostWrite,
  kReadElsewhere,
  kWrongFile,
  kCrashInRecovery,
  kFailureInRecovery,  // Or in a checkpoint, or a close.
  kClockJumps,
  kOpenedTwice,
  kKilled,
  kHostileBytes,
  kMemoryFlips,  // Not simulated.
  kSyncsLie,
};

class FaultClasses {
 public:
  static constexpr std::size_t kCount = 27;
  static constexpr FaultClass nth(std::size_t index) { return static_cast<FaultClass>(index + 1); }

  void met(FaultClass which) { ++counts_[static_cast<std::size_t>(which) - 1]; }
  [[nodiscard]] std::uint64_t times(FaultClass which) const {
    return counts_[static_cast<std::size_t>(which) - 1];
  }
  void add(const FaultClasses& more) {
    for (std::size_t i = 0; i < kCount; ++i) counts_[i] += more.counts_[i];
  }

 private:
  std::array<std::uint64_t, kCount> counts_{};
};

// "F1", "U5"; and a few words.
const char* fault_class_number(FaultClass which);
const char* fault_class_words(FaultClass which);
// Whether random runs can meet it; on a disk that lies, or on an honest one.
bool lives_can_meet(FaultClass which, bool lying);

}  // namespace holdfast
