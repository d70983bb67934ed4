// No memory: every single allocation of a whole workload fails once, and every one is the first of
// all that fail. Each time nothing is thrown, what was acknowledged stays, what was refused leaves
// no trace, and the database goes on, or is frozen and opens again.
#include <cstdlib>
#include <memory>

#include "tests/oom/oom_run.h"
#include "tests/sanitized.h"

namespace holdfast::testing {
namespace {

// Builds that are slower by far look at a part of the places; which one differs by their kind.
constexpr std::uint64_t kStep = kSanitized ? 23 : 1;

class OomTest : public ::testing::Test {
 protected:
  OomTest() { this_thread_is_the_tests(); }
  ~OomTest() override {
    FailingMemory::never_fail();
    FailingMemory::fail_in_other_threads(0);
  }
  // How many places there are.
  std::uint64_t places() {
    FailingMemory::never_fail();
    OomRun run(frames());
    run.workload();
    EXPECT_TRUE(run.all_went_well());
    const std::uint64_t count = FailingMemory::counted();
    run.check_what_is_left();
    return count;
  }
  void fail_everywhere(bool for_ever) {
    const std::uint64_t count = places();
    EXPECT_GT(count, 1000U);
    for (std::uint64_t n = 1; n <= count; n += kStep) {
      SCOPED_TRACE("allocation " + std::to_string(n) + (for_ever ? " and all after it" : ""));
      OomRun run(frames());
      FailingMemory::fail(n, for_ever ? FailingMemory::kNever - 1 : n);
      run.workload();
      EXPECT_GE(FailingMemory::counted(), n);
      FailingMemory::never_fail();
      run.check_what_is_left();
      if (HasFailure()) FAIL() << "stopped at the first place that fails";
    }
  }
  std::span<std::byte> frames() { return {frames_.get(), kFrameBytes}; }

 private:
  static constexpr std::size_t kFrameBytes = 1 << 20;
  struct Free {
    void operator()(std::byte* memory) const { std::free(memory); }
  };
  std::unique_ptr<std::byte, Free> frames_{
      static_cast<std::byte*>(std::aligned_alloc(4096, kFrameBytes))};
};

TEST_F(OomTest, EveryAllocationFailsOnce) {
  fail_everywhere(false);
}

TEST_F(OomTest, EveryAllocationIsTheFirstOfAllThatFail) {
  fail_everywhere(true);
}

// Each refused transaction would leave a frame, a pin, a slot or a reader's place behind: the
// cache, of 1 MiB for twice as much data, would soon be full.
TEST_F(OomTest, RefusedTransactionsUseNothingUp) {
  MemoryWorld world;
  Options options = world.options();
  options.page_size = 4096;
  options.cache_bytes = 1 << 20;
  options.arena = frames();
  Database db = MUST(Database::open(kPath, options));
  for (int from = 0; from < 4000; from += 100) {
    WriteTransaction writer = MUST(db.begin_write());
    for (int n = from; n < from + 100; ++n) MUST(writer.put(numbered(n), std::string(400, 'r')));
    MUST(writer.commit(Durability::kLazy));
  }
  MUST(db.checkpoint());
  const Stats before = db.stats();
  int refused = 0;
  std::uint64_t n = 0;
  const std::string value(700, 'R');
  // Reads some pages and changes others, near and far. The cache holds a part of them.
  const auto touch = [&]() -> Result<void> {
    auto writer = db.begin_write();
    if (!writer) return std::unexpected(writer.error());
    auto reader = db.begin_read();
    if (!reader) return std::unexpected(reader.error());
    for (int i = 0; i < 3; ++i) {
      const auto key = numbered((n * 131 + static_cast<std::uint64_t>(i) * 1777) % 4000);
      const auto other = numbered((n * 197 + static_cast<std::uint64_t>(i) * 911) % 4000);
      if (auto got = reader->get(other); !got) return std::unexpected(got.error());
      if (auto put = writer->put(key, value); !put) return put;
    }
    auto token = writer->commit(Durability::kLazy);
    return token ? Result<void>() : std::unexpected(token.error());
  };
  for (int round = 0; round < 40 / static_cast<int>(kStep) + 2; ++round) {
    for (std::uint64_t place = 1;; ++place, ++n) {
      FailingMemory::fail(place, place);
      Result<void> done;
      {
        const Counted counted;
        done = touch();
      }
      if (done) break;
      ++refused;
      ASSERT_EQ(done.error().code(), ErrorCode::kOutOfMemory) << done.error().to_string();
    }
    FailingMemory::never_fail();
    MUST(db.checkpoint());
  }
  FailingMemory::never_fail();
  EXPECT_GT(refused, 50);
  EXPECT_EQ(db.stats().open_snapshots, 0U);
  EXPECT_EQ(db.stats().cache_dirty_bytes, 0U);
  EXPECT_LT(db.stats().file_bytes, 2 * before.file_bytes) << "slots that nobody gave back";
  WriteTransaction writer = MUST(db.begin_write());
  for (int i = 0; i < 600; ++i) MUST(writer.put(numbered(i), std::string(401, 'w')));
  MUST(writer.commit());
  expect_sound(db);
  MUST(db.close());
}

// A program's own thread would end with std::terminate.
TEST_F(OomTest, TheBackgroundThreadOutlivesWantOfMemory) {
  for (const std::uint64_t nth : {1, 2, 3, 5, 9, 17, 60, 200}) {
    SCOPED_TRACE("every allocation by the number " + std::to_string(nth));
    MemoryWorld world;
    Options options = world.options();
    options.background = Background::kThread;
    options.lazy_interval = std::chrono::milliseconds(1);
    options.log_segment_bytes = 64 << 10;
    options.checkpoint_log_bytes = 64 << 10;
    int acknowledged = -1;
    {
      Database db = MUST(Database::open("db", options));
      FailingMemory::fail_in_other_threads(nth);
      for (int n = 0; n < 1000; ++n) {
        const auto done = [&]() -> Result<void> {
          auto writer = db.begin_write();
          if (!writer) return std::unexpected(writer.error());
          if (auto put = writer->put(numbered(n), std::string(300, 'b')); !put) return put;
          auto token = writer->commit(n % 8 == 0 ? Durability::kSync : Durability::kLazy);
          return token ? Result<void>() : std::unexpected(token.error());
        }();
        if (!done) {
          // What the thread was syncing may be ours: then its error is ours as well.
          EXPECT_TRUE(code_of(done) == ErrorCode::kPoisoned ||
                      code_of(done) == ErrorCode::kOutOfMemory)
              << done.error().to_string();
          break;
        }
        if (n % 8 == 0) acknowledged = n;
      }
      FailingMemory::fail_in_other_threads(0);
      (void)db.close();
    }
    Database db = MUST(Database::open("db", options));
    if (acknowledged >= 0) {
      EXPECT_TRUE(MUST(db.get(numbered(acknowledged))).has_value());
    }
    expect_sound(db);
  }
}

}  // namespace
}  // namespace holdfast::testing
