// A test per row of the decision tables (recovery/decide.h) for how a log begins and goes on, with
// real files. How it ends: scan_end_test.cc.
#include "recovery/scan.h"

#include "tests/recovery/scan_fixture.h"
#include "wal/log_reader.h"

namespace holdfast::testing {
namespace {

TEST(ScanStart, A1MissingNamedSegmentIsRefused) {
  LogEnv env;
  auto log = env.start(1, {});
  ASSERT_TRUE(env.storage->remove(kFirst).has_value());
  const auto outcome = recover(*env.storage, start_of(*log));
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().code(), ErrorCode::kDamaged);
  EXPECT_NE(outcome.error().message().find("not closed"), std::string::npos);
}

TEST(ScanStart, A1ForeignNamedSegmentIsRefused) {
  LogEnv env;
  auto log = env.start(1, {});
  auto files = *LogFiles::open(*env.storage, "dir/db", Uuid{}, true);
  EXPECT_EQ(files.foreign(), 1u);
  EXPECT_FALSE(scan_log(files, start_of(*log)).has_value());
}

TEST(ScanStart, A2EmptyLogOfTheNewestEpoch) {
  LogEnv env;
  const LogPosition at{Lsn{800}, 5, TxnNumber{9}};
  auto log = env.start(4, at);
  const auto outcome = recover(*env.storage, start_of(*log, at));
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->log_end, LogEnd::kClean);
  EXPECT_EQ(outcome->end, at);
  EXPECT_EQ(outcome->end_segment, log->first_segment());
  EXPECT_EQ(outcome->highest_epoch_seen, EpochNumber{4});
  EXPECT_EQ(outcome->groups, 0u);
}

TEST(ScanStart, A3MissingSegmentOfTheNewestEpochIsRefusedAndA4ReadsIt) {
  LogEnv env;
  auto one = env.start(1, {});
  commit(*one, 1);
  auto two = env.start(2, one->durable_position().end);
  commit(*two, 2);
  const LogStart start{one->first_segment(), {}, EpochNumber{2}, two->first_segment()};
  auto outcome = recover(*env.storage, start);
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(redo_all(*env.storage, *outcome), (std::vector<std::uint64_t>{1, 2}));
  ASSERT_TRUE(env.storage->remove("dir/db.log-2-1").has_value());
  outcome = recover(*env.storage, start);
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().code(), ErrorCode::kDamaged);
}

// DR-C5: two openings continue at one place.
TEST(ScanStep, S1HighestClaimWinsOverBatchesAndLowerClaims) {
  LogEnv env;
  auto one = env.start(1, {});
  commit(*one, 1);
  const LogPosition end = one->durable_position().end;
  commit_os(*one, 2);            // Was not on the medium when epoch 2 looked; it is all the same.
  auto two = env.start(2, end);  // Headers only.
  auto three = env.start(3, end);
  commit(*three, 2);
  commit(*three, 3);
  const LogStart start{one->first_segment(), {}, EpochNumber{3}, three->first_segment()};
  const auto outcome = recover(*env.storage, start);
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->log_end, LogEnd::kClean);
  EXPECT_EQ(outcome->end, three->durable_position().end);
  EXPECT_EQ(outcome->end_segment, three->first_segment());
  EXPECT_EQ(outcome->segments_read, 2u);
  EXPECT_EQ(outcome->segments_ignored, 1u);
  EXPECT_EQ(redo_all(*env.storage, *outcome), (std::vector<std::uint64_t>{1, 2, 3}));
  // The next opening lets go of what no longer matters first.
  auto four = env.start(4, outcome->end);
  four->adopt(outcome->segments);
  EXPECT_EQ(four->segment_count(), 4u);
  ASSERT_TRUE(four->release_before({{}, one->first_segment()}).has_value());
  EXPECT_EQ(four->segment_count(), 3u);
  ASSERT_TRUE(four->release_before({outcome->end, four->first_segment()}).has_value());
  EXPECT_EQ(four->segment_count(), 1u);
  EXPECT_EQ(env.storage->paths().size(), 1u);
}

