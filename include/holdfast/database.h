// A database: one file at rest, that file and its log while it is open.
//
//   auto db = holdfast::Database::open("fruit.db").value();
//   auto writer = db.begin_write().value();
//   writer.put("apple", "red").value();
//   writer.commit().value();
//   auto reader = db.begin_read().value();
//   auto cursor = reader.cursor().value();
//   for (bool on = cursor.first().value(); on; on = cursor.next().value())
//     std::cout << cursor.key() << '=' << cursor.value().value() << '\n';
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/backup.h"
#include "holdfast/compact.h"
#include "holdfast/error.h"
#include "holdfast/export.h"
#include "holdfast/kept_checkpoint.h"
#include "holdfast/options.h"
#include "holdfast/progress.h"
#include "holdfast/recovery_report.h"
#include "holdfast/server.h"
#include "holdfast/stats.h"
#include "holdfast/transaction.h"
#include "holdfast/verify.h"

namespace holdfast {

struct ReadOptions {
  /// See at least this commit, durable or not. 0: the newest durable state, or this handle's own
  /// last commit if that is newer.
  CommitToken at_least = 0;
};

/// Any thread may call any member at any time, but for close() and the destructor, which must come
/// after all transactions and cursors have ended. After close() calls answer kInvalidArgument. One
/// that was moved from may be assigned to and destroyed, nothing else; so may transactions and
/// cursors. Every call may also answer kOutOfMemory.
class HOLDFAST_EXPORT Database {
 public:
  /// Opens, recovers and locks. Errors: kNotFound, kBusy (names the holder), kNotADatabase,
  /// kUnsupportedFormat, kDamaged, kPermission, kIo, kDiskFull, kOutOfMemory, kInvalidArgument.
  [[nodiscard]] static Result<Database> open(const std::string& path, const Options& options = {});

  Database(Database&& other) noexcept;
  Database& operator=(Database&& other) noexcept;
  ~Database();  ///< close(), its error ignored.

  /// Never waits. Errors: kInvalidArgument (a token that was never given out), kLimitExceeded (more
  /// transactions at once than docs/LIMITS.md allows), kPoisoned (what it was asked to see was
  /// never made durable).
  [[nodiscard]] Result<ReadTransaction> begin_read(const ReadOptions& options = {});
  /// Waits for its turn up to Options::write_timeout, first come first served. Errors: kTimedOut,
  /// kReadOnly, kLimitExceeded, kPoisoned. A thread that has a write transaction open waits for
  /// itself.
  [[nodiscard]] Result<WriteTransaction> begin_write();
  [[nodiscard]] Result<WriteTransaction> begin_write(std::chrono::milliseconds timeout);

  /// One read, or one transaction as durable as Options::durability says, for programs that need no
  /// more. Errors: those of begin_read() or begin_write(), of the call itself, and of commit().
  [[nodiscard]] Result<std::optional<std::string>> get(std::string_view key);
  [[nodiscard]] Result<void> put(std::string_view key, std::string_view value);
  [[nodiscard]] Result<bool> erase(std::string_view key);

  /// Makes a batch's changes as one transaction, all or none. Batches that several threads write at
  /// once are put together: one transaction, and one sync, for all of them. Waits for the writer's
  /// turn up to Options::write_timeout, also where this thread has it. Errors: those of
  /// begin_write(), of the changes, of commit(); one batch's error is not another's.
  [[nodiscard]] Result<CommitToken> write(const WriteBatch& batch);
  [[nodiscard]] Result<CommitToken> write(const WriteBatch& batch, Durability durability);

  /// Returns when this commit is durable; at once if it is. Errors: kInvalidArgument (no such
  /// commit), kPoisoned: then it may or may not be there when the database is opened again.
  [[nodiscard]] Result<void> wait_durable(CommitToken token);
  /// Makes everything committed so far durable. kPoisoned as above.
  [[nodiscard]] Result<void> sync();
  /// Brings everything durable into the tree file and lets go of the log behind it. Others read and
  /// write meanwhile. Errors: kReadOnly, kDiskFull, kIo, kDamaged, kLimitExceeded: nothing is lost
  /// by these, the log stays and a later one tries again; kPoisoned.
  [[nodiscard]] Result<void> checkpoint();
  /// With Background::kHost: does one bounded step of background work; false when there was none.
  /// Errors: those of checkpoint() and sync(); kInvalidArgument where a thread does this work.
  [[nodiscard]] Result<bool> run_background();

  /// Frees what dropped trees and erased ranges left, to the end, in transactions of some hundred
  /// pages between which others write: background work does the same when it has time. Answers the
  /// pages it freed. What was cut off after the oldest open snapshot began stays for later.
  /// Errors: as commit(), and kCancelled; what was freed stays freed.
  [[nodiscard]] Result<std::uint64_t> reclaim(const ProgressFunction& progress = {});

