// Every bit of a small log flipped, and the log cut at every length: recovery never makes anything
// up, and never loses what something else vouches for without saying so.
#include "tests/recovery/scan_fixture.h"

namespace holdfast::testing {
namespace {

struct SmallLog {
  LogEnv env;
  LogStart start;
  std::uint64_t groups = 6;
  std::uint64_t vouched = 6;  // By a mark, or by the epoch after.
};

// Two epochs; sealed blocks, a group of several batches, groups without a sync between them.
void write_small_log(SmallLog& made) {
  auto one = made.env.start(1, {}, 64 << 10);
  ASSERT_TRUE(put(*one, 1).has_value());
  ASSERT_TRUE(one->sync_through(TxnNumber{1}).has_value());
  ASSERT_TRUE(put(*one, 2, 60).has_value());
  ASSERT_TRUE(put(*one, 3, 30, 2).has_value());
  ASSERT_TRUE(one->sync_through(TxnNumber{3}).has_value());
  auto two = made.env.start(2, one->durable_position().end, 64 << 10);
  ASSERT_TRUE(put(*two, 4).has_value());
  ASSERT_TRUE(two->sync_through(TxnNumber{4}).has_value());
  ASSERT_TRUE(put(*two, 5, 10, 3).has_value());
  ASSERT_TRUE(put(*two, 6, 10).has_value());
  ASSERT_TRUE(two->sync_through(TxnNumber{6}).has_value());
  ASSERT_TRUE(two->mark().has_value());
  made.start = {one->first_segment(), {}, EpochNumber{2}, two->first_segment()};
}

// What must hold whatever happened to the bytes.
void check(CrashStorage& storage, const SmallLog& log, const std::string& what) {
  const auto outcome = recover(storage, log.start);
  if (!outcome) {
    EXPECT_EQ(outcome.error().code(), ErrorCode::kDamaged) << what;
    return;
  }
  const auto txns = redo_all(storage, *outcome);
  for (std::size_t i = 0; i < txns.size(); ++i) EXPECT_EQ(txns[i], i + 1) << what;
  if (txns.size() < log.vouched) {
    EXPECT_EQ(outcome->log_end, LogEnd::kDamaged) << what;
    EXPECT_EQ(raw(outcome->first_lost), txns.size() + 1) << what;
    EXPECT_EQ(outcome->damage_error().code(), ErrorCode::kDamaged);
  }
}

TEST(Rot, EveryFlippedBit) {
  SmallLog log;
  write_small_log(log);
  ASSERT_EQ(redo_all(*log.env.storage, *recover(*log.env.storage, log.start)).size(), log.groups);
  for (const std::string& path : log.env.storage->paths()) {
    const std::size_t used = kSegmentBodyOffset + 4 * 4096;
    for (std::size_t at = 0; at < used; ++at) {
      // Zeros far from anything are tried now and then.
      std::byte& byte = log.env.storage->bytes(path)[at];
      if (byte == std::byte{0} && at % 61 != 0) continue;
      const std::byte flip = std::byte(1 << (at % 8));
      byte ^= flip;
      check(*log.env.storage, log, path + " " + std::to_string(at));
      byte ^= flip;
    }
  }
}

TEST(Rot, CutAtEveryLength) {
  SmallLog log;
  write_small_log(log);
  for (const std::string& path : log.env.storage->paths()) {
    const auto whole = log.env.storage->bytes(path);
    for (std::size_t length = 0; length < kSegmentBodyOffset + 3 * 4096; length += 8) {
      log.env.storage->bytes(path).resize(length);
      check(*log.env.storage, log, path + " cut at " + std::to_string(length));
      log.env.storage->bytes(path) = whole;
    }
  }
}

TEST(Rot, EveryBlockLostOrMisplaced) {
  SmallLog log;
  write_small_log(log);
  for (const std::string& path : log.env.storage->paths()) {
    const auto whole = log.env.storage->bytes(path);
    for (std::size_t to = 0; to < 7; ++to) {
      for (std::size_t from = 0; from < 8; ++from) {  // Block 7 is zero.
        auto& bytes = log.env.storage->bytes(path);
        std::memmove(bytes.data() + to * 4096, whole.data() + from * 4096, 4096);
        check(*log.env.storage, log, path + " " + std::to_string(from) + "->" + std::to_string(to));
        bytes = whole;
      }
    }
  }
}

}  // namespace
}  // namespace holdfast::testing