TEST(ScanStep, S1AClaimWithAnotherChainIsNone) {
  LogEnv env;
  auto one = env.start(1, {});
  commit(*one, 1);
  LogPosition end = one->durable_position().end;
  end.chain ^= 1;
  auto two = env.start(2, end);
  const auto outcome = recover(*env.storage, start_of(*one));
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->end_segment, one->first_segment());
}

TEST(ScanStep, S3GroupsOfSeveralBatchesAreWhole) {
  LogEnv env;
  auto log = env.start(1, {});
  commit(*log, 1, 500, 4);
  commit_os(*log, 2, 5000, 3);
  commit(*log, 3, 10, 2);
  const auto outcome = recover(*env.storage, start_of(*log));
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->groups, 3u);
  EXPECT_EQ(outcome->highest_page, PageId{9});
  EXPECT_EQ(redo_all(*env.storage, *outcome), (std::vector<std::uint64_t>{1, 2, 3}));
}

// Storage changed the zeros between two groups. That the second is chained to the first proves that
// nothing else stood there: it isn't lost with them.
TEST(ScanStep, S2AChainedBatchBehindBadPadding) {
  LogEnv env;
  auto log = env.start(1, {});
  commit(*log, 1);
  const std::size_t padding = kSegmentBodyOffset + batch_bytes(payload_of(1).size());
  commit(*log, 2);
  for (const std::size_t at : {padding, padding + 3, kSegmentBodyOffset + 4095}) {
    auto hit = env.storage->clone();
    hit->bytes(kFirst)[at] ^= std::byte{0x10};
    const auto outcome = *recover(*hit, start_of(*log));
    EXPECT_EQ(outcome.log_end, LogEnd::kClean) << at;
    EXPECT_EQ(redo_all(*hit, outcome), (std::vector<std::uint64_t>{1, 2})) << at;
    ASSERT_EQ(outcome.notes.size(), 1u) << at;
    EXPECT_NE(outcome.notes[0].find("from offset " + std::to_string(padding) + " to "),
              std::string::npos)
        << outcome.notes[0];
    // Another batch than the one that was there proves nothing: the group is gone, and says so.
    hit->bytes(kFirst)[kSegmentBodyOffset + 4096 + 4] ^= std::byte{1};
    EXPECT_EQ(recover(*hit, start_of(*log))->log_end, LogEnd::kTorn) << at;
  }
}

TEST(ScanStep, S4GoesThroughSuccessors) {
  LogEnv env;
  auto log = env.start(1, {}, 64 << 10);
  for (std::uint64_t txn = 1; txn <= 60; ++txn) commit_os(*log, txn, 4000);
  ASSERT_TRUE(log->sync_through(TxnNumber{60}).has_value());
  ASSERT_TRUE(log->mark().has_value());
  const auto outcome = recover(*env.storage, start_of(*log));
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->log_end, LogEnd::kClean);
  EXPECT_GT(outcome->segments_read, 3u);
  EXPECT_EQ(outcome->end, log->durable_position().end);
  EXPECT_EQ(redo_all(*env.storage, *outcome).size(), 60u);
}

TEST(ScanStep, S4TheEndAfterARollIsWhereTheWriterSaysItIs) {
  LogEnv env;
  auto log = env.start(1, {}, 64 << 10);
  for (std::uint64_t txn = 1; txn <= 8; ++txn) commit(*log, txn, 3000);
  ASSERT_TRUE(log->roll().has_value());
  const LogPlace place = log->durable_position();
  auto outcome = recover(*env.storage, start_of(*log));
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ((LogPlace{outcome->end, outcome->end_segment}), place);
  // And reading may start there once the old segment has gone.
  ASSERT_TRUE(log->release_before(place).has_value());
  EXPECT_EQ(env.storage->paths().size(), 1u);
  commit(*log, 9);
  outcome = recover(*env.storage, {place.segment, place.end, EpochNumber{1}, log->first_segment()});
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(redo_all(*env.storage, *outcome), (std::vector<std::uint64_t>{9}));
}

}  // namespace
}  // namespace holdfast::testing
