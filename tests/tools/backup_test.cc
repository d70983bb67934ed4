// backup and restore: what they make, what they refuse, what they say, and their exit codes.
#include <algorithm>
#include <csignal>
#include <filesystem>

#include "holdfast/database.h"
#include "tests/tools/command_fixture.h"

namespace holdfast::test {
namespace {

class BackupCommand : public CommandTest {
 protected:
  void load(int records) const {
    std::string text;
    for (int i = 0; i < records; ++i)
      text += "k" + std::to_string(100000 + i) + "\tvalue " + std::to_string(100000 + i) + "\n";
    ASSERT_EQ(holdfast({"load", "DB"}, {.input = text}).code, 0);
  }
  [[nodiscard]] std::string dump(const std::string& of) const {
    return holdfast({"dump", of, "--all"}).out;
  }
  [[nodiscard]] std::string kept() const { return holdfast({"kept", "DB"}).out; }
  const std::string copy_ = folder_ / "copy.db";
};

TEST_F(BackupCommand, ThereAndBackAgain) {
  load(3000);
  const std::string before = read_file(database_);
  const Outcome done = holdfast({"backup", "DB", copy_});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_TRUE(done.out.starts_with(copy_ + ": ")) << done.out;
  EXPECT_EQ(read_file(database_), before) << "a backup of a closed database writes nothing to it";
  EXPECT_EQ(dump(copy_), dump("DB"));
  const std::string back = folder_ / "back.db";
  const Outcome restored = holdfast({"restore", copy_, back, "--json"});
  EXPECT_EQ(restored.code, 0) << restored.err;
  EXPECT_NE(restored.out.find("\"type\":\"summary\""), std::string::npos) << restored.out;
  EXPECT_NE(restored.out.find("\"sound\":true"), std::string::npos) << restored.out;
  EXPECT_EQ(dump(back), dump("DB"));
  EXPECT_EQ(holdfast({"check", back}).code, 0);
}

TEST_F(BackupCommand, NothingIsOverwrittenOrMadeHalf) {
  load(10);
  write_file(copy_, "mine");
  EXPECT_EQ(holdfast({"backup", "DB", copy_}).code, 3);
  EXPECT_EQ(read_file(copy_), "mine");
  EXPECT_EQ(holdfast({"backup", "DB", folder_ / "none/copy.db"}).code, 3);
  EXPECT_EQ(holdfast({"backup", folder_ / "none.db", folder_ / "other.db"}).code, 3);
  EXPECT_EQ(holdfast({"backup", "DB"}).code, 2);
}

TEST_F(BackupCommand, DamageIsToldAndTheRestCopied) {
  load(3000);
  std::string bytes = read_file(database_);
  int found = 0;  // In the page that holds it, and in those it lay in before.
  for (std::size_t at = 0; (at = bytes.find("value 101500", at)) != bytes.npos; ++found)
    bytes[at] ^= 1;
  ASSERT_GT(found, 0);
  write_file(database_, bytes);
  const Outcome done = holdfast({"backup", "DB", copy_});
  EXPECT_EQ(done.code, 5);
  EXPECT_NE(done.out.find("page_check"), std::string::npos) << done.out;
  EXPECT_EQ(holdfast({"get", copy_, "k100000"}).out, "value 100000");
  EXPECT_EQ(holdfast({"get", copy_, "k101500"}).code, 5);
  EXPECT_EQ(holdfast({"check", copy_}).code, 5);
}

TEST_F(BackupCommand, ThroughAPipeAndBack) {
  load(3000);
  const Outcome out = holdfast({"backup", "DB", "-"});
  EXPECT_EQ(out.code, 0) << out.err;
  EXPECT_TRUE(out.out.starts_with("HFBACKUP"));
  EXPECT_NE(out.err.find("standard output: "), std::string::npos) << out.err;
  const Outcome in = holdfast({"restore", "-", copy_}, {.input = out.out});
  EXPECT_EQ(in.code, 0) << in.err;
  EXPECT_EQ(dump(copy_), dump("DB"));
  const std::string other = folder_ / "other.db";
  for (const std::string& broken :
       {out.out.substr(0, out.out.size() - 1), out.out.substr(0, 5000), out.out + "x"}) {
    const Outcome cut = holdfast({"restore", "-", other}, {.input = broken});
    EXPECT_EQ(cut.code, 5);
    EXPECT_NE(cut.err.find("standard input"), std::string::npos) << cut.err;
    EXPECT_FALSE(std::filesystem::exists(other));
  }
  EXPECT_EQ(holdfast({"restore", "-", other}, {.input = "anything"}).code, 3);
  EXPECT_EQ(holdfast({"restore", "-", "-", other}, {.input = out.out}).code, 2);
  EXPECT_EQ(holdfast({"backup", "DB", "-", "--json"}).code, 2);
  // A stream that is cut short for its reader's sake is a backup that failed.
  EXPECT_EQ(holdfast({"backup", "DB", "-"}, {.closed_out = true}).code, 3);
  EXPECT_EQ(holdfast({"backup", "DB", "-"}, {.out_file = "/dev/full"}).code, 3);
}

// Sunday whole, then what changed: docs/TUTORIAL.md, "A week of backups".
TEST_F(BackupCommand, AWeekOfBackups) {
  load(3000);
  const std::string sunday = folder_ / "sunday.db";
  Outcome done = holdfast({"backup", "DB", sunday, "--keep"});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_NE(done.out.find("Kept as checkpoint "), std::string::npos) << done.out;
  std::vector<std::string> parts = {"restore", sunday};
  for (const std::string day : {"monday", "tuesday", "wednesday"}) {
    ASSERT_EQ(holdfast({"put", "DB", "today", day}).code, 0);
    parts.push_back(folder_ / (day + ".inc"));
    done = holdfast({"backup", "DB", parts.back(), "--since", "last", "--keep", "--release",
                     "since", "--json"});
    EXPECT_EQ(done.code, 0) << done.err;
    EXPECT_NE(done.out.find("\"since\":"), std::string::npos) << done.out;
    EXPECT_NE(done.out.find("\"checkpoint\":"), std::string::npos) << done.out;
    EXPECT_LT(std::filesystem::file_size(parts.back()), std::filesystem::file_size(sunday) / 2);
    const Outcome kept = holdfast({"kept", "DB", "--json"});
    EXPECT_EQ(std::count(kept.out.begin(), kept.out.end(), '\n'), 1) << kept.out;
    std::vector<std::string> words = parts;
    words.push_back(folder_ / ("as-of-" + day + ".db"));
    done = holdfast(words);
    EXPECT_EQ(done.code, 0) << done.err;
    EXPECT_EQ(holdfast({"get", words.back(), "today"}).out, day);
    EXPECT_EQ(dump(words.back()), dump("DB"));
    EXPECT_EQ(holdfast({"check", words.back()}).code, 0);
  }
  // What doesn't follow is refused with what is needed.
  const std::string other = folder_ / "other.db";
  done = holdfast({"restore", sunday, parts[3], other});
  EXPECT_EQ(done.code, 2);
  EXPECT_NE(done.err.find("this is an increment on transaction"), std::string::npos) << done.err;
  EXPECT_EQ(holdfast({"restore", parts[2], other}).code, 2);
  ASSERT_EQ(holdfast({"put", sunday, "not", "a backup any more"}).code, 0);
  EXPECT_EQ(holdfast({"restore", sunday, parts[2], other}).code, 2);
  EXPECT_FALSE(std::filesystem::exists(other));
}

TEST_F(BackupCommand, KeptCheckpointsAreListedAndReleased) {
  load(10);
  EXPECT_EQ(holdfast({"kept", "DB"}).out, "");
  EXPECT_EQ(holdfast({"backup", "DB", copy_, "--since", "last"}).code, 1);
  EXPECT_EQ(holdfast({"backup", "DB", copy_, "--since", "7"}).code, 1);
  EXPECT_EQ(holdfast({"backup", "DB", copy_, "--since", "x"}).code, 2);
  EXPECT_EQ(holdfast({"backup", "DB", copy_, "--release", "since"}).code, 2);
  EXPECT_EQ(holdfast({"backup", "DB", copy_, "--checkpoint", "1", "--keep"}).code, 2);
  // What is kept for a backup that isn't made isn't kept.
  write_file(copy_, "mine");
  EXPECT_EQ(holdfast({"backup", "DB", copy_, "--keep"}).code, 3);
  EXPECT_EQ(holdfast({"kept", "DB"}).out, "");
  EXPECT_EQ(holdfast({"backup", "DB", folder_ / "one.db", "--keep"}).code, 0);
  const Outcome kept = holdfast({"kept", "DB"});
  EXPECT_NE(kept.out.find("\ttransaction "), std::string::npos) << kept.out;
  EXPECT_NE(kept.out.find(" UTC\n"), std::string::npos) << kept.out;
  const std::string id = kept.out.substr(0, kept.out.find('\t'));
  EXPECT_EQ(holdfast({"backup", "DB", folder_ / "two.db", "--checkpoint", id}).code, 0);
  EXPECT_EQ(read_file(folder_ / "two.db"), read_file(folder_ / "one.db"));
  EXPECT_EQ(holdfast({"kept", "DB", "--release", "999"}).code, 1);
  EXPECT_EQ(holdfast({"kept", "DB", "--release", id}).code, 0);
  EXPECT_EQ(holdfast({"kept", "DB"}).out, "");
}

// A base of which no backup was made would make every later increment useless.
TEST_F(BackupCommand, WhatAProgramKeptIsNoBaseOfTheNext) {
  load(300);
  const std::string sunday = folder_ / "sunday.db";
  ASSERT_EQ(holdfast({"backup", "DB", sunday, "--keep"}).code, 0);
  const std::string base = kept();
  ASSERT_EQ(holdfast({"put", "DB", "today", "monday"}).code, 0);
  {
    auto database = Database::open(database_);
    ASSERT_TRUE(database && database->keep_checkpoint() && database->close());
  }
  const std::string both = kept();
  const std::string tuesday = folder_ / "tuesday.inc";
  const auto increment = [&](const std::string& since) {
    return holdfast({"backup", "DB", tuesday, "--since", since, "--keep", "--release", "since"});
  };
  const Outcome refused = increment("last");
  EXPECT_EQ(refused.code, 2);
  EXPECT_NE(refused.err.find("--since last can't tell"), std::string::npos) << refused.err;
  EXPECT_EQ(kept(), both);
  EXPECT_FALSE(std::filesystem::exists(tuesday));
  EXPECT_EQ(increment(base.substr(0, base.find('\t'))).code, 0);
  EXPECT_EQ(holdfast({"restore", sunday, tuesday, copy_}).code, 0);
  EXPECT_EQ(holdfast({"get", copy_, "today"}).out, "monday");
}

TEST_F(BackupCommand, ATerminatedOneKeepsNothing) {
  load(20000);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGKILL}) {
    RunningProcess backup({HOLDFAST_COMMAND, "backup", database_, "-", "--keep"});
    backup.read_until("HFBACKUP");
    backup.signal(signal);
    EXPECT_EQ(backup.finish(), signal == SIGKILL ? 128 + SIGKILL : 130) << signal;
    EXPECT_EQ(kept(), "") << signal;
  }
}

