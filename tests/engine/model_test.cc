// The whole API against std::map, in random sequences that shrink when one fails: commits, aborts,
// savepoints, conditional puts, batches, trees that go and come, held snapshots, checkpoints,
// background steps, reopenings and kills, several trees, tiny caches, keys near the limit so that
// 20 records make three levels.
#include <rapidcheck.h>

#include "tests/engine/model_run.h"

namespace holdfast {
namespace {

using model::Op;
using model::Run;

void expect_like_the_model(std::uint32_t page_size, bool long_keys) {
  const bool good = rc::check([&] {
    const std::vector<Op> ops = *model::operations();
    try {
      Run run(page_size, long_keys);
      for (const Op& op : ops) run.apply(op);
      run.check_all();
    } catch (const std::exception& e) {
      RC_FAIL(e.what());
    }
  });
  EXPECT_TRUE(good);
}

TEST(ModelTest, SmallKeysInSmallPages) {
  expect_like_the_model(4096, false);
}
TEST(ModelTest, LongestKeysInSmallPages) {
  expect_like_the_model(4096, true);
}
TEST(ModelTest, LongestKeysInPagesOf8KiB) {
  expect_like_the_model(8192, true);
}
TEST(ModelTest, PagesOf16KiB) {
  expect_like_the_model(16384, false);
}

TEST(ModelTest, TwentyLongKeysMakeThreeLevels) {
  for (std::uint32_t size : {4096U, 8192U, 16384U, 32768U}) {
    MemoryWorld world;
    Options options = world.options();
    options.page_size = size;
    Database db = MUST(Database::open("db", options));
    for (int i = 0; i < 20; ++i) {
      // Different from the first byte on, so that separators would be short: the prefix is not.
      std::string key(max_key_bytes(size) - 2, static_cast<char>('a' + i % 2));
      MUST(db.put(key + numbered(i, 2), "v"));
    }
    const VerifyReport report = MUST(db.verify());
    EXPECT_TRUE(report.sound());
    ASSERT_EQ(report.trees.size(), 1U);
    EXPECT_GE(report.trees[0].height, 3U) << size;
  }
}

}  // namespace
}  // namespace holdfast
