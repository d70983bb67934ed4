// F13 on the operating system's files: every system call of the POSIX storage interrupted, and
// transfers that end early, by calls that the linker has wrapped; and a kernel that really
// interrupts.
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>

#include <chrono>
#include <filesystem>
#include <string>

#include "engine/base/bytes.h"
#include "engine/storage/posix_storage.h"
#include "holdfast/database.h"
#include "tests/interrupted/wrapped_calls.h"
#include "tests/sanitized.h"

namespace holdfast {
namespace {

using wrapped::Call;
using wrapped::Plan;

// Syncs aren't made again: what a failed one leaves is F10.
bool is_sync(Call call) {
  return call == Call::kFdatasync || call == Call::kFsync;
}

constexpr int kRecords = 24;

class InterruptedCalls : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "holdfast-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override {
    wrapped::set({});
    std::filesystem::remove_all(directory_);
  }
  [[nodiscard]] std::string path(const std::string& name = "db") const {
    return directory_ + "/" + name;
  }

  static Options options() {
    Options options;
    options.background = Background::kHost;
    options.page_size = 4096;
    options.cache_bytes = std::size_t{1} << 20;
    options.log_segment_bytes = std::uint64_t{64} << 10;
    return options;
  }

  // Creation, segments, a checkpoint, a second opening with a log, one without, reading. All of it
  // must work, and show what was put.
  void live() const {
    for (int life = 0; life < 3; ++life) {
      auto db = Database::open(path(), options());
      ASSERT_TRUE(db) << db.error().to_string();
      for (int i = 0; i < kRecords; i += kRecords / 3) {
        WriteBatch batch;
        for (int j = i; j < i + kRecords / 3; ++j)
          ASSERT_TRUE(batch.put(key(life, j), value(life, j)));
        const auto done = db->write(batch);
        ASSERT_TRUE(done) << done.error().to_string();
      }
      if (life == 1) {
        const auto done = db->checkpoint();
        ASSERT_TRUE(done) << done.error().to_string();
      }
      for (int before = 0; before <= life; ++before) {
        for (int i = 0; i < kRecords; ++i) {
          const auto got = db->get(key(before, i));
          ASSERT_TRUE(got) << got.error().to_string();
          ASSERT_TRUE(got->has_value());
          EXPECT_EQ(**got, value(before, i));
        }
      }
      const auto report = db->verify();
      ASSERT_TRUE(report) << report.error().to_string();
      EXPECT_TRUE(report->findings.empty());
      if (life == 0) continue;  // Its log stays behind.
      const auto closed = db->close();
      ASSERT_TRUE(closed) << closed.error().to_string();
    }
  }

  static std::string key(int life, int i) { return std::to_string(life) + "/" + std::to_string(i); }
  static std::string value(int life, int i) {
    return std::string(static_cast<std::size_t>(i % 8) * 900 + 10, static_cast<char>('a' + life));
  }

  std::string directory_;
};

TEST_F(InterruptedCalls, EachKindInterruptedTwice) {
  for (std::size_t i = 0; i < wrapped::kCalls; ++i) {
    const auto call = static_cast<Call>(i);
    if (is_sync(call) || call == Call::kRename) continue;  // Nothing is renamed over.
    Plan plan;
    plan.interruptions[i] = 2;
    // These stand in for calls that some file systems lack.
    const bool stands_in = call == Call::kLink || call == Call::kFlock;
    plan.no_renameat2 = plan.no_fallocate = plan.no_ofd_locks = stands_in;
    wrapped::set(plan);
    live();
    const wrapped::Counts counts = wrapped::counts();
    wrapped::set({});
    if (HasFatalFailure()) FAIL() << wrapped::name_of(call);
    EXPECT_GT(counts.interrupted[i], 0u) << wrapped::name_of(call);
    EXPECT_GT(counts.made[i], 0u) << wrapped::name_of(call);
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directory(directory_);
  }
}

TEST_F(InterruptedCalls, RenamingOverAFile) {
  PosixStorage storage;
  ASSERT_TRUE(storage.open(path("a"), FileMode::kCreateNew));
  ASSERT_TRUE(storage.open(path("b"), FileMode::kCreateNew));
  Plan plan;
  plan.interruptions[static_cast<std::size_t>(Call::kRename)] = 2;
  wrapped::set(plan);
  const auto done = storage.rename(path("a"), path("b"), true);
  EXPECT_TRUE(done) << done.error().to_string();
  EXPECT_EQ(wrapped::counts().interrupted[static_cast<std::size_t>(Call::kRename)], 2u);
}