// Nor one whose stream nobody got: all of it stays in a buffer until the end, if it is short.
TEST_F(BackupCommand, WhatIsNotDeliveredKeepsNothing) {
  load(10);
  EXPECT_EQ(holdfast({"backup", "DB", "-", "--keep"}, {.closed_out = true}).code, 3);
  EXPECT_EQ(holdfast({"backup", "DB", "-", "--keep"}, {.out_file = "/dev/full"}).code, 3);
  EXPECT_EQ(kept(), "");
}

TEST_F(BackupCommand, ABaseIsNotReleasedForWhatIsOnlyPiped) {
  load(300);
  ASSERT_EQ(holdfast({"backup", "DB", copy_, "--keep"}).code, 0);
  const std::string base = kept();
  const std::string bytes = read_file(database_);
  const Outcome piped =
      holdfast({"backup", "DB", "-", "--since", "last", "--keep", "--release", "since"});
  EXPECT_EQ(piped.code, 2);
  EXPECT_NE(piped.err.find("kept --release"), std::string::npos) << piped.err;
  EXPECT_EQ(holdfast({"backup", "DB", "-", "--release", base.substr(0, base.find('\t'))}).code, 2);
  EXPECT_EQ(kept(), base);
  EXPECT_EQ(read_file(database_), bytes);
}

