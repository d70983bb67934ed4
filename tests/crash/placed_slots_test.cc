// What the simulated disk knows of the slots that the log places: across segments, epochs and
// crashes, until a checkpoint has passed them.
#include "fuzz/lab/placed_slots.h"

#include <algorithm>
#include <set>

#include "fuzz/lab/needed_ranges.h"
#include "tests/engine/sim_world.h"

namespace holdfast {
namespace {

class PlacedSlotsTest : public testing::Test {
 protected:
  Options options() {
    Options options = world_.options();
    options.cache_bytes = std::size_t{4} << 20;
    return options;
  }
  // One transaction of several times the redo that a commit may hold in memory.
  void change_much(Database& db, char with) {
    WriteTransaction writer = MUST(db.begin_write());
    for (int i = 0; i < 2500; ++i) MUST(writer.put(numbered(i), std::string(400, with)));
    MUST(writer.commit());
  }
  std::set<std::uint64_t> placed() {
    std::set<std::uint64_t> offsets;
    for (const NeededRange& range : needed_ranges(world_.disk, "db"))
      if (range.reason.find("log places") != std::string::npos) offsets.insert(range.offset);
    return offsets;
  }
  SimWorld world_;
};

TEST_F(PlacedSlotsTest, AreNeededFromTheCommitToTheCheckpoint) {
  Database db = MUST(Database::open("db", options()));
  change_much(db, 'a');
  const auto of_one = placed();
  EXPECT_GT(of_one.size(), 60U);
  change_much(db, 'b');
  const auto of_both = placed();
  EXPECT_GT(of_both.size(), of_one.size() + 60);
  EXPECT_TRUE(std::ranges::includes(of_both, of_one));
  {
    WriteTransaction writer = MUST(db.begin_write());
    for (int i = 0; i < 2500; ++i) MUST(writer.put(numbered(i), std::string(400, 'x')));
  }
  EXPECT_EQ(placed(), of_both);
  MUST(db.checkpoint());
  EXPECT_TRUE(placed().empty());
}

TEST_F(PlacedSlotsTest, AreFoundAcrossEpochsAndCrashes) {
  std::set<std::uint64_t> before;
  for (const char with : {'a', 'b', 'c'}) {
    Database db = MUST(Database::open("db", options()));
    EXPECT_EQ(placed(), before);
    change_much(db, with);
    const auto now = placed();
    EXPECT_GT(now.size(), before.size() + 60);
    EXPECT_TRUE(std::ranges::includes(now, before));
    before = now;
    world_.lose_power();
  }
  Database db = MUST(Database::open("db", options()));
  EXPECT_EQ(placed(), before);
  MUST(db.put("key", "value"));  // An opening that commits nothing leaves the log as it is.
  MUST(db.close());
  EXPECT_TRUE(placed().empty());
}

// What a crash made of a group that no sync had covered isn't one.
TEST_F(PlacedSlotsTest, OfAGroupWithoutItsCommitAreNobodys) {
  Database db = MUST(Database::open("db", options()));
  change_much(db, 'a');
  const auto of_one = placed();
  world_.fail_call(SimCall::kSync, 1, ErrorCode::kIo, true, "db.log-1-1");
  {
    WriteTransaction writer = MUST(db.begin_write());
    for (int i = 0; i < 2500; ++i) MUST(writer.put(numbered(i), std::string(400, 'b')));
    ASSERT_FALSE(writer.commit());
  }
  world_.disk.clear_faults();
  world_.lose_power();
  EXPECT_EQ(placed(), of_one);
}

TEST_F(PlacedSlotsTest, AreNotWrittenOver) {
  watch_needed_ranges(world_.disk, "db");
  Database db = MUST(Database::open("db", options()));
  change_much(db, 'a');
  const auto places = placed();
  auto file = MUST(world_.disk.open("db", FileMode::kReadWrite));
  const std::vector<std::byte> junk(4096, std::byte{7});
  ASSERT_FALSE(world_.disk.violation());
  MUST(file->write(*places.begin(), junk));
  ASSERT_TRUE(world_.disk.violation());
  EXPECT_NE(world_.disk.violation()->find("page that the log places"), std::string::npos);
}

}  // namespace
}  // namespace holdfast
