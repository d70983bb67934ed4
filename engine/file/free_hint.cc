#include "engine/file/free_hint.h"

#include <algorithm>
#include <cstddef>

#include "engine/base/bytes.h"
#include "engine/base/checksum.h"
#include "engine/base/result.h"

namespace holdfast {
namespace {

constexpr std::uint64_t kHintMagic = 0x3145'4552'4646'4F48;  // "HOFFREE1"
constexpr std::size_t kPieceHead = 72;
constexpr std::size_t kRunBytes = 8;
constexpr std::size_t kRunsMax = 4000;  // In a piece of 32,072 bytes.
constexpr std::uint32_t kLastPiece = 1;

namespace hint_at {
constexpr std::size_t kCheck = 0, kMagic = 8, kUuid = 16, kGeneration = 32, kMapCheck = 40,
                      kNumber = 48, kFlags = 52, kSlots = 56, kIds = 60, kZero = 64;
}  // namespace hint_at

std::uint64_t offset_of_hint(const Meta& meta) {
  return kHeaderRegionBytes + std::uint64_t{meta.slot_high_water} * meta.page_size;
}

void put_head(std::byte* at, const Meta& meta, std::uint32_t number, std::uint32_t flags) {
  store64(at + hint_at::kMagic, kHintMagic);
  std::ranges::copy(meta.uuid, at + hint_at::kUuid);
  store64(at + hint_at::kGeneration, meta.generation);
  store64(at + hint_at::kMapCheck, meta.map_root.check);
  store32(at + hint_at::kNumber, number);
  store32(at + hint_at::kFlags, flags);
  store64(at + hint_at::kZero, 0);
}

// Runs of one kind, as they follow each other through all pieces.
class Ascending {
 public:
  Ascending(FreeKind kind, std::uint32_t end) : kind_(kind), end_(end) {}
  // False: no writer makes these.
  bool take(std::span<const std::byte> runs,
            const std::function<void(FreeKind kind, FreeRun run)>& take) {
    for (std::size_t at = 0; at < runs.size(); at += kRunBytes) {
      const FreeRun run{load32(&runs[at]), load32(&runs[at + 4])};
      if (run.first < next_ || run.count == 0 || run.first >= end_ || run.count > end_ - run.first)
        return false;
      next_ = run.first + run.count;
      take(kind_, run);
    }
    return true;
  }

 private:
  const FreeKind kind_;
  const std::uint32_t end_;  // Behind the last that there may be.
  std::uint32_t next_ = 1;
};

}  // namespace

FreeHintWriter::FreeHintWriter(StorageFile& file, const Meta& meta, std::uint64_t bytes_max)
    : file_(file), meta_(meta), at_(offset_of_hint(meta)), end_(at_ + bytes_max) {
  slots_.reserve(kRunsMax);
}

Result<void> FreeHintWriter::add(FreeKind kind, FreeRun run) {
  (kind == FreeKind::kSlot ? slots_ : ids_).push_back(run);
  return slots_.size() + ids_.size() < kRunsMax ? Result<void>() : write_piece(false);
}

Result<void> FreeHintWriter::finish() {
  return write_piece(true);
}

Result<void> FreeHintWriter::write_piece(bool last) {
  std::vector<std::byte> piece(kPieceHead + (slots_.size() + ids_.size()) * kRunBytes);
  if (piece.size() > end_ - at_)
    return fail(ErrorCode::kLimitExceeded, "there is too much to say of what is free");
  put_head(piece.data(), meta_, ++piece_, last ? kLastPiece : 0);
  store32(&piece[hint_at::kSlots], static_cast<std::uint32_t>(slots_.size()));
  store32(&piece[hint_at::kIds], static_cast<std::uint32_t>(ids_.size()));
  std::byte* at = piece.data() + kPieceHead;
  for (const std::vector<FreeRun>* runs : {&slots_, &ids_}) {
    for (const FreeRun& run : *runs) {
      store32(at, run.first);
      store32(at + 4, run.count);
      at += kRunBytes;
    }
  }
  store64(&piece[hint_at::kCheck], hash64(std::span(piece).subspan(hint_at::kMagic)));
  TRY(file_.write(at_, piece));
  at_ += piece.size();
  slots_.clear();
  ids_.clear();
  return {};
}

bool read_free_hint(StorageFile& file, const Meta& meta,
                    const std::function<void(FreeKind kind, FreeRun run)>& take) {
  std::vector<std::byte> buffer(kPieceHead + kRunsMax * kRunBytes);
  std::vector<std::byte> head(kPieceHead);
  Ascending slots(FreeKind::kSlot, meta.slot_high_water + 1);
  Ascending ids(FreeKind::kPageId, meta.id_high_water);
  std::uint64_t offset = offset_of_hint(meta);
  for (std::uint32_t number = 1;; ++number) {
    const auto got = file.read(offset, buffer);
    if (!got || *got < kPieceHead) return false;
    const std::uint32_t flags = load32(&buffer[hint_at::kFlags]);
    put_head(head.data(), meta, number, flags);
    constexpr std::size_t kSame = hint_at::kSlots - hint_at::kMagic;
    if ((flags & ~kLastPiece) != 0 ||
        !std::ranges::equal(std::span(head).subspan(hint_at::kMagic, kSame),
                            std::span(buffer).subspan(hint_at::kMagic, kSame)))
      return false;
    const std::size_t slot_bytes = std::size_t{load32(&buffer[hint_at::kSlots])} * kRunBytes;
    const std::size_t id_bytes = std::size_t{load32(&buffer[hint_at::kIds])} * kRunBytes;
    if (slot_bytes + id_bytes > *got - kPieceHead) return false;
    const auto piece = std::span(buffer).first(kPieceHead + slot_bytes + id_bytes);
    if (load64(&piece[hint_at::kCheck]) != hash64(piece.subspan(hint_at::kMagic))) return false;
    const auto runs = piece.subspan(kPieceHead);
    if (!slots.take(runs.first(slot_bytes), take) || !ids.take(runs.subspan(slot_bytes), take))
      return false;
    if ((flags & kLastPiece) != 0) return true;
    offset += piece.size();
  }
}

}  // namespace holdfast
