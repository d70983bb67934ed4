// Memory stays in its budget: under long readers, in the smallest cache, and for the process.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/limits.h"
#include "tests/engine/space_fixture.h"
#include "tests/sanitized.h"

namespace holdfast {
namespace {

TEST_F(SpaceTest, ALongReaderSeesItsStateWhileTheCacheStaysInItsBudget) {
  Options options = world_.options();
  options.page_size = 4096;
  options.cache_bytes = 2 << 20;
  Database db = MUST(Database::open("db", options));
  MUST(fill(db, 0, 500, 200, 'a'));
  const ReadTransaction reader = MUST(db.begin_read());
  const Contents before = contents_of(reader);
  int refused = 0;
  for (int round = 0; round < 200; ++round) {
    auto filled =
        fill(db, round % 10 * 50, round % 10 * 50 + 50, 200, static_cast<char>('b' + round % 20));
    if (!filled) {
      ASSERT_EQ(filled.error().code(), ErrorCode::kLimitExceeded);
      ++refused;
    }
    ASSERT_LE(db.stats().cache_frame_bytes + db.stats().table_bytes, options.cache_bytes);
    if (round % 20 == 0) {
      ASSERT_TRUE(contents_of(reader) == before);
    }
  }
  // The reader needs one old version of each page, not one per commit.
  EXPECT_EQ(refused, 0);
  EXPECT_TRUE(contents_of(reader) == before);
}

// Old versions' frames are used again before fresh ones: memory follows what is in use, not what
// the budget allows.
TEST_F(SpaceTest, ChangingOneRecordTakesNoMoreMemory) {
  Options options = world_.options();
  options.cache_bytes = 64 << 20;
  Database db = MUST(Database::open("db", options));
  MUST(fill(db, 0, 1, 100, 'a'));
  for (int i = 0; i < 20'000; ++i) MUST(fill(db, 0, 1, 100, static_cast<char>('a' + i % 26)));
  EXPECT_LT(db.stats().cache_frame_bytes, 4U << 20);
}

TEST_F(SpaceTest, TheSmallestBudgetTakesLessThanFiveMebibytes) {
  TempDirectory directory;
  int pipe_ends[2];
  ASSERT_EQ(::pipe(pipe_ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto peak = [] {
      struct rusage usage = {};
      ::getrusage(RUSAGE_SELF, &usage);
      return usage.ru_maxrss;
    };
    const auto resident = [] {
      std::ifstream statm("/proc/self/statm");
      long total = 0;
      long pages = 0;
      statm >> total >> pages;
      return pages * (::sysconf(_SC_PAGESIZE) / 1024);
    };
    long grown = -1;
    {
      // A child starts with its parent's peak: only growth beyond what is resident now counts.
      std::ofstream("/proc/self/clear_refs") << "5";
      const long before = resident();
      Options options;
      options.cache_bytes = kMinCacheBytes;
      auto db = Database::open(directory / "db", options);
      bool good = db.has_value();
      for (int i = 0; i < 20'000 && good; i += 20) {
        auto writer = db->begin_write();
        good = writer.has_value();
        for (int n = i; n < i + 20 && good; ++n)
          good = writer->put(numbered(n * 7919 % 20'000), std::string(100, 'v')).has_value();
        good = good && writer->commit(Durability::kOs).has_value();
      }
      for (int i = 0; i < 20'000 && good; ++i) good = db->get(numbered(i)).has_value();
      if (good) grown = peak() - before;
    }
    if (::write(pipe_ends[1], &grown, sizeof grown) != sizeof grown) ::_exit(1);
    ::_exit(0);
  }
  long grown = -1;
  ASSERT_EQ(::read(pipe_ends[0], &grown, sizeof grown), static_cast<ssize_t>(sizeof grown));
  ::waitpid(child, nullptr, 0);
  ::close(pipe_ends[0]);
  ::close(pipe_ends[1]);
  EXPECT_GE(grown, 0);
  RecordProperty("kib", std::to_string(grown));
  if (!kSanitized) {
    EXPECT_LT(grown, 5 * 1024) << "KiB";
  }
}

}  // namespace
}  // namespace holdfast
