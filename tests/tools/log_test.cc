// The log verb, and databases whose log is damaged or missing.
#include <csignal>
#include <filesystem>
#include <string>

#include "tests/tools/command_fixture.h"

namespace holdfast::test {
namespace {

class LogCommand : public CommandTest {
 protected:
  // Three transactions, and a process that dies before it can close.
  void SetUp() override {
    RunningProcess shell({HOLDFAST_COMMAND, "shell", database_});
    for (const char* key : {"a", "b", "c"}) {
      shell.write("INSERT(" + std::string(key) + ",1)\n");
      ASSERT_EQ(shell.read_until("\n"), "Inserted successfully\n");
    }
    shell.signal(SIGKILL);
    shell.finish();
    for (const auto& entry : std::filesystem::directory_iterator(folder_ / "")) {
      if (entry.path().string().starts_with(database_ + ".log-")) log_ = entry.path();
    }
    ASSERT_FALSE(log_.empty());
  }

  // The second transaction's batch; the third, whole, proves that it was durable.
  void damage_log() const {
    std::string bytes = read_file(log_);
    bytes.at(12288 + 100) ^= 0x55;
    write_file(log_, bytes);
  }

  std::string log_;
};

TEST_F(LogCommand, ListsBatchesAndAfterACloseThatThereIsNone) {
  const std::string listed = holdfast({"log", "DB"}).out;
  EXPECT_NE(listed.find("sound"), std::string::npos) << listed;
  EXPECT_NE(listed.find("offset 8192: transaction 2, commit"), std::string::npos) << listed;
  ASSERT_EQ(holdfast({"del", "DB", "a"}).code, 0);
  EXPECT_NE(holdfast({"log", "DB"}).out.find("There is no log"), std::string::npos);
  const Outcome json = holdfast({"log", "DB", "--json"});
  EXPECT_EQ(json.code, 0);
  EXPECT_EQ(json.out, "");
}

TEST_F(LogCommand, AMissingLogIsDamageAndNotACleanClose) {
  std::filesystem::remove(log_);
  for (const char* verb : {"log", "scan", "check"}) {
    const Outcome outcome = holdfast({verb, "DB"});
    EXPECT_EQ(outcome.code, 5) << verb;
    EXPECT_NE((outcome.out + outcome.err).find("was not closed"), std::string::npos) << verb;
  }
}

TEST_F(LogCommand, ADamagedLogIsReadOnlyOnRequest) {
  damage_log();
  EXPECT_EQ(holdfast({"scan", "DB"}).code, 5);
  EXPECT_EQ(holdfast({"put", "DB", "k", "v"}).code, 5);
  const Outcome scan = holdfast({"scan", "DB", "--accept-damaged-log"});
  EXPECT_EQ(scan.code, 0);
  EXPECT_EQ(scan.out, "a\t1\n");
  EXPECT_NE(scan.err.find("transactions 3 to 3 are lost"), std::string::npos) << scan.err;
  EXPECT_EQ(holdfast({"get", "DB", "a", "--accept-damaged-log"}).out, "1");
  EXPECT_EQ(holdfast({"dump", "DB", "--format", "tsv", "--accept-damaged-log"}).out, "a\t1\n");
  EXPECT_EQ(holdfast({"trees", "DB", "--accept-damaged-log"}).out, "(default)\t1\n");
  EXPECT_EQ(holdfast({"stat", "DB", "--accept-damaged-log"}).code, 0);
  EXPECT_EQ(holdfast({"put", "DB", "k", "v", "--accept-damaged-log"}).code, 2);
  EXPECT_EQ(run({DBCHECK_COMMAND, database_}).code, 5);
}

}  // namespace
}  // namespace holdfast::test