TEST_F(BackupCommand, ABaseStaysUntilASoundIncrementFollowsIt) {
  load(3000);
  const std::string sunday = folder_ / "sunday.db";
  ASSERT_EQ(holdfast({"backup", "DB", sunday, "--keep"}).code, 0);
  const std::string base = kept();
  ASSERT_EQ(holdfast({"put", "DB", "today", "of this Monday"}).code, 0);
  const auto flip = [&] {
    std::string bytes = read_file(database_);
    const std::size_t at = bytes.find("f this Monday");
    ASSERT_NE(at, bytes.npos);
    bytes[at - 1] ^= 1;
    write_file(database_, bytes);
  };
  const auto increment = [&](const std::string& to) {
    return holdfast({"backup", "DB", to, "--since", "last", "--keep", "--release", "since"});
  };
  flip();
  const Outcome damaged = increment(folder_ / "monday.inc");
  EXPECT_EQ(damaged.code, 5) << damaged.err;
  EXPECT_NE(damaged.out.find(" stays kept: the next increment begins there"), std::string::npos);
  EXPECT_EQ(damaged.out.find("Kept as"), std::string::npos) << damaged.out;
  EXPECT_EQ(kept(), base);
  flip();
  const std::string tuesday = folder_ / "tuesday.inc";
  EXPECT_EQ(increment(tuesday).code, 0);
  EXPECT_NE(kept(), base);
  EXPECT_EQ(holdfast({"restore", sunday, tuesday, copy_}).code, 0);
  EXPECT_EQ(holdfast({"get", copy_, "today"}).out, "of this Monday");
}

