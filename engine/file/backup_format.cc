#include "engine/file/backup_format.h"

#include <cstring>

#include "engine/base/bytes.h"
#include "engine/base/checksum.h"
#include "engine/base/result.h"

namespace holdfast {

std::uint64_t encode_stream_head(const StreamHead& head,
                                 std::span<std::byte, kStreamHeadBytes> block) {
  std::byte* at = block.data();
  std::memset(at, 0, kStreamHeadBytes);
  store64(at + stream_at::kMagic, kStreamMagic);
  store32(at + stream_at::kFormat, kStreamFormat);
  store32(at + stream_at::kFlags, head.base ? kStreamIncrement : 0);
  store64(at + stream_at::kCheckpoint, head.checkpoint);
  store64(at + stream_at::kWallUs, head.wall_us);
  std::memcpy(at + stream_at::kSalt, head.salt.data(), head.salt.size());
  if (head.base) {
    store64(at + stream_at::kBaseCheckpoint, head.base->checkpoint);
    store(at + stream_at::kBaseTxn, head.base->txn);
    store(at + stream_at::kBaseSlots, head.base->map_root.slots[0]);
    store(at + stream_at::kBaseSlots + 4, head.base->map_root.slots[1]);
    store64(at + stream_at::kBaseCheck, head.base->map_root.check);
    store32(at + stream_at::kBaseHeight, head.base->map_height);
  }
  encode_meta(head.state, block.subspan<stream_at::kMeta, kMetaBytes>());
  const std::uint64_t check = hash64({at, stream_at::kCheck});
  store64(at + stream_at::kCheck, check);
  return check;
}

std::uint64_t encode_piece_head(const PieceHead& head,
                                std::span<std::byte, kPieceHeadBytes> block) {
  std::byte* at = block.data();
  std::memset(at, 0, kPieceHeadBytes);
  store32(at + piece_at::kMagic, kPieceMagic);
  store(at + piece_at::kKind, head.kind);
  store32(at + piece_at::kPages, head.pages);
  store64(at + piece_at::kNumber, head.number);
  store64(at + piece_at::kChain, head.chain);
  store64(at + piece_at::kHash, head.hash);
  const std::uint64_t check = hash64({at, piece_at::kCheck});
  store64(at + piece_at::kCheck, check);
  return check;
}

void encode_stream_end(const StreamEnd& end, std::span<std::byte, kStreamEndBytes> block) {
  std::memset(block.data(), 0, kStreamEndBytes);
  store64(block.data(), end.pages);
  store64(block.data() + 8, end.damaged);
}

Result<StreamHead> decode_stream_head(std::span<const std::byte, kStreamHeadBytes> block) {
  const std::byte* at = block.data();
  if (load64(at + stream_at::kMagic) != kStreamMagic)
    return fail(ErrorCode::kNotADatabase, "neither a Holdfast database nor a backup of one");
  if (load64(at + stream_at::kCheck) != hash64({at, stream_at::kCheck}))
    return fail(ErrorCode::kDamaged, "the head of the backup doesn't match its checksum");
  const std::uint32_t format = load32(at + stream_at::kFormat);
  const std::uint32_t flags = load32(at + stream_at::kFlags);
  if (format > kStreamFormat || (flags & ~kStreamIncrement) != 0) {
    return fail(ErrorCode::kUnsupportedFormat,
                "the backup is a stream of format " + std::to_string(format) +
                    " and this library reads up to format " + std::to_string(kStreamFormat) +
                    ": restore it with a newer version");
  }
  StreamHead head;
  head.state = TRY(decode_meta(block.subspan<stream_at::kMeta, kMetaBytes>()));
  head.checkpoint = load64(at + stream_at::kCheckpoint);
  head.wall_us = load64(at + stream_at::kWallUs);
  std::memcpy(head.salt.data(), at + stream_at::kSalt, head.salt.size());
  if ((flags & kStreamIncrement) != 0) {
    head.base = StateName{.checkpoint = load64(at + stream_at::kBaseCheckpoint),
                          .txn = load<TxnNumber>(at + stream_at::kBaseTxn),
                          .map_root = {{load<Slot>(at + stream_at::kBaseSlots),
                                        load<Slot>(at + stream_at::kBaseSlots + 4)},
                                       load64(at + stream_at::kBaseCheck)},
                          .map_height = load32(at + stream_at::kBaseHeight)};
  }
  return head;
}

Result<PieceHead> decode_piece_head(std::span<const std::byte, kPieceHeadBytes> block) {
  const std::byte* at = block.data();
  if (load32(at + piece_at::kMagic) != kPieceMagic ||
      load64(at + piece_at::kCheck) != hash64({at, piece_at::kCheck}))
    return fail(ErrorCode::kDamaged, "a piece of the backup doesn't match its checksum");
  const PieceHead head{.kind = load<PieceHead::Kind>(at + piece_at::kKind),
                       .pages = load32(at + piece_at::kPages),
                       .number = load64(at + piece_at::kNumber),
                       .chain = load64(at + piece_at::kChain),
                       .hash = load64(at + piece_at::kHash)};
  const bool pages = head.kind == PieceHead::Kind::kPages && head.pages > 0;
  const bool end = head.kind == PieceHead::Kind::kEnd && head.pages == 0;
  if (!pages && !end)
    return fail(ErrorCode::kDamaged, "a piece of the backup is of a kind that there is none of");
  return head;
}

StreamEnd decode_stream_end(std::span<const std::byte, kStreamEndBytes> block) {
  return {load64(block.data()), load64(block.data() + 8)};
}

}  // namespace holdfast
