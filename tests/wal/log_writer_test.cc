#include "wal/log_writer.h"

#include <thread>

#include "tests/wal/log_fixture.h"
#include "wal/log_reader.h"

namespace holdfast::testing {
namespace {

using Op = CrashStorage::Op;

// All sound batches of the epoch from its first segment on, following `continues`.
std::vector<BatchHeader> read_epoch(CrashStorage& storage, const SegmentRef& first) {
  const auto list = *list_segments(storage, "dir/db", test_uuid(), FileMode::kReadOnly, false);
  std::vector<BatchHeader> batches;
  SegmentRef wanted = first;
  std::uint64_t chain = 0;
  Lsn here = first.start;
  while (true) {
    const auto at = std::ranges::find_if(
        list.segments, [&](const FoundSegment& s) { return s.header.ref == wanted; });
    if (at == list.segments.end()) return batches;
    if (batches.empty()) chain = at->header.chain;
    SegmentReader reader(*at, false);
    while (true) {
      const LogItem item = *reader.read(here, chain);
      if (item.ahead != Ahead::kBatch && item.ahead != Ahead::kContinues) {
        EXPECT_EQ(item.ahead, Ahead::kNothing) << at->path << " " << item.offset;
        return batches;
      }
      batches.push_back(item.header);
      here = item.next;
      chain = item.header.check;
      if (item.ahead == Ahead::kContinues) break;
    }
    wanted.start = here;
  }
}

std::uint64_t commits_in(const std::vector<BatchHeader>& batches) {
  return static_cast<std::uint64_t>(std::ranges::count_if(
      batches, [](const BatchHeader& b) { return (b.flags & kCommit) != 0; }));
}

TEST(LogWriter, StartsWhereItIsTold) {
  LogEnv env;
  const LogPosition at{Lsn{8888}, 77, TxnNumber{5}};
  auto log = env.start(3, at);
  EXPECT_EQ(log->first_segment(), (SegmentRef{EpochNumber{3}, test_salt(3), Lsn{8888}}));
  EXPECT_EQ(log->durable_position(), (LogPlace{at, log->first_segment()}));
  EXPECT_EQ(log->durable(), TxnNumber{5});
  EXPECT_EQ(log->appended(), TxnNumber{5});
  auto after = env.storage->crash(1, 0);
  EXPECT_EQ(after->paths().size(), 1u);
  // A mark has nothing to vouch for that the header doesn't.
  const auto writes = env.storage->writes;
  EXPECT_TRUE(log->mark().has_value());
  EXPECT_EQ(env.storage->writes, writes);
}

TEST(LogWriter, AppendWriteSyncAreThreeSteps) {
  LogEnv env;
  auto log = env.start(1, {});
  ASSERT_TRUE(put(*log, 1).has_value());
  ASSERT_TRUE(put(*log, 2, 100, 3).has_value());
  EXPECT_EQ(log->appended(), TxnNumber{2});
  EXPECT_EQ(log->written(), TxnNumber{0});
  EXPECT_EQ(commits_in(read_epoch(*env.storage, log->first_segment())), 0u);
  const auto writes = env.storage->writes;
  ASSERT_TRUE(log->write_through(TxnNumber{1}).has_value());
  EXPECT_EQ(env.storage->writes, writes + 1);  // The whole queue in one.
  EXPECT_EQ(log->written(), TxnNumber{2});
  EXPECT_EQ(log->durable(), TxnNumber{0});
  const auto batches = read_epoch(*env.storage, log->first_segment());
  EXPECT_EQ(batches.size(), 4u);
  EXPECT_EQ(commits_in(batches), 2u);
  const auto syncs = env.storage->syncs;
  ASSERT_TRUE(log->sync_through(TxnNumber{2}).has_value());
  EXPECT_EQ(env.storage->syncs, syncs + 1);
  EXPECT_EQ(log->durable(), TxnNumber{2});
  EXPECT_EQ(log->durable_position().end.txn, TxnNumber{2});
  EXPECT_EQ(log->durable_position().end.chain, batches.back().check);
  EXPECT_EQ(log->buffered_bytes() < 4096, true);
  ASSERT_TRUE(log->sync_through(TxnNumber{1}).has_value());
  EXPECT_EQ(env.storage->syncs, syncs + 1);
  EXPECT_FALSE(log->sync_through(TxnNumber{3}).has_value());
}

// DR-A2: where a batch lies depends on the syncs before it.
TEST(LogWriter, ASyncSealsItsBlock) {
  LogEnv env;
  auto log = env.start(1, {});
  for (std::uint64_t txn = 1; txn <= 40; ++txn) {
    ASSERT_TRUE(put(*log, txn, txn * 50).has_value());
    ASSERT_TRUE(log->sync_through(TxnNumber{txn}).has_value());
  }
  const auto batches = read_epoch(*env.storage, log->first_segment());
  EXPECT_EQ(batches.size(), 40u);
  for (const auto& batch : batches) EXPECT_EQ(raw(batch.lsn) % kLogBlockBytes, 0u);
  EXPECT_TRUE(env.storage->violations.empty());
}

TEST(LogWriter, BatchesSayWhatWasDurable) {
  LogEnv env;
  auto log = env.start(1, {});
  ASSERT_TRUE(put(*log, 1).has_value());
  ASSERT_TRUE(log->sync_through(TxnNumber{1}).has_value());
  ASSERT_TRUE(put(*log, 2).has_value());
  ASSERT_TRUE(log->write_through(TxnNumber{2}).has_value());
  ASSERT_TRUE(put(*log, 3).has_value());
  ASSERT_TRUE(log->sync_through(TxnNumber{3}).has_value());
  const LogPlace durable = log->durable_position();
  ASSERT_TRUE(log->mark().has_value());
  const auto writes = env.storage->writes;
  ASSERT_TRUE(log->mark().has_value());
  EXPECT_EQ(env.storage->writes, writes);
  const auto batches = read_epoch(*env.storage, log->first_segment());
  ASSERT_EQ(batches.size(), 4u);
  EXPECT_EQ(batches[0].durable_txn, TxnNumber{0});
  EXPECT_EQ(batches[1].durable_txn, TxnNumber{1});
  EXPECT_EQ(batches[2].durable_txn, TxnNumber{1});
  EXPECT_EQ(batches[3].flags, kMark);
  EXPECT_EQ(batches[3].durable_txn, TxnNumber{3});
  EXPECT_EQ(batches[3].durable_lsn, durable.end.lsn);
  EXPECT_EQ(log->durable_position(), durable);
  EXPECT_TRUE(env.storage->violations.empty());
}

TEST(LogWriter, RollsIntoNewSegmentsAndLetsGoOfOldOnes) {
  LogEnv env;
  auto log = env.start(1, {}, 64 << 10);
  for (std::uint64_t txn = 1; txn <= 200; ++txn) {
    ASSERT_TRUE(put(*log, txn, 3000, 1 + txn % 3).has_value());
    if (txn % 3 == 0) {
      ASSERT_TRUE(log->sync_through(TxnNumber{txn}).has_value());
    }
  }
  ASSERT_TRUE(log->sync_through(TxnNumber{200}).has_value());
  EXPECT_GT(log->segment_count(), 5u);
  EXPECT_EQ(commits_in(read_epoch(*env.storage, log->first_segment())), 200u);
  EXPECT_TRUE(env.storage->violations.empty());
  const auto bytes = log->file_bytes();
  ASSERT_TRUE(log->roll().has_value());
  ASSERT_TRUE(log->release_before(log->durable_position()).has_value());
  EXPECT_EQ(log->segment_count(), 1u);
  EXPECT_LT(log->file_bytes(), bytes);
  EXPECT_EQ(env.storage->paths().size(), 1u);
  ASSERT_TRUE(put(*log, 201).has_value());
  ASSERT_TRUE(log->sync_through(TxnNumber{201}).has_value());
  ASSERT_TRUE(log->remove_all().has_value());
  EXPECT_TRUE(env.storage->paths().empty());
}

TEST(LogWriter, AGroupLargerThanASegmentGetsALargerSegment) {
  LogEnv env;
  auto log = env.start(1, {}, 64 << 10);
  ASSERT_TRUE(put(*log, 1).has_value());
  ASSERT_TRUE(put(*log, 2, 900'000, 5).has_value());
  ASSERT_TRUE(put(*log, 3).has_value());
  ASSERT_TRUE(log->sync_through(TxnNumber{3}).has_value());
  EXPECT_EQ(commits_in(read_epoch(*env.storage, log->first_segment())), 3u);
}

TEST(LogWriter, AFullDiskFailsThatCommitOnly) {
  LogEnv env;
  auto log = env.start(1, {}, 256 << 10);
  bool full = false;
  env.storage->fault = [&](Op op, const std::string&) -> std::optional<ErrorCode> {
    return full && op == Op::kAllocate ? std::optional(ErrorCode::kDiskFull) : std::nullopt;
  };
  std::uint64_t txn = 1;
  full = true;
  while (put(*log, txn, 2000).has_value()) ++txn;  // The first space, and then no more.
  EXPECT_GT(txn, 10u);
  EXPECT_EQ(put(*log, txn, 2000).error().code(), ErrorCode::kDiskFull);
  EXPECT_FALSE(log->poisoned());
  ASSERT_TRUE(log->sync_through(TxnNumber{txn - 1}).has_value());
  EXPECT_EQ(put(*log, txn, 200'000).error().code(), ErrorCode::kDiskFull);
  full = false;
  for (int i = 0; i < 300; ++i, ++txn) ASSERT_TRUE(put(*log, txn, 2000).has_value());
  full = true;
  while (put(*log, txn, 2000).has_value()) ++txn;  // Fails at the roll this time, or at its growth.
  ASSERT_TRUE(log->sync_through(TxnNumber{txn - 1}).has_value());
  EXPECT_EQ(commits_in(read_epoch(*env.storage, log->first_segment())), txn - 1);
}

TEST(LogWriter, AFailedWriteOrSyncPoisonsForEver) {
  for (const Op op : {Op::kWrite, Op::kSync}) {
    LogEnv env;
    auto log = env.start(1, {});
    ASSERT_TRUE(put(*log, 1).has_value());
    ASSERT_TRUE(log->sync_through(TxnNumber{1}).has_value());
    int failures = 0;
    env.storage->fault = [&](Op now, const std::string&) -> std::optional<ErrorCode> {
      if (now != op || failures++ > 0) return std::nullopt;  // Only once: a retry would work.
      return ErrorCode::kIo;
    };
    ASSERT_TRUE(put(*log, 2).has_value());
    EXPECT_EQ(log->sync_through(TxnNumber{2}).error().code(), ErrorCode::kIo);
    EXPECT_EQ(log->sync_through(TxnNumber{2}).error().code(), ErrorCode::kIo);
    EXPECT_EQ(put(*log, 3).error().code(), ErrorCode::kPoisoned);
    EXPECT_FALSE(log->mark().has_value());
    EXPECT_FALSE(log->roll().has_value());
    EXPECT_EQ(failures, 1);
    EXPECT_EQ(log->durable(), TxnNumber{1});
    EXPECT_TRUE(log->sync_through(TxnNumber{1}).has_value());
    EXPECT_EQ(log->poisoned()->code(), ErrorCode::kIo);
  }
}

TEST(LogWriter, FreezeKeepsTheFirstError) {
  LogEnv env;
  auto log = env.start(1, {});
  ASSERT_TRUE(put(*log, 1).has_value());
  log->freeze(Error(ErrorCode::kIo, "first"));
  log->freeze(Error(ErrorCode::kIo, "second"));
  EXPECT_EQ(log->write_through(TxnNumber{1}).error().message(), "first");
  EXPECT_EQ(log->sync_through(TxnNumber{1}).error().message(), "first");
  EXPECT_EQ(log->durable(), TxnNumber{0});
}

TEST(LogWriter, AnUnusedReservationIsForgotten) {
  LogEnv env;
  auto log = env.start(1, {}, 64 << 10);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(log->reserve(30'000, 1).has_value());
  EXPECT_EQ(log->segment_count(), 1u);
}

// Checks the order of announcements, and that durable() only ever is an announced end.
class Watcher final : public LogObserver {
 public:
  void sync_begins(TxnNumber end) override {
    EXPECT_GE(end, announced_.load());
    announced_ = end;
  }
  void became_durable(TxnNumber txn) override {
    EXPECT_EQ(txn, announced_.load());
    EXPECT_EQ(log->durable_position().end.txn, txn);
    EXPECT_LT(log->durable(), txn);
  }
  LogWriter* log = nullptr;

 private:
  Atomic<TxnNumber> announced_{TxnNumber{0}};
};

TEST(LogWriter, ManyThreadsShareSyncs) {
  LogEnv env;
  Watcher watcher;
  auto log = env.start(1, {}, 64 << 10, &watcher);
  watcher.log = log.get();
  Mutex writer;
  std::uint64_t last = 0;
  constexpr int kThreads = 6, kEach = 150;
  std::vector<Thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        std::uint64_t txn;
        {
          MutexLock lock(writer);
          txn = ++last;
          ASSERT_TRUE(put(*log, txn, static_cast<std::size_t>(i % 40) * 20).has_value());
        }
        if ((t + i) % 4 == 0) {
          ASSERT_TRUE(log->write_through(TxnNumber{txn}).has_value());
          EXPECT_GE(log->written(), TxnNumber{txn});
        } else {
          ASSERT_TRUE(log->sync_through(TxnNumber{txn}).has_value());
          EXPECT_GE(log->durable(), TxnNumber{txn});
        }
        if (i % 50 == 0) {
          ASSERT_TRUE(log->mark().has_value());
        }
        if (i % 70 == 0) {
          ASSERT_TRUE(log->roll().has_value());
        }
      }
    });
  }
  for (Thread& thread : threads) thread.join();
  ASSERT_TRUE(log->sync_through(TxnNumber{last}).has_value());
  EXPECT_EQ(commits_in(read_epoch(*env.storage, log->first_segment())),
            static_cast<std::uint64_t>(kThreads * kEach));
  // Blocks written over aren't looked at here: between the moment a sync is prepared and that at
  // which the disk sees it, another thread may start the next block, which that sync is not said to
  // cover.
}

}  // namespace
}  // namespace holdfast::testing
