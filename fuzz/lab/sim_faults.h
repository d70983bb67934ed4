// What goes wrong at which call: faults that one asks the simulated disk for.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/lab/sim_inode.h"
#include "holdfast/error.h"

namespace holdfast {

enum class SimCall : std::uint8_t {
  kOpen,
  kRead,
  kReadPastCache,
  kWrite,
  kSync,
  kSyncDirectory,
  kRename,
  kRemove,
  kAllocate,
  kTruncate,
  kLook,  // exists() and list().
  kSize,
  kLock,
};

const char* sim_call_name(SimCall call);

// Whether a crash just before the call leaves anything else than one just before the next.
bool changes_something(SimCall call);

struct Fault {
  enum class Effect : std::uint8_t {
    kFail,       // Answers `code`, having done as much of its work as `part` says.
    kLose,       // Writes: acknowledged and seen through the cache, never on the medium.
    kMisdirect,  // Writes, and reads of both kinds: the medium does it `distance` bytes further on.
    kDuplicate,  // Writes: done in the right place and `distance` bytes further on.
  };
  // Of a call that fails.
  enum class Part : std::uint8_t {
    kDrawn,  // Writes: any first part of the range; else nothing.
    kNone,
    kHalf,  // Writes: the first half of the range, as after a short transfer; else nothing.
    kWhole,
  };
  static constexpr std::uint64_t kAnyOffset = ~std::uint64_t{0};
  Effect effect = Effect::kFail;
  Part part = Part::kDrawn;
  std::optional<SimCall> call;        // Any, where absent.
  std::string path_contains;          // Any path, where empty.
  std::string path_is;                // The same.
  std::uint64_t from = 0;             // Only calls for a place from this one on,
  std::uint64_t before = kAnyOffset;  // and before this one.
  std::uint64_t nth = 1;              // Of the matching calls from now on; 1 is the next.
  bool for_ever = false;              // That one and all matching ones after it.
  ErrorCode code = ErrorCode::kIo;
  SyncLoss sync_loss = SyncLoss::kCacheNew;  // Of a sync that fails.
  std::int64_t distance = 4096;
};

class FaultPlan {
 public:
  void add(const Fault& fault) { faults_.push_back(fault); }
  void clear() { faults_.clear(); }
  [[nodiscard]] bool empty() const { return faults_.empty(); }
  // Whether a call may be told that the disk is full.
  [[nodiscard]] bool may_refuse_room() const {
    return std::ranges::find(faults_, ErrorCode::kDiskFull, &Fault::code) != faults_.end();
  }
  // The fault that strikes this call, or nothing. Counts the call for all that it matches.
  std::optional<Fault> strike(SimCall call, std::string_view path, std::uint64_t offset);

 private:
  std::vector<Fault> faults_;
};

}  // namespace holdfast
