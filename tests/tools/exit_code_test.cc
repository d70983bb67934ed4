// Exit codes 2 to 5 and 130, closed pipes, and outputs that can't be written.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <span>
#include <string>

#include "engine/file/meta_format.h"
#include "holdfast/database.h"
#include "tests/tools/command_fixture.h"

namespace holdfast::test {
namespace {

using ExitCodes = CommandTest;

TEST_F(ExitCodes, UsageIsTwo) {
  EXPECT_EQ(holdfast({}).code, 2);
  EXPECT_EQ(holdfast({"bogus"}).code, 2);
  EXPECT_EQ(holdfast({"get"}).code, 2);
  EXPECT_EQ(holdfast({"get", "DB"}).code, 2);
  EXPECT_EQ(holdfast({"get", "DB", "k", "surplus"}).code, 2);
  EXPECT_EQ(holdfast({"get", "DB", "k", "--bogus"}).code, 2);
  EXPECT_EQ(holdfast({"put", "DB", "k", "v", "--page-size", "5000"}).code, 2);
  EXPECT_EQ(holdfast({"put", "DB", "k", "v", "--cache", "64Q"}).code, 2);
  EXPECT_EQ(holdfast({"put", "DB", "k", "v", "--cache", "99999999999999999999"}).code, 2);
  EXPECT_EQ(holdfast({"put", "DB", "k", "v", "--cache", "99999999999T"}).code, 2);
  EXPECT_EQ(holdfast({"put", "DB", "k", "v", "--durability", "never"}).code, 2);
  EXPECT_EQ(holdfast({"load", "DB", "--commit-every", "0"}).code, 2);
  EXPECT_EQ(holdfast({"load", "DB", "--commit-every", "-1"}).code, 2);
  EXPECT_EQ(holdfast({"scan", "DB", "--limit", "-1"}).code, 2);
  EXPECT_EQ(holdfast({"scan", "DB", "--limit", "1x"}).code, 2);
  EXPECT_EQ(holdfast({"put", "DB", "k", "v", "--cache", "1023K"}).code, 2);
  EXPECT_EQ(holdfast({"dump", "DB", "--format", "tsv", "--all"}).code, 2);
  EXPECT_EQ(run({DBCHECK_COMMAND}).code, 2);
}

TEST_F(ExitCodes, WordsThatFitNowhereAreNamed) {
  EXPECT_NE(holdfast({"bogus", "DB"}).err.find("\"bogus\" is not known"), std::string::npos);
  const Outcome dash = holdfast({"put", "DB", "-k", "v"});
  EXPECT_EQ(dash.code, 2);
  EXPECT_NE(dash.err.find("\"-k\" is not known here (words that begin with - go after --)"),
            std::string::npos)
      << dash.err;
}

TEST_F(ExitCodes, HelpAndVersionAreZero) {
  for (const char* verb : {"put", "get", "del", "drop", "rename", "backup", "restore", "kept",
                           "scan", "load", "dump", "stat", "check", "trees", "log", "shell"}) {
    const Outcome help = holdfast({verb, "--help"});
    EXPECT_EQ(help.code, 0) << verb;
    EXPECT_NE(help.out.find("Example:"), std::string::npos) << verb;
  }
  EXPECT_EQ(holdfast({"--help"}).code, 0);
  EXPECT_EQ(holdfast({"--version"}).out, std::string("holdfast ") + version() + "\n");
}

TEST_F(ExitCodes, CacheSizesTakeSuffixes) {
  EXPECT_EQ(holdfast({"put", "DB", "k", "v", "--cache", "8M"}).code, 0);
  EXPECT_EQ(holdfast({"get", "DB", "k", "--cache", "8192k"}).out, "v");
}

// docs/LIMITS.md states this number.
TEST_F(ExitCodes, PagesOf32KiBNeed1028KiBOfCache) {
  const std::vector<std::string> put = {"put", "DB", "k", "v", "--page-size", "32768", "--cache"};
  const auto with = [&](const char* cache) {
    std::vector<std::string> words = put;
    words.push_back(cache);
    return holdfast(words).code;
  };
  EXPECT_EQ(with("1M"), 2);
  EXPECT_EQ(run({"test", "-e", database_}).code, 1);
  EXPECT_EQ(with("1028K"), 0);
}

TEST_F(ExitCodes, AFileThatIsNoDatabaseIsThreeAndStaysAsItIs) {
  write_file(database_, "something else\n");
  EXPECT_EQ(holdfast({"get", "DB", "k"}).code, 3);
  EXPECT_EQ(holdfast({"put", "DB", "k", "v"}).code, 3);
  EXPECT_EQ(run({DBCHECK_COMMAND, database_}).code, 3);
  EXPECT_EQ(read_file(database_), "something else\n");
}

TEST_F(ExitCodes, AMissingFolderIsThree) {
  const Outcome put = holdfast({"put", folder_ / "none/new.db", "k", "v"});
  EXPECT_EQ(put.code, 3);
  EXPECT_NE(put.err.find("Its folder must be there"), std::string::npos) << put.err;
}

TEST_F(ExitCodes, ANewerFormatIsThreeAndNamed) {
  ASSERT_EQ(holdfast({"put", "DB", "k", "v"}).code, 0);
  std::string bytes = read_file(database_);
  for (unsigned copy = 0; copy < kMetaCopies; ++copy) {
    const auto file = std::as_writable_bytes(std::span(bytes));
    const auto block = file.subspan(meta_offset(copy)).first<kMetaBytes>();
    auto meta = decode_meta(block);
    if (!meta) continue;
    meta->incompatible = std::uint64_t{1} << 40;
    encode_meta(*meta, block);
  }
  write_file(database_, bytes);
  for (const Outcome& outcome :
       {holdfast({"get", "DB", "k"}), holdfast({"log", "DB"}), holdfast({"put", "DB", "k", "v"}),
        run({DBCHECK_COMMAND, database_})}) {
    EXPECT_EQ(outcome.code, 3) << outcome.err;
    EXPECT_NE(outcome.err.find("newer version"), std::string::npos) << outcome.err;
  }
  EXPECT_EQ(read_file(database_), bytes);
}

TEST_F(ExitCodes, AFolderThatCantBeWrittenIsThreeAndCanBeReadFrom) {
  ASSERT_EQ(holdfast({"put", "DB", "k", "v"}).code, 0);
  ASSERT_EQ(chmod(database_.c_str(), 0444), 0);
  ASSERT_EQ(chmod((folder_ / "").c_str(), 0555), 0);
  // Root may write everywhere, so it becomes somebody else.
  const auto as_somebody = [](std::vector<std::string> words) {
    words.insert(words.begin(), HOLDFAST_COMMAND);
    if (geteuid() == 0)
      words.insert(words.begin(), {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"});
    return run(words);
  };
  if (as_somebody({"--version"}).code != 0) GTEST_SKIP() << "nobody can start the command";
  EXPECT_EQ(as_somebody({"get", database_, "k"}).out, "v");
  EXPECT_EQ(as_somebody({"put", database_, "k", "v"}).code, 3);
  const Outcome created = as_somebody({"put", folder_ / "new.db", "k", "v"});
  EXPECT_EQ(created.code, 3);
  EXPECT_NE(created.err.find("Permission denied"), std::string::npos) << created.err;
  ASSERT_EQ(chmod((folder_ / "").c_str(), 0700), 0);
}

TEST_F(ExitCodes, ADatabaseInUseIsFourAndItsHolderIsNamed) {
  auto database = Database::open(database_);
  ASSERT_TRUE(database) << database.error().to_string();
  const std::string pid = std::to_string(getpid());
  for (const char* verb : {"get", "put", "del"}) {
    std::vector<std::string> words = {verb, "DB", "k"};
    if (words[0] == "put") words.push_back("v");
    const Outcome outcome = holdfast(words);
    EXPECT_EQ(outcome.code, 4) << verb << ": " << outcome.err;
    EXPECT_NE(outcome.err.find(pid), std::string::npos) << outcome.err;
  }
  EXPECT_EQ(run({DBCHECK_COMMAND, database_}).code, 4);
}

TEST_F(ExitCodes, DamageIsFive) {
  std::string text;
  for (int i = 0; i < 2000; ++i) text += "key " + std::to_string(i) + "\tvalue\n";
  ASSERT_EQ(holdfast({"load", "DB"}, {.input = text}).code, 0);
  // Past the header region of 64 KiB nearly every byte is of some page.
  std::string bytes = read_file(database_);
  if (bytes.size() <= 65536) GTEST_SKIP() << "no pages to damage";
  for (std::size_t at = 65536 + 100; at < bytes.size(); at += 512) bytes[at] ^= 0x55;
  write_file(database_, bytes);
  const Outcome check = run({DBCHECK_COMMAND, database_});
  EXPECT_EQ(check.code, 5) << check.out << check.err;
  EXPECT_EQ(holdfast({"check", "DB", "--json"}).code, 5);
  EXPECT_EQ(holdfast({"scan", "DB"}).code, 5);
}

TEST_F(ExitCodes, AClosedPipeEndsQuietly) {
  ASSERT_EQ(holdfast({"load", "DB"}, {.input = hostile_tsv()}).code, 0);
  for (const char* verb : {"scan", "dump", "stat", "check", "trees"}) {
    const Outcome outcome = holdfast({verb, "DB"}, {.closed_out = true});
    EXPECT_EQ(outcome.code, 0) << verb;
    EXPECT_EQ(outcome.err, "") << verb;
  }
}

TEST_F(ExitCodes, AFullDiskUnderTheOutputIsThree) {
  ASSERT_EQ(holdfast({"put", "DB", "k", "v"}).code, 0);
  for (const char* verb : {"scan", "dump", "stat", "check", "trees"}) {
    const Outcome outcome = holdfast({verb, "DB"}, {.out_file = "/dev/full"});
    EXPECT_EQ(outcome.code, 3) << verb;
    EXPECT_NE(outcome.err.find("could not be written"), std::string::npos) << verb;
  }
}

TEST_F(ExitCodes, ClosedStandardFilesAreNeverTheDatabase) {
  ASSERT_EQ(holdfast({"put", "DB", "k", "v"}).code, 0);
  const std::string bytes = read_file(database_);
  const auto in_shell = [&](const std::string& words) {
    return run({"timeout", "20", "sh", "-c", HOLDFAST_COMMAND + (" " + words)}).code;
  };
  EXPECT_EQ(in_shell("get " + database_ + " k >&-"), 3);
  EXPECT_EQ(in_shell("get " + database_ + " k <&- >&- 2>&-"), 3);
  EXPECT_EQ(in_shell("get " + database_ + " none <&- >&- 2>&-"), 1);
  EXPECT_EQ(in_shell("load " + database_ + " <&- 2>&-"), 3);
  EXPECT_EQ(in_shell("put " + database_ + " k - <&-"), 3);
  EXPECT_EQ(read_file(database_), bytes);
  EXPECT_EQ(in_shell("put " + database_ + " k w --page-size 4096 <&- >&- 2>&-"), 0);
  EXPECT_EQ(holdfast({"get", "DB", "k"}).out, "w");
  EXPECT_EQ(run({DBCHECK_COMMAND, database_}).code, 0);
}

TEST_F(ExitCodes, AnInterruptedShellKeepsWhatItAnswered) {
  RunningProcess shell({HOLDFAST_COMMAND, "shell", database_});
  shell.write("INSERT(1,2)\n");
  EXPECT_EQ(shell.read_until("\n"), "Inserted successfully\n");
  shell.signal(SIGINT);
  EXPECT_EQ(shell.finish(), 130);
  EXPECT_EQ(holdfast({"get", "DB", "1"}).out, "2");
}

TEST_F(ExitCodes, AnInterruptedDumpEndsThoughNobodyTakesItsOutput) {
  const std::string text = "k\t" + std::string(500000, 'v') + "\n";
  ASSERT_EQ(holdfast({"load", "DB"}, {.input = text}).code, 0);
  for (const char* verb : {"dump", "scan"}) {
    RunningProcess writer({HOLDFAST_COMMAND, verb, database_});
    usleep(200000);  // By now the pipe is full.
    writer.signal(SIGINT);
    EXPECT_EQ(writer.finish(), 130) << verb;
  }
}

TEST_F(ExitCodes, AnInterruptedLoadEndsBetweenTwoCommits) {
  ASSERT_EQ(holdfast({"put", "DB", "other", "v"}).code, 0);
  RunningProcess load({HOLDFAST_COMMAND, "load", database_, "--commit-every", "2"});
  load.write("a\t1\nb\t2\nc\t3\n");
  usleep(300000);
  load.signal(SIGINT);
  EXPECT_EQ(load.finish(), 130);
  EXPECT_EQ(holdfast({"scan", "DB", "--keys-only"}).out, "a\nb\nother\n");
}

}  // namespace
}  // namespace holdfast::test
