// Pages that the log only names: they lie in slots where a transaction larger than memory left
// them, and no map knows these slots until a checkpoint has passed the log.
#include <random>

#include "engine/base/limits.h"
#include "engine/file/meta_format.h"
#include "fuzz/lab/needed_ranges.h"
#include "tests/engine/sim_world.h"

namespace holdfast {
namespace {

class PlacedPagesTest : public testing::Test {
 protected:
  // 230 frames, and no checkpoint but those that are asked for.
  Options small() {
    Options options = world_.options();
    options.cache_bytes = kMinCacheBytes;
    options.checkpoint_log_bytes = std::uint64_t{1} << 30;
    return options;
  }
  // Some 800 leaves.
  Result<void> put_all(Database& db, char with, Durability durability) {
    auto writer = db.begin_write();
    if (!writer) return std::unexpected(writer.error());
    for (int i = 0; i < kRecords; ++i) {
      if (auto put = writer->put(numbered(i), std::string(310, with)); !put) return put;
      model_[numbered(i)] = std::string(310, with);
    }
    auto done = writer->commit(durability);
    if (!done) return std::unexpected(done.error());
    return {};
  }
  void change_some(Database& db, std::mt19937& random, Durability durability) {
    WriteTransaction writer = MUST(db.begin_write());
    for (int i = 0; i < 20; ++i) {
      const std::string key = numbered(random() % kRecords);
      model_[key] = std::string(310, static_cast<char>('a' + random() % 26));
      MUST(writer.put(key, model_[key]));
    }
    MUST(writer.commit(durability));
  }
  std::size_t placed() {
    std::size_t count = 0;
    for (const NeededRange& range : needed_ranges(world_.disk, "db"))
      count += range.reason.find("log places") != std::string::npos ? 1 : 0;
    return count;
  }

