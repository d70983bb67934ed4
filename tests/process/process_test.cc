// Real processes on real files: SIGKILL at any moment, who may open what beside whom, fork.
//
// A child commits numbered transactions and tells each acknowledged one through a pipe; the parent
// kills it at a random moment, opens the database and compares: everything acknowledged is there,
// what is there is a prefix, and nothing is half there.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <iostream>
#include <random>
#include <thread>

#include "tests/engine/engine_fixture.h"

namespace holdfast {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr int kRecordsPerTxn = 5;

std::string value_of(std::uint64_t n, int i) {
  return std::to_string(n) +
         std::string((n * 37 + i * 211) % 1500, static_cast<char>('a' + n % 26));
}

Options kill_options() {
  Options options;
  options.page_size = 4096;
  options.cache_bytes = 1 << 20;
  options.checkpoint_log_bytes = 256 << 10;  // So that kills meet checkpoints too.
  options.log_segment_bytes = 128 << 10;
  options.lazy_interval = milliseconds(20);
  return options;
}

[[noreturn]] void give_up(int code, const Error& error) {
  const std::string line = "child: " + error.to_string() + "\n";
  if (::write(STDERR_FILENO, line.data(), line.size()) < 0) ::_exit(99);
  ::_exit(code);
}

// The child's life. Each transaction writes its number and records of the last 40 numbers.
[[noreturn]] void commit_for_ever(const std::string& path, Durability durability, int acks) {
  auto db = Database::open(path, kill_options());
  if (!db) give_up(10, db.error());
  auto last = db->get("last");
  if (!last) give_up(11, last.error());
  std::uint64_t n = *last ? std::stoull(**last) : 0;
  for (;;) {
    ++n;
    auto writer = db->begin_write();
    if (!writer) give_up(12, writer.error());
    for (int i = 0; i < kRecordsPerTxn; ++i) {
      auto put = writer->put(numbered(n) + "/" + std::to_string(i), value_of(n, i));
      if (!put) give_up(13, put.error());
      if (n <= 40) continue;
      auto erased = writer->erase(numbered(n - 40) + "/" + std::to_string(i));
      if (!erased) give_up(14, erased.error());
    }
    auto put = writer->put("last", std::to_string(n));
    if (!put) give_up(15, put.error());
    auto committed = writer->commit(durability);
    if (!committed) give_up(16, committed.error());
    if (::write(acks, &n, sizeof n) != sizeof n) ::_exit(17);
  }
}

struct Pipe {
  Pipe() {
    int ends[2];
    if (::pipe(ends) != 0) throw std::runtime_error("no pipe");
    read = ends[0];
    write = ends[1];
  }
  ~Pipe() {
    ::close(read);
    if (write >= 0) ::close(write);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  int read = -1;
  int write = -1;
};

class KillTest : public testing::Test {
 protected:
  // Answers the last acknowledged transaction.
  std::uint64_t run_and_kill(Durability durability, microseconds life) {
    Pipe pipe;
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(pipe.read);
      commit_for_ever(path_, durability, pipe.write);
    }
    ::close(std::exchange(pipe.write, -1));
    std::uint64_t acked = 0;
    std::uint64_t n = 0;
    // Lets it reach its first commit, then some.
    if (::read(pipe.read, &n, sizeof n) == sizeof n) acked = n;
    std::this_thread::sleep_for(life);
    ::kill(child, SIGKILL);
    while (::read(pipe.read, &n, sizeof n) == sizeof n) acked = n;
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status)) << "the child gave up with " << WEXITSTATUS(status);
    return acked;
  }

  void compare(Database& db, std::uint64_t acked) {
    const ReadTransaction reader = MUST(db.begin_read());
    const Contents found = contents_of(reader);
    const std::uint64_t last = found.contains("last") ? std::stoull(found.at("last")) : 0;
    ASSERT_GE(last, acked) << "an acknowledged commit is lost";
    Contents wanted;
    for (std::uint64_t n = last > 40 ? last - 39 : 1; n <= last; ++n) {
      for (int i = 0; i < kRecordsPerTxn; ++i)
        wanted[numbered(n) + "/" + std::to_string(i)] = value_of(n, i);
    }
    if (last != 0) wanted["last"] = std::to_string(last);
    ASSERT_TRUE(found == wanted) << "after transaction " << last;
    ASSERT_EQ(MUST(reader.count()), wanted.size());
  }

  void kill_many_times(Durability durability, int kills) {
    std::mt19937 random(static_cast<unsigned>(durability) + 17);
    std::uint64_t acked = 0;
    int in_flight = 0;
    for (int kill = 0; kill < kills; ++kill) {
      const auto life = microseconds(random() % 4 == 0 ? random() % 60'000 : random() % 8'000);
      acked = std::max(acked, run_and_kill(durability, life));
      // Every other kill is followed by another before anyone else looks.
      if (kill % 3 == 2) continue;
      Database db = MUST(Database::open(path_, kill_options()));
      in_flight += db.recovery().work_in_flight() ? 1 : 0;
      compare(db, acked);
      if (HasFatalFailure()) return;
      if (kill % 5 == 0) {
        MUST(db.checkpoint());  // Mends a pair of metas that the kill left half written.
        expect_sound(db);
      }
      if (kill % 4 == 0) MUST(db.close());
    }
    std::cout << kills << " kills, " << acked << " transactions, " << in_flight
              << " with work in flight\n";
    // A life too short for a checkpoint leaves a log file more to the next.
    EXPECT_LE(directory_.names().size(), 40U);
    Database last = MUST(Database::open(path_, kill_options()));
    MUST(last.checkpoint());  // Closing an opening that wrote nothing would leave all as it is.
    MUST(last.close());
    EXPECT_EQ(directory_.names(), std::vector<std::string>{"db"});
  }

  TempDirectory directory_;
  const std::string path_ = directory_ / "db";
};