  /// Makes the file as small as its contents, to a few per cent, while others read and write: pages
  /// at its end are moved down, checkpoint by checkpoint, then it is cut; what was dropped, or
  /// erased as a range, is freed first. By itself the file shrinks once it is twice as large as
  /// what is in use, and at close. What is in the way is no error but told in the report. Errors:
  /// kReadOnly, kBusy (another thread does the same), kCancelled, those of checkpoint(); what was
  /// moved stays moved.
  [[nodiscard]] Result<CompactReport> compact(const CompactOptions& options = {});

  /// Takes a checkpoint and keeps it: its pages stay in the file as they are, whatever is written
  /// later, over closings and crashes, until it is released. At most 8 at a time; the space they
  /// alone need is Stats::kept_bytes, and the file doesn't shrink below it. Errors: those of
  /// checkpoint(); kLimitExceeded (8 are kept, or a bit per slot has no room in cache_bytes).
  [[nodiscard]] Result<KeptCheckpoint> keep_checkpoint();
  /// Errors: kNotFound, kBusy (it is being read), kReadOnly, kPoisoned. One whose pages are damaged
  /// can be released like any other.
  [[nodiscard]] Result<void> release_checkpoint(std::uint64_t id);
  /// Those that are kept, the oldest first. Errors: none but kInvalidArgument after close().
  [[nodiscard]] Result<std::vector<KeptCheckpoint>> kept_checkpoints() const;

  /// Copies a state of the database to a new file, which opens as it is, while others read and
  /// write: each page is verified as it is copied, and what is damaged is damaged there too and
  /// told in the report. The file appears, whole and durable, at the end; an error or a crash
  /// leaves none of that name. Nobody may read it who may not read the original. Opened read-only
  /// this needs a database that was closed, or a kept checkpoint. Errors: kAlreadyExists,
  /// kDiskFull, kIo, kPermission, kCancelled; kNotFound (the folder, or no such checkpoint is
  /// kept); kDamaged (the upper pages of the page map, or a log lies where that of the copy would);
  /// those of keep_checkpoint() but for the number of them. With BackupOptions::since the file is a
  /// stream, an increment; kInvalidArgument where that isn't the older one.
  [[nodiscard]] Result<BackupReport> backup(const std::string& path,
                                            const BackupOptions& options = {});
  /// The same as a stream (docs/FORMAT.md) for restore(), strictly forwards, a piece of some 256
  /// KiB at a time. What the sink got before an error has no end, and nothing is restored from it.
  /// Errors: as above, but for those of the file; the sink's own.
  [[nodiscard]] Result<BackupReport> backup(const BackupSink& sink,
                                            const BackupOptions& options = {});

  /// Makes the database file `path` from a backup, a file or a stream, and the increments on it, in
  /// the order in which they were made. Everything is verified before the file appears, whole and
  /// durable; an error or a crash leaves none of that name. Pages that were damaged when they were
  /// backed up are damaged in it, and in the report. Errors: kInvalidArgument (parts that don't
  /// follow each other, with what is there and what is needed), kDamaged (a part isn't what was
  /// written, with the place), kNotADatabase, kUnsupportedFormat, kBusy (somebody writes to a
  /// part), kAlreadyExists, kNotFound, kDiskFull, kIo, kPermission, kCancelled; a source's own.
  [[nodiscard]] static Result<BackupReport> restore(const std::vector<BackupPart>& parts,
                                                    const std::string& path,
                                                    const RestoreOptions& options = {});

  /// Checks everything, on a snapshot, while others read and write. Damage is a finding of the
  /// report; errors are what keeps it from checking: kIo, kPoisoned, kLimitExceeded, kCancelled.
  [[nodiscard]] Result<VerifyReport> verify(const VerifyOptions& options = {});
  [[nodiscard]] Stats stats() const noexcept;
  [[nodiscard]] const RecoveryReport& recovery() const noexcept;
  [[nodiscard]] const std::string& path() const noexcept;

  /// Lets other processes read the database while it is open here, through a socket beside its
  /// file: `holdfast` stat, trees, check, get, scan, dump, backup and kept do. See server.h.
  /// Errors: kReadOnly (opened read-only others can open it themselves), kAlreadyExists (it is
  /// served already, or the socket's name is taken), kPermission, kIo, kOutOfMemory;
  /// kInvalidArgument (an option, or a database that Options::environment keeps elsewhere).
  [[nodiscard]] Result<Server> serve(const ServerOptions& options = {});

  /// Ends serving, folds the log into the file and unlocks it. kInvalidArgument while transactions
  /// are open (then nothing else happened). After an error the next opening recovers; nothing
  /// acknowledged is lost.
  [[nodiscard]] Result<void> close();

 private:
  explicit Database(std::unique_ptr<DatabaseImpl> impl);
  std::unique_ptr<DatabaseImpl> impl_;
};

/// Of the library linked in: "0.1.0".
HOLDFAST_EXPORT const char* version() noexcept;

}  // namespace holdfast
