// What a failed call says: a stable code, a sentence a user can act on, and where it happened.
//
// Every public function that can fail returns Result<T>, a std::expected. Holdfast never prints,
// never aborts the host and never throws: where memory is short a call answers kOutOfMemory, and
// what is open stays as it was, or is kPoisoned at its last durable state. Only an Error's
// constructor and at() may throw std::bad_alloc: they are for the library itself.
#pragma once

#if defined(__clang__) && __clang_major__ < 19 && defined(__GLIBCXX__)
#error "Holdfast needs std::expected: g++ 12 or newer, or clang 19 or newer with libstdc++."
#endif

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "holdfast/export.h"

namespace holdfast {

/// Numbers are part of the interface: they never change and are never reused.
enum class ErrorCode : std::uint16_t {
  kInvalidArgument = 1,  ///< The call can't mean anything: wrong option, ended transaction.
  kLimitExceeded =
      2,  ///< A stated limit (docs/LIMITS.md) would be passed; the message has both numbers.
  kNotFound =
      3,  ///< No such database file, tree or kept checkpoint. A missing key is not an error.
  kAlreadyExists = 4,       ///< A tree or file of this name is there already.
  kBusy = 5,                ///< Another process or handle owns the database; the message names it.
  kTimedOut = 6,            ///< The writer's deadline passed before its turn came.
  kIo = 7,                  ///< The operating system reported a failed read, write or sync.
  kDiskFull = 8,            ///< No space left; the transaction is undone, reads go on.
  kPermission = 9,          ///< The file may not be opened in the wanted way.
  kNotADatabase = 10,       ///< The file exists and holds something else; it was not touched.
  kUnsupportedFormat = 11,  ///< Written by a newer Holdfast; the message names the version.
  kDamaged = 12,            ///< Bytes read from storage are not those that were written.
  kPoisoned = 13,           ///< An earlier log or sync failure froze this handle; reopen to go on.
  kSnapshotTooOld = 14,     ///< The versions this reader needs were given up under memory pressure.
  kReadOnly = 15,           ///< A change was asked of a handle opened read-only.
  kCancelled = 16,          ///< The caller's progress function asked to stop.
  kOutOfMemory = 17,  ///< No memory, or no thread, was to be had. The call did nothing; a write
                      ///< transaction is doomed by it, other transactions and the database go on.
  kInternal = 18,     ///< A check inside Holdfast failed; nothing was written. Please report it.
};

/// The name of a code as it stands above without the k, in snake_case: "disk_full".
HOLDFAST_EXPORT const char* error_code_name(ErrorCode code) noexcept;

/// Where an error arose. Absent members don't apply.
struct ErrorPlace {
  std::string file;                     ///< Path of the database or a log file, from the root.
  std::optional<std::uint64_t> offset;  ///< Byte offset in `file`.
  std::optional<std::uint32_t> page;    ///< Page id.
  std::optional<std::uint32_t> tree;    ///< Tree id.
  std::optional<std::uint64_t> txn;     ///< Txn number.
};

/// A cheap-to-copy, immutable description of one failure. Any thread may read it.
class HOLDFAST_EXPORT Error {
 public:
  Error(ErrorCode code, std::string message, ErrorPlace place = {});
  /// One of the three that must be possible without memory: kOutOfMemory, kPoisoned, kInternal
  /// (any other code is that), with a standing sentence.
  [[nodiscard]] static Error standing(ErrorCode code) noexcept;

  [[nodiscard]] ErrorCode code() const noexcept { return payload_->code; }
  /// One sentence that says what failed and what to do; no trailing newline, no place.
  [[nodiscard]] const std::string& message() const noexcept { return payload_->message; }
  [[nodiscard]] const ErrorPlace& place() const noexcept { return payload_->place; }
  /// Message and place in one line, for a log or a terminal. "(no memory)" where there is none.
  [[nodiscard]] std::string to_string() const noexcept;
  /// The same error with the place's absent members filled in from `outer`.
  [[nodiscard]] Error at(const ErrorPlace& outer) const;

 private:
  struct Payload {
    ErrorCode code;
    std::string message;
    ErrorPlace place;
  };
  explicit Error(const Payload& standing) noexcept;
  std::shared_ptr<const Payload> payload_;
};

template <class T>
using Result = std::expected<T, Error>;

}  // namespace holdfast
