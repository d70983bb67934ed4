// Counters of an open database; reading them is cheap and disturbs nobody.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace holdfast {

/// How many times took how long, by powers of two.
struct LatencyHistogram {
  /// counts[0]: below 2 microseconds; counts[i]: from 2^i to below 2^(i+1) microseconds; the last
  /// has all that took longer, too.
  std::array<std::uint64_t, 24> counts{};

  [[nodiscard]] static constexpr std::size_t index_of(std::uint64_t micros) noexcept {
    const std::size_t index = micros < 2 ? 0 : std::bit_width(micros) - 1U;
    return index < 24 ? index : 23;
  }
  [[nodiscard]] constexpr std::uint64_t total() const noexcept {
    std::uint64_t sum = 0;
    for (const std::uint64_t count : counts) sum += count;
    return sum;
  }
  /// Microseconds that a share (0 to 1) of them stayed below, to a factor of two. 0: there are
  /// none.
  [[nodiscard]] constexpr std::uint64_t below(double share) const noexcept {
    const double wanted = share * static_cast<double>(total());
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      sum += counts[i];
      if (sum != 0 && static_cast<double>(sum) >= wanted) return std::uint64_t{2} << i;
    }
    return 0;
  }
};

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
  std::uint64_t log_bytes = 0;      ///< Written to the log.
  LatencyHistogram log_sync_times;  ///< Of log_syncs.
  std::uint64_t checkpoints = 0;
  std::uint64_t checkpoints_failed = 0;
  std::uint64_t last_checkpoint_us = 0;     ///< From its first step to the end, waits included.
  std::uint64_t longest_checkpoint_us = 0;  ///< Since opening.
  std::uint64_t pages_written = 0;          ///< Written to the tree file, map pages included.
  std::uint64_t pages_read = 0;             ///< Read from the tree file.
  std::uint64_t pages_evicted = 0;
  std::uint64_t pages_parked = 0;  ///< Versions that memory had no room for, noted in the file.

  // Memory, bytes.
  std::uint64_t cache_budget_bytes = 0;
  std::uint64_t cache_frame_bytes = 0;    ///< Frames that hold a page now.
  std::uint64_t cache_dirty_bytes = 0;    ///< Of those, not yet in the tree file.
  std::uint64_t cache_version_bytes = 0;  ///< Of those, superseded versions kept for readers.
  std::uint64_t table_bytes = 0;          ///< The in-memory page table.
  std::uint64_t parked_table_bytes = 0;   ///< Where parked versions lie.
  std::uint64_t transaction_bytes = 0;    ///< What the open write transaction notes of its pages.
  std::uint64_t log_buffer_bytes = 0;     ///< Redo that isn't written yet, and what writes it.
  std::uint64_t kept_table_bytes = 0;     ///< Which slots kept checkpoints need.
  std::uint64_t file_table_bytes = 0;     ///< Which slots are in use, and where the page map lies.
  /// All of these together: frames, tables, the transaction's notes, and the log's buffers.
  std::uint64_t memory_bytes = 0;

  // Readers.
  std::uint32_t open_snapshots = 0;
  std::uint64_t oldest_snapshot_txn = 0;  ///< 0 when none is open.
  /// How long it has been open, to about a second; with Background::kHost as of the last call of
  /// run_background().
  std::uint64_t oldest_snapshot_age_ms = 0;
  std::uint64_t snapshots_given_up = 0;      ///< Since opening; see Options::old_snapshots.
  std::uint32_t oldest_snapshot_thread = 0;  ///< The operating system's number of it.

  // Disk, bytes.
  std::uint64_t file_bytes = 0;
  std::uint64_t free_bytes = 0;  ///< In the tree file, reusable.
  std::uint64_t kept_bytes = 0;  ///< Of the tree file: only kept checkpoints need it.
  std::uint32_t kept_checkpoints = 0;
  std::uint64_t parked_bytes = 0;    ///< Of the tree file: versions parked there now.
  std::uint64_t log_file_bytes = 0;  ///< All log files together.
};

}  // namespace holdfast
