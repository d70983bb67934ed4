// put, get, del, scan and trees, with their exit codes.
#include <fstream>

#include "tests/tools/command_fixture.h"

namespace holdfast::test {
namespace {

using RecordCommands = CommandTest;

TEST_F(RecordCommands, GetWritesTheExactBytesOfAValue) {
  const std::string value("a\0b\n\xff", 5);
  EXPECT_EQ(holdfast({"put", "DB", "k", "-"}, {.input = value}).code, 0);
  const Outcome got = holdfast({"get", "DB", "k"});
  EXPECT_EQ(got.code, 0);
  EXPECT_EQ(got.out, value);
}

TEST_F(RecordCommands, ALargeValueGoesThroughASmallCache) {
  std::string value(std::size_t{50} << 20, '\0');
  for (std::size_t i = 0; i < value.size(); i += 1000) value[i] = static_cast<char>(i / 1000);
  const Outcome small = holdfast({"put", "DB", "k", "-", "--cache", "1M"}, {.input = value});
  EXPECT_EQ(small.code, 2);
  EXPECT_NE(small.err.find("cache"), std::string::npos);
  const Outcome put = holdfast({"put", "DB", "k", "-", "--cache", "4M"}, {.input = value});
  EXPECT_EQ(put.code, 0) << put.err;
  EXPECT_TRUE(holdfast({"get", "DB", "k"}).out == value);
  EXPECT_TRUE(holdfast({"get", "DB", "k", "--cache", "1M"}).out == value);
}

TEST_F(RecordCommands, AValueComesFromAFile) {
  const std::string value(300'000, 'v');
  const std::string path = folder_ / "a value";
  std::ofstream(path, std::ios::binary) << value;
  EXPECT_EQ(holdfast({"put", "DB", "k", "--file", path}).code, 0);
  EXPECT_TRUE(holdfast({"get", "DB", "k"}).out == value);
  EXPECT_EQ(holdfast({"put", "DB", "k", "v", "--file", path}).code, 2);
  EXPECT_EQ(holdfast({"put", "DB", "k"}).code, 2);
  EXPECT_EQ(holdfast({"put", "DB", "k", "--file", ""}).code, 2);
  const Outcome missing = holdfast({"put", "DB", "k", "--file", path + " that isn't"});
  EXPECT_EQ(missing.code, 3);
  EXPECT_NE(missing.err.find("a value that isn't could not be opened"), std::string::npos);
  EXPECT_EQ(holdfast({"put", "DB", "k", "--file", folder_ / ""}).code, 3);
  EXPECT_TRUE(holdfast({"get", "DB", "k"}).out == value);
}

TEST_F(RecordCommands, EmptyKeysAndValuesAreRecordsLikeOthers) {
  EXPECT_EQ(holdfast({"put", "DB", "", "empty key"}).code, 0);
  EXPECT_EQ(holdfast({"put", "DB", "k", ""}).code, 0);
  EXPECT_EQ(holdfast({"get", "DB", ""}).out, "empty key");
  const Outcome empty = holdfast({"get", "DB", "k"});
  EXPECT_EQ(empty.code, 0);
  EXPECT_EQ(empty.out, "");
}

TEST_F(RecordCommands, KeysThatLookLikeOptionsOrVerbsWork) {
  EXPECT_EQ(holdfast({"put", "DB", "put", "get"}).code, 0);
  EXPECT_EQ(holdfast({"put", "DB", "[1,2]", "{}"}).code, 0);
  EXPECT_EQ(holdfast({"put", "DB", "--", "-x", "-y"}).code, 0);
  EXPECT_EQ(holdfast({"get", "DB", "put"}).out, "get");
  EXPECT_EQ(holdfast({"get", "DB", "[1,2]"}).out, "{}");
  EXPECT_EQ(holdfast({"get", "DB", "--", "-x"}).out, "-y");
}

TEST_F(RecordCommands, HexKeysAreBytes) {
  EXPECT_EQ(holdfast({"put", "DB", "--hex", "ff00", "v"}).code, 0);
  EXPECT_EQ(holdfast({"get", "DB", "--hex", "FF00"}).out, "v");
  EXPECT_EQ(holdfast({"scan", "DB"}).out, "\\ff\\00\tv\n");
  EXPECT_EQ(holdfast({"scan", "DB", "--json"}).out, "{\"key_hex\":\"ff00\",\"value\":\"v\"}\n");
  EXPECT_EQ(holdfast({"get", "DB", "--hex", "f"}).code, 2);
}

TEST_F(RecordCommands, AMissingKeyOrTreeIsOne) {
  holdfast({"put", "DB", "k", "v"});
  EXPECT_EQ(holdfast({"get", "DB", "other"}).code, 1);
  EXPECT_EQ(holdfast({"del", "DB", "other"}).code, 1);
  EXPECT_EQ(holdfast({"get", "DB", "k", "--tree", "none"}).code, 1);
  EXPECT_EQ(holdfast({"del", "DB", "k", "--tree", "none"}).code, 1);
  EXPECT_EQ(holdfast({"scan", "DB", "--tree", "none"}).code, 1);
  EXPECT_EQ(holdfast({"dump", "DB", "--tree", "none"}).code, 1);
  EXPECT_EQ(holdfast({"get", "DB", "other", "--json"}).out,
            "{\"key\":\"other\",\"found\":false}\n");
}

TEST_F(RecordCommands, DelRemovesOneRecord) {
  holdfast({"put", "DB", "k", "v"});
  EXPECT_EQ(holdfast({"del", "DB", "k"}).code, 0);
  EXPECT_EQ(holdfast({"get", "DB", "k"}).code, 1);
}

TEST_F(RecordCommands, OnlyPutLoadAndShellCreateADatabase) {
  for (const char* verb : {"scan", "dump", "stat", "check", "trees", "log"}) {
    const Outcome outcome = holdfast({verb, "DB"});
    EXPECT_EQ(outcome.code, 3) << verb;
    EXPECT_NE(outcome.err.find("put, load and shell create"), std::string::npos) << outcome.err;
  }
  EXPECT_EQ(holdfast({"get", "DB", "k"}).code, 3);
  EXPECT_EQ(holdfast({"del", "DB", "k"}).code, 3);
  EXPECT_EQ(run({"test", "-e", database_}).code, 1);
  EXPECT_EQ(holdfast({"shell", "DB"}).code, 0);
  EXPECT_EQ(run({"test", "-e", database_}).code, 0);
}

TEST_F(RecordCommands, ScanTakesHalfOpenRangesPrefixesAndBothDirections) {
  holdfast({"load", "DB"}, {.input = "a\t1\nab\t2\nabc\t3\nb\t4\nc\t5\n"});
  const auto keys = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"scan", "DB", "--keys-only"});
    return holdfast(words).out;
  };
  EXPECT_EQ(keys({}), "a\nab\nabc\nb\nc\n");
  EXPECT_EQ(keys({"--reverse"}), "c\nb\nabc\nab\na\n");
  EXPECT_EQ(keys({"--from", "ab", "--to", "b"}), "ab\nabc\n");
  EXPECT_EQ(keys({"--from", "ab", "--to", "b", "--reverse"}), "abc\nab\n");
  EXPECT_EQ(keys({"--prefix", "ab"}), "ab\nabc\n");
  EXPECT_EQ(keys({"--prefix", "a", "--reverse", "--limit", "2"}), "abc\nab\n");
  EXPECT_EQ(keys({"--prefix", "a", "--from", "abb"}), "abc\n");
  EXPECT_EQ(keys({"--to", "bb", "--reverse", "--limit", "1"}), "b\n");
  EXPECT_EQ(keys({"--limit", "0"}), "");
  EXPECT_EQ(keys({"--prefix", "zz"}), "");
  EXPECT_EQ(keys({"--from", "c", "--to", "a"}), "");
  EXPECT_EQ(holdfast({"scan", "DB", "--prefix", "b"}).out, "b\t4\n");
}

