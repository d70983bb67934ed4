#include "fuzz/lab/crowd.h"

#include "engine/base/limits.h"

namespace holdfast {
namespace {

using Kind = Op::Kind;

constexpr std::uint32_t kOfAPage = 7;  // Records, at least.
constexpr std::uint32_t kPages = 480;  // That the readers see, all together.

}  // namespace

Shape shape_of(const Crowd& crowd) {
  Shape shape;
  shape.page_size = shape.asked_page_size = kPageSizeMax;
  shape.cache_bytes = kLabCacheTight;
  shape.key_count = kPages / crowd.readers * kOfAPage;
  shape.trees = 1;
  shape.checkpoint_log_bytes = std::uint64_t{1} << 20;
  shape.segment_bytes = std::uint64_t{1} << 20;
  shape.old_snapshots = crowd.old_snapshots;
  return shape;
}

void live(LabDatabase& database, const Crowd& crowd) {
  const Shape shape = shape_of(crowd);
  Rng rng(crowd.seed);
  const auto draw = [&](std::uint64_t n) { return static_cast<std::uint32_t>(rng.below(n)); };
  const auto bytes = static_cast<std::uint32_t>(max_inline_value_bytes(shape.page_size));
  const std::uint32_t batch = 1 + draw(24);
  database.open();
  for (std::uint32_t key = 0; key < shape.key_count; key += 16) {
    database.apply({.kind = Kind::kPutRun, .count = 16, .key = key, .bytes = bytes});
    database.apply({.kind = Kind::kCommitLazy});
  }
  database.apply({.kind = Kind::kCheckpoint});
  // A record of every page, in transactions of some.
  const auto write_all = [&](std::uint32_t first) {
    std::vector<Op> ops;
    for (std::uint32_t key = first, n = 1; key < shape.key_count; key += kOfAPage, ++n) {
      ops.push_back({.kind = Kind::kPut, .key = key, .bytes = bytes - draw(8)});
      if (n % batch == 0) ops.push_back({.kind = Kind::kCommitLazy});
    }
    ops.push_back({.kind = Kind::kCommitOs});
    return ops;
  };
  for (std::uint32_t round = 0; round < crowd.readers && database.usable(); ++round) {
    database.apply({.kind = Kind::kSnapshot});
    const auto from = static_cast<std::uint16_t>(draw(shape.key_count) / 8 * 8 + 6);
    database.apply({.kind = Kind::kCursor, .count = from, .key = round});
    if (crowd.beside_a_read) {
      database.meanwhile(1 + draw(64), write_all(round));
      database.apply({.kind = Kind::kCompareOld, .key = round});
      continue;
    }
    for (const Op& op : write_all(round)) {
      database.apply(op);
      if (op.kind == Kind::kPut) continue;
      // To the next record or back: where it stood it must stand.
      const auto way = static_cast<std::uint16_t>(draw(5));
      database.apply({.kind = Kind::kCursor, .count = way, .key = draw(crowd.readers)});
    }
  }
  // Once all have been given up, nothing is left of what they saw.
  database.apply({.kind = Kind::kCheckpoint});
  for (std::uint32_t reader = 0; reader < crowd.readers; ++reader)
    database.apply({.kind = Kind::kCompareOld, .key = reader});
  database.apply({.kind = Kind::kCheckpoint});
  for (std::uint32_t reader = 0; reader < crowd.readers; ++reader)
    database.apply({.kind = Kind::kEndSnapshot});
  database.apply({.kind = Kind::kCheckpoint});
}

}  // namespace holdfast
