// Room for what comes: allocation, zeros written ahead, the next segment.
#include <algorithm>
#include <array>

#include "engine/base/boundary.h"
#include "engine/base/checksum.h"
#include "engine/base/result.h"
#include "wal/log_writer.h"

namespace holdfast {
namespace {

constexpr std::uint64_t kStepBytes = std::uint64_t{1} << 20;
// At the end of every segment: the batch that says it continues.
constexpr std::uint64_t kContinuesRoom = kLogBlockBytes;

}  // namespace

void LogWriter::publish_space() {
  MutexLock queue(queue_mutex_);
  base_ = align_up(position_, kLogBlockBytes);
  limit_ = poison_ ? 0 : allocated_ - kContinuesRoom;
  end_lsn_ = lsn_at(segments_.back()->header.ref.start, position_);
}

Result<void> LogWriter::make_room(std::uint64_t room) {
  TRY(write_queue());
  const std::uint64_t end = align_up(position_, kLogBlockBytes) + room + kContinuesRoom;
  if (end > config_.segment_bytes && position_ > kSegmentBodyOffset) {
    TRY(roll_segment(room));
  } else {
    TRY(extend_to(end));
  }
  MutexLock queue(queue_mutex_);
  if (poison_) return std::unexpected(*poison_);
  reserved_ = room;
  return {};
}

Result<void> LogWriter::extend_to(std::uint64_t end) {
  if (end <= allocated_) return {};
  StorageFile& file = *segments_.back()->file;
  // Large steps make syncs cheap; when there is no room for one, what is needed must do.
  const std::uint64_t step = std::min(align_up(end, kStepBytes), config_.segment_bytes);
  std::uint64_t to = std::max(end, step);
  auto done = file.allocate(allocated_, to - allocated_);
  if (!done && done.error().code() == ErrorCode::kDiskFull && to > end) {
    to = end;
    done = file.allocate(allocated_, to - allocated_);
  }
  if (!done) return done;
  allocated_ = segments_.back()->bytes = to;
  publish_space();
  return {};
}

// An opening's first sync may pay for metadata; from the second on the next megabyte was written
// before anyone waits for it. Called with the queue written; only blocks past the end are touched.
Result<void> LogWriter::zero_ahead() {
  const std::uint64_t from = align_up(position_, kLogBlockBytes);
  if (sync_count_ == 0 || zeroed_ > from) return {};
  const std::uint64_t to = std::min(allocated_, from + kStepBytes);
  static constexpr std::size_t kPiece = std::size_t{64} << 10;
  static constinit const std::array<std::byte, kPiece> kZeros{};
  Segment& segment = *segments_.back();
  segment.unsynced = true;
  for (std::uint64_t at = from; at < to;) {
    const std::size_t length = std::min<std::uint64_t>(kPiece, to - at);
    if (auto done = segment.file->write(at, std::span(kZeros).first(length)); !done) {
      if (done.error().code() != ErrorCode::kDiskFull) return std::unexpected(poison(done.error()));
      break;  // A file system that copies on write; syncs are as they are.
    }
    at += length;
  }
  zeroed_ = to;
  return {};
}

// The successor gets its name first, then the batch that names it the successor is written: so a
// missing successor is damage (W6). Both files are synced, the old one first, before anything in
// the successor counts as durable.
Result<void> LogWriter::roll_segment(std::uint64_t extra_room) {
  try {
    return start_successor(extra_room);
  } catch (...) {
    return std::unexpected(poison(thrown_error()));  // The successor may have its name.
  }
}

Result<void> LogWriter::start_successor(std::uint64_t extra_room) {
  TxnNumber txn;
  std::uint64_t room;
  {
    MutexLock queue(queue_mutex_);
    limit_ = 0;  // Nothing more is promised in the old segment while we make the new one.
    room = queued_room_ + reserved_ + extra_room;
    txn = written_place_.end.txn;
    durable_known_ = durable_place_;
  }
  wall_us_ = config_.clock->wall_us();
  BatchHeader last = next_header(kContinues, txn);
  std::array<std::byte, kBatchHeaderBytes> bytes;
  last.payload_hash = hash64({});
  encode_batch_header(last, first_.salt, bytes.data());

  SegmentHeader header;
  header.uuid = config_.uuid;
  header.ref = {first_.epoch, first_.salt, last.lsn + kBatchHeaderBytes};
  header.chain = last.check;
  header.txn = txn;
  header.durable_lsn = durable_known_.end.lsn;
  header.durable_txn = durable_known_.end.txn;
  header.wall_us = wall_us_;
  const std::uint64_t need = kSegmentBodyOffset + room + kContinuesRoom;
  auto made = create_segment(*config_.storage, config_.base_path, header, next_number_,
                             std::max(kFirstAllocation, need));
  if (!made) {
    if (made.error().code() != ErrorCode::kDiskFull) return std::unexpected(poison(made.error()));
    publish_space();
    return std::unexpected(std::move(made).error());
  }
  Segment& old = *segments_.back();
  old.unsynced = true;
  if (auto done = old.file->write(position_, bytes); !done) {
    return std::unexpected(poison(done.error()));
  }
  old.end = header.ref.start;
  continue_in(std::move(*made), txn);
  return {};
}

void LogWriter::continue_in(std::unique_ptr<Segment> successor, TxnNumber txn) {
  position_ = kSegmentBodyOffset;
  zeroed_ = 0;
  allocated_ = successor->bytes;
  chain_ = successor->header.chain;
  segments_.push_back(std::move(successor));
  publish_space();
  MutexLock queue(queue_mutex_);
  // The same group ends here too: reading may go on in the new segment.
  written_place_ = place_here(txn);
}

Result<void> LogWriter::roll(bool short_of_room) {
  if (auto error = poisoned()) return std::unexpected(*error);
  {
    MutexLock io(io_mutex_);
    const std::uint64_t quarter = config_.segment_bytes / 4;
    if (position_ <= (short_of_room ? std::min(quarter, 2 * kFirstAllocation) : quarter)) return {};
    TRY(write_queue());
    TRY(roll_segment(0));
  }
  return sync_alone(false);
}

}  // namespace holdfast
