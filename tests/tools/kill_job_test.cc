// The kill job: its arithmetic of what must be there, and a short run of the whole.
#include "tests/tools/command_fixture.h"
#include "tools/kill_job/history.h"

namespace holdfast::test {
namespace {

using kill_job::Change;
using kill_job::History;
using kill_job::State;

// A package database small enough that a revision is a few transactions.
std::vector<kill_job::Package> few_packages() {
  auto packages = kill_job::sample_packages();
  packages.resize(50);
  return packages;
}

TEST(KillJob, AStateIsWhatItsTransactionsMakeOneAfterTheOther) {
  const History history(few_packages());
  State step_by_step;
  State at_once;
  bool deleted = false;
  for (std::uint64_t n = 1; n <= 400; ++n) {
    for (const Change& change : history.changes(n)) {
      auto& tree = step_by_step[static_cast<int>(change.where)];
      if (change.value) {
        tree[change.key] = *change.value;
      } else {
        deleted = true;
        tree.erase(change.key);
      }
    }
    history.state_after(n, at_once);
    for (int i = 0; i < kill_job::kTrees; ++i) {
      ASSERT_TRUE(step_by_step[i] == at_once[i]) << "transaction " << n << ", tree " << i;
    }
  }
  EXPECT_TRUE(deleted);
}

TEST(KillJob, ReadsPackagesAndTellsEqualNamesApart) {
  const TemporaryFolder folder;
  write_file(folder / "status",
             "Package: a\nArchitecture: amd64\nMaintainer: Ada <a@b>\nDescription: x\n y\n\n"
             "Package: a\nArchitecture: i386\nMaintainer: Ada <a@b>\n\n\nPackage: b\n");
  const auto packages = kill_job::read_packages(folder / "status");
  ASSERT_EQ(packages.size(), 3U);
  EXPECT_EQ(packages[0].name, "a");
  EXPECT_EQ(packages[1].name, "a:i386");
  EXPECT_EQ(packages[0].maintainer, "Ada <a@b>");
  EXPECT_EQ(packages[2].paragraph, "Package: b\n");
  EXPECT_TRUE(kill_job::read_packages(folder / "none").empty());
}

TEST(KillJob, NumbersMustBeNumbers) {
  const TemporaryFolder folder;
  for (const char* kills : {"0", "many", "5x", "-1"}) {
    EXPECT_EQ(run({RUN_MAIN_JOB_COMMAND, "--directory", folder / ".", "--kills", kills}).code, 2);
  }
}

TEST(KillJob, AShortRunLosesNothing) {
  const TemporaryFolder folder;
  const Outcome outcome = run({RUN_MAIN_JOB_COMMAND, "--directory", folder / ".", "--dbcheck",
                               DBCHECK_COMMAND, "--kills", "5", "--in-flight", "0"});
  EXPECT_EQ(outcome.code, 0) << outcome.out << outcome.err;
  EXPECT_NE(outcome.out.find("lost                  0"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::test
