// --json: every line is an object, whatever the bytes, and failures are told as objects too.
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "holdfast/database.h"
#include "tests/tools/command_fixture.h"

namespace holdfast::test {
namespace {

using nlohmann::json;

class JsonOutput : public CommandTest {
 protected:
  // The objects of an output; a line that is none fails the test.
  static std::vector<json> objects(const Outcome& outcome) {
    std::vector<json> found;
    std::istringstream lines(outcome.out);
    for (std::string line; std::getline(lines, line);) {
      json object = json::parse(line, nullptr, false);
      EXPECT_TRUE(object.is_object()) << line;
      found.push_back(std::move(object));
    }
    return found;
  }

  // Of a failed command: its last object, which must be the error.
  static json failure(const Outcome& outcome) {
    const std::vector<json> found = objects(outcome);
    if (found.empty() || !found.back().contains("error")) {
      ADD_FAILURE() << "no error object: " << outcome.out;
      return json::object({{"error", ""}, {"exit_code", -1}, {"code", ""}});
    }
    EXPECT_EQ(found.back()["exit_code"], outcome.code);
    EXPECT_FALSE(outcome.err.empty());
    return found.back();
  }
};

TEST_F(JsonOutput, EveryLineIsAnObjectWhateverTheBytes) {
  ASSERT_EQ(holdfast({"load", "DB", "--tree", "odd\xff\n\"name"}, {.input = hostile_tsv()}).code,
            0);
  ASSERT_EQ(holdfast({"put", "DB", "", "", "--json"}).code, 0);
  for (const char* verb : {"scan", "stat", "check", "trees", "log"}) {
    std::vector<std::string> words = {verb, "DB", "--json"};
    if (words[0] == "scan") words.insert(words.end(), {"--tree", "odd\xff\n\"name"});
    const Outcome outcome = holdfast(words);
    EXPECT_EQ(outcome.code, 0) << verb;
    EXPECT_EQ(objects(outcome).size(), words[0] == "scan"    ? 259U
                                       : words[0] == "trees" ? 2U
                                       : words[0] == "log"   ? 0U
                                                             : 1U);
  }
  const json last = objects(holdfast({"get", "DB", "", "--json"})).at(0);
  EXPECT_EQ(last, json::object({{"key", ""}, {"found", true}, {"value", ""}}));
}

TEST_F(JsonOutput, FailuresAreObjectsWithCodeAndPlace) {
  write_file(database_, "something else\n");
  for (const char* verb : {"scan", "stat", "check", "trees", "log"}) {
    const json error = failure(holdfast({verb, "DB", "--json"}));
    EXPECT_EQ(error["exit_code"], 3) << verb;
    EXPECT_EQ(error["code"], "not_a_database") << verb;
    EXPECT_EQ(error["file"], database_) << verb;
  }
  EXPECT_EQ(failure(run({DBCHECK_COMMAND, database_, "--json"}))["exit_code"], 3);
  const std::string missing = folder_ / "missing.db";
  EXPECT_EQ(failure(holdfast({"get", missing, "k", "--json"}))["code"], "not_found");
  EXPECT_EQ(failure(holdfast({"del", missing, "k", "--json"}))["exit_code"], 3);
}

TEST_F(JsonOutput, TreesInUseAndLoadsFailAsObjects) {
  ASSERT_EQ(holdfast({"put", "DB", "k", "v"}).code, 0);
  EXPECT_EQ(failure(holdfast({"scan", "DB", "--tree", "none", "--json"}))["exit_code"], 1);
  const Outcome load = holdfast({"load", "DB", "--json"}, {.input = "a\t1\nwrong\n"});
  const std::vector<json> told = objects(load);
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0]["exit_code"], 3);
  EXPECT_EQ(told[1], json::object({{"records", 0}, {"commits", 0}, {"complete", false}}));
  EXPECT_EQ(failure(holdfast({"load", "DB", "--json"}, {.input = "wrong\n"}))["exit_code"], 3);

  auto database = Database::open(database_);
  ASSERT_TRUE(database) << database.error().to_string();
  const json busy = failure(holdfast({"put", "DB", "k", "v", "--json"}));
  EXPECT_EQ(busy["code"], "busy");
  EXPECT_NE(busy["error"].get<std::string>().find(std::to_string(getpid())), std::string::npos);
}

}  // namespace
}  // namespace holdfast::test
