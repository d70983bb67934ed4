#include "engine/backup_stream.h"

#include <algorithm>
#include <array>
#include <new>

#include "engine/base/bytes.h"
#include "engine/base/checksum.h"
#include "engine/base/result.h"

namespace holdfast {
namespace {

// Gathers pages into pieces.
class StreamWriter final : public PageTaker {
 public:
  StreamWriter(const BackupSink& sink, std::uint32_t page_size)
      : sink_(sink), page_size_(page_size) {
    piece_.reserve(kPieceHeadBytes + pages_per_piece(page_size) * (kPageHeadInPiece + page_size));
    begin_piece();
  }

  Result<void> begin(const StreamHead& head) {
    std::array<std::byte, kStreamHeadBytes> bytes;
    chain_ = encode_stream_head(head, bytes);
    return send(bytes);
  }

  Result<void> take(Slot slot, std::span<const std::byte> page, bool damaged) override {
    std::array<std::byte, kPageHeadInPiece> head;
    store(head.data(), slot);
    store32(head.data() + 4, damaged ? kStreamedDamaged : 0);
    piece_.insert(piece_.end(), head.begin(), head.end());
    piece_.insert(piece_.end(), page.begin(), page.end());
    ++pages_;
    ++counted_.pages;
    counted_.damaged += damaged ? 1 : 0;
    if (pages_ < pages_per_piece(page_size_)) return {};
    return send_piece(PieceHead::Kind::kPages);
  }

  Result<void> end() {
    if (pages_ > 0) TRY(send_piece(PieceHead::Kind::kPages));
    piece_.resize(kPieceHeadBytes + kStreamEndBytes);
    encode_stream_end(counted_,
                      std::span(piece_).subspan(kPieceHeadBytes).first<kStreamEndBytes>());
    return send_piece(PieceHead::Kind::kEnd);
  }

  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

 private:
  void begin_piece() {
    piece_.resize(kPieceHeadBytes);
    pages_ = 0;
  }

  Result<void> send_piece(PieceHead::Kind kind) {
    const PieceHead head{.kind = kind,
                         .pages = pages_,
                         .number = ++number_,
                         .chain = chain_,
                         .hash = hash64(std::span(piece_).subspan(kPieceHeadBytes))};
    chain_ = encode_piece_head(head, std::span(piece_).first<kPieceHeadBytes>());
    TRY(send(piece_));
    begin_piece();
    return {};
  }

  Result<void> send(std::span<const std::byte> bytes) {
    bytes_ += bytes.size();
    try {
      return sink_(as_view(bytes.data(), bytes.size()));
    } catch (const std::bad_alloc&) {
      throw;
    } catch (...) {
      return fail(ErrorCode::kCancelled, "what takes the bytes of the backup threw something");
    }
  }

