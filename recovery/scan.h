// Recovery's first pass: where the log ends, and whether it may end there.
//
// Reads only. Walks committed groups from where the meta says, looking at each end of a group for a
// higher epoch's claim first and for the next batch second (README.md, R1 to R8; the decisions are
// the rows of decide.h). Memory: one batch and a fixed buffer, whatever the log's size.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "holdfast/recovery_report.h"
#include "recovery/log_files.h"
#include "wal/format.h"
#include "wal/log_writer.h"

namespace holdfast {

// What the chosen meta says of the log.
struct LogStart {
  SegmentRef segment;  // In which reading starts,
  LogPosition at;      // here.
  EpochNumber newest_epoch{};
  SegmentRef newest_epoch_segment;  // Its first segment; was there before any commit of that epoch.
};

// A stretch of the log that lies in one file, in reading order.
struct LogStretch {
  std::uint32_t file = 0;  // Index into LogFiles::sound().
  LogPosition from;
  Lsn end{};  // Reading leaves the file here.
};

// Bytes from storage that aren't what was written, and how we know.
struct LogDamage {
  ErrorPlace place;      // The first bad place: file, offset, txn.
  std::string reason;    // One sentence.
  std::string evidence;  // What proves that more was durable; may be empty.
  std::uint64_t last_good_wall_us = 0;
  std::uint64_t last_lost_wall_us = 0;  // 0: unknown
};

struct LogOutcome {
  LogPosition end;  // Of the last committed group: a new epoch continues here.
  SegmentRef end_segment;
  LogEnd log_end = LogEnd::kClean;
  EpochNumber highest_epoch_seen{};    // A new epoch is larger than this and the meta's.
  std::vector<LogStretch> stretches;   // What redo_log() follows.
  std::vector<OldSegment> segments;    // Every segment file found: for LogWriter::adopt().
  std::vector<std::string> leftovers;  // Files that never became segments; removing them is safe.
  Slot highest_placed_slot = kNoSlot;  // Slots up to this are taken even if no map names them.
  PageId highest_page = kNoPage;       // The largest page id the log speaks of.
  std::uint64_t groups = 0;            // Committed groups to redo.
  std::uint64_t largest_group_bytes = 0;
  std::optional<LogDamage> damage;  // With LogEnd::kDamaged.
  // For the report:
  std::uint64_t log_bytes_read = 0, bytes_dropped = 0, batches_dropped = 0;
  std::uint64_t segments_read = 0, segments_ignored = 0, segments_foreign = 0;
  TxnNumber first_lost{}, last_lost{};
  std::vector<std::string> notes;

  // The damage as an error for a caller that refuses.
  [[nodiscard]] Error damage_error() const;
  // Copies the fields that the log knows into the report.
  void fill(RecoveryReport& report) const;
};

// kDamaged: a segment that the meta names isn't there. Every other finding is in the outcome,
// damage too. A read error is that error, never "the end".
Result<LogOutcome> scan_log(const LogFiles& files, const LogStart& start);

}  // namespace holdfast
