// Values of any size, written and read piece by piece: neither is ever whole in memory.
//
//   auto value = writer.put_stream("film", bytes_if_known).value();
//   while (read_some(piece)) value.append(piece).value();
//   value.finish().value();                       // Now the record is the transaction's.
//
//   auto film = reader.open_value("film").value();  // Nothing where there is no such key.
//   for (std::uint64_t at = 0; at < film->size();) at += film->read(at, buffer).value();
//
// What a value takes of memory while it is written is a buffer of 16 pages and some 170 bytes for
// each of its pages, of `cache_bytes`, until a checkpoint has followed its commit; to read it takes
// nothing beside a page of the cache at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "holdfast/error.h"
#include "holdfast/export.h"

namespace holdfast {

class Cursor;
class Reader;
class ValueReadState;
class WriteState;
class WriteTransaction;

/// A value on its way into a write transaction, which made it with put_stream(). Nothing is to be
/// seen of it before finish(): then it is as if put() had stored it. It may be destroyed before
/// that: what was written of it is free again, in memory and in the file, and nothing has happened.
///
/// Meanwhile the transaction may change and read whatever it likes, the same key and other streams
/// too; rolling back to a savepoint doesn't touch streams that are open. Committing with one open
/// is an error (kInvalidArgument) that ends the transaction like any other; aborting ends its
/// streams. Bytes go to free places of the tree file as they come, once; the log gets their places.
///
/// Errors. After one of append() only destroying the stream is left, and the transaction goes on as
/// if the stream had never been: kLimitExceeded (more than kMaxValueBytes, or the transaction has
/// no room to note more pages), kInvalidArgument (more than the stated size; it was finished
/// before, or its transaction has ended), kDiskFull, kIo, kPoisoned, kOutOfMemory.
/// Used by the transaction's thread. It may outlive the transaction, and does nothing then.
class HOLDFAST_EXPORT ValueWriter {
 public:
  ValueWriter(ValueWriter&& other) noexcept;
  ValueWriter& operator=(ValueWriter&& other) noexcept;
  ~ValueWriter();  ///< Forgets the value, unless it was finished.

  [[nodiscard]] Result<void> append(std::span<const std::byte> bytes);
  [[nodiscard]] Result<void> append(std::string_view bytes) {
    return append(std::as_bytes(std::span(bytes)));
  }
  /// Bytes so far; 0 when it is over.
  [[nodiscard]] std::uint64_t size() const noexcept;
  /// Inserts or replaces the record. The stream is over, whatever the outcome. Errors: those of
  /// WriteTransaction::put(), which may doom the transaction; kInvalidArgument: fewer bytes than
  /// the stated size, nothing is stored and the transaction goes on.
  [[nodiscard]] Result<void> finish();

 private:
  friend class WriteTransaction;
  ValueWriter(std::shared_ptr<WriteState*> owner, std::uint64_t number) noexcept;
  void end() noexcept;

  std::shared_ptr<WriteState*> owner_;  // Points to null once the transaction is gone.
  std::uint64_t number_ = 0;
};

/// A record's value, read from where one likes. It must end before its transaction does, and is
/// used by its thread. In a read transaction it is the value that the snapshot sees, whatever
/// others do. In a write transaction it is good as long as its record has that value: after a put()
/// or erase() of the key by anybody in the transaction read() answers kNotFound.
class HOLDFAST_EXPORT ValueReader {
 public:
  ValueReader(ValueReader&& other) noexcept;
  ValueReader& operator=(ValueReader&& other) noexcept;
  ~ValueReader();

  /// Bytes of the value, at most kMaxValueBytes.
  [[nodiscard]] std::uint64_t size() const noexcept;
  /// The bytes from `offset` on into `into`: as many as it has room for, fewer only where the value
  /// ends, 0 at its end and beyond. Every page is verified first. Errors: kDamaged with page and
  /// tree, and in its message which of the value's bytes are in that page: those before it can be
  /// read, and those after it; kIo, kPoisoned, kNotFound. What is in `into` after an error says
  /// nothing.
  [[nodiscard]] Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> into) const;

 private:
  friend class Cursor;
  friend class Reader;
  explicit ValueReader(std::unique_ptr<ValueReadState> state) noexcept;
  std::unique_ptr<ValueReadState> state_;
};

}  // namespace holdfast
