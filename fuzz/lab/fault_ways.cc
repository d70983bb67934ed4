#include "fuzz/lab/fault_ways.h"

#include <array>

namespace holdfast {
namespace {

using Part = Fault::Part;

Fault failing(ErrorCode code, bool for_ever, Part part = Part::kNone,
              SyncLoss loss = SyncLoss::kCacheNew) {
  Fault fault;
  fault.code = code;
  fault.for_ever = for_ever;
  fault.part = part;
  fault.sync_loss = loss;
  return fault;
}

}  // namespace

bool can_fail_like(SimCall call, const FaultWay& way) {
  if (way.only && *way.only != call) return false;
  return !way.changes_only || changes_something(call) || call == SimCall::kOpen;
}

std::optional<std::uint64_t> bad_slots_of(SimCall call, const Fault& fault) {
  if (call == SimCall::kRead || call == SimCall::kReadPastCache) return 0;
  if (call == SimCall::kWrite && !fault.for_ever) return 1;
  return std::nullopt;
}

std::span<const FaultWay> fault_ways() {
  static const std::array ways = {
      FaultWay{"EIO", failing(ErrorCode::kIo, false), false, {}},
      FaultWay{"EIO for ever", failing(ErrorCode::kIo, true), false, {}},
      FaultWay{"ENOSPC", failing(ErrorCode::kDiskFull, false), true, {}},
      FaultWay{"ENOSPC for ever", failing(ErrorCode::kDiskFull, true), true, {}},
      FaultWay{"EIO after its work", failing(ErrorCode::kIo, false, Part::kWhole), true, {}},
      FaultWay{"short, then ENOSPC", failing(ErrorCode::kDiskFull, false, Part::kHalf), true,
               SimCall::kWrite},
      FaultWay{"EIO, the cache as before",
               failing(ErrorCode::kIo, false, Part::kNone, SyncLoss::kCacheOld), true,
               SimCall::kSync},
      FaultWay{"EIO for ever, the cache as before",
               failing(ErrorCode::kIo, true, Part::kNone, SyncLoss::kCacheOld), true,
               SimCall::kSync},
  };
  return ways;
}

}  // namespace holdfast
