// What is told while it happens, and what stats() counts of time.
#include "holdfast/events.h"

#include <unistd.h>

#include "engine/file/meta_format.h"
#include "tests/engine/sim_world.h"

namespace holdfast {
namespace {

class Listener final : public EventListener {
 public:
  void on_recovery(const RecoveryReport& report) noexcept override {
    ++recoveries;
    recovered_txn = report.recovered_txn;
  }
  void on_checkpoint(const CheckpointEvent& event) noexcept override {
    event.error == nullptr ? ++checkpoints : ++failed_checkpoints;
    if (event.error == nullptr) last = event;
  }
  void on_slow_sync(const SlowSyncEvent& event) noexcept override {
    ++slow_syncs;
    EXPECT_GE(event.took.count(), 0);
  }
  void on_old_snapshot(const OldSnapshotEvent& event) noexcept override {
    ++old_snapshots;
    snapshot = event;
  }
  void on_damage(const Error& error) noexcept override { damage = error; }
  void on_poisoned(const Error& error) noexcept override {
    ++poisonings;
    EXPECT_EQ(error.code(), ErrorCode::kPoisoned);
  }

  int recoveries = 0, checkpoints = 0, failed_checkpoints = 0, slow_syncs = 0, old_snapshots = 0,
      poisonings = 0;
  std::uint64_t recovered_txn = 0;
  CheckpointEvent last;
  OldSnapshotEvent snapshot;
  std::optional<Error> damage;
};

class EventsTest : public testing::Test {
 protected:
  Options options() {
    Options options = world_.options();
    options.events = &listener_;
    return options;
  }
  SimWorld world_;
  Listener listener_;
};

TEST_F(EventsTest, CheckpointsDoneAndFailed) {
  Database db = MUST(Database::open("db", options()));
  EXPECT_EQ(listener_.recoveries, 0);
  MUST(db.put("a", "1"));
  MUST(db.checkpoint());
  EXPECT_EQ(listener_.checkpoints, 1);
  EXPECT_EQ(listener_.last.txn, db.stats().newest_txn);
  EXPECT_GE(listener_.last.pages_written, 2U);
  MUST(db.put("a", "2"));
  Fault page_write;
  page_write.call = SimCall::kWrite;
  page_write.path_is = "db";
  world_.disk.inject(page_write);
  EXPECT_CODE(db.checkpoint(), ErrorCode::kIo);
  EXPECT_EQ(listener_.failed_checkpoints, 1);
  EXPECT_EQ(listener_.checkpoints, 1);
  EXPECT_EQ(db.stats().checkpoints_failed, 1U);
  EXPECT_EQ(listener_.poisonings, 0);
  MUST(db.checkpoint());
  EXPECT_EQ(listener_.checkpoints, 2);
}

TEST_F(EventsTest, RecoveryAndFreezing) {
  {
    Database db = MUST(Database::open("db", options()));
    MUST(db.put("a", "1"));
    world_.fail_call(SimCall::kSync, 1, ErrorCode::kIo);
    EXPECT_FALSE(db.put("b", "2").has_value());
    EXPECT_EQ(listener_.poisonings, 1);
    EXPECT_FALSE(db.put("c", "3").has_value());
    EXPECT_FALSE(db.checkpoint().has_value());
    EXPECT_EQ(listener_.poisonings, 1) << "once is enough";
  }
  world_.lose_power();
  Database db = MUST(Database::open("db", options()));
  EXPECT_EQ(listener_.recoveries, 1);
  EXPECT_EQ(listener_.recovered_txn, db.stats().newest_txn);
}

TEST_F(EventsTest, DamageIsToldWithItsPlace) {
  Options with = options();
  {
    Database db = MUST(Database::open("db", with));
    MUST(db.put("key", "value"));
    MUST(db.close());
  }
  for (std::uint64_t at = kHeaderRegionBytes; at + 4096 <= world_.disk.durable_bytes("db").size();
       at += 4096)
    world_.disk.flip_bit("db", (at + 2000) * 8);
  auto db = Database::open("db", with);
  if (db) {
    EXPECT_CODE(db->get("key"), ErrorCode::kDamaged);
    ASSERT_TRUE(listener_.damage);
    EXPECT_EQ(listener_.damage->place().file, "db");
    EXPECT_TRUE(listener_.damage->place().page);
  } else {
    EXPECT_EQ(db.error().code(), ErrorCode::kDamaged);
  }
}

TEST_F(EventsTest, AnOldSnapshotIsToldOnce) {
  Options with = options();
  with.old_snapshot = std::chrono::seconds(60);
  Database db = MUST(Database::open("db", with));
  MUST(db.put("a", "1"));
  MUST(db.run_background());
  std::optional<ReadTransaction> reader = MUST(db.begin_read());
  MUST(db.put("a", "2"));
  for (int second = 0; second < 100; ++second) {
    EXPECT_EQ(listener_.old_snapshots, second >= 60 ? 1 : 0) << second;
    world_.clock().advance(std::chrono::seconds(1));
    MUST(db.run_background());
  }
  EXPECT_EQ(listener_.snapshot.txn, reader->txn());
  EXPECT_EQ(listener_.snapshot.thread, static_cast<std::uint32_t>(::gettid()));
  EXPECT_GE(db.stats().oldest_snapshot_age_ms, 100'000U);
  EXPECT_EQ(db.stats().oldest_snapshot_thread, listener_.snapshot.thread);
  reader.reset();
  EXPECT_EQ(db.stats().oldest_snapshot_age_ms, 0U);
  const ReadTransaction next = MUST(db.begin_read());
  for (int second = 0; second < 100; ++second) {
    world_.clock().advance(std::chrono::seconds(1));
    MUST(db.run_background());
  }
  EXPECT_EQ(listener_.old_snapshots, 2);
}

TEST_F(EventsTest, SyncsAreCountedByHowLongTheyTook) {
  Options with = options();
  with.slow_sync = std::chrono::milliseconds(0);
  Database db = MUST(Database::open("db", with));
  for (int i = 0; i < 10; ++i) MUST(db.put("a", numbered(i)));
  const Stats stats = db.stats();
  EXPECT_EQ(stats.log_sync_times.total(), stats.log_syncs);
  EXPECT_GE(stats.log_syncs, 10U);
  EXPECT_EQ(listener_.slow_syncs, static_cast<int>(stats.log_syncs));
}

TEST(LatencyHistogramTest, Bounds) {
  LatencyHistogram times;
  EXPECT_EQ(times.below(0.5), 0U);
  for (const std::uint64_t micros : {0, 1, 2, 3, 4, 1000, 1023}) {
    ++times.counts[LatencyHistogram::index_of(micros)];
  }
  EXPECT_EQ(times.counts[0], 2U);
  EXPECT_EQ(times.counts[1], 2U);
  EXPECT_EQ(times.counts[2], 1U);
  EXPECT_EQ(times.counts[9], 2U);
  EXPECT_EQ(times.below(0.5), 4U);
  EXPECT_EQ(times.below(1), 1024U);
  EXPECT_EQ(LatencyHistogram::index_of(~std::uint64_t{0}), 23U);
}

}  // namespace
}  // namespace holdfast
