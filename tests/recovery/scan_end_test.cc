// A test per row of the decision table (recovery/decide.h) for how a log ends, with real files.
#include "recovery/scan.h"
#include "tests/recovery/scan_fixture.h"
#include "wal/log_reader.h"

namespace holdfast::testing {
namespace {

TEST(ScanEnd, E1ASoundBatchThatDoesNotFollowIsDamage) {
  LogEnv env;
  auto log = env.start(1, {});
  commit(*log, 1);
  const LogPosition end = log->durable_position().end;
  LogPosition wrong = end;
  wrong.chain ^= 1;
  commit(*log, 2);
  // The meta's position and the log disagree.
  const auto outcome = recover(*env.storage, start_of(*log, wrong));
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->log_end, LogEnd::kDamaged);
  EXPECT_NE(outcome->damage->reason.find("E1"), std::string::npos);
}

TEST(ScanEnd, E2ContinuesWithoutSuccessorIsDamage) {
  LogEnv env;
  auto log = env.start(1, {}, 64 << 10);
  for (std::uint64_t txn = 1; txn <= 20; ++txn) commit(*log, txn, 3000);
  ASSERT_TRUE(env.storage->remove("dir/db.log-1-2").has_value());
  const auto outcome = recover(*env.storage, start_of(*log));
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->log_end, LogEnd::kDamaged);
  EXPECT_NE(outcome->damage->reason.find("E2"), std::string::npos);
  EXPECT_GT(outcome->groups, 5u);
  EXPECT_LT(outcome->groups, 20u);
}

// The file goes by the name, and isn't the one that was made to follow.
TEST(ScanEnd, E2ASuccessorOfAnotherChainOrEpochIsNone) {
  for (const bool of_another_epoch : {false, true}) {
    LogEnv env;
    auto log = env.start(1, {}, 64 << 10);
    for (std::uint64_t txn = 1; txn <= 20; ++txn) commit(*log, txn, 3000);
    auto& bytes = env.storage->bytes("dir/db.log-1-2");
    SegmentHeader header = *decode_segment_header(std::span(bytes).first(kLogBlockBytes));
    if (of_another_epoch) {
      header.flags |= kFirstOfEpoch;
    } else {
      header.chain ^= 1;
    }
    const auto blocks = std::span(bytes);
    encode_segment_header(header, blocks.first<kLogBlockBytes>());
    encode_segment_header(header, blocks.subspan<kLogBlockBytes, kLogBlockBytes>());
    const auto outcome = recover(*env.storage, start_of(*log));
    ASSERT_TRUE(outcome.has_value());
    EXPECT_EQ(outcome->log_end, LogEnd::kDamaged);
    EXPECT_LT(outcome->groups, 20U);
  }
}

// Another log's batch, sound in itself, where ours should go on.
TEST(ScanEnd, E1ABatchOfAnotherHistoryInItsPlaceIsDamage) {
  LogEnv env;
  LogEnv other;
  auto log = env.start(1, {});
  auto stranger = other.start(1, {});
  commit(*log, 1);
  commit(*stranger, 1, 30);
  for (std::uint64_t txn = 2; txn <= 3; ++txn) {
    commit(*log, txn);
    commit(*stranger, txn);
  }
  const auto theirs =
      std::span(other.storage->bytes(kFirst)).subspan(kSegmentBodyOffset + 4096, 4096);
  std::ranges::copy(theirs, env.storage->bytes(kFirst).begin() + kSegmentBodyOffset + 4096);
  const auto outcome = recover(*env.storage, start_of(*log));
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->log_end, LogEnd::kDamaged);
  EXPECT_EQ(outcome->end.txn, TxnNumber{1});
}

// DR-C16: the last group of epoch 1 rots; that epoch 2 continues after it is the proof.
TEST(ScanEnd, E3ALaterEpochProvesDamage) {
  LogEnv env;
  auto one = env.start(1, {});
  commit(*one, 1);
  commit(*one, 2);
  auto two = env.start(2, one->durable_position().end);
  env.storage->bytes(kFirst)[kSegmentBodyOffset + 4096 + 20] ^= std::byte{1};
  const auto outcome = recover(*env.storage, start_of(*one));
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->log_end, LogEnd::kDamaged);
  EXPECT_EQ(outcome->end.txn, TxnNumber{1});
  EXPECT_EQ(outcome->first_lost, TxnNumber{2});
  EXPECT_EQ(outcome->last_lost, TxnNumber{2});
  EXPECT_EQ(outcome->damage->place.offset, kSegmentBodyOffset + 4096);
  EXPECT_NE(outcome->damage_error().message().find("dir/db.log-2-1"), std::string::npos);
  EXPECT_EQ(redo_all(*env.storage, *outcome), (std::vector<std::uint64_t>{1}));
}

