// The report, the dump and the check of a log say what is there.
#include <set>

#include "recovery/log_check.h"
#include "recovery/log_dump.h"
#include "tests/recovery/scan_fixture.h"

namespace holdfast::testing {
namespace {

TEST(Report, SaysWhatHappened) {
  RecoveryReport report;
  report.checkpoint_txn = 5;
  EXPECT_EQ(report.to_string(), "closed cleanly at transaction 5");
  report.log_end = LogEnd::kDamaged;
  report.first_lost_txn = 8;
  report.last_lost_txn = 9;
  report.bytes_dropped = 1;
  const std::string text = report.to_string();
  EXPECT_NE(text.find("transactions 8 to 9 are lost"), std::string::npos) << text;
  EXPECT_NE(text.find("dropped 1 byte and"), std::string::npos) << text;
  report.bytes_dropped = 0;
  report.batches_dropped = 2;
  EXPECT_NE(report.to_string().find("2 whole batches that were never"), std::string::npos);
  std::set<std::string> names;
  for (const LogEnd end :
       {LogEnd::kNoLog, LogEnd::kClean, LogEnd::kUnfinished, LogEnd::kTorn, LogEnd::kDamaged}) {
    names.insert(log_end_name(end));
  }
  EXPECT_EQ(names.size(), 5u);
}

TEST(LogDump, ShowsSegmentsBatchesAndFindings) {
  LogEnv env;
  auto log = env.start(1, {});
  ASSERT_TRUE(put(*log, 1, 10, 2).has_value());
  ASSERT_TRUE(log->sync_through(TxnNumber{1}).has_value());
  ASSERT_TRUE(log->mark().has_value());
  std::vector<std::string> lines;
  LogDumpTarget target;
  target.segment = [&](const DumpedSegment& s) { lines.push_back(s.path); };
  target.batch = [&](const DumpedBatch& b) {
    lines.push_back(std::string(ahead_name(b.ahead)) + " " + std::to_string(b.header.flags) + " " +
                    std::to_string(b.frees) + " " + std::to_string(b.images) + b.finding);
  };
  ASSERT_TRUE(dump_log(*env.storage, "dir/db", test_uuid(), target).has_value());
  EXPECT_EQ(lines, (std::vector<std::string>{"dir/db.log-1-1", "batch 0 1 1", "batch 1 1 1",
                                             "batch 4 0 0", "nothing 0 0 0"}));
  env.storage->bytes("dir/db.log-1-1")[kSegmentBodyOffset + 4] ^= std::byte{1};
  lines.clear();
  ASSERT_TRUE(dump_log(*env.storage, "dir/db", test_uuid(), target).has_value());
  EXPECT_EQ(lines.back(), "no batch 0 0 0no batch");
}

TEST(LogDump, CountsEveryKindOfRecordAndNamesWhatIsNone) {
  LogEnv env;
  auto log = env.start(1, {}, 64 << 10);
  std::vector<std::byte> payload;
  append_edits(payload, PageId{3}, TxnNumber{1}, {});
  append_place(payload, PageId{4}, Slot{9}, 77);
  ASSERT_TRUE(log->reserve(payload.size(), 1).has_value());
  log->append(TxnNumber{1}, {payload});
  ASSERT_TRUE(log->sync_through(TxnNumber{1}).has_value());
  const std::vector<std::byte> junk(16, std::byte{0xEE});
  ASSERT_TRUE(log->reserve(junk.size(), 1).has_value());
  log->append(TxnNumber{2}, {junk});
  ASSERT_TRUE(log->sync_through(TxnNumber{2}).has_value());
  ASSERT_TRUE(put(*log, 3, 20'000).has_value());
  ASSERT_TRUE(put(*log, 4, 30'000).has_value());
  ASSERT_TRUE(log->sync_through(TxnNumber{4}).has_value());
  std::vector<DumpedSegment> segments;
  std::vector<DumpedBatch> batches;
  LogDumpTarget target;
  target.segment = [&](const DumpedSegment& s) { segments.push_back(s); };
  target.batch = [&](const DumpedBatch& b) { batches.push_back(b); };
  const auto dump = [&] {
    segments.clear();
    batches.clear();
    ASSERT_TRUE(dump_log(*env.storage, "dir/db", test_uuid(), target).has_value());
  };
  dump();
  ASSERT_EQ(batches.size(), 6U);
  EXPECT_EQ(batches[0].edits, 1U);
  EXPECT_EQ(batches[0].places, 1U);
  EXPECT_TRUE(batches[0].finding.empty());
  EXPECT_NE(batches[1].finding.find("record"), std::string::npos) << batches[1].finding;
  EXPECT_EQ(batches[3].ahead, Ahead::kContinues);
  EXPECT_EQ(batches[5].ahead, Ahead::kNothing);

  // A payload that isn't its header's, a batch that doesn't follow, a segment without a header.
  auto& bytes = env.storage->bytes("dir/db.log-1-1");
  bytes[kSegmentBodyOffset + kBatchHeaderBytes] ^= std::byte{1};
  dump();
  EXPECT_EQ(batches[0].finding, ahead_name(Ahead::kBadPayload));
  bytes[kSegmentBodyOffset + kBatchHeaderBytes] ^= std::byte{1};
  SegmentHeader header = *decode_segment_header(std::span(bytes).first(kLogBlockBytes));
  header.chain ^= 1;
  encode_segment_header(header, std::span(bytes).first<kLogBlockBytes>());
  dump();
  EXPECT_EQ(batches[0].finding, ahead_name(Ahead::kForeign));
  bytes[20] ^= std::byte{1};
  bytes[kLogBlockBytes + 20] ^= std::byte{1};
  dump();
  ASSERT_EQ(segments.size(), 2U);
  EXPECT_EQ(segments[0].state, FoundSegment::State::kBadHeader);
  EXPECT_EQ(batches.size(), 2U);
}

TEST(LogCheck, AnEndBeforeWhatWasDurableIsDamageThoughItLooksClean) {
  LogEnv env;
  auto log = env.start(1, {});
  for (std::uint64_t txn = 1; txn <= 2; ++txn) {
    ASSERT_TRUE(put(*log, txn).has_value());
    ASSERT_TRUE(log->sync_through(TxnNumber{txn}).has_value());
  }
  auto& bytes = env.storage->bytes("dir/db.log-1-1");
  std::fill_n(bytes.begin() + kSegmentBodyOffset + 4096, 4096, std::byte{0});
  const auto check =
      check_log(*env.storage, "dir/db", test_uuid(), start_of(*log), log->durable_position().end);
  ASSERT_TRUE(check.has_value());
  ASSERT_EQ(check->damage.size(), 1U);
  EXPECT_EQ(check->damage[0].reason,
            "the log ends at transaction 1, and transaction 2 was durable");
  EXPECT_EQ(check->damage[0].place.file, "dir/db.log-1-1");
}

TEST(LogCheck, FindsWhatADurablePositionProves) {
  LogEnv env;
  auto log = env.start(1, {});
  for (std::uint64_t txn = 1; txn <= 3; ++txn) {
    ASSERT_TRUE(put(*log, txn).has_value());
    ASSERT_TRUE(log->sync_through(TxnNumber{txn}).has_value());
  }
  const LogPosition durable = log->durable_position().end;
  const LogStart start = start_of(*log);
  ASSERT_TRUE(put(*log, 4).has_value());
  ASSERT_TRUE(log->write_through(TxnNumber{4}).has_value());
  const auto check = [&] {
    return *check_log(*env.storage, "dir/db", test_uuid(), start, durable);
  };
  EXPECT_TRUE(check().damage.empty());
  EXPECT_EQ(check().groups, 4u);
  EXPECT_GT(check().bytes_checked, 0u);
  auto& bytes = env.storage->bytes("dir/db.log-1-1");
  bytes[kSegmentBodyOffset + 3 * 4096 + 100] ^= std::byte{1};  // Not durable yet.
  EXPECT_TRUE(check().damage.empty());
  bytes[kSegmentBodyOffset + 2 * 4096 + 50] ^= std::byte{1};
  EXPECT_EQ(check().damage.size(), 1u);
  ASSERT_TRUE(env.storage->remove("dir/db.log-1-1").has_value());
  EXPECT_EQ(check().damage.size(), 1u);
}

}  // namespace
}  // namespace holdfast::testing
