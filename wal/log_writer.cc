#include "wal/log_writer.h"

#include <algorithm>

#include "engine/base/boundary.h"
#include "engine/base/result.h"

namespace holdfast {

Result<std::unique_ptr<LogWriter>> LogWriter::start(const LogConfig& config, EpochNumber epoch,
                                                    const Salt& salt, const LogPosition& at) {
  std::unique_ptr<LogWriter> log(new LogWriter(config));
  SegmentHeader header;
  header.flags = kFirstOfEpoch;
  header.uuid = config.uuid;
  header.ref = {epoch, salt, at.lsn};
  header.chain = at.chain;
  header.txn = at.txn;
  header.durable_lsn = at.lsn;
  header.durable_txn = at.txn;
  header.wall_us = config.clock->wall_us();
  auto segment = TRY(create_segment(*config.storage, config.base_path, header, log->next_number_,
                                    kFirstAllocation));

  log->first_ = header.ref;
  log->allocated_ = segment->bytes;
  log->zeroed_ = log->position_ = kSegmentBodyOffset;
  log->chain_ = at.chain;
  log->written_place_ = log->durable_place_ = log->durable_known_ = {at, header.ref};
  log->appended_ = log->watched_ = log->marked_ = at.txn;
  log->written_txn_ = log->durable_txn_ = at.txn;
  log->segments_.push_back(std::move(segment));
  log->publish_space();
  return log;
}

void LogWriter::adopt(std::vector<OldSegment> segments) {
  MutexLock io(io_mutex_);
  for (OldSegment& segment : segments) old_.push_back(std::move(segment));
}

TxnNumber LogWriter::appended() const {
  MutexLock queue(queue_mutex_);
  return appended_;
}

LogPlace LogWriter::durable_position() const {
  MutexLock queue(queue_mutex_);
  return durable_place_;
}

Result<void> LogWriter::release_before(const LogPlace& from) {
  const auto done_with = [&](const SegmentRef& ref, Lsn end) {
    return end <= from.end.lsn && ref != from.segment;
  };
  std::vector<OldSegment> going;
  {
    MutexLock io(io_mutex_);
    // Room for all of them in either list: from here on none is forgotten.
    going.reserve(old_.size() + segments_.size());
    old_.reserve(old_.size() + segments_.size());
    const auto keep = std::partition(old_.begin(), old_.end(), [&](const OldSegment& old) {
      return !done_with(old.ref, old.end);
    });
    going.assign(std::move_iterator(keep), std::move_iterator(old_.end()));
    old_.erase(keep, old_.end());
    while (segments_.size() > 1 && done_with(segments_[0]->header.ref, segments_[0]->end)) {
      Segment& segment = *segments_[0];
      going.push_back({std::move(segment.path), segment.header.ref, segment.end, segment.bytes});
      segments_.erase(segments_.begin());
    }
  }
  std::optional<Error> failed;
  for (OldSegment& segment : going) {
    const auto removed = at_boundary([&] { return config_.storage->remove(segment.path); });
    if (removed || removed.error().code() == ErrorCode::kNotFound) continue;
    if (!failed) failed = removed.error();
    MutexLock io(io_mutex_);  // To be tried again by the next release.
    old_.push_back(std::move(segment));
  }
  if (failed) return std::unexpected(*failed);
  return {};
}

Result<void> LogWriter::remove_all() {
  MutexLock io(io_mutex_);
  std::vector<std::string> paths;
  for (const auto& segment : segments_) paths.push_back(segment->path);
  for (const OldSegment& segment : old_) paths.push_back(segment.path);
  for (const std::string& path : paths) {
    auto removed = config_.storage->remove(path);
    if (!removed && removed.error().code() != ErrorCode::kNotFound) return removed;
  }
  return config_.storage->sync_directory(directory_of(config_.base_path));
}

void LogWriter::freeze(const Error& error) noexcept {
  (void)poison(error);
}

std::optional<Error> LogWriter::poisoned() const {
  MutexLock queue(queue_mutex_);
  return poison_;
}

Error LogWriter::poison(const Error& error) noexcept {
  MutexLock queue(queue_mutex_);
  if (!poison_) poison_ = error;
  limit_ = 0;  // reserve() looks closer.
  return *poison_;
}

std::uint64_t LogWriter::bytes_since(Lsn lsn) const {
  MutexLock queue(queue_mutex_);
  const Lsn end = end_lsn_ + queued_bytes_;
  return end > lsn ? end - lsn : 0;
}

std::uint64_t LogWriter::queued_bytes() const {
  MutexLock queue(queue_mutex_);
  return queued_bytes_;
}

std::uint64_t LogWriter::buffered_bytes() const {
  MutexLock queue(queue_mutex_);
  return queued_bytes_ + buffer_bytes_;
}

std::uint64_t LogWriter::file_bytes() const {
  MutexLock io(io_mutex_);
  std::uint64_t total = 0;
  for (const auto& segment : segments_) total += segment->bytes;
  for (const OldSegment& segment : old_) total += segment.bytes;
  return total;
}

std::uint64_t LogWriter::segment_count() const {
  MutexLock io(io_mutex_);
  return segments_.size() + old_.size();
}

}  // namespace holdfast
