// Memory stays in its budget: under long readers, in the smallest cache, and for the process.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <random>

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

// The most memory that a process of its own came to hold while it did `work`, in KiB beyond what it
// had before; -1: the work went wrong.
long grown_by(const std::function<bool(const std::string& path)>& work) {
  TempDirectory directory;
  int pipe_ends[2];
  if (::pipe(pipe_ends) != 0) return -1;
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
    // A child starts with its parent's peak: only growth beyond what is resident now counts.
    std::ofstream("/proc/self/clear_refs") << "5";
    const long before = resident();
    const long grown = work(directory / "db") ? peak() - before : -1;
    if (::write(pipe_ends[1], &grown, sizeof grown) != sizeof grown) ::_exit(1);
    ::_exit(0);
  }
  long grown = -1;
  if (::read(pipe_ends[0], &grown, sizeof grown) != static_cast<ssize_t>(sizeof grown)) grown = -1;
  ::waitpid(child, nullptr, 0);
  ::close(pipe_ends[0]);
  ::close(pipe_ends[1]);
  ::testing::Test::RecordProperty("kib", std::to_string(grown));
  return grown;
}

// Sanitizers take memory of their own.
void expect_within(long grown, long kib) {
  EXPECT_GE(grown, 0);
  if (!kSanitized) {
    EXPECT_LT(grown, kib);
  }
}

Options of_cache(std::size_t bytes) {
  Options options;
  options.cache_bytes = bytes;
  return options;
}

bool puts(WriteTransaction& writer, int from, int to, const std::string& value) {
  for (int n = from; n < to; ++n) {
    if (!writer.put(numbered(n), value)) return false;
  }
  return true;
}

