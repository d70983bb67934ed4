#include "recovery/evidence.h"

#include "engine/base/result.h"

namespace holdfast {

void Evidence::vouch(Lsn lsn, TxnNumber txn, std::uint64_t wall, const std::string& path,
                     std::uint64_t at) {
  if (lsn <= durable_lsn && !file.empty()) return;
  durable_lsn = lsn;
  durable_txn = txn;
  wall_us = wall;
  file = path;
  offset = at;
}

Result<Evidence> gather_evidence(const LogFiles& files, std::size_t stopped, std::uint64_t offset,
                                 const std::vector<bool>& read) {
  Evidence evidence;
  const auto search = [&](const FoundSegment& segment, std::uint64_t from) -> Result<void> {
    SegmentReader reader(segment, files.past_cache());
    TRY(reader.find_batches(from, [&](std::uint64_t at, const BatchHeader& header) {
      evidence.vouch(header.durable_lsn, header.durable_txn, header.wall_us, segment.path, at);
    }));
    evidence.bytes_read += reader.bytes_read();
    return {};
  };
  const std::vector<FoundSegment>& sound = files.sound();
  TRY(search(sound[stopped], offset));
  for (std::size_t i = 0; i < sound.size(); ++i) {
    const SegmentHeader& header = sound[i].header;
    if (read[i] || header.ref.epoch < sound[stopped].header.ref.epoch) continue;
    evidence.vouch(header.durable_lsn, header.durable_txn, header.wall_us, sound[i].path, 0);
    TRY(search(sound[i], kSegmentBodyOffset));
  }
  return evidence;
}

}  // namespace holdfast