TEST_F(KillTest, SyncCommitsSurviveSigkill) {
  kill_many_times(Durability::kSync, 45);
}
TEST_F(KillTest, OsCommitsSurviveSigkill) {
  kill_many_times(Durability::kOs, 45);
}

TEST_F(KillTest, AKillWhileCreatingLeavesNothingOrADatabase) {
  std::mt19937 random(3);
  for (int kill = 0; kill < 30; ++kill) {
    const std::string path = directory_ / ("new" + std::to_string(kill));
    const pid_t child = ::fork();
    if (child == 0) {
      auto db = Database::open(path);
      ::_exit(0);
    }
    std::this_thread::sleep_for(microseconds(random() % 3000));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    Database db = MUST(Database::open(path));
    EXPECT_TRUE(contents_of(db).empty());
    expect_sound(db);
  }
}

// A child that opens the database, tells how that went, and holds it until it is let go.
class Holder {
 public:
  Holder(const std::string& path, OpenMode mode) {
    process_ = ::fork();
    if (process_ == 0) {
      Options options;
      options.mode = mode;
      auto db = Database::open(path, options);
      const char answer = db ? 'y' : static_cast<char>(db.error().code());
      if (::write(told_.write, &answer, 1) != 1) ::_exit(1);
      char go = 0;
      if (::read(go_.read, &go, 1) != 1) ::_exit(1);
      if (db && !db->close()) ::_exit(2);
      ::_exit(0);
    }
    if (::read(told_.read, &answer_, 1) != 1) answer_ = '?';
  }
  ~Holder() { end(); }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;
  void end() {
    if (process_ < 0) return;
    if (::write(go_.write, "g", 1) != 1) ::kill(process_, SIGKILL);
    ::waitpid(std::exchange(process_, -1), nullptr, 0);
  }
  [[nodiscard]] bool opened() const { return answer_ == 'y'; }
  [[nodiscard]] ErrorCode code() const { return static_cast<ErrorCode>(answer_); }
  [[nodiscard]] pid_t process() const { return process_; }

 private:
  Pipe told_;
  Pipe go_;
  pid_t process_ = -1;
  char answer_ = '?';
};

class OtherProcessTest : public KillTest {
 protected:
  void SetUp() override {
    Database db = MUST(Database::open(path_));
    MUST(db.put("key", "value"));
  }
  static Options mode(OpenMode wanted) {
    Options options;
    options.mode = wanted;
    return options;
  }
};

