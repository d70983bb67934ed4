// How to open a database. Every default is safe; most programs set nothing.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

namespace holdfast {

/// What a commit has survived by the time it returns.
enum class Durability : std::uint8_t {
  kSync,  ///< Power loss: the log was synced. The default.
  kOs,    ///< Death of the process: the operating system has it. Synced within the lazy interval.
  kLazy,  ///< Nothing yet: it reaches the disk within the lazy interval.
};

enum class OpenMode : std::uint8_t {
  kReadWrite,  ///< Opens an existing database for reading and writing.
  kCreate,     ///< The same, and creates the file where none is. The default.
  kCreateNew,  ///< Creates; an existing file is kAlreadyExists.
  kReadOnly,   ///< Shared lock, writes nothing; a log that is there is replayed in memory.
};

enum class Background : std::uint8_t {
  kThread,  ///< One thread per open database runs checkpoints and lazy syncs. The default.
  kHost,    ///< No thread: the program calls Database::run_background().
};

/// When there is no more room to note the versions that open snapshots see.
enum class OldSnapshots : std::uint8_t {
  kGiveUp,  ///< The oldest is given up: its transaction gets kSnapshotTooOld. The default.
  kKeep,    ///< Writers are refused with kLimitExceeded until snapshots end.
};

class EventListener;  // events.h
struct Environment;   // Storage, time and randomness; see engine/base/environment.h.

struct Options {
  OpenMode mode = OpenMode::kCreate;

  /// Memory for everything the database keeps: pages, their versions, tables, log buffers. Bytes,
  /// at least kMinCacheBytes (docs/LIMITS.md). What it has no room for waits in free places of the
  /// file. A transaction that changes more pages than can be noted, some forty times the budget,
  /// fails with kLimitExceeded.
  std::size_t cache_bytes = std::size_t{64} << 20;

  /// Bytes per page, fixed when the database is created: 4096, 8192, 16384 or 32768.
  /// Ignored when the file exists.
  std::uint32_t page_size = 8192;

  /// What commit() waits for unless it is told otherwise.
  Durability durability = Durability::kSync;

  /// Within this time kOs and kLazy commits reach the disk. Needs Background::kThread, or a host
  /// that calls run_background() at least that often.
  std::chrono::milliseconds lazy_interval{200};

  /// How long begin_write() waits for its turn before kTimedOut.
  std::chrono::milliseconds write_timeout{5000};

  /// A checkpoint starts when this much log has been written since the last one. Bytes. Bounds the
  /// time to open after a crash.
  std::uint64_t checkpoint_log_bytes = std::uint64_t{64} << 20;

  /// Size of one log file. Bytes, 64 KiB to 1 GiB.
  std::uint64_t log_segment_bytes = std::uint64_t{64} << 20;

  Background background = Background::kThread;

  /// Who gives way when memory is full of versions that a long reader needs: about one for each
  /// page changed since it began, 56 bytes each and their part of the page table (docs/LIMITS.md).
  OldSnapshots old_snapshots = OldSnapshots::kGiveUp;

  /// With kReadOnly only: open a database whose log is damaged at its last good transaction. What
  /// is missing stands in the recovery report.
  bool accept_damaged_log = false;

  /// Told what happens inside. Must outlive the database. nullptr: nobody.
  EventListener* events = nullptr;
  /// A sync of the log that takes this long is told as EventListener::on_slow_sync().
  std::chrono::milliseconds slow_sync{1000};
  /// A snapshot that has been open for this long is told as EventListener::on_old_snapshot().
  std::chrono::milliseconds old_snapshot{60'000};

  /// Memory to use for page frames in place of our own allocation; must outlive the database and be
  /// aligned to 4096. Counts as part of cache_bytes and may be smaller. For harnesses that open
  /// thousands of databases a second.
  std::span<std::byte> arena{};

  /// Storage, clock and randomness to use in place of the operating system's. Must outlive the
  /// database. nullptr: the real ones.
  Environment* environment = nullptr;
};

}  // namespace holdfast
