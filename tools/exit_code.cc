// Maps the library's error codes to what a script can act on.
#include "tools/exit_code.h"

namespace holdfast::tools {

ExitCode exit_code_for(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kLimitExceeded:
      return ExitCode::kUsage;
    case ErrorCode::kNotFound:
      return ExitCode::kNotFound;
    case ErrorCode::kBusy:
    case ErrorCode::kTimedOut:
      return ExitCode::kInUse;
    case ErrorCode::kDamaged:
      return ExitCode::kDamaged;
    case ErrorCode::kCancelled:
      return ExitCode::kInterrupted;
    default:
      return ExitCode::kFailed;
  }
}

}  // namespace holdfast::tools
