// Log files of earlier openings that no meta names any more: a close that stopped before they went,
// a first commit that stopped before a meta said that its log is there. They don't pile up.
#include <algorithm>
#include <random>

#include "engine/file/meta_format.h"
#include "tests/engine/full_disk_fixture.h"

namespace holdfast {
namespace {

class LeftoverLogsTest : public FullDiskFixture {
 protected:
  static std::ptrdiff_t logs(const SimWorld& world) {
    return std::ranges::count_if(
        world.disk.paths(), [](const std::string& path) { return path.starts_with("db.log-"); });
  }
  // The segment has its name, and the meta that names it can't be written.
  static void stop_before_the_meta(SimWorld& world, Database& db, const std::string& key) {
    Fault fault;
    fault.call = SimCall::kWrite;
    fault.path_is = "db";
    fault.before = kHeaderRegionBytes;
    world.disk.inject(fault);
    (void)db.erase(key);
    world.disk.clear_faults();
    world.lose_power();
  }
};

TEST_F(LeftoverLogsTest, ThoseOfACloseThatStopped) {
  SimWorld world;
  Options options = world.options();
  options.log_segment_bytes = 64 << 10;
  options.checkpoint_log_bytes = 4 << 20;
  Database db = MUST(Database::open("db", options));
  for (int i = 0; i < 1000; ++i) MUST(db.put(numbered(i), std::string(3000, 'a')));
  world.fail_call(SimCall::kRemove, 1, ErrorCode::kIo, true, "db.log-");
  EXPECT_FALSE(db.close());
  world.disk.clear_faults();
  world.lose_power();
  db = MUST(Database::open("db", options));
  EXPECT_GT(logs(world), 5);
  MUST(db.put(numbered(1), "b"));
  EXPECT_EQ(logs(world), 1);
  EXPECT_EQ(log_bytes(world), db.stats().log_file_bytes);
}

TEST_F(LeftoverLogsTest, ThoseOfLivesThatStopBeforeTheirFirstMeta) {
  SimWorld world;
  Database db = MUST(Database::open("db", world.options()));
  for (int i = 0; i < 100; ++i) MUST(db.put(numbered(i), std::string(300, 'a')));
  MUST(db.close());
  for (int life = 0; life < 40; ++life) {
    db = MUST(Database::open("db", world.options()));
    stop_before_the_meta(world, db, numbered(1));
    ASSERT_LE(logs(world), 2) << life;
  }
  db = MUST(Database::open("db", world.options()));
  EXPECT_EQ(contents_of(db).size(), 100U);
  MUST(db.erase(numbered(1)));
  EXPECT_EQ(logs(world), 1);
}

// On a full disk their room is the next log's.
TEST_F(LeftoverLogsTest, TheirRoomIsForTheNextOne) {
  for (std::uint64_t kib = 1200; kib <= 2600; kib += 200) {
    SimWorld world(disk_of(kib));
    std::mt19937 random(static_cast<unsigned>(kib));
    Database db = full_database(world, random);
    MUST(db.close());
    for (int life = 0; life < 12; ++life) {
      db = MUST(Database::open("db", options(world)));
      stop_before_the_meta(world, db, model_.begin()->first);
    }
    db = MUST(Database::open("db", options(world)));
    for (const auto& [key, value] : contents_of(db)) ASSERT_TRUE(MUST(db.erase(key))) << kib;
    MUST(db.close());
    model_.clear();
    recover(world);
    if (HasFailure()) FAIL() << kib << " KiB";
  }
}

}  // namespace
}  // namespace holdfast
