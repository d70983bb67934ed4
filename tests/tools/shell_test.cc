// Lychee scripts through a pipe: the answers, letter for letter.
#include "tests/tools/command_fixture.h"
#include "tools/lychee.h"

namespace holdfast::test {
namespace {

class ShellScripts : public CommandTest {
 protected:
  Outcome shell(const std::string& script) const {
    return holdfast({"shell", "DB"}, {.input = script});
  }
};

TEST_F(ShellScripts, TheStatementsAndTheirAnswers) {
  const Outcome outcome = shell(
      "INSERT(1,1)\nREAD(1)\nINSERT(1,2)\nUPDATE(1,3)\nREAD(1)\nUPDATE(2,1)\nREAD(2)\nDELETE(1)\n"
      "DELETE(1)\nEXIT\nINSERT(9,9)\n");
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.out,
            "Inserted successfully\nKey:1, Value:1\nKey already exists\nUpdated successfully\n"
            "Key:1, Value:3\nKey does not exist\nKey does not exist\nDeleted successfully\n"
            "Key does not exist\n");
  EXPECT_EQ(holdfast({"get", "DB", "9"}).code, 1);
}

TEST_F(ShellScripts, AnyCaseAndSpacing) {
  const Outcome outcome =
      shell("  insert ( a , b )  \r\n\n   \nInSeRt(c,\"d e\")\nread\t(c)\nREAD( 'a' )\nexit");
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.out,
            "Inserted successfully\nInserted successfully\nKey:c, Value:d e\nKey:a, Value:b\n");
}

TEST_F(ShellScripts, PrintListsInKeyOrder) {
  EXPECT_EQ(shell("PRINT\n").out, "Tree is empty.\n");
  EXPECT_EQ(shell("INSERT(b,2)\nINSERT(a,1)\nprint\n").out,
            "Inserted successfully\nInserted successfully\nKey:a, Value:1\nKey:b, Value:2\n");
}

TEST_F(ShellScripts, WhatIsNoStatementIsInvalidAndTheScriptGoesOn) {
  const Outcome outcome = shell(
      "HELLO\nINSERT(1)\nINSERT(1,2,3)\nINSERT(1,2);\nREAD 1\nREAD(\nREAD()\nREAD(\"x)\nPRINT()\n"
      "EXIT NOW\n(1)\nINSERT(1,2)\n");
  EXPECT_EQ(outcome.code, 2);
  std::string expected;
  for (int i = 0; i < 11; ++i) expected += "Invalid Query\n";
  EXPECT_EQ(outcome.out, expected + "Inserted successfully\n");
}

TEST_F(ShellScripts, AHugeLineAndATooLongKeyAreInvalid) {
  const Outcome huge =
      shell("INSERT(1," + std::string(std::size_t{20} << 20, 'x') + ")\nREAD(1)\n");
  EXPECT_EQ(huge.code, 2);
  EXPECT_EQ(huge.out, "Invalid Query\nKey does not exist\n");
  const Outcome key = shell("INSERT(" + std::string(20000, 'k') + ",1)\nINSERT(1,2)\n");
  EXPECT_EQ(key.code, 2);
  EXPECT_EQ(key.out, "Invalid Query\nInserted successfully\n");
}

TEST_F(ShellScripts, BytesAreKeptAsTyped) {
  EXPECT_EQ(shell("INSERT(-1,caf\xc3\xa9)\nINSERT(\"\",'(,)')\nREAD(-1)\n").code, 0);
  EXPECT_EQ(holdfast({"get", "DB", "--", "-1"}).out, "caf\xc3\xa9");
  EXPECT_EQ(holdfast({"get", "DB", ""}).out, "(,)");
  holdfast({"put", "DB", "n", "two\nlines"});
  EXPECT_EQ(shell("READ(n)").out, "Key:n, Value:two\\0alines\n");
}

TEST_F(ShellScripts, EachAnswerComesAtOnce) {
  RunningProcess shell({HOLDFAST_COMMAND, "shell", database_});
  shell.write("INSERT(1,2)\n");
  EXPECT_EQ(shell.read_until("\n"), "Inserted successfully\n");
  shell.write("READ(1)\n");
  EXPECT_EQ(shell.read_until("\n"), "Key:1, Value:2\n");
  EXPECT_EQ(shell.finish(), 0);
}

TEST_F(ShellScripts, WhatWasAnsweredSurvivesSigkill) {
  for (int i = 0; i < 5; ++i) {
    RunningProcess shell({HOLDFAST_COMMAND, "shell", database_});
    shell.write("INSERT(" + std::to_string(i) + ",x)\n");
    ASSERT_EQ(shell.read_until("\n"), "Inserted successfully\n");
    shell.signal(9);
    EXPECT_EQ(shell.finish(), 128 + 9);
  }
  EXPECT_EQ(holdfast({"scan", "DB", "--keys-only"}).out, "0\n1\n2\n3\n4\n");
}

TEST_F(ShellScripts, APromptIsForTerminalsAtBothEnds) {
  if (!installed("script")) GTEST_SKIP() << "not installed";
  const std::string shell = std::string(HOLDFAST_COMMAND) + " shell " + database_;
  const auto at_terminal = [](const std::string& command) {
    return run({"timeout", "20", "script", "-qec", command, "/dev/null"},
               {.input = "READ(1)\nEXIT\n"})
        .out;
  };
  EXPECT_NE(at_terminal(shell).find("lychee> "), std::string::npos);
  EXPECT_EQ(at_terminal(shell + " | cat").find("lychee> "), std::string::npos);
  EXPECT_EQ(at_terminal("echo PRINT | " + shell).find("lychee> "), std::string::npos);
}

TEST(Lychee, ParsesOperandsAsBytes) {
  const auto statement = tools::parse_statement("update( 'a\"b' ,\"c'd\" )");
  ASSERT_TRUE(statement);
  EXPECT_EQ(statement->kind, tools::Statement::Kind::kUpdate);
  EXPECT_EQ(statement->key, "a\"b");
  EXPECT_EQ(statement->value, "c'd");
  EXPECT_FALSE(tools::parse_statement(""));
  EXPECT_FALSE(tools::parse_statement(std::string_view("READ(a)\0", 8)));
  EXPECT_FALSE(tools::parse_statement("INSERTX(1,2)"));
}

}  // namespace
}  // namespace holdfast::test