TEST(ScanEnd, E3ALaterBatchProvesDamage) {
  LogEnv env;
  auto log = env.start(1, {});
  for (std::uint64_t txn = 1; txn <= 5; ++txn) commit(*log, txn);
  zero(*env.storage, kFirst, kSegmentBodyOffset + 4096, 4096);
  auto outcome = *recover(*env.storage, start_of(*log));
  EXPECT_EQ(outcome.log_end, LogEnd::kDamaged);
  EXPECT_EQ(outcome.first_lost, TxnNumber{2});
  EXPECT_EQ(outcome.last_lost, TxnNumber{4});  // The fifth vouches for those before it.
  // Without the batches that vouch it can't be told from a tail that never was durable.
  zero(*env.storage, kFirst, kSegmentBodyOffset + 4096, 20 * 1024);
  outcome = *recover(*env.storage, start_of(*log));
  EXPECT_EQ(outcome.log_end, LogEnd::kClean);
}

TEST(ScanEnd, E3AMarkProvesDamageOfTheVeryLastGroup) {
  LogEnv env;
  auto log = env.start(1, {});
  commit(*log, 1);
  commit(*log, 2);
  auto undecidable = env.storage->clone();
  ASSERT_TRUE(log->mark().has_value());
  for (CrashStorage* storage : {undecidable.get(), env.storage.get()}) {
    storage->bytes(kFirst)[kSegmentBodyOffset + 4096 + kBatchHeaderBytes] ^= std::byte{1};
  }
  EXPECT_EQ(recover(*undecidable, start_of(*log))->log_end, LogEnd::kTorn);
  const auto outcome = *recover(*env.storage, start_of(*log));
  EXPECT_EQ(outcome.log_end, LogEnd::kDamaged);
  EXPECT_EQ(outcome.last_lost, TxnNumber{2});
}

TEST(ScanEnd, E3ASuccessorProvesDamage) {
  LogEnv env;
  auto log = env.start(1, {}, 64 << 10);
  for (std::uint64_t txn = 1; txn <= 8; ++txn) commit(*log, txn, 3000);
  ASSERT_TRUE(log->roll().has_value());
  zero(*env.storage, kFirst, kSegmentBodyOffset + 4096, (56 << 10) - 4096);
  const auto outcome = *recover(*env.storage, start_of(*log));
  EXPECT_EQ(outcome.log_end, LogEnd::kDamaged);
  EXPECT_EQ(outcome.last_lost, TxnNumber{8});
}

TEST(ScanEnd, E4ABadSegmentHeaderIsDamage) {
  LogEnv env;
  auto log = env.start(1, {});
  commit(*log, 1);
  auto two = env.start(2, log->durable_position().end);
  env.storage->bytes("dir/db.log-2-1")[3] ^= std::byte{1};
  EXPECT_EQ(recover(*env.storage, start_of(*log))->log_end, LogEnd::kClean);
  env.storage->bytes("dir/db.log-2-1")[4096 + 3] ^= std::byte{1};
  const auto outcome = *recover(*env.storage, start_of(*log));
  EXPECT_EQ(outcome.log_end, LogEnd::kDamaged);
  EXPECT_EQ(outcome.damage->place.file, "dir/db.log-2-1");
}

TEST(ScanEnd, E5TornTailsAreDroppedAndCounted) {
  LogEnv env;
  auto log = env.start(1, {});
  commit(*log, 1);
  commit_os(*log, 2, 100);
  env.storage->bytes(kFirst)[kSegmentBodyOffset + 4096 + 120] ^= std::byte{1};
  const auto outcome = *recover(*env.storage, start_of(*log));
  EXPECT_EQ(outcome.log_end, LogEnd::kTorn);
  EXPECT_EQ(outcome.end.txn, TxnNumber{1});
  EXPECT_GT(outcome.bytes_dropped, kBatchHeaderBytes);
  EXPECT_EQ(outcome.batches_dropped, 0u);
}

