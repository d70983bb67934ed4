#include "recovery/scan.h"

#include <algorithm>
#include <utility>

#include "engine/base/limits.h"
#include "engine/base/result.h"
#include "engine/storage/place.h"
#include "recovery/decide.h"
#include "recovery/evidence.h"
#include "wal/record.h"

namespace holdfast {
namespace {

// One walk over the log. `here_` is the next batch's place, `out_.end` the last committed group's
// end; between them lie marks, and batches whose commit hasn't been met (`pending_`).
class Scan {
 public:
  Scan(const LogFiles& files, const LogStart& start) : files_(files), start_(start) {}

  Result<LogOutcome> run() {
    TRY(begin());
    while (true) {
      const Ahead stopped = TRY(step());
      if (!walking_) {
        TRY(finish(stopped));
        return std::move(out_);
      }
    }
  }

 private:
  // What the batches of a group that isn't committed yet say and take.
  struct Pending {
    std::uint64_t batches = 0;
    std::uint64_t bytes = 0;
    std::uint64_t offset = 0;  // Of the first, in the file that is being read when it is met.
    TxnNumber txn{};
    Slot highest_slot = kNoSlot;
    PageId highest_page = kNoPage;
  };

  Result<void> begin();
  Result<Ahead> step();
  [[nodiscard]] bool is_behind_torn_gap(const LogItem& item) const;
  Ahead take(const LogItem& item);
  bool note_records(std::span<const std::byte> payload);
  void commit(const LogItem& item);
  void note_bad_padding(const LogItem& item);
  void end_here();
  void enter(std::size_t file, const LogPosition& at);
  [[nodiscard]] int best_claim() const;
  [[nodiscard]] int successor_of(const LogItem& item) const;
  Result<void> finish(Ahead stopped);
  void report_damage(const EndRow& row, const Evidence& evidence);
  void list_segments_found();
  [[nodiscard]] const FoundSegment& current() const { return files_.sound()[file_]; }

