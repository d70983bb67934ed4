#include "wal/log_reader.h"

#include <algorithm>

#include "engine/base/checksum.h"
#include "engine/base/result.h"
#include "engine/base/zeros.h"

namespace holdfast {
namespace {

constexpr std::uint64_t kWindowBytes = std::uint64_t{512} << 10;

}  // namespace

const char* ahead_name(Ahead ahead) noexcept {
  switch (ahead) {
    case Ahead::kBatch:
      return "batch";
    case Ahead::kContinues:
      return "continues";
    case Ahead::kNothing:
      return "nothing";
    case Ahead::kJunk:
      return "no batch";
    case Ahead::kBadPayload:
      return "bad payload";
    case Ahead::kForeign:
      return "batch that doesn't follow";
  }
  return "unknown";
}

Result<std::span<const std::byte>> SegmentReader::view(std::uint64_t offset, std::uint64_t length) {
  const std::uint64_t size = segment_->bytes;
  if (offset >= size) return std::span<const std::byte>();
  length = std::min(length, size - offset);
  if (offset < window_at_ || offset + length > window_at_ + window_.size()) {
    const std::uint64_t from = align_down(offset, kLogBlockBytes);
    const std::uint64_t want =
        std::max(kWindowBytes, align_up(offset + length - from, kLogBlockBytes));
    window_.resize(std::min(want, size - from));
    window_at_ = from;
    StorageFile& file = *segment_->file;
    auto got = past_cache_ ? file.read_past_cache(from, window_) : file.read(from, window_);
    if (!got) {
      window_.clear();
      return std::unexpected(std::move(got).error());
    }
    window_.resize(*got);
    bytes_read_ += *got;
    if (offset >= window_at_ + window_.size()) return std::span<const std::byte>();
    length = std::min(length, window_at_ + window_.size() - offset);
  }
  return std::span(window_).subspan(offset - window_at_, length);
}

Result<bool> SegmentReader::zero_between(std::uint64_t offset, std::uint64_t end) {
  while (offset < end) {
    const auto bytes = TRY(view(offset, std::min(end - offset, kWindowBytes - kLogBlockBytes)));
    if (bytes.empty()) break;
    if (!all_zero(bytes)) return false;
    offset += bytes.size();
  }
  return true;
}

Result<LogItem> SegmentReader::read(Lsn lsn, std::uint64_t chain) {
  LogItem item;
  item.offset = file_offset(segment_->header.ref.start, lsn);
  const auto head = TRY(view(item.offset, 8));
  if (!all_zero(head)) {
    item = TRY(read_batch(item.offset, chain));
    if (item.ahead != Ahead::kJunk) return item;
  }
  // The rest of a sealed block, or the end. If it isn't zero, only a chained batch behind it proves
  // that nothing else stood there.
  const std::uint64_t block = align_up(item.offset, kLogBlockBytes);
  const bool zero = TRY(zero_between(item.offset, block));
  item.ahead = Ahead::kJunk;
  if (item.offset == block && !all_zero(head)) return item;
  const auto next = TRY(view(block, 8));
  if (!all_zero(next)) {
    LogItem behind = TRY(read_batch(block, chain));
    behind.bad_padding = !zero;
    const bool chained = behind.ahead == Ahead::kBatch || behind.ahead == Ahead::kContinues;
    return zero || chained ? behind : item;
  }
  if (zero && TRY(zero_between(block, segment_->bytes))) item.ahead = Ahead::kNothing;
  return item;
}

Result<LogItem> SegmentReader::read_batch(std::uint64_t offset, std::uint64_t chain) {
  const SegmentRef& segment = segment_->header.ref;
  LogItem item;
  item.offset = offset;
  item.ahead = Ahead::kJunk;
  const auto head = TRY(view(offset, kBatchHeaderBytes));
  if (head.size() < kBatchHeaderBytes) return item;
  const auto header = decode_batch_header(head.data(), segment.salt);
  if (!header || header->epoch != segment.epoch || header->lsn != lsn_at(segment.start, offset)) {
    return item;
  }
  item.header = *header;
  const std::uint64_t padded = align_up(header->payload_bytes, 8);
  const auto body = TRY(view(offset + kBatchHeaderBytes, padded));
  if (body.size() < padded || hash64(body) != header->payload_hash) {
    item.ahead = Ahead::kBadPayload;
  } else if (header->chain != chain || (header->flags & ~kBatchFlagsKnown) != 0) {
    item.ahead = Ahead::kForeign;
  } else {
    item.ahead = (header->flags & kContinues) != 0 ? Ahead::kContinues : Ahead::kBatch;
    item.payload = body.first(header->payload_bytes);
    item.next = header->lsn + batch_bytes(header->payload_bytes);
  }
  return item;
}

Result<void> SegmentReader::find_batches(std::uint64_t offset, const Found& found) {
  const SegmentRef& segment = segment_->header.ref;
  offset = std::max(align_up(offset, 8), kSegmentBodyOffset);
  while (offset + kBatchHeaderBytes <= segment_->bytes) {
    const auto bytes = TRY(view(offset, kWindowBytes - kLogBlockBytes));
    if (bytes.size() < kBatchHeaderBytes) break;
    std::size_t at = 0;
    for (; at + kBatchHeaderBytes <= bytes.size(); at += 8) {
      const std::uint32_t word = load32(bytes.data() + at);
      if (word == 0) {  // Free room is passed in one go.
        const std::size_t zeros = align_down(zeros_ahead(bytes.subspan(at)), 8);
        at += zeros > 8 ? zeros - 8 : 0;
      }
      if (word != kBatchMagic) continue;
      const auto header = decode_batch_header(bytes.data() + at, segment.salt);
      if (header && header->epoch == segment.epoch &&
          header->lsn == lsn_at(segment.start, offset + at)) {
        found(offset + at, *header);
      }
    }
    offset += at;
  }
  return {};
}

Result<std::uint64_t> SegmentReader::end_of_bytes(std::uint64_t offset) {
  std::uint64_t end = offset;
  while (offset < segment_->bytes) {
    const auto bytes = TRY(view(offset, kWindowBytes - kLogBlockBytes));
    if (bytes.empty()) break;
    if (const std::size_t size = size_without_zeros(bytes); size != 0) end = offset + size;
    offset += bytes.size();
  }
  return end;
}

}  // namespace holdfast
