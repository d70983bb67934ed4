// Reads one segment batch by batch and says what stands at a place. Decides nothing: that a bad
// place is a torn tail or damage is recovery's to tell.
//
// A read error is an error, never "the end" (DR-C16). Memory: a window of half a megabyte, or the
// largest batch.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "wal/segment.h"

namespace holdfast {

enum class Ahead : std::uint8_t {
  kBatch,       // A sound batch of this epoch and place, chained to the one before.
  kContinues,   // The same, and the segment's last.
  kNothing,     // Zeros, or no bytes, to the end of the file.
  kJunk,        // Something that is no batch of this place; or zeros with something behind them.
  kBadPayload,  // A sound header whose payload isn't what it says, or is cut off.
  kForeign,     // A sound batch of this epoch and place that doesn't follow the one before.
};

const char* ahead_name(Ahead ahead) noexcept;

struct LogItem {
  Ahead ahead = Ahead::kNothing;
  std::uint64_t offset = 0;            // Of the batch, or of the bad place.
  BatchHeader header;                  // Unless kNothing or kJunk.
  std::span<const std::byte> payload;  // kBatch: good until the reader's next call.
  Lsn next{};                          // kBatch, kContinues: where the next batch is looked for.
  bool bad_padding = false;            // The rest of the block before it should be zero, and isn't.
};

class SegmentReader {
 public:
  SegmentReader(const FoundSegment& segment, bool past_cache)
      : segment_(&segment), past_cache_(past_cache) {}

  // What stands at `lsn`, or at the next block if what lies between is zero or is no batch, while
  // the one at the next block is chained to the one before `lsn`.
  Result<LogItem> read(Lsn lsn, std::uint64_t chain);

  // Every sound batch header of this epoch that stands where it says, at every multiple of 8 from
  // `offset` on, whatever lies between. Payloads aren't looked at.
  using Found = std::function<void(std::uint64_t offset, const BatchHeader&)>;
  Result<void> find_batches(std::uint64_t offset, const Found& found);

  // The end of the last byte that isn't zero, at or after `offset`; `offset` if there is none.
  Result<std::uint64_t> end_of_bytes(std::uint64_t offset);

  [[nodiscard]] std::uint64_t bytes_read() const { return bytes_read_; }

 private:
  // The bytes of [offset, offset + length) that the file has, good until the next call.
  Result<std::span<const std::byte>> view(std::uint64_t offset, std::uint64_t length);
  Result<LogItem> read_batch(std::uint64_t offset, std::uint64_t chain);
  Result<bool> zero_between(std::uint64_t offset, std::uint64_t end);

  const FoundSegment* segment_;
  bool past_cache_;
  std::vector<std::byte> window_;
  std::uint64_t window_at_ = 0;
  std::uint64_t bytes_read_ = 0;
};

}  // namespace holdfast