  const LogFiles& files_;
  const LogStart& start_;
  LogOutcome out_;
  bool walking_ = true;
  std::size_t file_ = 0;
  std::optional<SegmentReader> reader_;
  std::vector<bool> read_;  // Which files lie on the way.
  LogPosition here_;
  Pending pending_;
  std::uint64_t stopped_at_ = 0;  // File offset of the place where the walk stopped.
  std::uint64_t last_wall_us_ = 0;
};

Result<void> Scan::begin() {
  StartFacts facts;
  const int named = files_.find(start_.segment);
  facts.named_present = named >= 0;
  facts.epoch_is_newest = start_.segment.epoch == start_.newest_epoch;
  facts.newest_present = files_.find(start_.newest_epoch_segment) >= 0;
  if (const StartRow& row = decide(facts); !row.may_read) {
    const SegmentRef& missing = facts.named_present ? start_.newest_epoch_segment : start_.segment;
    return fail(ErrorCode::kDamaged,
                "the database was not closed, and its log is not beside it: the file of epoch " +
                    std::to_string(raw(missing.epoch)) + " that starts at " +
                    std::to_string(raw(missing.start)) +
                    " is missing; bring all files back that lay beside the database [" + row.label +
                    "]",
                place_in(files_.base_path()));
  }
  const std::size_t first = static_cast<std::size_t>(named);
  const std::string& path = files_.sound()[first].path;
  if (start_.at.lsn < start_.segment.start || (start_.at.lsn - start_.segment.start) % 8 != 0) {
    return fail(ErrorCode::kDamaged, "the database names a place in its log that can't be",
                place_in(path));
  }
  // Everything before that place was durable when the database named it.
  if (file_offset(start_.segment.start, start_.at.lsn) > files_.sound()[first].bytes) {
    return fail(ErrorCode::kDamaged,
                "the log ends before the place in it that the database names: the file has been "
                "cut short",
                place_in(path, files_.sound()[first].bytes));
  }
  read_.assign(files_.sound().size(), false);
  out_.highest_epoch_seen = std::max(files_.highest_epoch(), start_.newest_epoch);
  enter(first, start_.at);
  end_here();
  return {};
}

void Scan::enter(std::size_t file, const LogPosition& at) {
  if (reader_) {
    out_.stretches.back().end = here_.lsn;
    out_.log_bytes_read += reader_->bytes_read();
  }
  file_ = file;
  here_ = at;
  read_[file] = true;
  out_.stretches.push_back({static_cast<std::uint32_t>(file), at, at.lsn});
  reader_.emplace(current(), files_.past_cache());
}

// Everything before here is committed.
void Scan::end_here() {
  out_.end = here_;
  out_.end_segment = current().header.ref;
}

int Scan::best_claim() const {
  int best = -1;
  EpochNumber highest = current().header.ref.epoch;
  for (std::size_t i = 0; i < files_.sound().size(); ++i) {
    const SegmentHeader& header = files_.sound()[i].header;
    if (!header.first_of_epoch() || header.ref.start != here_.lsn || header.chain != here_.chain ||
        header.ref.epoch <= highest) {
      continue;
    }
    highest = header.ref.epoch;
    best = static_cast<int>(i);
  }
  return best;
}

int Scan::successor_of(const LogItem& item) const {
  SegmentRef wanted = current().header.ref;
  wanted.start = item.next;
  const int found = files_.find(wanted);
  if (found < 0) return -1;
  const SegmentHeader& header = files_.sound()[static_cast<std::size_t>(found)].header;
  return !header.first_of_epoch() && header.chain == item.header.check ? found : -1;
}

Result<Ahead> Scan::step() {
  StepFacts facts;
  facts.committed = pending_.batches == 0;
  const int claim = facts.committed ? best_claim() : -1;
  facts.claim = claim >= 0;
  LogItem item;
  if (!facts.claim) {  // What lies ahead doesn't matter to a claim (S1), and may be unreadable.
    item = TRY(reader_->read(here_.lsn, here_.chain));
    if (is_behind_torn_gap(item)) {
      item = {};
      item.ahead = Ahead::kJunk;
      item.offset = file_offset(current().header.ref.start, here_.lsn);
    }
    if (item.ahead == Ahead::kBatch) item.ahead = take(item);
  }
  facts.ahead = item.ahead;
  const int successor = item.ahead == Ahead::kContinues ? successor_of(item) : -1;
  facts.successor = successor >= 0;
  const Step step = decide(facts).step;
  if (item.bad_padding && step != Step::kStop) note_bad_padding(item);
  switch (step) {
    case Step::kFollowClaim:
      enter(static_cast<std::size_t>(claim), here_);
      end_here();
      break;
    case Step::kTakeBatch:
      here_ = {item.next, item.header.check, here_.txn};
      if ((item.header.flags & kCommit) != 0) commit(item);
      break;
    case Step::kGoToSuccessor:
      here_ = {item.next, item.header.check, here_.txn};
      enter(static_cast<std::size_t>(successor), here_);
      // The group before ends here too: nothing lies between.
      if (facts.committed) end_here();
      break;
    case Step::kStop:
      walking_ = false;
      stopped_at_ = item.offset;
      break;
  }
  return item.ahead;
}

// While a sync that has sealed a block is under way, batches go to the next one. A power failure
// then may take the end of the sealed block and leave what lies behind it: a batch that follows
// none we have, and no damage unless something vouches for more. Where reading starts the block was
// sealed by a sync that succeeded: there the next block has the next batch or none.
bool Scan::is_behind_torn_gap(const LogItem& item) const {
  return item.ahead == Ahead::kForeign && item.header.chain != here_.chain &&
         here_.lsn != start_.at.lsn &&
         item.offset != file_offset(current().header.ref.start, here_.lsn);
}

// Whether a sound batch belongs to the group that is being read or starts the next.
Ahead Scan::take(const LogItem& item) {
  if ((item.header.flags & kMark) != 0) return Ahead::kBatch;
  const bool follows =
      pending_.batches == 0 ? item.header.txn > out_.end.txn : item.header.txn == pending_.txn;
  if (!follows || raw(item.header.txn) >= kNumberEnd || !note_records(item.payload))
    return Ahead::kForeign;
  if (pending_.batches == 0) pending_.offset = item.offset;
  ++pending_.batches;
  pending_.bytes += batch_bytes(item.payload.size());
  pending_.txn = item.header.txn;
  return Ahead::kBatch;
}

bool Scan::note_records(std::span<const std::byte> payload) {
  RecordReader records(payload);
  while (!records.at_end()) {
    const auto record = records.next();
    if (!record) return false;
    std::uint64_t end = std::uint64_t{raw(record->page)} + 1;
    if (record->kind == RecordKind::kFree) end += record->count - std::uint64_t{1};
    if (record->page == kNoPage || end <= raw(record->page) || end > kPageIdEnd) return false;
    const PageId highest{static_cast<std::uint32_t>(end - 1)};
    pending_.highest_page = std::max(pending_.highest_page, highest);
    pending_.highest_slot = std::max(pending_.highest_slot, record->slot);
  }
  return true;
}

// The chain shows that nothing is missing; still, someone's storage changed bytes.
void Scan::note_bad_padding(const LogItem& item) {
  out_.notes.push_back("the bytes of " + current().path + " from offset " +
                       std::to_string(file_offset(current().header.ref.start, here_.lsn)) + " to " +
                       std::to_string(item.offset) +
                       " should be zero and aren't; nothing is missing there");
}

void Scan::commit(const LogItem& item) {
  here_.txn = pending_.txn;
  end_here();
  last_wall_us_ = item.header.wall_us;
  ++out_.groups;
  out_.largest_group_bytes = std::max(out_.largest_group_bytes, pending_.bytes);
  out_.highest_placed_slot = std::max(out_.highest_placed_slot, pending_.highest_slot);
  out_.highest_page = std::max(out_.highest_page, pending_.highest_page);
  pending_ = {};
}

Result<void> Scan::finish(Ahead stopped) {
  out_.stretches.back().end = out_.end.lsn;
  const Evidence evidence = TRY(gather_evidence(files_, file_, stopped_at_, read_));
  EndFacts facts;
  facts.ahead = stopped;
  facts.pending = pending_.batches != 0;
  facts.vouched = evidence.durable_lsn > out_.end.lsn;
  facts.bad_segment = !files_.bad().empty();
  const EndRow& row = decide(facts);
  out_.log_end = row.end;
  out_.batches_dropped = pending_.batches;
  const std::uint64_t dropped_from = facts.pending ? pending_.offset : stopped_at_;
  out_.bytes_dropped = TRY(reader_->end_of_bytes(dropped_from)) - dropped_from;
  out_.log_bytes_read += reader_->bytes_read() + evidence.bytes_read;
  if (row.end == LogEnd::kDamaged) report_damage(row, evidence);
  list_segments_found();
  return {};
}

void Scan::report_damage(const EndRow& row, const Evidence& evidence) {
  LogDamage damage;
  damage.reason = std::string(row.reason) + " [" + row.label + "]";
  damage.place = place_in(current().path, stopped_at_);
  damage.place.txn = raw(next(out_.end.txn));
  if (std::string_view(row.label) == "E4") damage.place = place_in(files_.bad().front());
  damage.last_good_wall_us = last_wall_us_;
  out_.first_lost = next(out_.end.txn);
  out_.last_lost = out_.first_lost;
  if (evidence.durable_lsn > out_.end.lsn) {
    out_.last_lost = std::max(out_.first_lost, evidence.durable_txn);
    damage.last_lost_wall_us = evidence.wall_us;
    damage.evidence = "transaction " + std::to_string(raw(evidence.durable_txn)) +
                      " was durable, says " + evidence.file + " at offset " +
                      std::to_string(evidence.offset);
  }
  out_.damage = std::move(damage);
}

void Scan::list_segments_found() {
  const auto& sound = files_.sound();
  for (std::size_t i = 0; i < sound.size(); ++i) {
    OldSegment segment{sound[i].path, sound[i].header.ref, Lsn{0}, sound[i].bytes};
    for (const LogStretch& stretch : out_.stretches) {
      if (stretch.file == i) segment.end = stretch.end;
    }
    if (!read_[i]) ++out_.segments_ignored;
    out_.segments.push_back(std::move(segment));
  }
  out_.segments_read = sound.size() - out_.segments_ignored;
  out_.segments_foreign = files_.foreign();
  out_.leftovers = files_.leftovers();
  if (files_.foreign() != 0) {
    out_.notes.push_back(std::to_string(files_.foreign()) +
                         " files named like this database's log belong to something else");
  }
  for (const std::string& path : files_.bad()) {
    out_.notes.push_back(path + " is cut short, or both its headers are bad");
  }
  for (const FoundSegment& segment : sound) {
    if (segment.bad_copies == 0) continue;
    out_.notes.push_back("one of the two headers of " + segment.path + " is bad; the other served");
  }
}

}  // namespace

Result<LogOutcome> scan_log(const LogFiles& files, const LogStart& start) {
  return Scan(files, start).run();
}

}  // namespace holdfast
