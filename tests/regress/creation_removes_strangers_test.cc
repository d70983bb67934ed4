// Creating "app.db" removed "app.db.new-2026": whatever began with the name of a file under
// creation counted as one that a dead process had left behind. Only names that a creation gives
// do: the prefix and 16 hexadecimal digits.
#include <gtest/gtest.h>

#include "fuzz/lab/sim_environment.h"
#include "holdfast/database.h"
#include "tests/regress/hooked_storage.h"

namespace holdfast::testing {
namespace {

TEST(Regress, CreationLeavesStrangersAlone) {
  HookedStorage storage;
  SimClock clock;
  SimRandom random(1);
  Environment environment{&storage, &clock, &random};
  const std::string stranger = "dir/app.db.new-2026", stale = "dir/app.db.new-0123456789abcdef";
  ASSERT_TRUE(storage.open(stranger, FileMode::kCreateNew).has_value());
  ASSERT_TRUE(storage.open(stale, FileMode::kCreateNew).has_value());
  Options options;
  options.environment = &environment;
  options.background = Background::kHost;
  Database db = *Database::open("dir/app.db", options);
  EXPECT_TRUE(*storage.exists(stranger));
  EXPECT_FALSE(*storage.exists(stale));
}

}  // namespace
}  // namespace holdfast::testing
