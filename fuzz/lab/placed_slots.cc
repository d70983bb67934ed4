#include "fuzz/lab/placed_slots.h"

#include <algorithm>

#include "engine/base/checksum.h"
#include "wal/record.h"

namespace holdfast {

std::vector<PlacedSlots::Segment> PlacedSlots::segments(const SimDisk& disk,
                                                        const std::string& path) {
  std::vector<Segment> found;
  for (const std::string& each : disk.paths()) {
    if (!each.starts_with(path + ".log-") || each.starts_with(path + ".log-tmp-")) continue;
    const auto bytes = disk.cached_bytes(each);
    for (std::uint64_t copy = 0; copy < kSegmentHeaderCopies; ++copy) {
      if (bytes.size() < (copy + 1) * kLogBlockBytes) break;
      auto header = decode_segment_header(bytes.subspan(copy * kLogBlockBytes, kLogBlockBytes));
      if (!header) continue;
      found.push_back({each, *header});
      break;
    }
  }
  return found;
}

// Where a whole group has ended: an epoch that goes on from there, the highest; or, after a last
// batch, the same epoch's next segment.
bool PlacedSlots::enter_next(std::span<const Segment> segments) {
  const Segment* next = nullptr;
  for (const Segment& each : segments) {
    const SegmentHeader& header = each.header;
    if (header.ref.start != at_ || header.chain != chain_) continue;
    const bool newer = !in_group_ && header.first_of_epoch() && header.ref.epoch > segment_.epoch;
    const bool successor =
        continues_ && !header.first_of_epoch() && header.ref.epoch == segment_.epoch;
    if (!newer && !successor) continue;
    if (next == nullptr || header.ref.epoch > next->header.ref.epoch) next = &each;
  }
  if (next == nullptr) return false;
  segment_ = next->header.ref;
  continues_ = false;
  return true;
}

bool PlacedSlots::read_batch(std::span<const std::byte> file) {
  if (continues_ || at_ < segment_.start) return false;
  std::optional<BatchHeader> header;
  // After a sync the next batch begins at the next block.
  std::uint64_t offset = file_offset(segment_.start, at_);
  for (const std::uint64_t from : {offset, align_up(offset, kLogBlockBytes)}) {
    if (header || from + kBatchHeaderBytes > file.size()) continue;
    header = decode_batch_header(file.data() + from, segment_.salt);
    if (header) offset = from;
  }
  if (!header || header->epoch != segment_.epoch || header->chain != chain_ ||
      header->lsn != lsn_at(segment_.start, offset))
    return false;
  const std::uint64_t bytes = batch_bytes(header->payload_bytes);
  if (offset + bytes > file.size()) return false;
  const auto body = file.subspan(offset + kBatchHeaderBytes, bytes - kBatchHeaderBytes);
  if (hash64(body) != header->payload_hash) return false;
  RecordReader records(body.first(header->payload_bytes));
  while (!records.at_end()) {
    const auto record = records.next();
    if (!record) return false;
    if (record->kind == RecordKind::kPlace) of_group_.push_back(record->slot);
  }
  at_ = header->lsn + bytes;
  chain_ = header->check;
  continues_ = (header->flags & kContinues) != 0;
  if (header->payload_bytes != 0) in_group_ = (header->flags & kCommit) == 0;
  if (!in_group_) {
    slots_.insert(slots_.end(), of_group_.begin(), of_group_.end());
    of_group_.clear();
  }
  return true;
}

void PlacedSlots::read(const SimDisk& disk, const std::string& path, const Meta& meta) {
  if (life_ != disk.life() || generation_ != meta.generation) {
    slots_.clear();
    of_group_.clear();
    life_ = disk.life();
    generation_ = meta.generation;
    segment_ = {meta.segment_epoch, meta.segment_salt, meta.segment_start};
    at_ = meta.log_lsn;
    chain_ = meta.log_chain;
    in_group_ = continues_ = false;
  }
  if (!meta.log_beside) return;
  const std::vector<Segment> all = segments(disk, path);
  for (;;) {
    if (enter_next(all)) continue;
    const auto here =
        std::ranges::find(all, segment_, [](const Segment& s) { return s.header.ref; });
    if (here == all.end() || !read_batch(disk.cached_bytes(here->path))) return;
  }
}

}  // namespace holdfast
