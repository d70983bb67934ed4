// A checkpoint that had many pages to leave out of the map failed, and every one after it.
//
// Slots for the map's leaves were set aside for pages that a transaction writes, not for those that
// it frees. Erasing large values changes few pages and many leaves of the map: the file had no room
// for the new leaves, and since the attempt's slots went back to where they came from, the next
// attempt failed likewise. The log grew without end, and the database could not be closed.
#include <gtest/gtest.h>

#include "fuzz/lab/sim_environment.h"
#include "holdfast/database.h"
#include "tests/regress/hooked_storage.h"

namespace holdfast::testing {
namespace {

constexpr int kValues = 40;  // Of two leaves of the map each.
constexpr std::size_t kValueBytes = std::size_t{4} << 20;

TEST(Regress, FreesHaveRoomForTheMap) {
  HookedStorage storage, after;
  SimClock clock;
  SimRandom random(1);
  Environment environment{&storage, &clock, &random};
  Options options;
  options.environment = &environment;
  options.background = Background::kHost;
  options.page_size = 4096;
  options.cache_bytes = std::size_t{32} << 20;
  {
    Database db = *Database::open("dir/db", options);
    const std::string value(kValueBytes, 'v');
    for (int i = 0; i < kValues; ++i) {
      ASSERT_TRUE(db.put(std::to_string(i), value).has_value());
      if (i % 4 == 3) {
        ASSERT_TRUE(db.checkpoint().has_value());
      }
    }
    // Every transaction sets its own share aside, so this fails where it should: in a commit.
    for (int i = 0; i < kValues; ++i) {
      const auto erased = db.erase(std::to_string(i));
      ASSERT_TRUE(erased.has_value()) << erased.error().to_string();
    }
    storage.copy_to(after, "dir", "db");
    const auto done = db.checkpoint();
    ASSERT_TRUE(done.has_value()) << done.error().to_string();
    ASSERT_TRUE(db.close().has_value());
  }
  // The same as recovery finds it.
  environment.storage = &after;
  Database db = *Database::open("dir/db", options);
  const auto done = db.checkpoint();
  ASSERT_TRUE(done.has_value()) << done.error().to_string();
  const auto verified = db.verify();
  ASSERT_TRUE(verified.has_value());
  EXPECT_EQ(verified->findings_total, 0u);
  EXPECT_TRUE(db.close().has_value());
}

}  // namespace
}  // namespace holdfast::testing