  static constexpr int kRecords = 10'000;
  SimWorld world_;
  Contents model_;
};

// DR-C1: placed pages change again, and the next checkpoint looks for slots. Those of the placed
// versions are still all that redo has to build on, until that checkpoint's meta is durable.
TEST_F(PlacedPagesTest, ASlotThatTheLogNamesIsNotUsedAgainThoughThePageHasChanged) {
  for (std::uint64_t changes : {20, 60, 110}) {
    world_.disk.reset({});
    watch_needed_ranges(world_.disk, "db");
    std::mt19937 random(1);
    {
      Database db = MUST(Database::open("db", small()));
      MUST(put_all(db, 'z', Durability::kSync));
      world_.lose_power();
    }
    {
      Options options = small();
      options.cache_bytes = 64 << 20;  // No need for a checkpoint.
      Database db = MUST(Database::open("db", options));
      for (int i = 0; i < 5; ++i) change_some(db, random, Durability::kSync);
      ASSERT_EQ(db.stats().checkpoints, 0U);
      ASSERT_GT(placed(), 500U);
      world_.disk.crash_at_change(changes);
      ASSERT_FALSE(db.checkpoint());
      world_.disk.crash({.kind = CrashPolicy::Kind::kKeepAll}, 1);
    }
    EXPECT_FALSE(world_.disk.violation()) << *world_.disk.violation();
    ASSERT_GT(placed(), 500U) << "the checkpoint had begun, and didn't end";
    Database db = MUST(Database::open("db", small()));
    ASSERT_TRUE(contents_of(db) == model_);
    expect_sound(db);
    MUST(db.checkpoint());
    EXPECT_EQ(placed(), 0U);
  }
}

// DR-C2: the placed slots lie past all that the meta knows. After a crash neither redo, in a
// smaller cache than the one the transaction had, nor what comes after takes them for free.
TEST_F(PlacedPagesTest, ARecoveryTakesNoSlotThatTheLogNames) {
  std::mt19937 random(2);
  {
    Options options = small();
    options.cache_bytes = 2 << 20;
    Database db = MUST(Database::open("db", options));
    MUST(put_all(db, 'a', Durability::kOs));
    MUST(db.checkpoint());
    MUST(put_all(db, 'z', Durability::kSync));
    ASSERT_GT(placed(), 100U);
    world_.lose_power();
  }
  watch_needed_ranges(world_.disk, "db");
  {
    Database db = MUST(Database::open("db", small()));
    for (int i = 0; i < 20; ++i) change_some(db, random, Durability::kSync);
    ASSERT_TRUE(contents_of(db) == model_);
    world_.lose_power();
  }
  EXPECT_FALSE(world_.disk.violation()) << *world_.disk.violation();
  Database db = MUST(Database::open("db", small()));
  ASSERT_TRUE(contents_of(db) == model_);
  MUST(db.checkpoint());
  ASSERT_TRUE(contents_of(db) == model_);
  expect_sound(db);
}

// DR-C17: whatever the durability, the log never says more than the tree file has. Here all that
// was written to the log reaches the medium, and of the tree file only what was synced.
TEST_F(PlacedPagesTest, WhatTheLogNamesIsOnTheMediumBeforeTheLogSaysSo) {
  for (Durability durability : {Durability::kLazy, Durability::kOs, Durability::kSync}) {
    world_.disk.reset({});
    {
      Database db = MUST(Database::open("db", small()));
      MUST(db.put("before", "the log"));
      model_ = {{"before", "the log"}};
      MUST(put_all(db, 'z', durability));
      std::vector<Fate> fates;
      for (const CrashUnit& unit : world_.disk.crash_units())
        fates.push_back(world_.disk.describe(unit).find("db.log") == std::string::npos
                            ? Fate::kLost
                            : Fate::kKept);
      world_.disk.crash_with(512, fates);
    }
    Database db = MUST(Database::open("db", small()));
    const Contents found = contents_of(db);
    // What is lazy may have been in memory only.
    if (durability != Durability::kLazy || found.size() > 1) {
      ASSERT_TRUE(found == model_);
      EXPECT_GT(placed(), 100U);
    }
    expect_sound(db);
  }
}

// DR-C17: what redo needn't build on it doesn't read: opening takes as long as the log is.
TEST_F(PlacedPagesTest, RecoveryReadsNoPageThatTheLogOnlyNames) {
  {
    Database db = MUST(Database::open("db", small()));
    MUST(put_all(db, 'z', Durability::kSync));
    ASSERT_GT(placed(), 500U);
    world_.lose_power();
  }
  Database db = MUST(Database::open("db", small()));
  EXPECT_LT(db.stats().pages_read, 10U);
  ASSERT_TRUE(contents_of(db) == model_);
}

// A long value's pages are placed at the end of the file while a checkpoint syncs it, and power
// fails before the meta's sync has ended: the meta may be there, and what the file has grown by
// not.
TEST(PlacedBesideACheckpointTest, AMetaKnowsOfNoSlotThatTheSyncBeforeDidNotCover) {
  for (unsigned seed = 0; seed < 24; ++seed) {
    SimDisk::Options disk;
    disk.kind = seed % 2 == 0 ? DiskKind::kExt4Like : DiskKind::kWeak;
    SimWorld world(disk);
    Database db = MUST(Database::open("db", world.options()));
    Contents model;
    for (int i = 0; i < 300; ++i) {
      model[numbered(i)] = std::string(300, 'a');
      MUST(db.put(numbered(i), model[numbered(i)]));
    }
    bool done = false;
    std::optional<WriteTransaction> writer;
    world.disk.during_syncs([&](const std::string& path) {
      if (path != "db" || std::exchange(done, true)) return;
      writer.emplace(MUST(db.begin_write()));
      MUST(writer->put("long", std::string(8 << 20, 'b')));
      world.disk.crash_at_change(4, false);  // This sync, two copies of the meta, their sync.
    });
    (void)db.checkpoint();
    ASSERT_TRUE(world.disk.crashed());
    world.disk.during_syncs({});
    writer.reset();
    if (seed == 1) {
      std::vector<Fate> fates;
      for (const CrashUnit& unit : world.disk.crash_units(512)) {
        const bool of_a_meta =
            unit.kind == CrashUnit::Kind::kSector && unit.offset < kHeaderRegionBytes;
        fates.push_back(of_a_meta ? Fate::kKept : Fate::kLost);
      }
      world.disk.crash_with(512, fates);
    } else {
      world.disk.crash(
          {.kind = seed % 2 == 0 ? CrashPolicy::Kind::kExt4Like : CrashPolicy::Kind::kWeak}, seed);
    }
    db = MUST(Database::open("db", world.options()));
    EXPECT_EQ(contents_of(db), model) << seed;
    MUST(db.checkpoint());
    expect_sound(db);
  }
}

}  // namespace
}  // namespace holdfast
