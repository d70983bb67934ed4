// backup and restore: what they make, what they refuse, what they say, and their exit codes.
#include "tests/tools/command_fixture.h"

namespace holdfast::test {
namespace {

class BackupCommand : public CommandTest {
 protected:
  void load(int records) const {
    std::string text;
    for (int i = 0; i < records; ++i)
      text += "k" + std::to_string(100000 + i) + "\tvalue " + std::to_string(100000 + i) + "\n";
    ASSERT_EQ(holdfast({"load", "DB"}, {.input = text}).code, 0);
  }
  [[nodiscard]] std::string dump(const std::string& of) const {
    return holdfast({"dump", of, "--all"}).out;
  }
  const std::string copy_ = folder_ / "copy.db";
};

TEST_F(BackupCommand, ThereAndBackAgain) {
  load(3000);
  const std::string before = read_file(database_);
  const Outcome done = holdfast({"backup", "DB", copy_});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_TRUE(done.out.starts_with(copy_ + ": ")) << done.out;
  EXPECT_EQ(read_file(database_), before) << "a backup of a closed database writes nothing to it";
  EXPECT_EQ(dump(copy_), dump("DB"));
  const std::string back = folder_ / "back.db";
  const Outcome restored = holdfast({"restore", copy_, back, "--json"});
  EXPECT_EQ(restored.code, 0) << restored.err;
  EXPECT_NE(restored.out.find("\"type\":\"summary\""), std::string::npos) << restored.out;
  EXPECT_NE(restored.out.find("\"sound\":true"), std::string::npos) << restored.out;
  EXPECT_EQ(dump(back), dump("DB"));
  EXPECT_EQ(holdfast({"check", back}).code, 0);
}

TEST_F(BackupCommand, NothingIsOverwrittenOrMadeHalf) {
  load(10);
  write_file(copy_, "mine");
  EXPECT_EQ(holdfast({"backup", "DB", copy_}).code, 3);
  EXPECT_EQ(read_file(copy_), "mine");
  EXPECT_EQ(holdfast({"backup", "DB", folder_ / "none/copy.db"}).code, 3);
  EXPECT_EQ(holdfast({"backup", folder_ / "none.db", folder_ / "other.db"}).code, 3);
  EXPECT_EQ(holdfast({"backup", "DB"}).code, 2);
}

TEST_F(BackupCommand, DamageIsToldAndTheRestCopied) {
  load(3000);
  std::string bytes = read_file(database_);
  int found = 0;  // In the page that holds it, and in those it lay in before.
  for (std::size_t at = 0; (at = bytes.find("value 101500", at)) != bytes.npos; ++found)
    bytes[at] ^= 1;
  ASSERT_GT(found, 0);
  write_file(database_, bytes);
  const Outcome done = holdfast({"backup", "DB", copy_});
  EXPECT_EQ(done.code, 5);
  EXPECT_NE(done.out.find("page_check"), std::string::npos) << done.out;
  EXPECT_EQ(holdfast({"get", copy_, "k100000"}).out, "value 100000");
  EXPECT_EQ(holdfast({"get", copy_, "k101500"}).code, 5);
  EXPECT_EQ(holdfast({"check", copy_}).code, 5);
}

}  // namespace
}  // namespace holdfast::test
