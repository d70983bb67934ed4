// Error: an immutable payload, shared by its copies.
#include "holdfast/error.h"

#include <stdexcept>

#include "engine/base/boundary.h"

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

// An owner of nothing: the payload stays for ever, and copies count nothing.
Error::Error(const Payload& standing) noexcept : payload_(std::shared_ptr<void>(), &standing) {}

Error Error::standing(ErrorCode code) noexcept {
  // Never destroyed: a database closed by a static object's destructor may still need them.
  static const Payload* const no_memory = new Payload{
      ErrorCode::kOutOfMemory,
      "there was no memory for this; free some, or open with a smaller cache_bytes, and try again",
      {}};
  static const Payload* const poisoned =
      new Payload{ErrorCode::kPoisoned,
                  "the database is frozen at its last durable transaction, because writing failed; "
                  "close it and open it again",
                  {}};
  static const Payload* const internal = new Payload{
      ErrorCode::kInternal, "something inside Holdfast failed; please report what led to it", {}};
  return Error(code == ErrorCode::kOutOfMemory ? *no_memory
               : code == ErrorCode::kPoisoned  ? *poisoned
                                               : *internal);
}

namespace {

// Made before main(): later there may be no memory for it.
[[maybe_unused]] const ErrorCode kMadeEarly = Error::standing(ErrorCode::kOutOfMemory).code();

std::string one_line(const Error& error) {
  const ErrorPlace& where = error.place();
  std::string text = error.message();
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

}  // namespace

std::string Error::to_string() const noexcept {
  try {
    return one_line(*this);
  } catch (...) {
    return "(no memory)";  // Short enough to need none.
  }
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

Error thrown_error() noexcept {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return Error::standing(ErrorCode::kOutOfMemory);
  } catch (const std::length_error&) {
    return Error::standing(ErrorCode::kOutOfMemory);
  } catch (const std::exception& thrown) {
    try {
      return Error(ErrorCode::kInternal,
                   std::string("an exception inside Holdfast; please report it: ") + thrown.what());
    } catch (...) {
      return Error::standing(ErrorCode::kInternal);
    }
  } catch (...) {
    return Error::standing(ErrorCode::kInternal);
  }
}

}  // namespace holdfast
