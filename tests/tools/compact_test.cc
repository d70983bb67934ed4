// compact: what it says, and its exit codes.
#include "tests/tools/command_fixture.h"

namespace holdfast::test {
namespace {

class CompactCommand : public CommandTest {
 protected:
  void load(int records) const {
    std::string text;
    for (int i = 0; i < records; ++i)
      text += "k" + std::to_string(100000 + i) + "\t" + std::string(500, 'v') + "\n";
    ASSERT_EQ(holdfast({"load", "DB"}, {.input = text}).code, 0);
  }
};

TEST_F(CompactCommand, SaysHowSmallTheFileBecame) {
  load(5000);
  ASSERT_EQ(holdfast({"del", "DB", "--range", "k1", "k104900"}).code, 0);
  const Outcome done = holdfast({"compact", "DB", "--json", "--rate", "1G"});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_NE(done.out.find("\"end\":\"done\""), std::string::npos) << done.out;
  EXPECT_LT(read_file(database_).size(), 400'000U);
  EXPECT_EQ(holdfast({"check", "DB"}).code, 0);
  const Outcome again = holdfast({"compact", "DB"});
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_NE(again.out.find(" before, "), std::string::npos) << again.out;
}

TEST_F(CompactCommand, WantsARateAboveNothingAndAFileThatIsThere) {
  load(10);
  EXPECT_EQ(holdfast({"compact", "DB", "--rate", "0"}).code, 2);
  EXPECT_EQ(holdfast({"compact", "DB", "--rate", "fast"}).code, 2);
  EXPECT_EQ(holdfast({"compact", folder_ / "none.db"}).code, 3);
}

}  // namespace
}  // namespace holdfast::test
