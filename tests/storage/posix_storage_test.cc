// What only the operating system's files can do: locks between processes, files that are no files.
#include "engine/storage/posix_storage.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <string>

#include "engine/base/bytes.h"
#include "engine/base/environment.h"
#include "engine/storage/posix_lock.h"

namespace holdfast {
namespace {

class PosixStorageTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "holdfast-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    storage_.open(path("db"), FileMode::kCreateNew).value();
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::string path(const std::string& name) const { return directory_ + "/" + name; }

  std::string directory_;
  PosixStorage storage_;
};

// A child that opens the file by itself, locks it, and holds it until it is killed.
class LockingChild {
 public:
  LockingChild(const std::string& path, LockMode mode) {
    int ready[2];
    EXPECT_EQ(::pipe(ready), 0);
    process_ = ::fork();
    if (process_ == 0) {
      ::prctl(PR_SET_NAME, "lock-holder");
      PosixStorage storage;
      auto file = storage.open(path, FileMode::kReadWrite);
      const char outcome = file && (*file)->lock(mode) ? 'y' : 'n';
      if (::write(ready[1], &outcome, 1) != 1) ::_exit(1);
      for (;;) ::pause();
    }
    char outcome = '?';
    EXPECT_EQ(::read(ready[0], &outcome, 1), 1);
    EXPECT_EQ(outcome, 'y');
    ::close(ready[0]);
    ::close(ready[1]);
  }
  ~LockingChild() {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }
  [[nodiscard]] int process() const { return process_; }

 private:
  int process_ = -1;
};

TEST_F(PosixStorageTest, LockNamesTheProcessThatHoldsIt) {
  auto file = storage_.open(path("db"), FileMode::kReadWrite).value();
  {
    const LockingChild child(path("db"), LockMode::kExclusive);
    for (const LockMode mode : {LockMode::kShared, LockMode::kExclusive}) {
      const auto busy = file->lock(mode);
      ASSERT_FALSE(busy);
      EXPECT_EQ(busy.error().code(), ErrorCode::kBusy);
      EXPECT_EQ(busy.error().message(), "database is in use by process " +
                                            std::to_string(child.process()) +
                                            " (lock-holder); close it there first");
      EXPECT_EQ(busy.error().place().file, path("db"));
    }
  }
  EXPECT_TRUE(file->lock(LockMode::kExclusive)) << "a killed process must lose its lock";
}

TEST_F(PosixStorageTest, ReadersInSeveralProcesses) {
  auto file = storage_.open(path("db"), FileMode::kReadWrite).value();
  const LockingChild child(path("db"), LockMode::kShared);
  EXPECT_TRUE(file->lock(LockMode::kShared));
  const auto busy = file->lock(LockMode::kExclusive);
  ASSERT_FALSE(busy);
  EXPECT_NE(busy.error().message().find("open it read-only here"), std::string::npos)
      << busy.error().message();
  EXPECT_NE(busy.error().message().find(std::to_string(child.process())), std::string::npos);
}

TEST_F(PosixStorageTest, OneFileUnderTwoNamesIsLockedOnce) {
  std::filesystem::create_hard_link(path("db"), path("other"));
  auto file = storage_.open(path("db"), FileMode::kReadWrite).value();
  auto other = storage_.open(path("other"), FileMode::kReadWrite).value();
  ASSERT_TRUE(file->lock(LockMode::kExclusive));
  EXPECT_EQ(other->lock(LockMode::kExclusive).error().code(), ErrorCode::kBusy);
}

TEST_F(PosixStorageTest, WhatIsNoRegularFileIsRefusedAtOnce) {
  ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
  for (const std::string& name : {path("fifo"), directory_, std::string("/dev/zero")}) {
    for (const FileMode mode : {FileMode::kReadOnly, FileMode::kReadWrite}) {
      const auto refused = storage_.open(name, mode);
      ASSERT_FALSE(refused);
      EXPECT_EQ(refused.error().code(), ErrorCode::kNotADatabase) << refused.error().to_string();
    }
    EXPECT_EQ(storage_.open(name, FileMode::kCreateNew).error().code(), ErrorCode::kAlreadyExists);
  }
}

TEST_F(PosixStorageTest, ErrorsNameTheFileAndTheSystemsReason) {
  const auto refused = storage_.open(path("absent/db"), FileMode::kCreateNew);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message(), "could not create the file: No such file or directory");
  EXPECT_EQ(refused.error().place().file, path("absent/db"));
  EXPECT_EQ(storage_.sync_directory(path("absent")).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(storage_.list(path("absent"), "").error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(storage_.open("/dev/full/db", FileMode::kReadOnly).error().code(), ErrorCode::kIo);
}

TEST_F(PosixStorageTest, FullDiskLeavesTheSizeAsItWas) {
  auto file = storage_.open(path("db"), FileMode::kReadWrite).value();
  ASSERT_TRUE(file->write(0, as_bytes("abc")));
  const auto refused = file->allocate(0, std::uint64_t{1} << 62);
  ASSERT_FALSE(refused);
  EXPECT_EQ(file->size().value(), 3u);
}

TEST(SystemEnvironment, RandomBytesDifferAndTimePasses) {
  Environment& environment = system_environment();
  EXPECT_NE(environment.random->bytes16(), environment.random->bytes16());
  const auto before = environment.clock->now();
  EXPECT_GE(environment.clock->now(), before);
  EXPECT_GT(environment.clock->wall_us(), 1'700'000'000'000'000u);
  EXPECT_EQ(&environment, &system_environment());
}

}  // namespace
}  // namespace holdfast
