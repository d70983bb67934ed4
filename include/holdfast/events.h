// What happens inside an open database, told as it happens.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "holdfast/error.h"
#include "holdfast/export.h"
#include "holdfast/recovery_report.h"

namespace holdfast {

struct CheckpointEvent {
  std::uint64_t txn = 0;            ///< Last transaction in the tree file now.
  std::uint64_t pages_written = 0;  ///< By this checkpoint, map pages included.
  std::chrono::microseconds took{0};
  const Error* error = nullptr;  ///< Of one that failed; the next is tried after a second.
};

struct SlowSyncEvent {
  std::chrono::microseconds took{0};  ///< At least Options::slow_sync.
};

struct OldSnapshotEvent {
  std::uint64_t txn = 0;             ///< What it sees.
  std::uint32_t thread = 0;          ///< The operating system's number of the thread that began it.
  std::chrono::milliseconds age{};   ///< At least Options::old_snapshot.
  std::uint64_t versions_bytes = 0;  ///< Memory that superseded versions take, for all snapshots.
};

struct SnapshotGivenUpEvent {
  std::uint64_t txn = 0;            ///< What it saw.
  std::uint64_t behind = 0;         ///< Transactions committed since.
  std::uint32_t thread = 0;         ///< The operating system's number of the thread that began it.
  std::chrono::milliseconds age{};  ///< How long it was open, to about a second.
};

/// Derive from it, override what is of interest, and set Options::events. Calls come from whichever
/// thread the thing happened on, several at once, and often under locks of the database: they must
/// be short and must not call the database, nor wait for a thread that does. For more than counting
/// and logging, hand over to a thread of your own.
class HOLDFAST_EXPORT EventListener {
 public:
  virtual ~EventListener();

  /// open() found a log and has replayed it. Before open() returns.
  virtual void on_recovery(const RecoveryReport& report) noexcept;
  /// A checkpoint is done, or has failed.
  virtual void on_checkpoint(const CheckpointEvent& event) noexcept;
  /// A sync of the log took long: commits waited.
  virtual void on_slow_sync(const SlowSyncEvent& event) noexcept;
  /// The oldest snapshot has been open for long: the versions it sees take memory, and pages freed
  /// since stay unused. Once for each such snapshot, by background work.
  virtual void on_old_snapshot(const OldSnapshotEvent& event) noexcept;
  /// There was no more room to note the versions that snapshots see, and the oldest was given up
  /// (Options::old_snapshots): its transaction gets kSnapshotTooOld from now on.
  virtual void on_snapshot_given_up(const SnapshotGivenUpEvent& event) noexcept;
  /// A page read from the file isn't what was written, each time it is read. The error names file,
  /// offset and page.
  virtual void on_damage(const Error& error) noexcept;
  /// Writing failed, and the database is frozen at its last durable transaction.
  virtual void on_poisoned(const Error& error) noexcept;
};

}  // namespace holdfast
