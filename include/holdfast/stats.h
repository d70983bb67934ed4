// Counters of an open database; reading them is cheap and disturbs nobody.
#pragma once

#include <cstdint>

namespace holdfast {

struct Stats {
  // The database.
  std::uint32_t page_size = 0;       ///< Bytes.
  std::uint64_t newest_txn = 0;      ///< Last committed transaction.
  std::uint64_t durable_txn = 0;     ///< Last transaction that a power loss can't undo.
  std::uint64_t checkpoint_txn = 0;  ///< Last transaction in the tree file.
  std::uint64_t pages = 0;           ///< Pages in use by trees.

  // Operations since opening.
  std::uint64_t commits = 0;
  std::uint64_t aborts = 0;
  std::uint64_t log_syncs = 0;
  std::uint64_t log_bytes = 0;  ///< Written to the log.
  std::uint64_t checkpoints = 0;
  std::uint64_t pages_written = 0;  ///< Written to the tree file, map pages included.
  std::uint64_t pages_read = 0;     ///< Read from the tree file.
  std::uint64_t pages_evicted = 0;

  // Memory, bytes.
  std::uint64_t cache_budget_bytes = 0;
  std::uint64_t cache_frame_bytes = 0;    ///< Frames that hold a page now.
  std::uint64_t cache_dirty_bytes = 0;    ///< Of those, not yet in the tree file.
  std::uint64_t cache_version_bytes = 0;  ///< Of those, superseded versions kept for readers.
  std::uint64_t table_bytes = 0;          ///< The in-memory page table.
  std::uint64_t log_buffer_bytes = 0;

  // Readers.
  std::uint32_t open_snapshots = 0;
  std::uint64_t oldest_snapshot_txn = 0;  ///< 0 when none is open.

  // Disk, bytes.
  std::uint64_t file_bytes = 0;
  std::uint64_t free_bytes = 0;      ///< In the tree file, reusable.
  std::uint64_t log_file_bytes = 0;  ///< All log files together.
};

}  // namespace holdfast
