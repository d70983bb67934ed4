// One thread's checkpoint met a failed sync of the meta and froze the database, while another
// waited for its turn at the same lock. That one had asked whether the database was frozen before
// it waited: it began a checkpoint of its own and wrote a meta on top of one of which nobody knows
// whether it is on the medium. Whoever waits asks afterwards.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "fuzz/lab/sim_environment.h"
#include "holdfast/database.h"
#include "tests/regress/hooked_storage.h"

namespace holdfast::testing {
namespace {

using std::chrono::milliseconds;

// Runs `other` in a thread that comes while a checkpoint's meta sync is failing; answers how often
// the tree file is written to afterwards.
template <class F>
int writes_after_the_failure(HookedStorage& storage, Database& db, F other) {
  std::atomic<int> writes{0};
  std::atomic<bool> failed{false};
  int syncs = 0;
  std::thread second;
  storage.on_sync = [&](const std::string& path) -> Result<void> {
    if (path != "dir/db" || failed || ++syncs != 2) return {};  // The pages', then the meta's.
    failed = true;
    second = std::thread(other);
    std::this_thread::sleep_for(milliseconds(50));  // It is waiting now.
    return fail(ErrorCode::kIo, "the medium refuses");
  };
  storage.on_write = [&](const std::string& path) -> Result<void> {
    if (path == "dir/db" && failed) ++writes;
    return {};
  };
  EXPECT_FALSE(db.checkpoint());
  EXPECT_TRUE(failed);
  if (second.joinable()) second.join();
  return writes;
}

class FrozenTest : public ::testing::Test {
 protected:
  Database open() {
    Options options;
    options.environment = &environment_;
    options.background = Background::kHost;
    return *Database::open("dir/db", options);
  }
  HookedStorage storage_;
  SimClock clock_;
  SimRandom random_{1};
  Environment environment_{&storage_, &clock_, &random_};
};

TEST_F(FrozenTest, ACheckpointThatWaitedForAFailedOneWritesNothing) {
  Database db = open();
  ASSERT_TRUE(db.put("key", "value"));
  EXPECT_EQ(writes_after_the_failure(storage_, db, [&] { EXPECT_FALSE(db.checkpoint()); }), 0);
  EXPECT_FALSE(db.close());
}

// A first commit waits for it too, before it writes the meta of its epoch.
TEST_F(FrozenTest, AFirstCommitThatWaitedForAFailedCheckpointWritesNothing) {
  {
    ASSERT_TRUE(open().put("key", "value"));
  }
  Database db = open();
  EXPECT_EQ(writes_after_the_failure(storage_, db, [&] { EXPECT_FALSE(db.put("more", "x")); }), 0);
  EXPECT_FALSE(db.close());
}

// A backup that is to be kept waits for it, before it writes the list.
TEST_F(FrozenTest, ABackupThatIsKeptAndWaitedForAFailedCheckpointWritesNothing) {
  Database db = open();
  ASSERT_TRUE(db.put("key", "value"));
  std::atomic<bool> copying{false}, go{false}, failed{false};
  std::atomic<int> writes{0};
  Result<BackupReport> kept = std::unexpected(Error(ErrorCode::kIo, ""));
  std::thread second([&] {
    kept = db.backup(
        [&](std::string_view) -> Result<void> {
          copying = true;
          while (!go) std::this_thread::sleep_for(milliseconds(1));
          return {};
        },
        {.keep = true, .progress = {}});
  });
  while (!copying) std::this_thread::sleep_for(milliseconds(1));
  ASSERT_TRUE(db.put("key", "another"));
  int syncs = 0;
  storage_.on_sync = [&](const std::string& path) -> Result<void> {
    if (path != "dir/db" || failed || ++syncs != 2) return {};  // The pages', then the meta's.
    failed = true;
    go = true;
    std::this_thread::sleep_for(milliseconds(100));  // It is waiting now.
    return fail(ErrorCode::kIo, "the medium refuses");
  };
  storage_.on_write = [&](const std::string& path) -> Result<void> {
    if (path == "dir/db" && failed) ++writes;
    return {};
  };
  EXPECT_FALSE(db.checkpoint());
  second.join();
  EXPECT_EQ(writes, 0);
  EXPECT_FALSE(kept);
  EXPECT_FALSE(db.close());
}

}  // namespace
}  // namespace holdfast::testing