  const BackupSink& sink_;
  const std::uint32_t page_size_;
  std::vector<std::byte> piece_;  // With room for its head.
  std::uint32_t pages_ = 0;       // In it.
  std::uint64_t number_ = 0;
  std::uint64_t chain_ = 0;
  std::uint64_t bytes_ = 0;
  StreamEnd counted_;
};

}  // namespace

Result<void> write_stream(const Environment& environment, const CopiedState& from,
                          const BackupSink& sink, const BackupOptions& options,
                          BackupReport& report) {
  StreamHead head{.state = meta_of_copy(from.state),
                  .checkpoint = from.checkpoint,
                  .wall_us = environment.clock->wall_us(),
                  .salt = environment.random->bytes16(),
                  .base = {}};
  if (from.base) head.base = StateName::of(*from.base, from.base_checkpoint);
  StreamWriter writer(sink, from.state.page_size);
  ProgressTeller teller(options.progress);
  teller.begin("backup", from.base ? 0 : from.state.pages);
  TRY(writer.begin(head));
  TRY(hand_over_pages(from, writer, teller, options.findings_max, report));
  TRY(writer.end());
  report.bytes = writer.bytes();
  return {};
}

std::unexpected<Error> StreamReader::damaged(const std::string& what) const {
  return fail(ErrorCode::kDamaged, what,
              {.file = name_, .offset = begun_, .page = {}, .tree = {}, .txn = {}});
}

Result<std::size_t> StreamReader::read_some(std::span<std::byte> into) {
  try {
    const std::size_t bytes = TRY(source_({reinterpret_cast<char*>(into.data()), into.size()}));
    if (bytes > into.size())
      return fail(ErrorCode::kInvalidArgument, "what gives the bytes of the backup gave too many");
    at_ += bytes;
    return bytes;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (...) {
    return fail(ErrorCode::kCancelled, "what gives the bytes of the backup threw something");
  }
}

Result<void> StreamReader::read(std::span<std::byte> into) {
  begun_ = at_;
  while (!into.empty()) {
    const std::size_t bytes = TRY(read_some(into));
    if (bytes == 0) {
      begun_ = at_;
      return damaged(
          "the backup ends here, before its end: it was cut short, or never finished; get it "
          "whole, or use another");
    }
    into = into.subspan(bytes);
  }
  return {};
}

Result<StreamHead> StreamReader::head() {
  std::array<std::byte, kStreamHeadBytes> bytes;
  // What is no backup may be shorter than the head of one.
  TRY(read(std::span(bytes).first<8>()));
  if (load64(bytes.data()) == kMetaMagic) {
    return fail(ErrorCode::kInvalidArgument,
                "this is a database, which can't be read forwards: give its path, as the first",
                {.file = name_, .offset = {}, .page = {}, .tree = {}, .txn = {}});
  }
  if (load64(bytes.data()) == kStreamMagic) TRY(read(std::span(bytes).subspan<8>()));
  begun_ = 0;
  auto head = decode_stream_head(bytes);
  if (!head) {
    return std::unexpected(
        head.error().at({.file = name_, .offset = begun_, .page = {}, .tree = {}, .txn = {}}));
  }
  page_size_ = head->state.page_size;
  slot_high_water_ = head->state.slot_high_water;
  chain_ = load64(bytes.data() + stream_at::kCheck);
  return head;
}

Result<std::optional<StreamReader::Page>> StreamReader::next() {
  if (next_at_ == piece_.size() && !ended_) TRY(next_piece());
  if (ended_) return std::nullopt;
  const std::byte* at = piece_.data() + next_at_;
  const std::uint32_t flags = load32(at + 4);
  const Page page{.slot = load<Slot>(at),
                  .damaged = (flags & kStreamedDamaged) != 0,
                  .bytes = std::span(piece_).subspan(next_at_ + kPageHeadInPiece, page_size_)};
  if (page.slot == kNoSlot || raw(page.slot) > slot_high_water_ || flags > kStreamedDamaged)
    return damaged("the backup has a page for a place that its state hasn't got");
  next_at_ += kPageHeadInPiece + page_size_;
  ++counted_.pages;
  counted_.damaged += page.damaged ? 1 : 0;
  return page;
}

Result<void> StreamReader::next_piece() {
  std::array<std::byte, kPieceHeadBytes> bytes;
  TRY(read(bytes));
  const std::uint64_t begun = begun_;
  const auto piece = decode_piece_head(bytes);
  if (!piece) return damaged(piece.error().message());
  ++pieces_;
  if (piece->number != pieces_ || piece->chain != chain_) {
    return damaged(
        "here piece " + std::to_string(pieces_) + " of the backup should be, and there is " +
        (piece->number == pieces_ ? "one of another" : "number " + std::to_string(piece->number)));
  }
  chain_ = load64(bytes.data() + piece_at::kCheck);
  if (piece->pages > pages_per_piece(page_size_))
    return damaged("a piece of the backup is larger than any is made");
  const bool end = piece->kind == PieceHead::Kind::kEnd;
  piece_.resize(end ? kStreamEndBytes : piece->pages * (kPageHeadInPiece + page_size_));
  TRY(read(piece_));
  begun_ = begun;
  if (hash64(piece_) != piece->hash) return damaged("a piece of the backup isn't what was written");
  next_at_ = 0;
  return end ? read_end() : Result<void>();
}

Result<void> StreamReader::read_end() {
  const StreamEnd end = decode_stream_end(std::span(piece_).first<kStreamEndBytes>());
  if (end.pages != counted_.pages || end.damaged != counted_.damaged)
    return damaged("the backup's end counts other pages than it has");
  ended_ = true;
  begun_ = at_;
  std::array<std::byte, 1> more;
  if (TRY(read_some(more)) != 0) return damaged("something follows the end of the backup");
  return {};
}

}  // namespace holdfast
