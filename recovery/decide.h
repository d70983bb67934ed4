// Every decision of recovery about the log: three exhaustive tables of labelled rows.
//
// Pure: facts in, one row out. For every combination of facts exactly one row matches; a test goes
// through them all, and each row has a test of its own with real files (tests/recovery).
#pragma once

#include <cstdint>
#include <span>

#include "holdfast/recovery_report.h"
#include "wal/log_reader.h"

namespace holdfast {

// A condition of a row: the fact must be so, must not be so, or doesn't matter.
enum class When : std::uint8_t { kNo, kYes, kAny };

// Before reading: may the log be read at all?
struct StartFacts {
  bool named_present = false;    // The segment that the meta names lies beside the file.
  bool epoch_is_newest = false;  // It is of the newest epoch that the meta knows.
  bool newest_present = false;   // The newest epoch's first segment lies beside the file.
};
struct StartRow {
  const char* label;
  When named_present, epoch_is_newest, newest_present;
  bool may_read;
};

// At each place: where does the log go on?
struct StepFacts {
  bool committed = false;  // No batch without its commit lies before this place.
  bool claim = false;      // The first segment of a higher epoch says that it continues here.
  Ahead ahead = Ahead::kNothing;
  bool successor = false;  // With kContinues: the segment that goes on is there, and chains.
};
enum class Step : std::uint8_t { kFollowClaim, kTakeBatch, kGoToSuccessor, kStop };
struct StepRow {
  const char* label;
  When committed, claim;
  unsigned ahead;  // Set of 1 << Ahead.
  When successor;
  Step step;
};

// Where it stops: may it end here?
struct EndFacts {
  Ahead ahead = Ahead::kNothing;  // kContinues: without its successor. Never kBatch.
  bool pending = false;           // Whole batches without their commit lie before this place.
  bool vouched = false;           // Something says that more than we have read was durable.
  bool bad_segment = false;       // A segment is cut short or has two bad headers.
};
struct EndRow {
  const char* label;
  unsigned ahead;
  When pending, vouched, bad_segment;
  LogEnd end;
  const char* reason;  // For people; empty where nothing is wrong.
};

std::span<const StartRow> start_rows();
std::span<const StepRow> step_rows();
std::span<const EndRow> end_rows();

bool matches(const StartRow& row, const StartFacts& facts);
bool matches(const StepRow& row, const StepFacts& facts);
bool matches(const EndRow& row, const EndFacts& facts);

const StartRow& decide(const StartFacts& facts);
const StepRow& decide(const StepFacts& facts);
const EndRow& decide(const EndFacts& facts);

}  // namespace holdfast