TEST_F(OtherProcessTest, AWriterKeepsEverybodyOutAndIsNamed) {
  Holder holder(path_, OpenMode::kReadWrite);
  ASSERT_TRUE(holder.opened());
  for (OpenMode wanted : {OpenMode::kCreate, OpenMode::kReadWrite, OpenMode::kReadOnly}) {
    auto opened = Database::open(path_, mode(wanted));
    EXPECT_CODE(opened, ErrorCode::kBusy);
    EXPECT_NE(opened.error().message().find(std::to_string(holder.process())), std::string::npos)
        << opened.error().message();
  }
  holder.end();
  EXPECT_EQ(MUST(MUST(Database::open(path_)).get("key")), "value");
}

TEST_F(OtherProcessTest, ReadersShareAndKeepWritersOut) {
  Holder holder(path_, OpenMode::kReadOnly);
  ASSERT_TRUE(holder.opened());
  Database reader = MUST(Database::open(path_, mode(OpenMode::kReadOnly)));
  EXPECT_EQ(MUST(reader.get("key")), "value");
  Holder third(path_, OpenMode::kReadOnly);
  EXPECT_TRUE(third.opened());
  Holder writer(path_, OpenMode::kReadWrite);
  EXPECT_FALSE(writer.opened());
  EXPECT_EQ(writer.code(), ErrorCode::kBusy);
}

TEST_F(OtherProcessTest, TheOpenerOfThisProcessIsSeenByOthers) {
  Database db = MUST(Database::open(path_));
  MUST(db.put("more", "x"));
  Holder holder(path_, OpenMode::kReadOnly);
  EXPECT_EQ(holder.code(), ErrorCode::kBusy);
}

TEST_F(OtherProcessTest, AForkedChildCanNeitherOpenNorHarm) {
  Database db = MUST(Database::open(path_, kill_options()));
  MUST(db.put("before", "fork"));
  Pipe told;
  const pid_t child = ::fork();
  if (child == 0) {
    auto again = Database::open(path_);
    const char answer = !again && again.error().code() == ErrorCode::kBusy ? 'b' : '?';
    ::_exit(::write(told.write, &answer, 1) == 1 ? 0 : 1);
  }
  char answer = 0;
  ASSERT_EQ(::read(told.read, &answer, 1), 1);
  EXPECT_EQ(answer, 'b');
  ::waitpid(child, nullptr, 0);
  MUST(db.put("after", "fork"));
  // The child's end took no lock with it.
  Holder other(path_, OpenMode::kReadWrite);
  EXPECT_EQ(other.code(), ErrorCode::kBusy);
  other.end();
  MUST(db.close());
  EXPECT_EQ(contents_of(*std::make_unique<Database>(MUST(Database::open(path_)))).size(), 3U);
}

TEST_F(OtherProcessTest, ClosingUnlocksThoughAForkedChildLivesOn) {
  Database db = MUST(Database::open(path_));
  Pipe go;
  const pid_t child = ::fork();
  if (child == 0) {
    char c = 0;
    ::_exit(::read(go.read, &c, 1) == 1 ? 0 : 1);
  }
  MUST(db.close());
  auto again = Database::open(path_);
  EXPECT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(::write(go.write, "g", 1), 1);
  ::waitpid(child, nullptr, 0);
}

TEST_F(OtherProcessTest, TwoProcessesCreateTheSameFileOneWins) {
  for (int round = 0; round < 20; ++round) {
    const std::string path = directory_ / ("race" + std::to_string(round));
    std::vector<pid_t> children;
    Pipe go;
    for (int c = 0; c < 3; ++c) {
      children.push_back(::fork());
      if (children.back() != 0) continue;
      ::close(go.write);
      char byte = 0;
      (void)!::read(go.read, &byte, 1);
      auto db = Database::open(path);
      if (db) {
        auto put = db->put("by " + std::to_string(c), "x");
        ::_exit(put && db->close() ? 0 : 3);
      }
      ::_exit(db.error().code() == ErrorCode::kBusy ? 1 : 2);
    }
    ::close(std::exchange(go.write, -1));
    std::size_t won = 0;
    for (pid_t child : children) {
      int status = 0;
      ::waitpid(child, &status, 0);
      ASSERT_TRUE(WIFEXITED(status));
      EXPECT_LE(WEXITSTATUS(status), 1);
      won += WEXITSTATUS(status) == 0 ? 1 : 0;
    }
    Database db = MUST(Database::open(path));
    EXPECT_EQ(contents_of(db).size(), won);
  }
}

}  // namespace
}  // namespace holdfast
