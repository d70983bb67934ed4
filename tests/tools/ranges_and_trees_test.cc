// del --range, drop, rename: what they remove, what they say, and their exit codes.
#include "tests/tools/command_fixture.h"

namespace holdfast::test {
namespace {

class RangesAndTrees : public CommandTest {
 protected:
  // Keys k00000 and so on.
  void load(int records, const std::vector<std::string>& more = {}) const {
    std::string text;
    for (int i = 0; i < records; ++i) {
      const std::string digits = std::to_string(100000 + i).substr(1);
      text += "k" + digits + "\t" + std::string(i % 50 == 0 ? 5000 : 60, 'v') + "\n";
    }
    std::vector<std::string> words = {"load", "DB"};
    words.insert(words.end(), more.begin(), more.end());
    ASSERT_EQ(holdfast(words, {.input = text}).code, 0);
  }
  [[nodiscard]] std::string keys(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words = {"scan", "DB", "--keys-only"};
    words.insert(words.end(), more.begin(), more.end());
    return holdfast(words).out;
  }
};

TEST_F(RangesAndTrees, DelRemovesAHalfOpenRange) {
  load(10);
  const Outcome done = holdfast({"del", "DB", "--range", "k00003", "k00008"});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_EQ(done.out, "5 records erased.\n");
  EXPECT_EQ(keys(), "k00000\nk00001\nk00002\nk00008\nk00009\n");
  EXPECT_EQ(holdfast({"del", "DB", "--range", "k00003", "k00008", "--json"}).out,
            "{\"records\":0,\"pages\":0}\n");
  EXPECT_EQ(holdfast({"del", "DB", "--range", "z", "a"}).code, 0);
  EXPECT_EQ(holdfast({"del", "DB", "--hex", "--range", "6b3030303039", ""}).code, 0);
  EXPECT_EQ(keys(), "k00000\nk00001\nk00002\nk00008\n");
  EXPECT_EQ(holdfast({"del", "DB", "--range", "", "k00002"}).code, 0);
  EXPECT_EQ(keys(), "k00002\nk00008\n");
}

TEST_F(RangesAndTrees, ALongRangeGoesEvenWithTheSmallestCache) {
  load(20000);
  const Outcome done = holdfast({"del", "DB", "--range", "k00001", "", "--cache", "1M", "--json"});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_TRUE(done.out.starts_with("{\"records\":19999,\"pages\":")) << done.out;
  EXPECT_EQ(keys(), "k00000\n");
  EXPECT_EQ(holdfast({"check", "DB"}).code, 0);
}

TEST_F(RangesAndTrees, DelWantsAKeyOrARangeAndNotBoth) {
  load(3);
  EXPECT_EQ(holdfast({"del", "DB"}).code, 2);
  EXPECT_EQ(holdfast({"del", "DB", "k00001", "--range", "a", "z"}).code, 2);
  EXPECT_EQ(holdfast({"del", "DB", "--range", "a"}).code, 2);
  EXPECT_EQ(holdfast({"del", "DB", "--range", "a", "z", "--tree", "none"}).code, 1);
  EXPECT_EQ(holdfast({"del", "DB", "k00001"}).code, 0);
  EXPECT_EQ(keys(), "k00000\nk00002\n");
}

TEST_F(RangesAndTrees, DropRemovesATreeWhateverItsSize) {
  load(10);
  load(3000, {"--tree", "t"});
  const Outcome done = holdfast({"drop", "DB", "t", "--json"});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_EQ(done.out, "{\"name\":\"t\",\"records\":3000}\n");
  EXPECT_EQ(holdfast({"trees", "DB"}).out, "(default)\t10\n");
  EXPECT_EQ(holdfast({"drop", "DB", "t"}).code, 1);
  load(30000, {"--tree", "large", "--page-size", "4096"});
  EXPECT_EQ(holdfast({"drop", "DB", "large", "--cache", "1M"}).code, 0);
  EXPECT_EQ(holdfast({"trees", "DB"}).out, "(default)\t10\n");
  EXPECT_EQ(holdfast({"check", "DB"}).code, 0);
}

TEST_F(RangesAndTrees, RenameGivesAnotherName) {
  load(2, {"--tree", "before"});
  load(3, {"--tree", "other"});
  EXPECT_EQ(holdfast({"rename", "DB", "before", "after", "--json"}).out,
            "{\"name\":\"after\",\"before\":\"before\"}\n");
  EXPECT_EQ(holdfast({"trees", "DB"}).out, "(default)\t0\nafter\t2\nother\t3\n");
  EXPECT_EQ(holdfast({"rename", "DB", "before", "x"}).code, 1);
  const Outcome taken = holdfast({"rename", "DB", "after", "other"});
  EXPECT_EQ(taken.code, 3);
  EXPECT_NE(taken.err.find("'other'"), std::string::npos) << taken.err;
  EXPECT_EQ(holdfast({"rename", "DB", "after", std::string(256, 'n')}).code, 2);
  EXPECT_EQ(holdfast({"rename", "DB", "after", ""}).code, 2);
  EXPECT_EQ(holdfast({"rename", "DB", "", "x"}).code, 2);
  EXPECT_EQ(holdfast({"drop", "DB", ""}).code, 2);
  EXPECT_EQ(holdfast({"drop", "MISSING.db", "t"}).code, 3);
  EXPECT_EQ(holdfast({"trees", "DB"}).out, "(default)\t0\nafter\t2\nother\t3\n");
}

}  // namespace
}  // namespace holdfast::test
