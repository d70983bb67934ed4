#include "engine/storage/posix_error.h"

#include <cerrno>
#include <system_error>
#include <utility>

namespace holdfast {
namespace {

ErrorCode code_of(int os_code) {
  switch (os_code) {
    case ENOSPC:
    case EDQUOT:
      return ErrorCode::kDiskFull;
    case EACCES:
    case EPERM:
    case EROFS:
      return ErrorCode::kPermission;
    case ENOENT:
      return ErrorCode::kNotFound;
    case EEXIST:
      return ErrorCode::kAlreadyExists;
    default:
      return ErrorCode::kIo;
  }
}

}  // namespace

Error os_error(int os_code, const std::string& failed, ErrorPlace place) {
  return Error(code_of(os_code), failed + ": " + std::generic_category().message(os_code),
               std::move(place));
}

}  // namespace holdfast
