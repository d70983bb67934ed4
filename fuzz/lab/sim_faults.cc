#include "fuzz/lab/sim_faults.h"

namespace holdfast {

const char* sim_call_name(SimCall call) {
  switch (call) {
    case SimCall::kOpen:
      return "open";
    case SimCall::kRead:
      return "read";
    case SimCall::kReadPastCache:
      return "read_past_cache";
    case SimCall::kWrite:
      return "write";
    case SimCall::kSync:
      return "sync";
    case SimCall::kSyncDirectory:
      return "sync_directory";
    case SimCall::kRename:
      return "rename";
    case SimCall::kRemove:
      return "remove";
    case SimCall::kAllocate:
      return "allocate";
    case SimCall::kTruncate:
      return "truncate";
    case SimCall::kLook:
      return "look";
    case SimCall::kSize:
      return "size";
    case SimCall::kLock:
      return "lock";
  }
  return "unknown";
}

bool changes_something(SimCall call) {
  switch (call) {
    case SimCall::kOpen:  // Only one that creates; the disk knows.
    case SimCall::kRead:
    case SimCall::kReadPastCache:
    case SimCall::kLook:
    case SimCall::kSize:
    case SimCall::kLock:
      return false;
    default:
      return true;
  }
}

std::optional<Fault> FaultPlan::strike(SimCall call, std::string_view path, std::uint64_t offset) {
  std::optional<Fault> struck;
  for (std::size_t i = 0; i < faults_.size(); ++i) {
    Fault& fault = faults_[i];
    if (fault.call && *fault.call != call) continue;
    if (!fault.path_contains.empty() && path.find(fault.path_contains) == path.npos) continue;
    if (!fault.path_is.empty() && path != fault.path_is) continue;
    if (offset < fault.from || offset >= fault.before) continue;
    if (fault.nth > 1) {
      --fault.nth;
      continue;
    }
    if (struck) continue;
    struck = fault;
    if (!fault.for_ever) faults_.erase(faults_.begin() + static_cast<std::ptrdiff_t>(i--));
  }
  return struck;
}

}  // namespace holdfast
