// What a batch's payload says: page edits, page images, placed pages, freed pages.
//
//   kind u8, then
//   1 edits   page u32, base txn u64, length u32, edit bytes (engine/page/edit.h)
//   2 image   page u32, ranges u8, then per range: offset u16, length u16, bytes; the rest is zero
//   3 place   page u32, slot u32, check u64
//   4 free    first page u32, count u32
//
// Records lie side by side without padding; the batch header's length ends them. A record never
// spans batches. The encoder trusts its caller; the decoder trusts nobody.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/base/types.h"
#include "holdfast/error.h"

namespace holdfast {

enum class RecordKind : std::uint8_t { kEdits = 1, kImage = 2, kPlace = 3, kFree = 4 };

inline constexpr std::size_t kEditsHeadBytes = 1 + 4 + 8 + 4;
inline constexpr std::size_t kImageHeadBytes = 1 + 4 + 1;
inline constexpr std::size_t kImageRangeHeadBytes = 4;
inline constexpr std::size_t kPlaceBytes = 1 + 4 + 4 + 8;
inline constexpr std::size_t kFreeBytes = 1 + 4 + 4;
inline constexpr std::size_t kImageRangesMax = 255;

// Part of a page's content.
struct ImageRange {
  std::uint16_t offset = 0;
  std::span<const std::byte> bytes;  // At most 32768, the largest page.
};

// Append one record to `payload`.
void append_edits(std::vector<std::byte>& payload, PageId page, TxnNumber base,
                  std::span<const std::byte> edits);
void append_image(std::vector<std::byte>& payload, PageId page, std::span<const ImageRange> ranges);
void append_place(std::vector<std::byte>& payload, PageId page, Slot slot, std::uint64_t check);
void append_free(std::vector<std::byte>& payload, PageId first, std::uint32_t count);

// One decoded record; spans point into the payload.
struct LogRecord {
  RecordKind kind{};
  PageId page = kNoPage;             // kFree: the first.
  TxnNumber base{};                  // kEdits
  std::span<const std::byte> bytes;  // kEdits: the edits. kImage: the encoded ranges.
  Slot slot = kNoSlot;               // kPlace
  std::uint64_t check = 0;           // kPlace
  std::uint32_t count = 0;           // kFree
};

// Walks a payload record by record.
class RecordReader {
 public:
  explicit RecordReader(std::span<const std::byte> payload) : rest_(payload) {}
  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  // kDamaged when the bytes are no record; then the rest can't be read.
  Result<LogRecord> next();

 private:
  std::span<const std::byte> rest_;
};

// Lays an image's ranges over `page`, which must be zero. kDamaged when one leaves the page.
Result<void> apply_image(std::span<std::byte> page, std::span<const std::byte> encoded_ranges);

const char* record_kind_name(RecordKind kind) noexcept;

}  // namespace holdfast
