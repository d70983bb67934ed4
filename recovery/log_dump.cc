#include "recovery/log_dump.h"

#include "engine/base/result.h"
#include "wal/record.h"

namespace holdfast {
namespace {

void count_records(std::span<const std::byte> payload, DumpedBatch& batch) {
  RecordReader records(payload);
  while (!records.at_end()) {
    const auto record = records.next();
    if (!record) {
      batch.finding = record.error().message();
      return;
    }
    switch (record->kind) {
      case RecordKind::kEdits:
        ++batch.edits;
        break;
      case RecordKind::kImage:
        ++batch.images;
        break;
      case RecordKind::kPlace:
        ++batch.places;
        break;
      case RecordKind::kFree:
        ++batch.frees;
        break;
    }
  }
}

Result<void> dump_batches(const FoundSegment& segment, const LogDumpTarget& target) {
  SegmentReader reader(segment, false);
  LogPosition here{segment.header.ref.start, segment.header.chain, segment.header.txn};
  while (true) {
    const LogItem item = TRY(reader.read(here.lsn, here.chain));
    DumpedBatch batch;
    batch.path = segment.path;
    batch.offset = item.offset;
    batch.ahead = item.ahead;
    batch.header = item.header;
    const bool sound = item.ahead == Ahead::kBatch || item.ahead == Ahead::kContinues;
    if (sound) {
      count_records(item.payload, batch);
    } else if (item.ahead != Ahead::kNothing) {
      batch.finding = ahead_name(item.ahead);
    }
    target.batch(batch);
    if (item.ahead != Ahead::kBatch) return {};
    here = {item.next, item.header.check, item.header.txn};
  }
}

}  // namespace

Result<void> dump_log(Storage& storage, const std::string& base_path, const Uuid& uuid,
                      const LogDumpTarget& target) {
  const SegmentList list = TRY(list_segments(storage, base_path, uuid, FileMode::kReadOnly, false));
  for (const FoundSegment& segment : list.segments) {
    target.segment(
        {segment.path, segment.state, segment.header, segment.bytes, segment.bad_copies});
    if (segment.state == FoundSegment::State::kSound) TRY(dump_batches(segment, target));
  }
  return {};
}

}  // namespace holdfast
