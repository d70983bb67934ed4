#include "recovery/redo.h"

#include <string>

#include "engine/base/result.h"
#include "engine/page/edit.h"
#include "engine/storage/place.h"
#include "wal/log_reader.h"
#include "wal/record.h"

namespace holdfast {
namespace {

ErrorPlace of(PageId page, TxnNumber txn) {
  ErrorPlace place;
  place.page = raw(page);
  place.txn = raw(txn);
  return place;
}

// What storage can't give, unlike want of memory or nonsense in the log, is one page's loss.
bool is_loss(const Error& error) {
  return error.code() == ErrorCode::kDamaged || error.code() == ErrorCode::kIo;
}

Result<void> redo_edits(const LogRecord& record, TxnNumber txn, RedoTarget& target) {
  if (target.is_lost(record.page)) return {};
  auto base = target.base(record.page);
  if (!base && is_loss(base.error())) return target.lose(record.page, base.error());
  const std::span<std::byte> page = TRY(std::move(base));
  if (page_txn(page.data()) != record.base) {
    return fail(ErrorCode::kDamaged,
                "the log changes the version of the page that transaction " +
                    std::to_string(raw(record.base)) +
                    " made, but the page is that of transaction " +
                    std::to_string(raw(page_txn(page.data()))),
                of(record.page, txn));
  }
  if (auto done = apply_edits(page, record.bytes); !done) {
    return std::unexpected(done.error().at(of(record.page, txn)));
  }
  store(page.data() + page_at::kTxn, txn);
  return {};
}

Result<void> redo_image(const LogRecord& record, TxnNumber txn, RedoTarget& target) {
  auto blank = target.blank(record.page);
  if (!blank && is_loss(blank.error())) return target.lose(record.page, blank.error());
  const std::span<std::byte> page = TRY(std::move(blank));
  if (auto done = apply_image(page, record.bytes); !done) {
    return std::unexpected(done.error().at(of(record.page, txn)));
  }
  if (page_id(page.data()) != record.page) {
    return fail(
        ErrorCode::kDamaged,
        "the log's image of the page is one of page " + std::to_string(raw(page_id(page.data()))),
        of(record.page, txn));
  }
  store(page.data() + page_at::kTxn, txn);
  return {};
}

Result<void> redo_record(const LogRecord& record, TxnNumber txn, RedoTarget& target) {
  switch (record.kind) {
    case RecordKind::kEdits:
      return redo_edits(record, txn, target);
    case RecordKind::kImage:
      return redo_image(record, txn, target);
    case RecordKind::kPlace:
      return target.place(record.page, record.slot, record.check, txn);
    case RecordKind::kFree:
      return target.free(record.page, record.count, txn);
  }
  return fail(ErrorCode::kDamaged, "a log record has an unknown kind", of(record.page, txn));
}

// Reads one stretch. The first pass found everything in it sound: what isn't now changed in
// between.
Result<void> redo_stretch(const LogFiles& files, const LogStretch& stretch,
                          const LogOutcome& outcome, RedoTarget& target) {
  const FoundSegment& segment = files.sound()[stretch.file];
  SegmentReader reader(segment, false);
  LogPosition here = stretch.from;
  // What lies past the last commit may be batches that never were committed.
  while (here.lsn < stretch.end && here.lsn < outcome.end.lsn) {
    const LogItem item = TRY(reader.read(here.lsn, here.chain));
    if (item.ahead != Ahead::kBatch && item.ahead != Ahead::kContinues) {
      return fail(ErrorCode::kDamaged, "the log reads differently than a moment ago",
                  place_in(segment.path, item.offset));
    }
    const TxnNumber txn = item.header.txn;
    if (auto done = redo_payload(item.payload, txn, target); !done) {
      return std::unexpected(done.error().at(place_in(segment.path, item.offset)));
    }
    here = {item.next, item.header.check, txn};
    if ((item.header.flags & kCommit) != 0) TRY(target.committed({here, segment.header.ref}));
  }
  return {};
}

}  // namespace

Result<void> redo_payload(std::span<const std::byte> payload, TxnNumber txn, RedoTarget& target) {
  RecordReader records(payload);
  while (!records.at_end()) {
    const LogRecord record = TRY(records.next());
    TRY(redo_record(record, txn, target));
  }
  return {};
}

Result<void> redo_log(const LogFiles& files, const LogOutcome& outcome, RedoTarget& target) {
  for (const LogStretch& stretch : outcome.stretches) {
    TRY(redo_stretch(files, stretch, outcome, target));
  }
  return {};
}

}  // namespace holdfast
