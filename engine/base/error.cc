// Error: an immutable payload, shared by its copies.
#include "holdfast/error.h"

namespace holdfast {

const char* error_code_name(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "invalid_argument";
    case ErrorCode::kLimitExceeded:
      return "limit_exceeded";
    case ErrorCode::kNotFound:
      return "not_found";
    case ErrorCode::kAlreadyExists:
      return "already_exists";
    case ErrorCode::kBusy:
      return "busy";
    case ErrorCode::kTimedOut:
      return "timed_out";
    case ErrorCode::kIo:
      return "io";
    case ErrorCode::kDiskFull:
      return "disk_full";
    case ErrorCode::kPermission:
      return "permission";
    case ErrorCode::kNotADatabase:
      return "not_a_database";
    case ErrorCode::kUnsupportedFormat:
      return "unsupported_format";
    case ErrorCode::kDamaged:
      return "damaged";
    case ErrorCode::kPoisoned:
      return "poisoned";
    case ErrorCode::kSnapshotTooOld:
      return "snapshot_too_old";
    case ErrorCode::kReadOnly:
      return "read_only";
    case ErrorCode::kCancelled:
      return "cancelled";
    case ErrorCode::kOutOfMemory:
      return "out_of_memory";
    case ErrorCode::kInternal:
      return "internal";
  }
  return "unknown";
}

Error::Error(ErrorCode code, std::string message, ErrorPlace place)
    : payload_(
          std::make_shared<const Payload>(Payload{code, std::move(message), std::move(place)})) {}

std::string Error::to_string() const {
  const ErrorPlace& where = place();
  std::string text = message();
  std::string place_text;
  auto add = [&](const char* name, const std::string& value) {
    place_text += (place_text.empty() ? "" : ", ") + std::string(name) + value;
  };
  if (!where.file.empty()) add("file ", where.file);
  if (where.offset) add("offset ", std::to_string(*where.offset));
  if (where.page) add("page ", std::to_string(*where.page));
  if (where.tree) add("tree ", std::to_string(*where.tree));
  if (where.txn) add("transaction ", std::to_string(*where.txn));
  if (!place_text.empty()) text += " (" + place_text + ")";
  return text;
}

Error Error::at(const ErrorPlace& outer) const {
  ErrorPlace merged = place();
  if (merged.file.empty()) merged.file = outer.file;
  if (!merged.offset) merged.offset = outer.offset;
  if (!merged.page) merged.page = outer.page;
  if (!merged.tree) merged.tree = outer.tree;
  if (!merged.txn) merged.txn = outer.txn;
  return Error(code(), message(), std::move(merged));
}

}  // namespace holdfast
