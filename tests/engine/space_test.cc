// Nothing grows without bound: the file under updates, freed pages, log files over crash loops.
#include <random>

#include "engine/base/limits.h"
#include "tests/engine/space_fixture.h"

namespace holdfast {
namespace {

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

// docs/BENCHMARKS.md has the figure. The slots that are kept for emergencies come with the first
// growth, and go with a close.
TEST_F(SpaceTest, AnEmptyDatabaseIsSmall) {
  Database db = MUST(Database::open("db", world_.options()));
  EXPECT_LE(world_.files()["db"].size(), 131'072U) << "created";
  MUST(db.put("k", "v"));
  MUST(db.erase("k"));
  MUST(db.close());
  EXPECT_LE(world_.files()["db"].size(), 131'072U) << "emptied";
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

// DR-A11: docs/SCENARIOS.md.
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

// DR-C13: docs/SCENARIOS.md.
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

// Ids that an aborted transaction had are below the mark that a checkpoint writes, and in no map.
TEST_F(SpaceTest, ReopeningDoesNotUseUpPageIds) {
  for (int life = 0; life < 8; ++life) {
    Options options = world_.options();
    options.page_size = 4096;
    Database db = MUST(Database::open("db", options));
    EXPECT_LT(db.stats().pages, 50U) << "life " << life;
    {
      // More than a leaf of the map has ids for.
      WriteTransaction writer = MUST(db.begin_write());
      for (int i = 0; i < 40; ++i) MUST(writer.put(numbered(i), std::string(100'000, 'a')));
      writer.abort();
    }
    MUST(db.put("life", numbered(life)));
    MUST(db.checkpoint());
    EXPECT_LT(db.stats().pages, 50U) << "life " << life;
    expect_sound(db);
    MUST(db.close());
  }
}

// The pages of a checkpoint under way count as dirty no more, but can't leave the cache either: a
// writer short of frames got the limit error instead of waiting for them.
TEST_F(SpaceTest, AWriterWaitsForTheCheckpointThatHasItsFrames) {
  Options options = world_.options();
  options.page_size = 4096;
  options.cache_bytes = 1 << 20;
  options.checkpoint_log_bytes = std::uint64_t{1} << 30;
  Database db = MUST(Database::open("db", options));
  for (int i = 0; db.stats().cache_dirty_bytes < 110 * 4096; ++i)
    MUST(db.put(numbered(i), std::string(500, 'v')));
  // Due when half the frames can't leave; the first step takes all that is dirty.
  ASSERT_TRUE(MUST(db.run_background()));
  ASSERT_EQ(db.stats().cache_dirty_bytes, 0U);
  WriteTransaction writer = MUST(db.begin_write());
  for (int i = 0; i < 50; ++i) MUST(writer.put(numbered(i * 15), std::string(500, 'w')));
  MUST(writer.commit());
  expect_sound(db);
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

}  // namespace
}  // namespace holdfast