TEST_F(InterruptedCalls, AllAtOnceAndTransfersThatEndEarly) {
  for (const std::size_t most : {std::size_t{1000}, std::size_t{4095}}) {
    Plan plan;
    plan.interruptions.fill(1);
    for (const Call call : {Call::kFdatasync, Call::kFsync})
      plan.interruptions[static_cast<std::size_t>(call)] = 0;
    plan.transfer_most = most;
    wrapped::set(plan);
    live();
    EXPECT_GT(wrapped::counts().short_transfers, 100u);
    wrapped::set({});
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directory(directory_);
  }
}

TEST_F(InterruptedCalls, OneByteAtATime) {
  PosixStorage storage;
  const auto file = storage.open(path("a"), FileMode::kCreateNew).value();
  Plan plan;
  plan.transfer_most = 1;
  plan.interruptions[static_cast<std::size_t>(Call::kPread)] = 1;
  plan.interruptions[static_cast<std::size_t>(Call::kPwrite)] = 1;
  wrapped::set(plan);
  const std::string text = "each of these bytes goes on its own";
  ASSERT_TRUE(file->write(4090, as_bytes(text)));
  std::string back(text.size() + 10, '?');
  const auto count = file->read(4090, std::as_writable_bytes(std::span(back)));
  ASSERT_TRUE(count);
  EXPECT_EQ(back.substr(0, *count), text);
  EXPECT_EQ(wrapped::counts().made[static_cast<std::size_t>(Call::kPwrite)], text.size());
}

TEST_F(InterruptedCalls, AWriteWithoutProgressIsAnError) {
  PosixStorage storage;
  const auto file = storage.open(path("a"), FileMode::kCreateNew).value();
  Plan plan;
  plan.writes_of_nothing = 1;
  wrapped::set(plan);
  const auto refused = file->write(0, as_bytes(std::string_view("bytes")));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kIo);
  EXPECT_NE(refused.error().to_string().find("takes no more"), std::string::npos);
  EXPECT_TRUE(file->write(0, as_bytes(std::string_view("bytes"))));
}

// A sync is made once, whatever it answers: commit() says no, the database freezes, and the next
// opening has all that was acknowledged.
TEST_F(InterruptedCalls, AnInterruptedSyncIsAFailedOne) {
  {
    auto db = Database::open(path(), options());
    ASSERT_TRUE(db);
    ASSERT_TRUE(db->put("a", "1"));
    Plan plan;
    plan.interruptions[static_cast<std::size_t>(Call::kFdatasync)] = 1;
    wrapped::set(plan);
    const auto refused = db->put("b", "2");
    EXPECT_FALSE(refused);
    const wrapped::Counts counts = wrapped::counts();
    wrapped::set({});
    EXPECT_EQ(counts.interrupted[static_cast<std::size_t>(Call::kFdatasync)], 1u);
    EXPECT_EQ(counts.made[static_cast<std::size_t>(Call::kFdatasync)], 0u);
    const auto after = db->put("c", "3");
    ASSERT_FALSE(after);
    EXPECT_EQ(after.error().code(), ErrorCode::kPoisoned);
  }
  auto db = Database::open(path(), options());
  ASSERT_TRUE(db) << db.error().to_string();
  EXPECT_EQ(db->get("a").value(), "1");
  EXPECT_FALSE(db->get("c").value());
}

TEST_F(InterruptedCalls, AnInterruptedSyncOfADirectoryIsAFailedOne) {
  PosixStorage storage;
  Plan plan;
  plan.interruptions[static_cast<std::size_t>(Call::kFsync)] = 1;
  wrapped::set(plan);
  EXPECT_FALSE(storage.sync_directory(directory_));
  EXPECT_EQ(wrapped::counts().made[static_cast<std::size_t>(Call::kFsync)], 0u);
}

// A signal every 200 microseconds, whose handler doesn't ask for calls to be made again.
TEST_F(InterruptedCalls, UnderAStormOfSignals) {
  static volatile sig_atomic_t signals = 0;
  struct sigaction action = {}, before = {};
  action.sa_handler = [](int) { signals = signals + 1; };
  ASSERT_EQ(::sigaction(SIGALRM, &action, &before), 0);
  itimerval every = {{0, 200}, {0, 200}}, none = {};
  ASSERT_EQ(::setitimer(ITIMER_REAL, &every, nullptr), 0);
  const int rounds = kSanitized ? 1 : 5;
  for (int round = 0; round < rounds; ++round) {
    live();
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directory(directory_);
  }
  ASSERT_EQ(::setitimer(ITIMER_REAL, &none, nullptr), 0);
  ASSERT_EQ(::sigaction(SIGALRM, &before, nullptr), 0);
  EXPECT_GT(signals, 10);
}

}  // namespace
}  // namespace holdfast
