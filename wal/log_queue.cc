// The way of a group from append() to the operating system.
#include <algorithm>
#include <cstring>

#include "engine/base/boundary.h"
#include "engine/base/checksum.h"
#include "engine/base/result.h"
#include "engine/storage/place.h"
#include "wal/log_writer.h"

namespace holdfast {
namespace {

// A write of this size costs little more per byte than a larger one.

}  // namespace

Result<void> LogWriter::reserve(std::uint64_t payload_bytes, std::uint32_t batches) {
  const std::uint64_t room = group_room(payload_bytes, batches);
  if (next_.empty()) next_.emplace_back();
  {
    MutexLock queue(queue_mutex_);
    reserved_ = 0;
    reserved_bytes_ = payload_bytes + batches * kBatchHeaderBytes;
    if (base_ + queued_room_ + room <= limit_) {
      reserved_ = room;
      return {};
    }
    if (poison_) {
      return fail(
          ErrorCode::kPoisoned,
          "the log failed earlier, so nothing more can be committed; close the database and "
          "open it again: " +
              poison_->message(),
          poison_->place());
    }
  }
  MutexLock io(io_mutex_);
  return make_room(room);
}

void LogWriter::append(TxnNumber txn, std::vector<std::vector<std::byte>> batches) noexcept {
  MutexLock queue(queue_mutex_);
  next_.front() = {txn, std::move(batches), reserved_, reserved_bytes_};
  queue_.splice(queue_.end(), next_);
  queued_room_ += reserved_;
  queued_bytes_ += reserved_bytes_;
  reserved_ = reserved_bytes_ = 0;
  appended_ = txn;
  ++appended_groups_;
}

Result<void> LogWriter::write_through(TxnNumber txn) {
  if (written() >= txn) return {};
  MutexLock io(io_mutex_);
  if (written() >= txn) return {};  // Somebody else's write took ours along.
  return write_queue();
}

Result<void> LogWriter::write_queue() {
  TxnNumber watched;
  {
    MutexLock queue(queue_mutex_);
    if (poison_) return std::unexpected(*poison_);
    if (queue_.empty()) return {};
    std::swap(queue_, taken_);
    watched = watched_;
    durable_known_ = durable_place_;
  }
  try {
    return write_taken(watched);
  } catch (...) {
    return std::unexpected(poison(thrown_error()));
  }
}

Result<void> LogWriter::write_taken(TxnNumber watched) {
  wall_us_ = config_.clock->wall_us();
  std::uint64_t room = 0;
  std::optional<LogPlace> watched_place;
  for (const Group& group : taken_) {
    TRY(write_group(group));
    room += group.room;
    if (group.txn == watched) watched_place = place_here(watched);
  }
  TRY(write_buffer());
  publish_written(room, watched_place);
  return {};
}

Result<void> LogWriter::write_group(const Group& group) {
  for (std::size_t i = 0; i < group.batches.size(); ++i) {
    const bool last = i + 1 == group.batches.size();
    TRY(put_batch(last ? kCommit : 0u, group.txn, group.batches[i]));
  }
  return {};
}

BatchHeader LogWriter::next_header(std::uint32_t flags, TxnNumber txn) {
  BatchHeader header;
  header.flags = flags;
  header.epoch = first_.epoch;
  header.lsn = lsn_at(segments_.back()->header.ref.start, position_);
  header.txn = txn;
  header.chain = chain_;
  header.durable_txn = durable_known_.end.txn;
  header.durable_lsn = durable_known_.end.lsn;
  header.wall_us = wall_us_;
  return header;
}

Result<void> LogWriter::put_batch(std::uint32_t flags, TxnNumber txn,
                                  std::span<const std::byte> payload) {
  if (!buffer_.empty() && buffer_.size() + batch_bytes(payload.size()) > config_.write_bytes)
    TRY(write_buffer());
  BatchHeader header = next_header(flags, txn);
  header.payload_bytes = static_cast<std::uint32_t>(payload.size());
  const std::size_t at = buffer_.size();
  const std::size_t bytes = batch_bytes(payload.size());
  buffer_.resize(at + bytes);
  std::byte* body = buffer_.data() + at + kBatchHeaderBytes;
  if (!payload.empty()) std::memcpy(body, payload.data(), payload.size());
  header.payload_hash = hash64({body, bytes - kBatchHeaderBytes});
  encode_batch_header(header, first_.salt, buffer_.data() + at);
  chain_ = header.check;
  position_ += bytes;
  // reserve() has seen to this; beyond it lies space that may be full.
  if (position_ > allocated_) {
    return std::unexpected(poison(Error(
        ErrorCode::kInternal, "a group of the log is larger than the room that was reserved for it",
        place_in(segments_.back()->path, position_))));
  }
  return {};
}

Result<void> LogWriter::write_buffer() {
  Segment& segment = *segments_.back();
  segment.unsynced = true;
  if (auto done = segment.file->write(position_ - buffer_.size(), buffer_); !done) {
    return std::unexpected(poison(done.error()));
  }
  written_bytes_ += buffer_.size();
  buffer_.clear();
  return {};
}

LogPlace LogWriter::place_here(TxnNumber txn) const {
  const SegmentRef& segment = segments_.back()->header.ref;
  return {{lsn_at(segment.start, position_), chain_, txn}, segment};
}

void LogWriter::publish_written(std::uint64_t room_done, const std::optional<LogPlace>& watched) {
  const TxnNumber txn = taken_.back().txn;
  std::uint64_t bytes = 0;
  for (const Group& group : taken_) bytes += group.bytes;
  taken_.clear();
  MutexLock queue(queue_mutex_);
  written_place_ = place_here(txn);
  // The end of a sync group may have been announced while we wrote; then it is our last.
  if (watched) watched_place_ = watched;
  if (watched_ == txn) watched_place_ = written_place_;
  base_ = align_up(position_, kLogBlockBytes);
  end_lsn_ = written_place_.end.lsn;
  queued_room_ -= room_done;
  queued_bytes_ -= bytes;
  buffer_bytes_ = buffer_.capacity();
  written_txn_ = txn;
}

}  // namespace holdfast
