// A real file system that is small and gets full: a tmpfs of its own, where the tests run as root.
#include <sys/mount.h>
#include <unistd.h>

#include "tests/engine/engine_fixture.h"

namespace holdfast {
namespace {

class SmallDiskTest : public testing::Test {
 protected:
  void SetUp() override {
    mounted_ = ::geteuid() == 0 &&
               ::mount("tmpfs", folder_.path().c_str(), "tmpfs", 0, "size=12m,mode=0700") == 0;
    if (!mounted_) GTEST_SKIP() << "only root may mount a file system";
  }
  void TearDown() override {
    if (mounted_) ::umount2(folder_.path().c_str(), MNT_DETACH);
  }
  TempDirectory folder_;
  bool mounted_ = false;
};

// DR-C14: docs/SCENARIOS.md.
TEST_F(SmallDiskTest, FullEmptiedAndFullAgainWithoutReopening) {
  Options options;
  options.cache_bytes = 2 << 20;
  Database db = MUST(Database::open(folder_ / "db", options));
  Contents model;
  for (int round = 0; round < 3; ++round) {
    int refused = 0;
    for (int i = 0; refused < 20; ++i) {
      const std::string value(refused > 10 ? 1 : 200 + static_cast<std::size_t>(i) * 37 % 3000,
                              static_cast<char>('a' + round));
      const auto put = db.put(numbered(i), value);
      if (put) {
        model[numbered(i)] = value;
      } else {
        ASSERT_EQ(put.error().code(), ErrorCode::kDiskFull) << put.error().to_string();
        ++refused;
      }
    }
    ASSERT_GT(model.size(), 500U) << "round " << round;
    ASSERT_EQ(contents_of(db), model);
    for (const auto& [key, value] : model) ASSERT_TRUE(MUST(db.erase(key))) << "round " << round;
    model.clear();
    expect_sound(db);
  }
  MUST(db.put("last", "one"));
  MUST(db.close());
  EXPECT_EQ(folder_.names(), std::vector<std::string>{"db"});
  EXPECT_LE(std::filesystem::file_size(folder_ / "db"), 131'072U);
  db = MUST(Database::open(folder_ / "db", options));
  EXPECT_EQ(MUST(db.get("last")), "one");
  expect_sound(db);
}

}  // namespace
}  // namespace holdfast