TEST(BudgetTest, TheSmallestTakesLessThanFiveMebibytes) {
  const auto work = [](const std::string& path) {
    auto db = Database::open(path, of_cache(kMinCacheBytes));
    bool good = db.has_value();
    for (int i = 0; i < 20'000 && good; i += 20) {
      auto writer = db->begin_write();
      good = writer.has_value();
      for (int n = i; n < i + 20 && good; ++n)
        good = writer->put(numbered(n * 7919 % 20'000), std::string(100, 'v')).has_value();
      good = good && writer->commit(Durability::kOs).has_value();
    }
    for (int i = 0; i < 20'000 && good; ++i) good = db->get(numbered(i)).has_value();
    return good;
  };
  expect_within(grown_by(work), 5 * 1024);
}

// What a process takes beside the budget: its stack, the database's own objects, malloc's slack,
// and 1.9 MiB of pages of the program and its libraries. Measured: 3,530 to 3,840.
constexpr long kBesideKib = 4'000;
constexpr long kBudgetKib = 4 * 1024;

// DR-C10, DR-C11: nothing is appended before the commit, so nothing waits for log space.
TEST(BudgetTest, OneTransactionOfManyTimesTheCache) {
  const auto work = [](const std::string& path) {
    auto db = Database::open(path, of_cache(kBudgetKib << 10));
    if (!db) return false;
    auto writer = db->begin_write();
    if (!writer || !puts(*writer, 0, 90'000, std::string(1000, 'v'))) return false;
    return writer->commit(Durability::kOs).has_value() && db->checkpoint().has_value();
  };
  expect_within(grown_by(work), kBudgetKib + kBesideKib);
}

// The edits of a page are forgotten for an image where they would take more.
TEST(BudgetTest, OneTransactionThatChangesTheSameRecordsOverAndOver) {
  const auto work = [](const std::string& path) {
    auto db = Database::open(path, of_cache(kBudgetKib << 10));
    if (!db) return false;
    auto writer = db->begin_write();
    for (int round = 0; round < 300; ++round) {
      if (!writer || !puts(*writer, 0, 500, std::string(200, static_cast<char>('a' + round % 26))))
        return false;
    }
    return writer->commit(Durability::kOs).has_value();
  };
  expect_within(grown_by(work), kBudgetKib + kBesideKib);
}

// Nobody writes the log in the background, and no commit asks for it.
TEST(BudgetTest, LazyCommitsOfMoreThanMemoryHolds) {
  const auto work = [](const std::string& path) {
    Options options = of_cache(kBudgetKib << 10);
    options.background = Background::kHost;
    auto db = Database::open(path, options);
    for (int i = 0; i < 1500; ++i) {
      if (!db) return false;
      auto writer = db->begin_write();
      if (!writer || !puts(*writer, 0, 100, std::string(900, static_cast<char>('a' + i % 26))))
        return false;
      if (!writer->commit(Durability::kLazy)) return false;
    }
    return true;
  };
  expect_within(grown_by(work), kBudgetKib + kBesideKib);
}

TEST(BudgetTest, AReaderOpenThroughManyUpdates) {
  const auto work = [](const std::string& path) {
    auto db = Database::open(path, of_cache(kBudgetKib << 10));
    const std::string old(200, 'o');
    if (!db) return false;
    auto first = db->begin_write();
    if (!first || !puts(*first, 0, 20'000, old) || !first->commit(Durability::kOs)) return false;
    const auto reader = db->begin_read();
    for (int round = 0; round < 400; ++round) {
      auto writer = db->begin_write();
      for (int n = 0; n < 250; ++n) {
        if (!writer || !writer->put(numbered((round * 250 + n) * 7919 % 20'000),
                                    std::string(200, static_cast<char>('a' + round % 26))))
          return false;
      }
      if (!writer->commit(Durability::kLazy)) return false;
    }
    for (int n = 0; n < 20'000; n += 7) {
      const auto value = reader->get(numbered(n));
      if (!value || *value != old) return false;
    }
    return true;
  };
  expect_within(grown_by(work), kBudgetKib + kBesideKib);
}

std::string version_of(int n, int version) {
  return std::string(2100, static_cast<char>('a' + (n + version) % 26));
}

// One page each: the page table takes twice its share of the budget.
TEST(BudgetTest, RandomReadsAndUpdatesWhereThePageTableDoesNotFit) {
  constexpr int kRecords = 40'000;
  const auto work = [](const std::string& path) {
    Options options = of_cache(kMinCacheBytes);
    options.page_size = 4096;
    options.durability = Durability::kOs;
    auto db = Database::open(path, options);
    auto writer = db ? db->begin_write() : std::unexpected(db.error());
    int loaded = 0;
    while (writer && loaded < kRecords) {
      const int until = loaded + 2000;
      for (; loaded < until; ++loaded) {
        if (!writer->put(numbered(loaded), version_of(loaded, 0))) return false;
      }
      if (!writer->commit(Durability::kOs)) return false;
      writer = db->begin_write();
    }
    if (!writer) return false;
    writer->abort();
    std::vector<int> versions(kRecords, 0);
    std::mt19937 random(5);
    for (int i = 0; i < 12'000; ++i) {
      const int n = static_cast<int>(random() % kRecords);
      if (i % 5 == 0 &&
          !db->put(numbered(n), version_of(n, ++versions[static_cast<std::size_t>(n)])))
        return false;
      const auto got = db->get(numbered(n));
      if (!got || *got != version_of(n, versions[static_cast<std::size_t>(n)])) return false;
      const Stats stats = db->stats();
      if (stats.memory_bytes > stats.cache_budget_bytes || stats.file_table_bytes == 0)
        return false;
    }
    return db->verify()->sound() && db->close().has_value();
  };
  expect_within(grown_by(work), 1024 + kBesideKib);
}

// What was committed and not checkpointed, before a kill.
// DR-A10: docs/SCENARIOS.md.
TEST(BudgetTest, RecoveryOfALogOfManyTimesTheCache) {
  const auto work = [](const std::string& path) {
    {
      const pid_t child = ::fork();
      if (child == 0) {
        Options options = of_cache(std::size_t{64} << 20);
        options.checkpoint_log_bytes = std::uint64_t{1} << 30;
        auto db = Database::open(path, options);
        if (!db) ::_exit(1);
        for (int i = 0; i < 30; ++i) {
          auto writer = db->begin_write();
          if (!writer || !puts(*writer, i * 1000, i * 1000 + 1000, std::string(1000, 'v')))
            ::_exit(1);
          if (!writer->commit(Durability::kOs)) ::_exit(1);
        }
        ::_exit(0);
      }
      int status = 1;
      ::waitpid(child, &status, 0);
      if (status != 0) return false;
    }
    std::ofstream("/proc/self/clear_refs") << "5";
    auto db = Database::open(path, of_cache(kBudgetKib << 10));
    if (!db) return false;
    const auto value = db->get(numbered(29'999));
    return value && *value == std::string(1000, 'v') && db->put("k", "v").has_value();
  };
  expect_within(grown_by(work), kBudgetKib + kBesideKib);
}

// Of trees that lie in a thousand pages and more each.
TEST(BudgetTest, RangesErasedAndFreed) {
  const auto work = [](const std::string& path) {
    auto db = Database::open(path, of_cache(kBudgetKib << 10));
    if (!db) return false;
    for (int round = 0; round < 2; ++round) {
      auto writer = db->begin_write();
      if (!writer || !puts(*writer, 0, 20'000, std::string(1000, 'v'))) return false;
      if (!writer->commit(Durability::kOs)) return false;
      auto eraser = db->begin_write();
      if (!eraser || !eraser->erase_range(numbered(100), numbered(19'900))) return false;
      if (!eraser->commit(Durability::kOs) || !db->reclaim()) return false;
    }
    return true;
  };
  expect_within(grown_by(work), kBudgetKib + kBesideKib);
}

}  // namespace
}  // namespace holdfast
