// A lazy commit had returned; the disk was full when the close wrote it to the log. A checkpoint
// takes a full disk for a reason to keep the old log segment and goes on: so it folded in what was
// before that commit, removed the log, and close() said that all was well. Found by the sweep that
// makes every storage call fail.
#include <gtest/gtest.h>

#include "fuzz/lab/sim_disk.h"
#include "fuzz/lab/sim_environment.h"
#include "holdfast/database.h"

namespace holdfast {
namespace {

TEST(Regress, AFullDiskUnderACleanCloseIsAnError) {
  SimDisk disk;
  SimClock clock;
  SimRandom random(1);
  Environment environment{&disk, &clock, &random};
  Options options;
  options.environment = &environment;
  options.background = Background::kHost;
  Database db = *Database::open("db", options);
  const auto put = [&db](const char* key, Durability durability) {
    auto writer = *db.begin_write();
    return writer.put(key, "value") && writer.commit(durability);
  };
  ASSERT_TRUE(put("first", Durability::kSync));
  ASSERT_TRUE(put("second", Durability::kLazy));
  Fault full;
  full.call = SimCall::kWrite;
  full.path_contains = ".log";
  full.code = ErrorCode::kDiskFull;
  disk.inject(full);
  EXPECT_FALSE(db.close());
}

}  // namespace
}  // namespace holdfast
