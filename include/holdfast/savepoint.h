// A point within a write transaction to which it can be rolled back.
//
//   auto savepoint = writer.savepoint().value();
//   if (import(writer)) savepoint.release().value();
//   // Else the end of the scope undoes what import() did; the transaction goes on.
#pragma once

#include <cstdint>
#include <memory>

#include "holdfast/error.h"
#include "holdfast/export.h"

namespace holdfast {

class WriteState;

/// Made by WriteTransaction::savepoint(). They nest: whoever is released or rolled back takes those
/// made after it along. One whose time is over (released, taken along, its transaction ended or
/// destroyed) does nothing and answers kInvalidArgument. Used by the transaction's thread.
///
/// Rolling back restores records, counts and trees to what they were when the savepoint was made,
/// and gives back the pages, page ids and memory that came since; nothing of it reaches the disk.
/// Cursors go on from their keys. It also lifts the error that has doomed the transaction since:
/// what was too large, or met a damaged page, can be tried in another way.
class HOLDFAST_EXPORT Savepoint {
 public:
  Savepoint(Savepoint&& other) noexcept;
  Savepoint& operator=(Savepoint&& other) noexcept;
  ~Savepoint();  ///< Rolls back, unless it was released.

  /// Keeps what was done since: it is the enclosing savepoint's or the transaction's now. Errors:
  /// kInvalidArgument, the error that doomed the transaction, kOutOfMemory (nothing changed).
  [[nodiscard]] Result<void> release();
  /// Undoes what was done since. The savepoint stays, to be rolled back to again or released.
  [[nodiscard]] Result<void> rollback();

 private:
  friend class WriteTransaction;
  Savepoint(std::shared_ptr<WriteState*> owner, std::uint64_t number) noexcept;
  void end() noexcept;

  std::shared_ptr<WriteState*> owner_;  // Points to null once the transaction is gone.
  std::uint64_t number_ = 0;
};

}  // namespace holdfast
