// The oracles themselves: each is shown something wrong and must object. What they let pass, no
// run would ever find.
#include "fuzz/lab/compare.h"
#include "fuzz/lab/needed_ranges.h"
#include "tests/crash/crash_test_base.h"

namespace holdfast {
namespace {

constexpr std::uint32_t kKeys = 12;

class OracleTest : public CrashTest {
 protected:
  // Some records, in the file and closed off by a checkpoint.
  void begin() {
    start();
    database_.open();
    apply_all(database_, {{.kind = Kind::kPutRun, .count = kKeys, .key = 1, .bytes = 90},
                          {.kind = Kind::kCommitSync},
                          {.kind = Kind::kCheckpoint}});
    ASSERT_FALSE(database_.failure()) << *database_.failure();
  }

  // What the comparison says of the database and another model than its own.
  std::string compare_with(const Model::Trees& expected) {
    auto reader = database_.database().begin_read();
    Rng rng(1);
    auto difference = compare(*reader, expected, false, rng);
    return difference && *difference ? **difference : "";
  }

  void expect_objection(const std::string& words) {
    ASSERT_TRUE(database_.failure()) << "nobody said: " << words;
    EXPECT_NE(database_.failure()->find(words), std::string::npos) << *database_.failure();
  }

  // Where the tree file has a page of a tree.
  NeededRange a_page() {
    NeededRange found;
    for (NeededRange& range : needed_ranges(disk_.durable_bytes(LabDatabase::kPath))) {
      if (!range.kept_twice) found = std::move(range);
    }
    EXPECT_NE(found.length, 0u);
    return found;
  }
};

TEST_F(OracleTest, EveryValueAndEveryKeyIsCompared) {
  begin();
  const Model::Trees right = database_.model().trees();
  EXPECT_EQ(compare_with(right), "");
  for (const auto& [key, value] : right.at("")) {
    Model::Trees wrong = right;
    wrong[""][key].back() ^= 1;
    EXPECT_NE(compare_with(wrong).find("the scan shows"), std::string::npos) << key;
    wrong = right;
    wrong[""].erase(key);
    EXPECT_NE(compare_with(wrong), "") << key;
    wrong[""][key + "!"] = value;
    EXPECT_NE(compare_with(wrong), "") << key;
  }
}

TEST_F(OracleTest, AnOlderStateIsNotTheOneThatWasPromised) {
  begin();
  std::vector<std::pair<std::string, std::vector<std::byte>>> before;
  for (const std::string& path : disk_.paths()) {
    const auto bytes = disk_.durable_bytes(path);
    before.emplace_back(path, std::vector<std::byte>(bytes.begin(), bytes.end()));
  }
  apply_all(database_, {{.kind = Kind::kErase, .key = 3}, {.kind = Kind::kCommitSync}});
  database_.stop();
  disk_.crash({.kind = PolicyKind::kKeepNone}, 1);
  database_.crashed(PolicyKind::kKeepNone);
  for (const auto& [path, bytes] : before) disk_.set_file(path, bytes);
  database_.open();
  expect_objection("the state that opens");
}

TEST_F(OracleTest, AnErrorNeedsACause) {
  begin();
  Fault fault;
  fault.call = SimCall::kSync;
  disk_.inject(fault);
  apply_all(database_, {{.kind = Kind::kErase, .key = 3}, {.kind = Kind::kCommitSync}});
  expect_objection("failed without cause");
}

TEST_F(OracleTest, WhatVerifyFindsIsTold) {
  begin();
  disk_.flip_bit(LabDatabase::kPath, (a_page().offset + 100) * 8);
  apply_all(database_, {{.kind = Kind::kVerify}});
  expect_objection("verify() finds page_check");
}

TEST_F(OracleTest, ANeededPageIsNotWrittenOver) {
  begin();
  auto file = disk_.open(LabDatabase::kPath, FileMode::kReadWrite);
  ASSERT_TRUE(file);
  const std::vector<std::byte> junk(512, std::byte{7});
  ASSERT_TRUE((*file)->write(a_page().offset, junk));
  apply_all(database_, {{.kind = Kind::kCompare}});
  expect_objection("the rule was broken");
}

TEST_F(OracleTest, TheModelFindsItsWayBack) {
  Model model;
  model.put("", "a", "1");
  model.commit();
  model.put("", "a", "2");
  model.put("", "a", "3");
  model.commit();
  EXPECT_EQ(model.as_of(2).at("").at("a"), "1");
  model.rewind(2);
  EXPECT_EQ(model.trees().at("").at("a"), "1");
}

}  // namespace
}  // namespace holdfast
