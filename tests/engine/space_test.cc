// Nothing grows without bound: the file under updates, freed pages, log files over crash loops,
// memory under long readers. And what the report of recovery says of what was found.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <random>
#include <thread>

#include "engine/base/limits.h"
#include "tests/engine/engine_fixture.h"

namespace holdfast {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
constexpr bool kSanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool kSanitized = false;
#endif

class SpaceTest : public testing::Test {
 protected:
  static Result<void> fill(Database& db, int from, int to, std::size_t bytes, char with) {
    auto writer = db.begin_write();
    if (!writer) return std::unexpected(writer.error());
    for (int i = from; i < to; ++i) {
      if (auto put = writer->put(numbered(i), std::string(bytes, with)); !put) return put;
    }
    auto done = writer->commit(Durability::kOs);
    if (!done) return std::unexpected(done.error());
    return {};
  }
  static Result<void> clear(Database& db, int from, int to) {
    auto writer = db.begin_write();
    if (!writer) return std::unexpected(writer.error());
    for (int i = from; i < to; ++i) {
      if (auto erased = writer->erase(numbered(i)); !erased) return std::unexpected(erased.error());
    }
    auto done = writer->commit(Durability::kOs);
    if (!done) return std::unexpected(done.error());
    return {};
  }
  MemoryWorld world_;
};

TEST_F(SpaceTest, UpdatesDoNotMakeTheFileGrowWithoutBound) {
  Options options = world_.options();
  options.page_size = 4096;
  Database db = MUST(Database::open("db", options));
  std::uint64_t settled = 0;
  for (int round = 0; round < 60; ++round) {
    MUST(fill(db, 0, 2000, 200, static_cast<char>('a' + round % 26)));
    MUST(db.checkpoint());
    if (round == 5) settled = db.stats().file_bytes;
    if (round > 5) {
      EXPECT_LE(db.stats().file_bytes, settled + settled / 4) << "round " << round;
    }
  }
  EXPECT_LE(db.stats().log_file_bytes, std::uint64_t{128} << 20);
  MUST(db.close());
  EXPECT_EQ(world_.files().size(), 1U);
  EXPECT_LE(world_.files()["db"].size(), settled);
}

TEST_F(SpaceTest, TenThousandFreedPagesAreUsedAgain) {
  Options options = world_.options();
  options.page_size = 4096;
  options.cache_bytes = 256 << 20;
  Database db = MUST(Database::open("db", options));
  std::uint64_t bytes_after_first = 0;
  std::uint64_t pages_after_first = 0;
  for (int round = 0; round < 6; ++round) {
    // Values of 40 pages: 10,000 overflow pages in 250 records.
    MUST(fill(db, 0, 250, 160'000, 'a'));
    EXPECT_GT(db.stats().pages, 10'000U);
    MUST(clear(db, 0, 250));
    MUST(db.checkpoint());
    EXPECT_LT(db.stats().pages, 100U);
    if (round == 0) {
      bytes_after_first = db.stats().file_bytes;
      pages_after_first = db.stats().free_bytes / 4096;
      EXPECT_GT(pages_after_first, 10'000U);
    }
    EXPECT_LE(db.stats().file_bytes, bytes_after_first + (4 << 20)) << "round " << round;
    if (round == 3) {
      MUST(db.close());
      db = MUST(Database::open("db", options));
    }
  }
  expect_sound(db);
  MUST(db.close());
  EXPECT_LE(world_.files()["db"].size(), 64U << 20);
}

TEST_F(SpaceTest, TenThousandSmallPagesComeAndGoInRandomOrder) {
  Options options = world_.options();
  options.page_size = 4096;
  Database db = MUST(Database::open("db", options));
  std::mt19937 random(7);
  std::uint64_t settled = 0;
  std::vector<int> order(20'000);
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int>(i);
  for (int round = 0; round < 4; ++round) {
    std::shuffle(order.begin(), order.end(), random);
    for (std::size_t at = 0; at < order.size(); at += 1000) {
      WriteTransaction writer = MUST(db.begin_write());
      for (std::size_t i = at; i < at + 1000; ++i)
        MUST(writer.put(numbered(order[i]), std::string(500, 'x')));
      MUST(writer.commit(Durability::kOs));
    }
    MUST(db.checkpoint());
    std::shuffle(order.begin(), order.end(), random);
    for (std::size_t at = 0; at < order.size(); at += 1000) {
      WriteTransaction writer = MUST(db.begin_write());
      for (std::size_t i = at; i < at + 1000; ++i)
        ASSERT_TRUE(MUST(writer.erase(numbered(order[i]))));
      MUST(writer.commit(Durability::kOs));
    }
    MUST(db.checkpoint());
    EXPECT_LE(db.stats().pages, 4U);
    if (round == 0) settled = db.stats().file_bytes;
    EXPECT_LE(db.stats().file_bytes, settled + settled / 2);
  }
  EXPECT_EQ(MUST(MUST(db.begin_read()).count()), 0U);
  expect_sound(db);
}

TEST_F(SpaceTest, DeletingEverythingShrinksTheFileInTime) {
  Options options = world_.options();
  Database db = MUST(Database::open("db", options));
  for (int i = 0; i < 10; ++i) MUST(fill(db, i * 500, i * 500 + 500, 1000, 'a'));
  MUST(db.checkpoint());
  const std::uint64_t full = db.stats().file_bytes;
  EXPECT_GT(full, 5U << 20);
  MUST(clear(db, 0, 5000));
  for (int i = 0; i < 3; ++i) {
    MUST(db.put("a", "b"));
    MUST(db.close());
    db = MUST(Database::open("db", options));
  }
  RecordProperty("bytes_left", std::to_string(world_.files()["db"].size()));
  EXPECT_LT(world_.files()["db"].size(), full / 4);
}

TEST_F(SpaceTest, CrashLoopsDoNotPileUpLogFiles) {
  std::unique_ptr<MemoryWorld> world = std::make_unique<MemoryWorld>();
  std::size_t most_files = 0;
  std::uint64_t most_bytes = 0;
  for (int crash = 0; crash < 60; ++crash) {
    Database db = MUST(Database::open("db", world->options()));
    ASSERT_EQ(contents_of(db).size(), static_cast<std::size_t>(crash));
    MUST(db.put(numbered(crash), "v"));
    for (int i = 0; i < 20 && MUST(db.run_background()); ++i) {
    }
    auto files = world->files();
    std::uint64_t bytes = 0;
    for (const auto& [name, content] : files) bytes += content.size();
    most_files = std::max(most_files, files.size());
    most_bytes = std::max(most_bytes, bytes);
    auto next = std::make_unique<MemoryWorld>();
    next->put(files);
    MUST(db.close());
    world = std::move(next);
  }
  RecordProperty("files", std::to_string(most_files));
  EXPECT_LE(most_files, 20U);
  EXPECT_LE(most_bytes, 8U << 20);
}

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

TEST_F(SpaceTest, ReadersGoOnWhenNothingMoreCanBeWritten) {
  Options options = world_.options();
  options.page_size = 4096;
  options.cache_bytes = kMinCacheBytes;
  Database db = MUST(Database::open("db", options));
  for (int i = 0; i < 30; ++i) MUST(fill(db, i * 100, i * 100 + 100, 300, 'a'));
  MUST(db.checkpoint());
  const ReadTransaction reader = MUST(db.begin_read());
  Contents model = contents_of(db);
  bool refused = false;
  for (int i = 0; i < 3000 && !refused; i += 5) {
    auto put = db.put(numbered(i), "changed");
    if (put) {
      model[numbered(i)] = "changed";
    } else {
      EXPECT_EQ(put.error().code(), ErrorCode::kLimitExceeded);
      refused = true;
    }
  }
  EXPECT_TRUE(refused) << "the reader keeps more than the cache has";
  for (const auto& [key, value] : contents_of(reader)) ASSERT_EQ(value, std::string(300, 'a'));
  ASSERT_TRUE(contents_of(db) == model);
}

TEST_F(SpaceTest, TheLogIsLetGoOfBehindCheckpoints) {
  Options options = world_.options();
  options.log_segment_bytes = kLogSegmentMin;
  options.checkpoint_log_bytes = 256 << 10;
  Database db = MUST(Database::open("db", options));
  for (int i = 0; i < 3000; ++i) {
    WriteTransaction writer = MUST(db.begin_write());
    MUST(writer.put(numbered(i % 100), std::string(700, static_cast<char>('a' + i % 26))));
    MUST(writer.commit(Durability::kOs));
    while (MUST(db.run_background())) {
    }
    if (i % 100 == 0) {
      ASSERT_LE(world_.files().size(), 20U);
      ASSERT_LE(db.stats().log_file_bytes, 2U << 20);
    }
  }
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

class ReportTest : public SpaceTest {
 protected:
  // What a kill leaves after `work`, opened again.
  template <class F>
  RecoveryReport after_kill(F&& work, MemoryWorld::Files* left = nullptr,
                            std::optional<Options> options = {}) {
    Database db = MUST(Database::open("db", options.value_or(world_.options())));
    work(db);
    MemoryWorld after;
    after.put(world_.files());
    if (left != nullptr) *left = after.files();
    Database again = MUST(Database::open("db", after.options()));
    expect_sound(again);
    return again.recovery();
  }
};

TEST_F(ReportTest, AfterACleanClose) {
  MUST(MUST(Database::open("db", world_.options())).put("a", "b"));
  Database db = MUST(Database::open("db", world_.options()));
  const RecoveryReport& report = db.recovery();
  EXPECT_FALSE(report.created);
  EXPECT_EQ(report.log_end, LogEnd::kNoLog);
  EXPECT_EQ(report.checkpoint_txn, report.recovered_txn);
  EXPECT_EQ(report.transactions_replayed, 0U);
  EXPECT_EQ(report.meta_copies_bad, 0U);
  EXPECT_FALSE(report.work_in_flight());
  EXPECT_GT(report.generation, 1U);
  EXPECT_FALSE(report.to_string().empty());
}

TEST_F(ReportTest, AfterAKillBetweenCommits) {
  const RecoveryReport report = after_kill([](Database& db) {
    for (int i = 0; i < 7; ++i) MUST(db.put(numbered(i), "v"));
  });
  EXPECT_EQ(report.log_end, LogEnd::kClean);
  EXPECT_EQ(report.transactions_replayed, 7U);
  EXPECT_EQ(report.recovered_txn, report.checkpoint_txn + 7);
  EXPECT_GT(report.log_bytes_read, 0U);
  EXPECT_EQ(report.bytes_dropped, 0U);
  EXPECT_GE(report.pages_changed, 2U);
  EXPECT_EQ(report.segments, 1U);
  EXPECT_FALSE(report.work_in_flight()) << "neither a commit nor a checkpoint was under way";
}

TEST_F(ReportTest, AfterAKillWithACheckpointOnItsWay) {
  Options options = world_.options();
  options.checkpoint_log_bytes = 256 << 10;
  options.lazy_interval = std::chrono::hours(1);
  const RecoveryReport report = after_kill(
      [&](Database& db) {
        MUST(fill(db, 0, 3000, 100, 'a'));
        for (int step = 0; step < 3; ++step) ASSERT_TRUE(MUST(db.run_background()));
        EXPECT_EQ(db.stats().checkpoints, 0U);
      },
      nullptr, options);
  EXPECT_TRUE(report.work_in_flight());
  EXPECT_GT(report.checkpoint_in_flight, 0U);
}

TEST_F(ReportTest, AfterATornCommit) {
  MemoryWorld::Files left;
  after_kill(
      [](Database& db) {
        MUST(db.put("a", "1"));
        MUST(db.put("b", "2"));
      },
      &left);
  // The last batch loses its end, as if it had been written halfway.
  for (auto& [name, bytes] : left) {
    if (name == "db") continue;
    std::size_t end = bytes.size();
    while (end > 0 && bytes[end - 1] == std::byte{0}) --end;
    std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(end) - 40, bytes.end(), std::byte{0});
  }
  MemoryWorld torn;
  torn.put(left);
  Database db = MUST(Database::open("db", torn.options()));
  EXPECT_EQ(db.recovery().log_end, LogEnd::kTorn);
  EXPECT_GT(db.recovery().bytes_dropped, 0U);
  EXPECT_TRUE(db.recovery().work_in_flight());
  EXPECT_EQ(contents_of(db), (Contents{{"a", "1"}}));
  MUST(db.put("c", "3"));
  EXPECT_EQ(contents_of(db), (Contents{{"a", "1"}, {"c", "3"}}));
  expect_sound(db);
}

TEST_F(ReportTest, AReadOnlyOpeningReplaysInMemoryAndWritesNothing) {
  MemoryWorld::Files left;
  after_kill([](Database& db) { MUST(db.put("a", "1")); }, &left);
  MemoryWorld world;
  world.put(left);
  Options options = world.options();
  options.mode = OpenMode::kReadOnly;
  {
    Database db = MUST(Database::open("db", options));
    Database other = MUST(Database::open("db", options));
    EXPECT_EQ(contents_of(db), (Contents{{"a", "1"}}));
    EXPECT_EQ(contents_of(other), (Contents{{"a", "1"}}));
    EXPECT_EQ(db.recovery().transactions_replayed, 1U);
    expect_sound(db);
  }
  EXPECT_TRUE(world.files() == left);
  // Nor does one for writing that commits nothing.
  MUST(MUST(Database::open("db", world.options())).close());
  EXPECT_TRUE(world.files() == left);
}

TEST_F(ReportTest, RedoLargerThanTheCacheFreesAndReusesPagesRightly) {
  MemoryWorld::Files left;
  Options options = world_.options();
  options.page_size = 4096;
  Contents model;
  {
    Database db = MUST(Database::open("db", options));
    std::mt19937 random(3);
    for (int i = 0; i < 600; ++i) {
      WriteTransaction writer = MUST(db.begin_write());
      for (int n = 0; n < 4; ++n) {
        const std::string key = numbered(random() % 200);
        if (random() % 3 == 0) {
          MUST(writer.erase(key));
          model.erase(key);
        } else {
          model[key] = std::string(random() % 20'000, static_cast<char>('a' + i % 26));
          MUST(writer.put(key, model[key]));
        }
      }
      MUST(writer.commit(Durability::kOs));
    }
    left = world_.files();
  }
  MemoryWorld world;
  world.put(left);
  options = world.options();
  options.cache_bytes = kMinCacheBytes;
  Database db = MUST(Database::open("db", options));
  ASSERT_TRUE(contents_of(db) == model);
  expect_sound(db);
  // Every id that was freed in the log is free once: large runs and single pages side by side.
  std::mt19937 random(4);
  for (int i = 0; i < 400; ++i) {
    const std::string key = numbered(random() % 400);
    model[key] = std::string(random() % 30'000, static_cast<char>('A' + i % 26));
    MUST(db.put(key, model[key]));
  }
  ASSERT_TRUE(contents_of(db) == model);
  expect_sound(db);
}

}  // namespace
}  // namespace holdfast
