// dump and load: round trips of any bytes in every format, other programs' loaders, wrong input.
#include "tests/tools/command_fixture.h"

namespace holdfast::test {
namespace {

class DumpLoad : public CommandTest {
 protected:
  std::string other_ = folder_ / "other.db";

  // Loads the text that must be refused, and gives what was said about it.
  std::string refusal(const std::string& text, std::vector<std::string> more = {}) const {
    std::vector<std::string> words = {"load", "DB"};
    words.insert(words.end(), more.begin(), more.end());
    const Outcome outcome = holdfast(words, {.input = text});
    EXPECT_EQ(outcome.code, 3) << outcome.err;
    return outcome.err;
  }
};

TEST_F(DumpLoad, EveryFormatBringsBackAnyBytes) {
  ASSERT_EQ(holdfast({"load", "DB"}, {.input = hostile_tsv()}).code, 0);
  const std::string all = holdfast({"scan", "DB"}).out;
  for (const char* format : {"bytevalue", "print", "tsv"}) {
    const std::string copy = folder_ / format;
    const Outcome dump = holdfast({"dump", "DB", "--format", format});
    ASSERT_EQ(dump.code, 0);
    const Outcome load = holdfast({"load", copy}, {.input = dump.out});
    ASSERT_EQ(load.code, 0) << load.err;
    EXPECT_EQ(holdfast({"scan", copy}).out, all) << format;
    EXPECT_EQ(holdfast({"dump", copy, "--format", format}).out, dump.out);
  }
}

TEST_F(DumpLoad, AllTreesGoTheDefaultTreeFirst) {
  holdfast({"put", "DB", "k", "v"});
  holdfast({"put", "DB", "apple", "red", "--tree", "fruit"});
  const Outcome made = holdfast({"load", "DB"}, {.input = "VERSION=3\nformat=print\n"
                                                          "database=odd\\0aname\nHEADER=END\n"
                                                          "DATA=END\n"});
  ASSERT_EQ(made.code, 0) << made.err;
  const std::string dump = holdfast({"dump", "DB", "--all", "--format", "print"}).out;
  EXPECT_EQ(dump,
            "VERSION=3\nformat=print\ntype=btree\nHEADER=END\n k\n v\nDATA=END\n"
            "VERSION=3\nformat=print\ndatabase=fruit\ntype=btree\nHEADER=END\n apple\n red\n"
            "DATA=END\n"
            "VERSION=3\nformat=print\ndatabase=odd\\0aname\ntype=btree\nHEADER=END\nDATA=END\n");
  ASSERT_EQ(holdfast({"load", other_}, {.input = dump}).code, 0);
  EXPECT_EQ(holdfast({"dump", other_, "--all", "--format", "print"}).out, dump);
}

TEST_F(DumpLoad, TreeTakesASectionWhateverItsName) {
  const std::string section = "VERSION=3\nformat=print\ndatabase=x\nHEADER=END\n k\n v\nDATA=END\n";
  EXPECT_EQ(holdfast({"load", "DB", "--tree", "mine"}, {.input = section}).code, 0);
  EXPECT_EQ(holdfast({"get", "DB", "k", "--tree", "mine"}).out, "v");
  EXPECT_EQ(holdfast({"load", "DB", "--tree", "mine"}, {.input = section + section}).code, 2);
}

// It was taken for a dump's header, and what had been dumped as tsv couldn't be loaded.
TEST_F(DumpLoad, AKeyThatBeginsAsADumpDoesIsAKeyInEachFormat) {
  ASSERT_EQ(holdfast({"load", "DB"}, {.input = "VERSION=3\tv\nk\tw\n"}).code, 0);
  const std::string all = holdfast({"scan", "DB"}).out;
  EXPECT_EQ(all, "VERSION=3\tv\nk\tw\n");
  for (const char* format : {"tsv", "bytevalue", "print"}) {
    const Outcome dump = holdfast({"dump", "DB", "--format", format});
    const std::string copy = folder_ / (std::string("copy-") + format);
    const Outcome load = holdfast({"load", copy}, {.input = dump.out});
    EXPECT_EQ(load.code, 0) << format << load.err;
    EXPECT_EQ(holdfast({"scan", copy}).out, all) << format;
  }
}

TEST_F(DumpLoad, BerkeleyDbLoadsWhatWeDumpAndTheOtherWayRound) {
  if (!installed("db5.3_load") || !installed("db5.3_dump")) GTEST_SKIP() << "not installed";
  ASSERT_EQ(holdfast({"load", "DB"}, {.input = hostile_tsv()}).code, 0);
  for (const char* format : {"bytevalue", "print"}) {
    const std::string dump = holdfast({"dump", "DB", "--format", format}).out;
    const std::string peer = folder_ / (std::string("peer-") + format);
    const Outcome load = run({"db5.3_load", peer}, {.input = dump});
    ASSERT_EQ(load.code, 0) << load.err;
    const std::string back = run({"db5.3_dump", "-p", peer}).out;
    const std::string copy = folder_ / (std::string("copy-") + format);
    ASSERT_EQ(holdfast({"load", copy}, {.input = back}).code, 0);
    EXPECT_EQ(holdfast({"dump", copy, "--format", format}).out, dump);
  }
}

TEST_F(DumpLoad, LmdbLoadsWhatWeDumpForIt) {
  if (!installed("mdb_load") || !installed("mdb_dump")) GTEST_SKIP() << "not installed";
  std::string text;
  for (int i = 0; i < 5000; ++i) {
    text += "key" + std::to_string(i) + "\t" +
            std::string(static_cast<std::size_t>(i % 3000), 'v') + "\\00\\\\x\\\\\\\\\n";
  }
  ASSERT_EQ(holdfast({"load", "DB"}, {.input = text}).code, 0);
  for (const char* format : {"bytevalue", "print"}) {
    const Outcome dump = holdfast({"dump", "DB", "--for", "lmdb", "--format", format});
    ASSERT_EQ(dump.code, 0) << dump.err;
    const std::string peer = folder_ / (std::string("peer-") + format);
    const Outcome load = run({"mdb_load", "-n", peer}, {.input = dump.out});
    ASSERT_EQ(load.code, 0) << load.err;
    const std::string back = run({"mdb_dump", "-n", peer}).out;
    const std::string copy = folder_ / (std::string("copy-") + format);
    ASSERT_EQ(holdfast({"load", copy}, {.input = back}).code, 0);
    EXPECT_TRUE(holdfast({"dump", copy}).out == holdfast({"dump", "DB"}).out) << format;
  }
}

TEST_F(DumpLoad, LmdbsNamedTreesGoBothWaysUnderTheirNames) {
  if (!installed("mdb_load") || !installed("mdb_dump")) GTEST_SKIP() << "not installed";
  ASSERT_EQ(holdfast({"put", "DB", "apple", "red", "--tree", "fruit"}).code, 0);
  ASSERT_EQ(holdfast({"put", "DB", "k", "v", "--tree", "back\\5cslash, b\xc3\xbc"}).code, 0);
  const std::string peer = folder_ / "peer-all";
  const Outcome all = holdfast({"dump", "DB", "--all", "--for", "lmdb"});
  ASSERT_EQ(run({"mdb_load", "-n", peer}, {.input = all.out}).code, 0);
  const std::string fruit = run({"mdb_dump", "-n", "-p", "-s", "fruit", peer}).out;
  EXPECT_NE(fruit.find(" apple\n red\n"), std::string::npos) << fruit;
  ASSERT_EQ(holdfast({"load", other_}, {.input = run({"mdb_dump", "-n", "-a", peer}).out}).code, 0);
  EXPECT_EQ(holdfast({"dump", other_, "--all"}).out, holdfast({"dump", "DB", "--all"}).out);

  ASSERT_EQ(holdfast({"put", "DB", "fruit", "a key like the tree's name"}).code, 0);
  const Outcome clash = holdfast({"dump", "DB", "--all", "--for", "lmdb"});
  EXPECT_EQ(clash.code, 3);
  EXPECT_EQ(clash.out, "");
}

TEST_F(DumpLoad, BerkeleyDbsNamedTreesGoBothWaysUnderTheirNames) {
  if (!installed("db5.3_load") || !installed("db5.3_dump")) GTEST_SKIP() << "not installed";
  const std::string peer = folder_ / "peer.bdb";
  for (const char* name : {"fruit", "back\\slash, b\xc3\xbc"}) {
    ASSERT_EQ(holdfast({"put", "DB", "apple", "red", "--tree", name}).code, 0);
    const std::string dump = holdfast({"dump", "DB", "--tree", name}).out;
    const std::string into = std::string("database=") + name;
    ASSERT_EQ(run({"db5.3_load", "-c", into, peer}, {.input = dump}).code, 0);
  }
  ASSERT_EQ(holdfast({"load", other_}, {.input = run({"db5.3_dump", peer}).out}).code, 0);
  EXPECT_EQ(holdfast({"dump", other_, "--all"}).out, holdfast({"dump", "DB", "--all"}).out);
}

TEST_F(DumpLoad, WhatLmdbWouldRefuseIsSaidBeforeAByteIsWritten) {
  ASSERT_EQ(holdfast({"put", "DB", "", "v"}).code, 0);
  Outcome dump = holdfast({"dump", "DB", "--for", "lmdb"});
  EXPECT_EQ(dump.code, 3);
  EXPECT_EQ(dump.out, "");
  EXPECT_NE(dump.err.find("empty keys"), std::string::npos);
  ASSERT_EQ(holdfast({"del", "DB", ""}).code, 0);
  ASSERT_EQ(holdfast({"put", "DB", std::string(600, 'k'), "v"}).code, 0);
  dump = holdfast({"dump", "DB", "--for", "lmdb"});
  EXPECT_EQ(dump.code, 3);
  EXPECT_EQ(dump.out, "");
  EXPECT_NE(dump.err.find("511"), std::string::npos);
}

TEST_F(DumpLoad, WrongInputIsToldByLineAndWhatWasExpected) {
  const std::string head = "VERSION=3\nformat=bytevalue\nHEADER=END\n";
  EXPECT_NE(refusal("hello\n").find("Line 1: VERSION=3"), std::string::npos);
  EXPECT_NE(refusal("VERSION=2\n").find("Line 1: VERSION=3"), std::string::npos);
  EXPECT_NE(refusal("VERSION=3\nformat=odd\n").find("Line 2: format="), std::string::npos);
  EXPECT_NE(refusal("VERSION=3\nHEADER=END\n").find("Line 2: the header"), std::string::npos);
  EXPECT_NE(refusal("VERSION=3\nformat=print\n").find("HEADER=END"), std::string::npos);
  EXPECT_NE(refusal("VERSION=3\nwhat\n").find("Line 2: name=value"), std::string::npos);
  EXPECT_NE(refusal("VERSION=3\nduplicates=1\n").find("duplicate keys"), std::string::npos);
  EXPECT_NE(refusal("VERSION=3\ndupsort=1\n").find("duplicate keys"), std::string::npos);
  EXPECT_NE(refusal("VERSION=3\ntype=recno\n").find("type=btree"), std::string::npos);
  EXPECT_NE(refusal(head + " 61\n 62\n").find("Line 5: the input ends"), std::string::npos);
  EXPECT_NE(refusal(head + " 61\n").find("Line 4: the input ends"), std::string::npos);
  EXPECT_NE(refusal(head + " 61\nDATA=END\n").find("Line 5: the value"), std::string::npos);
  EXPECT_NE(refusal(head + "61\n 62\nDATA=END\n").find("Line 4: a key line"), std::string::npos);
  EXPECT_NE(refusal(head + " 6\n 62\nDATA=END\n").find("Line 4: pairs"), std::string::npos);
  EXPECT_NE(refusal("a\t1\nb 2\n").find("Line 2: a TAB"), std::string::npos);
  EXPECT_NE(refusal("a\t1\t2\n").find("Line 1: there is more than one TAB"), std::string::npos);
  EXPECT_NE(refusal("a\t\\x\n").find("Line 1: after a backslash"), std::string::npos);
}

TEST_F(DumpLoad, UnknownHeaderWordsAndCarriageReturnsAreNoMatter) {
  const std::string text =
      "VERSION=3\r\nformat=bytevalue\r\nduplicates=0\r\nmapsize=5\r\nfuture=words here\r\n"
      "HEADER=END\r\n 61\r\n 62\r\nDATA=END\r\n";
  ASSERT_EQ(holdfast({"load", "DB"}, {.input = text}).code, 0);
  EXPECT_EQ(holdfast({"scan", "DB"}).out, "a\tb\n");
  const std::string print =
      "VERSION=3\r\nformat=print\r\nHEADER=END\r\n c\r\n d\\0d\r\nDATA=END\r\n";
  ASSERT_EQ(holdfast({"load", "DB"}, {.input = print}).code, 0);
  ASSERT_EQ(holdfast({"load", "DB"}, {.input = "e\tf\r\ng\th\\0d\r\n"}).code, 0);
  EXPECT_EQ(holdfast({"scan", "DB"}).out, "a\tb\nc\td\\0d\ne\tf\ng\th\\0d\n");
}

TEST_F(DumpLoad, AWrongBeginningCreatesNothing) {
  for (const char* text : {"no TAB\n", "VERSION=2\n", "VERSION=3\nformat=odd\nHEADER=END\n",
                           "VERSION=3\nformat=print\nduplicates=1\nHEADER=END\nDATA=END\n"}) {
    refusal(text);
    EXPECT_EQ(run({"test", "-e", database_}).code, 1) << text;
  }
}

TEST_F(DumpLoad, AnErrorNamesTheFileAndTheLine) {
  const std::string input = folder_ / "in.tsv";
  write_file(input, "a\t1\nwrong\n");
  const Outcome load = holdfast({"load", "DB", input, "--json"});
  EXPECT_EQ(load.code, 3);
  EXPECT_NE(load.err.find(input + ": Line 2: "), std::string::npos) << load.err;
}

TEST_F(DumpLoad, ARecordTooLargeForTheCacheIsToldWithTheRemedy) {
  std::string text = "a\t1\n";
  for (int i = 0; i < 60; ++i)
    text += "b" + std::to_string(i) + "\t" + std::string(1'000'000, 'v') + "\n";
  EXPECT_NE(refusal(text, {"--cache", "1M", "--atomic"}).find("or leave out --atomic"),
            std::string::npos);
}

TEST_F(DumpLoad, AnErrorSaysHowManyRecordsWereCommitted) {
  const std::string text = "a\t1\nb\t2\nc\t3\nd\t4\nwrong\n";
  EXPECT_NE(refusal(text, {"--commit-every", "2"}).find("Committed before that: 4 records"),
            std::string::npos);
  EXPECT_EQ(holdfast({"scan", "DB", "--keys-only"}).out, "a\nb\nc\nd\n");
}

TEST_F(DumpLoad, AtomicIsAllOrNothing) {
  ASSERT_EQ(holdfast({"put", "DB", "z", "9"}).code, 0);
  EXPECT_NE(refusal("a\t1\nwrong\n", {"--atomic"}).find("Nothing was changed"), std::string::npos);
  EXPECT_EQ(holdfast({"scan", "DB"}).out, "z\t9\n");
  const Outcome good = holdfast({"load", "DB", "--atomic", "--json"}, {.input = "a\t1\nb\t2\n"});
  EXPECT_EQ(good.out, "{\"records\":2,\"commits\":1,\"complete\":true}\n");
}

TEST_F(DumpLoad, SortedInputGoesInAsOneAndAKeyOutOfOrderIsNamed) {
  ASSERT_EQ(holdfast({"load", "DB"}, {.input = hostile_tsv()}).code, 0);
  const std::string dump = holdfast({"dump", "DB"}).out;
  const Outcome load = holdfast({"load", other_, "--sorted", "--json"}, {.input = dump});
  EXPECT_EQ(load.code, 0) << load.err;
  EXPECT_NE(load.out.find("\"commits\":1"), std::string::npos) << load.out;
  EXPECT_EQ(holdfast({"dump", other_}).out, dump);
  EXPECT_EQ(holdfast({"check", other_}).code, 0);
  const std::string more = "xa\t1\nxc\t2\nxb\t3\n";
  const std::string said = refusal(more, {"--sorted"});
  EXPECT_NE(said.find("Line 3: record 3 of a bulk load has the key \"xb\""), std::string::npos)
      << said;
  EXPECT_NE(said.find("\"xc\""), std::string::npos) << said;
  EXPECT_NE(said.find("leave out --sorted"), std::string::npos) << said;
  EXPECT_NE(refusal("xa\t1\nwrong\n", {"--sorted"}).find("Nothing was changed"), std::string::npos);
  EXPECT_NE(refusal("a\t1\n", {"--sorted"}).find("tree's last key"), std::string::npos);
  EXPECT_EQ(holdfast({"dump", "DB"}).out, dump);
}

TEST_F(DumpLoad, FilesStandardInputAndNoInputAtAll) {
  write_file(folder_ / "in.tsv", "a\t1");
  EXPECT_EQ(holdfast({"load", "DB", folder_ / "in.tsv"}).out, "1 record loaded in 1 commit.\n");
  EXPECT_EQ(holdfast({"load", "DB", "-"}, {.input = "b\t2\n"}).code, 0);
  EXPECT_EQ(holdfast({"load", "DB"}, {.input = ""}).out, "0 records loaded in 0 commits.\n");
  EXPECT_EQ(holdfast({"load", "DB", folder_ / "none.tsv"}).code, 3);
  EXPECT_EQ(holdfast({"scan", "DB"}).out, "a\t1\nb\t2\n");
}

TEST_F(DumpLoad, ATooLongKeyIsToldByLineAndDoesNotStopWhatCameBefore) {
  const std::string text = "a\t1\nb\t2\n" + std::string(20000, 'k') + "\t3\n";
  EXPECT_NE(refusal(text).find("Line 3: "), std::string::npos);
}

TEST_F(DumpLoad, BatchesLargerThanTheCacheAreCommittedInParts) {
  std::string text;
  for (int i = 0; i < 3000; ++i) {
    text += std::to_string(i * 7919 % 3000) + "\t" + std::string(1000, 'v') + "\n";
  }
  const Outcome load = holdfast({"load", "DB", "--cache", "1M"}, {.input = text});
  ASSERT_EQ(load.code, 0) << load.err;
  EXPECT_EQ(holdfast({"trees", "DB"}).out, "(default)\t3000\n");
}

}  // namespace
}  // namespace holdfast::test