TEST_F(RecordCommands, PutMakesATreeAndTreesListsIt) {
  holdfast({"put", "DB", "k", "v"});
  holdfast({"put", "DB", "k", "v", "--tree", "fruit"});
  holdfast({"put", "DB", "l", "v", "--tree", "fruit"});
  EXPECT_EQ(holdfast({"trees", "DB"}).out, "(default)\t1\nfruit\t2\n");
  const std::string json = holdfast({"trees", "DB", "--json"}).out;
  EXPECT_NE(json.find("\"name\":\"fruit\""), std::string::npos);
  EXPECT_NE(json.find("\"records\":2"), std::string::npos);
}

TEST_F(RecordCommands, StatAndCheckSpeakToPeopleAndPrograms) {
  holdfast({"put", "DB", "k", "v", "--page-size", "4096"});
  const Outcome stat = holdfast({"stat", "DB"});
  EXPECT_EQ(stat.code, 0);
  EXPECT_NE(stat.out.find("page size              4096"), std::string::npos) << stat.out;
  EXPECT_EQ(holdfast({"stat", "DB", "--json"}).out.find("{\"file\":"), 0U);
  const Outcome check = holdfast({"check", "DB"});
  EXPECT_EQ(check.code, 0);
  EXPECT_NE(check.out.find("Sound"), std::string::npos);
  EXPECT_EQ(run({DBCHECK_COMMAND, database_}).code, 0);
  const Outcome json = run({DBCHECK_COMMAND, database_, "--json"});
  EXPECT_NE(json.out.find("\"sound\":true"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::test
