// The database file was gone, and the log with its last commits lay there still: opening, which
// creates by default, made an empty database of that name, and nobody was told.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "fuzz/lab/sim_disk.h"
#include "fuzz/lab/sim_environment.h"
#include "holdfast/database.h"

namespace holdfast::testing {
namespace {

class CreationBesideALog : public ::testing::Test {
 protected:
  Result<Database> open(OpenMode mode = OpenMode::kCreate) {
    Options options;
    options.mode = mode;
    options.environment = &environment_;
    options.background = Background::kHost;
    return Database::open("dir/db", options);
  }
  // Ends in a loss of power, of which everything written survives.
  void live() {
    Database db = *open();
    WriteTransaction writer = *db.begin_write();
    ASSERT_TRUE(writer.put("key", "value"));
    ASSERT_TRUE(writer.commit());
    disk_.crash_at_call(1);
  }

  SimDisk disk_;
  SimClock clock_;
  SimRandom random_{1};
  Environment environment_{&disk_, &clock_, &random_};
};

TEST_F(CreationBesideALog, IsRefused) {
  live();
  disk_.crash({.kind = CrashPolicy::Kind::kKeepAll}, 0);
  const auto bytes = disk_.durable_bytes("dir/db");
  const std::vector<std::byte> file(bytes.begin(), bytes.end());
  disk_.drop_file("dir/db");
  const std::vector<std::string> before = disk_.paths();
  ASSERT_EQ(before.size(), 1u);
  for (const OpenMode mode : {OpenMode::kCreate, OpenMode::kCreateNew}) {
    const auto refused = open(mode);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), ErrorCode::kDamaged);
    EXPECT_EQ(refused.error().place().file, before.front());
    EXPECT_NE(refused.error().message().find("move its log away"), std::string::npos);
    EXPECT_EQ(disk_.paths(), before);
  }
  disk_.set_file("dir/db", file);
  EXPECT_EQ(open()->get("key")->value(), "value") << "with the file back, nothing is lost";
}

TEST_F(CreationBesideALog, GoesOnOnceTheLogIsMovedAway) {
  live();
  disk_.crash({.kind = CrashPolicy::Kind::kKeepAll}, 0);
  disk_.drop_file("dir/db");
  const std::string log = disk_.paths().front();
  ASSERT_TRUE(disk_.rename(log, "elsewhere", true));
  EXPECT_TRUE(open());
}

// A crash may leave a segment's name and take the database's, as long as no batch is in it.
TEST_F(CreationBesideALog, GoesOnBesideASegmentWithoutABatch) {
  live();
  disk_.crash({.kind = CrashPolicy::Kind::kKeepAll}, 0);
  disk_.drop_file("dir/db");
  const std::string log = disk_.paths().front();
  const auto bytes = disk_.durable_bytes(log);
  std::vector<std::byte> headers(bytes.begin(), bytes.end());
  std::fill(headers.begin() + 8192, headers.end(), std::byte{0});
  disk_.set_file(log, headers);
  EXPECT_TRUE(open());
}

}  // namespace
}  // namespace holdfast::testing