TEST(ScanEnd, E5SoundBatchesAfterATornOneThatVouchForNothingNew) {
  LogEnv env;
  auto log = env.start(1, {});
  commit(*log, 1);
  for (std::uint64_t txn = 2; txn <= 9; ++txn) commit_os(*log, txn, 3000);
  zero(*env.storage, kFirst, kSegmentBodyOffset + 4096, 4096);
  const auto outcome = *recover(*env.storage, start_of(*log));
  EXPECT_EQ(outcome.log_end, LogEnd::kTorn);
  EXPECT_EQ(outcome.end.txn, TxnNumber{1});
}

TEST(ScanEnd, E6WholeBatchesWithoutTheirCommitAreDropped) {
  LogEnv env;
  auto log = env.start(1, {});
  commit(*log, 1);
  commit_os(*log, 2, 4096 - kBatchHeaderBytes - kFreeBytes - kFillerHeadBytes, 3);
  zero(*env.storage, kFirst, kSegmentBodyOffset + 3 * 4096, 4096);
  const auto outcome = *recover(*env.storage, start_of(*log));
  EXPECT_EQ(outcome.log_end, LogEnd::kUnfinished);
  EXPECT_EQ(outcome.end.txn, TxnNumber{1});
  EXPECT_EQ(outcome.batches_dropped, 2u);
  // Two blocks without the zeros that pad the last payload, if any.
  EXPECT_GT(outcome.bytes_dropped, 2u * 4096 - 16);
  EXPECT_EQ(redo_all(*env.storage, outcome), (std::vector<std::uint64_t>{1}));
  // DR-C10: the next epoch continues at the commit, and nothing of the lost group joins it.
  auto two = env.start(2, outcome.end);
  commit(*two, 2);
  const auto again = *recover(*env.storage, start_of(*log));
  EXPECT_EQ(redo_all(*env.storage, again), (std::vector<std::uint64_t>{1, 2}));
}

TEST(ScanEnd, E7CleanEndsAfterAMark) {
  LogEnv env;
  auto log = env.start(1, {});
  commit(*log, 1);
  ASSERT_TRUE(log->mark().has_value());
  const auto outcome = *recover(*env.storage, start_of(*log));
  EXPECT_EQ(outcome.log_end, LogEnd::kClean);
  EXPECT_EQ(outcome.end, log->durable_position().end);
  // Epoch 2 continues at the commit, before the mark.
  auto two = env.start(2, outcome.end);
  commit(*two, 2);
  EXPECT_EQ(redo_all(*env.storage, *recover(*env.storage, start_of(*log))),
            (std::vector<std::uint64_t>{1, 2}));
}

TEST(Scan, AReadErrorIsNeverTheEnd) {
  LogEnv env;
  auto log = env.start(1, {});
  for (std::uint64_t txn = 1; txn <= 5; ++txn) commit(*log, txn);
  for (int fail_at = 0;; ++fail_at) {
    int reads = 0;
    env.storage->fault = [&](CrashStorage::Op op, const std::string&) -> std::optional<ErrorCode> {
      const bool now = op == CrashStorage::Op::kRead && reads++ == fail_at;
      return now ? std::optional(ErrorCode::kIo) : std::nullopt;
    };
    const auto outcome = recover(*env.storage, start_of(*log));
    if (reads <= fail_at) {
      EXPECT_EQ(outcome->end.txn, TxnNumber{5});
      break;
    }
    ASSERT_FALSE(outcome.has_value()) << fail_at;
    EXPECT_EQ(outcome.error().code(), ErrorCode::kIo);
  }
}

TEST(Scan, TwoFilesThatAreTheSameSegmentAreRefused) {
  LogEnv env;
  auto log = env.start(1, {});
  commit(*log, 1);
  auto copy = *env.storage->open("dir/db.log-1-1.bak", FileMode::kCreateNew);
  ASSERT_TRUE(copy->write(0, env.storage->bytes(kFirst)).has_value());
  const auto outcome = recover(*env.storage, start_of(*log));
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().code(), ErrorCode::kDamaged);
}

TEST(Scan, ReportsWhereItStands) {
  LogEnv env;
  auto log = env.start(1, {});
  commit(*log, 1);
  RecoveryReport report;
  recover(*env.storage, start_of(*log))->fill(report);
  EXPECT_EQ(report.log_end, LogEnd::kClean);
  EXPECT_EQ(report.recovered_txn, 1u);
  EXPECT_EQ(report.transactions_replayed, 1u);
  EXPECT_EQ(report.segments, 1u);
  EXPECT_NE(report.to_string().find("recovered transaction 1"), std::string::npos);
  EXPECT_FALSE(report.work_in_flight());
}

}  // namespace
}  // namespace holdfast::testing
