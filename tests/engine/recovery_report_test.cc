// What the report of recovery says of what was found.
#include <chrono>
#include <random>

#include "engine/base/limits.h"
#include "tests/engine/space_fixture.h"

namespace holdfast {
namespace {

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
