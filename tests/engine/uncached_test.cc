// Storage that can't be read past its cache: what a recovery reads may be in the cache alone, after
// a sync that failed and forgot. Before anything is acknowledged on top of it, it goes into the
// tree file.
#include "tests/engine/sim_world.h"

namespace holdfast {
namespace {

TEST(UncachedTest, WhatAFailedSyncLeftInTheCacheIsMadeDurableBeforeTheFirstCommit) {
  for (bool past_cache : {false, true}) {
    SimDisk::Options disk_options;
    disk_options.reads_past_cache = past_cache;
    SimWorld world(disk_options);
    {
      Database db = MUST(Database::open("db", world.options()));
      MUST(db.put("a", "acknowledged"));
      // The cache says that this is written; the medium never gets it.
      world.fail_call(SimCall::kSync, 1, ErrorCode::kIo, false, "log");
      EXPECT_CODE(db.put("b", "not acknowledged"), ErrorCode::kPoisoned);
      EXPECT_CODE(db.close(), ErrorCode::kPoisoned);
    }
    world.disk.clear_faults();
    Contents seen;
    {
      // The process was killed, the machine lives on.
      Database db = MUST(Database::open("db", world.options()));
      seen = contents_of(db);
      EXPECT_EQ(seen.at("a"), "acknowledged");
      EXPECT_EQ(seen.contains("b"), !past_cache);
      MUST(db.put("c", "acknowledged too"));
      seen["c"] = "acknowledged too";
      world.lose_power();
    }
    Database db = MUST(Database::open("db", world.options()));
    EXPECT_EQ(contents_of(db), seen);
    expect_sound(db);
  }
}

}  // namespace
}  // namespace holdfast
