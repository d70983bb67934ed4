// What a crash may and may not take back besides the records: the catalog, freed pages, what only a
// cache held, and what was shown before it was durable.
#include "engine/file/meta_format.h"
#include "fuzz/lab/needed_ranges.h"
#include "tests/engine/sim_world.h"

namespace holdfast {
namespace {

class RecoveredStateTest : public testing::Test {
 protected:
  Database open() { return MUST(Database::open("db", world_.options())); }
  void kill() { world_.disk.crash({.kind = CrashPolicy::Kind::kProcessKill}, 1); }
  SimWorld world_;
};

// DR-C3: freed ids, new trees and the growth of the catalog aren't contents of pages that the last
// checkpoint knows; the log has them.
TEST_F(RecoveredStateTest, FreedPagesAndACatalogThatGrewSinceTheCheckpoint) {
  {
    Database db = open();
    WriteTransaction writer = MUST(db.begin_write());
    for (int i = 0; i < 40; ++i) MUST(writer.put(numbered(i), std::string(40'000, 'a')));
    MUST(writer.commit());
    MUST(db.checkpoint());
    writer = MUST(db.begin_write());
    for (int i = 0; i < 30; ++i) ASSERT_TRUE(MUST(writer.erase(numbered(i))));
    MUST(writer.commit());
    // The catalog had one page; now its root has children.
    writer = MUST(db.begin_write());
    for (int i = 0; i < 300; ++i)
      MUST(writer.put(MUST(writer.create_tree(numbered(i, 100))), "k", numbered(i)));
    MUST(writer.commit());
    world_.lose_power();
  }
  Database db = open();
  const ReadTransaction reader = MUST(db.begin_read());
  EXPECT_EQ(MUST(reader.trees()).size(), 301U);
  for (int i = 0; i < 300; ++i)
    ASSERT_EQ(MUST(reader.get(MUST(reader.open_tree(numbered(i, 100))), "k")), numbered(i));
  EXPECT_EQ(contents_of(reader).size(), 10U);
  expect_sound(db);
  MUST(db.checkpoint());
  // Ten values of ten pages, 300 roots, the catalog.
  EXPECT_LT(db.stats().pages, 450U);
  expect_sound(db);
}

// DR-C3: a checkpoint as of a transaction neither removes what was freed after it, which a loss of
// power may bring back, nor keeps what was freed before it.
TEST_F(RecoveredStateTest, PagesFreedWhileACheckpointIsOnItsWay) {
  int lost = 0;
  for (int steps = 0; steps < 12; ++steps) {
    world_.disk.reset({});
    watch_needed_ranges(world_.disk, "db");
    bool durable = false;
    {
      Options options = world_.options();
      options.checkpoint_log_bytes = 2000;  // Due after one sync, and no commit helps along.
      Database db = MUST(Database::open("db", options));
      WriteTransaction writer = MUST(db.begin_write());
      for (int i = 0; i < 40; ++i) MUST(writer.put(numbered(i), std::string(40'000, 'a')));
      MUST(writer.commit());
      MUST(db.checkpoint());
      ASSERT_TRUE(MUST(db.erase(numbered(0))));
      for (int i = 0; i < steps; ++i) MUST(db.run_background());
      writer = MUST(db.begin_write());
      ASSERT_TRUE(MUST(writer.erase(numbered(1))));
      const CommitToken erased = MUST(writer.commit(Durability::kOs));
      const std::uint64_t checkpoints = db.stats().checkpoints;
      for (int i = 0; i < 40 && db.stats().checkpoints == checkpoints; ++i)
        MUST(db.run_background());
      durable = db.stats().durable_txn >= erased;
      world_.lose_power();
    }
    lost += durable ? 0 : 1;
    ASSERT_FALSE(world_.disk.violation()) << *world_.disk.violation();
    Database db = open();
    const Contents found = contents_of(db);
    ASSERT_EQ(found.contains(numbered(1)), !durable) << steps;
    ASSERT_EQ(found.size(), durable ? 38U : 39U) << steps;
    expect_sound(db);
    MUST(db.checkpoint());
    expect_sound(db);
    // The values' pages, of ten each, a leaf or two, the catalog: no room for ten lost ones.
    EXPECT_LT(db.stats().pages, found.size() * 10 + 9);
  }
  EXPECT_GT(lost, 0);
}

// DR-C4: once closed, no block of the header is the only one that knows the final state.
TEST_F(RecoveredStateTest, RottenMetasOfAClosedDatabaseNeverBringAnOlderStateBack) {
  {
    Database db = open();
    MUST(db.put("a", "1"));
    MUST(db.close());
    db = open();
    MUST(db.put("a", "2"));
    MUST(db.close());
  }
  for (unsigned lost = 0; lost < 15; ++lost) {
    const auto flip = [&] {
      for (unsigned copy = 0; copy < kMetaCopies; ++copy) {
        if ((lost >> copy) & 1) world_.disk.flip_bit("db", (meta_offset(copy) + 200) * 8);
      }
    };
    flip();
    Options options = world_.options();
    options.mode = OpenMode::kReadOnly;
    {
      Database db = MUST(Database::open("db", options));
      EXPECT_EQ(MUST(db.get("a")), "2") << lost;
    }
    flip();
  }
}

// DR-C6: what a killed process had written, and not synced, is shown by the next one. It must be on
// the medium before anything is acknowledged on top of it.
TEST_F(RecoveredStateTest, WhatOnlyTheCacheHeldIsDurableBeforeTheNextCommitIs) {
  {
    Database db = open();
    MUST(db.put("a", "acknowledged"));
    WriteTransaction writer = MUST(db.begin_write());
    MUST(writer.put("b", "written"));
    MUST(writer.commit(Durability::kOs));
    kill();
  }
  Contents seen;
  {
    Database db = open();
    seen = contents_of(db);
    EXPECT_TRUE(seen.contains("b"));
    MUST(db.put("c", "acknowledged"));
    seen["c"] = "acknowledged";
    world_.lose_power();
  }
  Database db = open();
  EXPECT_EQ(contents_of(db), seen);
  expect_sound(db);
}

// DR-C6: the same for a meta whose sync failed, or that was written and not synced when the process
// was killed: the cache has it, the medium may not.
TEST_F(RecoveredStateTest, AMetaWhoseSyncFailedIsNotBelievedFromTheCache) {
  for (std::uint64_t nth = 1; nth <= 46; ++nth) {
    world_.disk.reset({});
    Contents seen;
    {
      Database db = open();
      for (int i = 0; i < 50; ++i) MUST(db.put(numbered(i), std::string(500, 'a')));
      MUST(db.checkpoint());
      for (int i = 0; i < 50; ++i) MUST(db.put(numbered(i), std::string(500, 'b')));
      seen = contents_of(db);
      Fault fault;
      fault.call = SimCall::kSync;
      fault.path_is = "db";
      fault.nth = nth;
      fault.code = ErrorCode::kIo;
      if (nth <= 6) {
        world_.disk.inject(fault);
      } else {
        world_.disk.crash_at_change(nth - 6);  // Of the close, among them each write of a meta.
      }
      (void)db.close();
      world_.disk.clear_faults();
      kill();
    }
    watch_needed_ranges(world_.disk, "db");
    {
      Database db = open();
      ASSERT_EQ(contents_of(db), seen);
      MUST(db.put("first", "one"));
      seen["first"] = "one";
      ASSERT_FALSE(world_.disk.violation()) << nth << ": " << *world_.disk.violation();
      for (int i = 0; i < 50; ++i) MUST(db.put(numbered(i), std::string(500, 'c')));
      MUST(db.checkpoint());
      MUST(db.put("last", "one"));
      seen = contents_of(db);
      world_.lose_power();
    }
    EXPECT_FALSE(world_.disk.violation()) << *world_.disk.violation();
    Database db = open();
    ASSERT_EQ(contents_of(db), seen);
    expect_sound(db);
  }
}

// DR-C12: nobody ever asks for a sync, and yet what was committed becomes durable and visible, and
// the versions in between don't pile up.
TEST_F(RecoveredStateTest, CommitsThatNobodySyncsBecomeDurableWithoutPilingUpVersions) {
  for (Durability durability : {Durability::kLazy, Durability::kOs}) {
    world_.disk.reset({});
    Database db = open();
    MUST(db.put("hot", "0"));
    for (int i = 1; i <= 3000; ++i) {
      WriteTransaction writer = MUST(db.begin_write());
      MUST(writer.put("hot", numbered(i)));
      MUST(writer.commit(durability));
      ASSERT_LE(db.stats().cache_version_bytes, 6U * 4096);
    }
    EXPECT_LT(db.stats().durable_txn, db.stats().newest_txn);
    for (int i = 0; i < 3; ++i) {
      world_.clock().advance(std::chrono::seconds(1));
      while (MUST(db.run_background())) {
      }
    }
    EXPECT_EQ(db.stats().durable_txn, db.stats().newest_txn);
    MUST(db.put("hot", "one more"));
    EXPECT_LE(db.stats().cache_version_bytes, 2U * 4096)
        << "what is durable has let go of the rest";
    world_.lose_power();
    db = open();
    EXPECT_EQ(MUST(db.get("hot")), "one more");
  }
}

// DR-C22: a writer sees what isn't durable yet, and may abort: a crash can take back what it saw.
// Readers don't, unless they ask for it. Once that can't become durable, both are told.
TEST_F(RecoveredStateTest, WhatIsNotDurableIsSeenByWritersAndThoseWhoAskAndFailsWithTheSync) {
  Database db = open();
  MUST(db.put("a", "durable"));
  const auto commit_lazily = [&](const char* value) {
    WriteTransaction writer = MUST(db.begin_write());
    MUST(writer.put("a", value));
    return MUST(writer.commit(Durability::kLazy));
  };
  commit_lazily("seen");
  {
    const WriteTransaction writer = MUST(db.begin_write());
    EXPECT_EQ(MUST(writer.get("a")), "seen");
  }
  world_.lose_power();
  db = open();
  EXPECT_EQ(MUST(db.get("a")), "durable");

  const CommitToken token = commit_lazily("never durable");
  const ReadTransaction newest = MUST(db.begin_read({.at_least = token}));
  EXPECT_EQ(MUST(newest.get("a")), "never durable");
  WriteTransaction writer = MUST(db.begin_write());
  MUST(writer.put("b", "c"));
  world_.fail_call(SimCall::kSync, 1, ErrorCode::kIo, false, "log");
  EXPECT_CODE(db.sync(), ErrorCode::kPoisoned);
  EXPECT_CODE(writer.put("c", "d"), ErrorCode::kPoisoned);
  EXPECT_CODE(writer.commit(), ErrorCode::kPoisoned);
  EXPECT_CODE(newest.get("a"), ErrorCode::kPoisoned);
  EXPECT_CODE(db.begin_read({.at_least = token}), ErrorCode::kPoisoned);
  EXPECT_CODE(db.begin_write(), ErrorCode::kPoisoned);
}

}  // namespace
}  // namespace holdfast
