// A cursor walks a tree in key order, both ways, within one transaction.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "holdfast/error.h"
#include "holdfast/export.h"
#include "holdfast/value.h"

namespace holdfast {

class CursorState;

/// Stands on a record or nowhere. Moves answer whether it stands on a record now.
/// In a write transaction it goes on from its key after the tree was changed, by itself or others;
/// if its record was erased, next() goes to the one after and prev() to the one before.
/// Errors of moves: kDamaged, kIo, kPoisoned, kOutOfMemory; the cursor then stands nowhere.
class HOLDFAST_EXPORT Cursor {
 public:
  Cursor(Cursor&& other) noexcept;
  Cursor& operator=(Cursor&& other) noexcept;
  ~Cursor();

  [[nodiscard]] Result<bool> first();
  [[nodiscard]] Result<bool> last();
  /// The first record whose key is at or after `key` (lower bound).
  [[nodiscard]] Result<bool> seek(std::string_view key);
  /// The record with exactly this key.
  [[nodiscard]] Result<bool> seek_exact(std::string_view key);
  /// The last record whose key is at or before `key`.
  [[nodiscard]] Result<bool> seek_at_or_before(std::string_view key);
  /// From nowhere: next() is first(), prev() is last(), until a move has run off an end.
  [[nodiscard]] Result<bool> next();
  [[nodiscard]] Result<bool> prev();

  [[nodiscard]] bool valid() const noexcept;
  /// Views are good until the cursor moves or ends, or its transaction writes. Need valid().
  [[nodiscard]] std::string_view key() const noexcept;
  /// A value kept in overflow pages is read here, into the cursor's buffer.
  /// kNotFound when the record was erased since the cursor came there.
  [[nodiscard]] Result<std::string_view> value();
  /// Its bytes, without reading any of it. Errors as value().
  [[nodiscard]] Result<std::uint64_t> value_size();
  /// The value to be read piece by piece, as of Reader::open_value(); the cursor may go on
  /// meanwhile. Errors as value().
  [[nodiscard]] Result<ValueReader> open_value();

  /// Changes of the record that it stands on, in a write transaction; false when that was erased
  /// meanwhile. The cursor stays: key() is what it was, and moves go on from there, either way.
  /// Errors: those of WriteTransaction::put(); kReadOnly in a read transaction; kInvalidArgument
  /// unless valid().
  [[nodiscard]] Result<bool> erase();
  [[nodiscard]] Result<bool> replace(std::string_view value);

 private:
  friend class Reader;
  explicit Cursor(std::unique_ptr<CursorState> state);
  std::unique_ptr<CursorState> state_;
};

/// The first key after all keys that start with `prefix`, for half-open ranges; nothing when there
/// is no such key (the prefix is empty or all 0xFF). Part of the caller's own program: it may throw
/// std::bad_alloc, as the caller's strings do.
[[nodiscard]] inline std::optional<std::string> prefix_end(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && end.back() == '\xFF') end.pop_back();
  if (end.empty()) return std::nullopt;
  end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

}  // namespace holdfast