TEST_F(BackupCommand, NobodyMayReadACopyWhoMayNotReadItsOriginal) {
  using std::filesystem::perms;
  const auto rights = [](const std::string& path) {
    return std::filesystem::status(path).permissions();
  };
  constexpr perms kOwner = perms::owner_read | perms::owner_write;
  load(300);
  const perms usual = rights(database_);
  const std::string increment = folder_ / "day.inc";
  const std::string back = folder_ / "back.db";
  for (const perms mode : {usual, kOwner | perms::group_read, kOwner}) {
    std::filesystem::permissions(database_, mode);
    ASSERT_EQ(holdfast({"backup", "DB", copy_, "--keep"}).code, 0);
    ASSERT_EQ(holdfast({"put", "DB", "k", "v"}).code, 0);
    ASSERT_EQ(holdfast({"backup", "DB", increment, "--since", "last", "--release", "since"}).code,
              0);
    ASSERT_EQ(holdfast({"restore", copy_, increment, back}).code, 0);
    for (const std::string& made : {copy_, increment, back}) {
      EXPECT_EQ(rights(made), mode & usual) << made;
      std::filesystem::remove(made);
    }
  }
  std::filesystem::permissions(database_, usual);
  const std::string piped = holdfast({"backup", "DB", "-"}).out;
  ASSERT_EQ(holdfast({"restore", "-", back}, {.input = piped}).code, 0);
  EXPECT_EQ(rights(back), kOwner);
}

TEST_F(BackupCommand, AFileOfItsNameIsNotStandardInput) {
  load(300);
  const Outcome piped = holdfast({"backup", "DB", "-"});
  std::filesystem::copy_file(database_, folder_ / "-");
  ASSERT_EQ(holdfast({"put", folder_ / "-", "k100000", "of the file"}).code, 0);
  const std::string words = std::string(HOLDFAST_COMMAND) + " restore - copy.db";
  const Outcome restored =
      run({"sh", "-c", "cd " + (folder_ / "") + " && exec " + words}, {.input = piped.out});
  EXPECT_EQ(restored.code, 0) << restored.err;
  EXPECT_EQ(holdfast({"get", copy_, "k100000"}).out, "value 100000");
}

}  // namespace
}  // namespace holdfast::test
