#include "wal/record.h"

#include <cstring>
#include <string>

#include "engine/base/bytes.h"
#include "engine/base/result.h"

namespace holdfast {
namespace {

// Grows `payload` by a record and answers where its head goes.
std::byte* grow(std::vector<std::byte>& payload, std::size_t bytes, RecordKind kind, PageId page) {
  const std::size_t at = payload.size();
  payload.resize(at + bytes);
  std::byte* head = payload.data() + at;
  store(head, kind);
  store(head + 1, page);
  return head;
}

void copy(std::byte* to, std::span<const std::byte> bytes) {
  if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
}

std::unexpected<Error> cut_off() {
  return fail(ErrorCode::kDamaged, "a log record is cut off or has an impossible length");
}

}  // namespace

void append_edits(std::vector<std::byte>& payload, PageId page, TxnNumber base,
                  std::span<const std::byte> edits) {
  std::byte* head = grow(payload, kEditsHeadBytes + edits.size(), RecordKind::kEdits, page);
  store(head + 5, base);
  store32(head + 13, static_cast<std::uint32_t>(edits.size()));
  copy(head + kEditsHeadBytes, edits);
}

void append_image(std::vector<std::byte>& payload, PageId page,
                  std::span<const ImageRange> ranges) {
  std::size_t bytes = kImageHeadBytes;
  for (const ImageRange& range : ranges) bytes += kImageRangeHeadBytes + range.bytes.size();
  std::byte* head = grow(payload, bytes, RecordKind::kImage, page);
  store(head + 5, static_cast<std::uint8_t>(ranges.size()));
  head += kImageHeadBytes;
  for (const ImageRange& range : ranges) {
    store16(head, range.offset);
    store16(head + 2, static_cast<std::uint16_t>(range.bytes.size()));
    copy(head + kImageRangeHeadBytes, range.bytes);
    head += kImageRangeHeadBytes + range.bytes.size();
  }
}

void append_place(std::vector<std::byte>& payload, PageId page, Slot slot, std::uint64_t check) {
  std::byte* head = grow(payload, kPlaceBytes, RecordKind::kPlace, page);
  store(head + 5, slot);
  store64(head + 9, check);
}

void append_free(std::vector<std::byte>& payload, PageId first, std::uint32_t count) {
  std::byte* head = grow(payload, kFreeBytes, RecordKind::kFree, first);
  store32(head + 5, count);
}

Result<LogRecord> RecordReader::next() {
  const std::byte* head = rest_.data();
  const std::size_t have = rest_.size();
  if (have < kImageHeadBytes) return cut_off();
  LogRecord record;
  record.kind = load<RecordKind>(head);
  record.page = load<PageId>(head + 1);
  std::size_t bytes = 0;
  switch (record.kind) {
    case RecordKind::kEdits: {
      if (have < kEditsHeadBytes) return cut_off();
      record.base = load<TxnNumber>(head + 5);
      const std::uint32_t length = load32(head + 13);
      if (length > have - kEditsHeadBytes) return cut_off();
      record.bytes = rest_.subspan(kEditsHeadBytes, length);
      bytes = kEditsHeadBytes + length;
      break;
    }
    case RecordKind::kImage: {
      bytes = kImageHeadBytes;
      for (unsigned left = load<std::uint8_t>(head + 5); left != 0; --left) {
        if (have - bytes < kImageRangeHeadBytes) return cut_off();
        const std::uint16_t length = load16(head + bytes + 2);
        bytes += kImageRangeHeadBytes;
        if (length > have - bytes) return cut_off();
        bytes += length;
      }
      record.bytes = rest_.subspan(kImageHeadBytes, bytes - kImageHeadBytes);
      break;
    }
    case RecordKind::kPlace:
      if (have < kPlaceBytes) return cut_off();
      record.slot = load<Slot>(head + 5);
      record.check = load64(head + 9);
      bytes = kPlaceBytes;
      break;
    case RecordKind::kFree:
      if (have < kFreeBytes) return cut_off();
      record.count = load32(head + 5);
      bytes = kFreeBytes;
      break;
    default:
      return fail(ErrorCode::kDamaged,
                  "a log record has unknown kind " + std::to_string(load<std::uint8_t>(head)));
  }
  rest_ = rest_.subspan(bytes);
  return record;
}

Result<void> apply_image(std::span<std::byte> page, std::span<const std::byte> encoded_ranges) {
  while (!encoded_ranges.empty()) {
    if (encoded_ranges.size() < kImageRangeHeadBytes) return cut_off();
    const std::size_t offset = load16(encoded_ranges.data());
    const std::size_t length = load16(encoded_ranges.data() + 2);
    encoded_ranges = encoded_ranges.subspan(kImageRangeHeadBytes);
    if (length > encoded_ranges.size()) return cut_off();
    if (offset + length > page.size()) {
      return fail(ErrorCode::kDamaged, "a logged page image is larger than the page");
    }
    copy(page.data() + offset, encoded_ranges.first(length));
    encoded_ranges = encoded_ranges.subspan(length);
  }
  return {};
}

const char* record_kind_name(RecordKind kind) noexcept {
  switch (kind) {
    case RecordKind::kEdits:
      return "edits";
    case RecordKind::kImage:
      return "image";
    case RecordKind::kPlace:
      return "place";
    case RecordKind::kFree:
      return "free";
  }
  return "unknown";
}

}  // namespace holdfast
