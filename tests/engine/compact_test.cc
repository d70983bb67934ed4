// A file gives space back while it is open: on demand, and by itself.
#include "fuzz/lab/sim_environment.h"
#include "tests/engine/space_fixture.h"

namespace holdfast {
namespace {

class CompactTest : public SpaceTest {
 protected:
  CompactTest() {
    options_ = world_.options();
    options_.page_size = 4096;
    options_.background = Background::kHost;
  }

  void use_sim_clock() {
    environment_ = *options_.environment;
    environment_.clock = &clock_;
    options_.environment = &environment_;
  }

  // Four thousand pages of which every tenth stays, all over the file.
  void fill_and_thin(Database& db) {
    for (int from = 0; from < 8000; from += 1000) MUST(fill(db, from, from + 1000, 1500, 'a'));
    MUST(db.checkpoint());
    WriteTransaction writer = MUST(db.begin_write());
    for (int i = 0; i < 8000; ++i) {
      if (i % 20 < 18) MUST(writer.erase(numbered(i)));
    }
    MUST(writer.commit());
    MUST(db.checkpoint());
    MUST(db.checkpoint());
  }
  [[nodiscard]] static std::uint64_t contents_bytes(const Database& db) {
    const Stats stats = db.stats();
    return stats.file_bytes - stats.free_bytes;
  }

  Options options_;
  SimClock clock_;
  Environment environment_;
};

TEST_F(CompactTest, LeavesTheFileWithinAFewPerCentOfItsContents) {
  Database db = MUST(Database::open("db", options_));
  fill_and_thin(db);
  const Contents before = contents_of(db);
  const std::uint64_t large = db.stats().file_bytes;
  ASSERT_GT(large, 3 * contents_bytes(db));
  const CompactReport report = MUST(db.compact());
  EXPECT_EQ(report.bytes_before, large);
  EXPECT_EQ(report.bytes_after, db.stats().file_bytes);
  EXPECT_EQ(report.end, CompactEnd::kDone) << report.why;
  EXPECT_GT(report.pages_moved, 100U);
  EXPECT_LE(report.bytes_after, contents_bytes(db) + contents_bytes(db) / 16 + 84 * 4096);
  EXPECT_EQ(contents_of(db), before);
  expect_sound(db);
  // Nothing is left to do.
  EXPECT_LE(MUST(db.compact()).pages_moved, 40U);
  MUST(db.close());
  db = MUST(Database::open("db", options_));
  EXPECT_EQ(contents_of(db), before);
  expect_sound(db);
}

// A crash after the cut, at once: what the newest meta says of the file's length holds.
TEST_F(CompactTest, WhatWasCutOpensAfterACrash) {
  MemoryWorld after;
  Contents before;
  {
    Database db = MUST(Database::open("db", options_));
    fill_and_thin(db);
    before = contents_of(db);
    MUST(db.compact());
    after.put(world_.files());
    MUST(db.close());
  }
  Options options = after.options();
  Database db = MUST(Database::open("db", options));
  EXPECT_EQ(contents_of(db), before);
  expect_sound(db);
}

// DR-A11: docs/SCENARIOS.md.
TEST_F(CompactTest, ByItselfOnceItHasBeenLargeForAWhile) {
  use_sim_clock();
  Database db = MUST(Database::open("db", options_));
  fill_and_thin(db);
  const Contents before = contents_of(db);
  const std::uint64_t large = db.stats().file_bytes;
  while (MUST(db.run_background())) {
  }
  clock_.advance(std::chrono::seconds(4));
  while (MUST(db.run_background())) {
  }
  EXPECT_EQ(db.stats().file_bytes, large) << "it may be filled again";
  std::uint64_t steps_at_once = 0;
  for (int tick = 0; tick < 1000; ++tick) {
    clock_.advance(std::chrono::milliseconds(20));
    std::uint64_t steps = 0;
    while (MUST(db.run_background())) ++steps;
    steps_at_once = std::max(steps_at_once, steps);
    if (tick == 500) {
      MUST(db.put("in", "between"));
    }
  }
  EXPECT_LT(steps_at_once, 40U) << "paced";
  EXPECT_LE(db.stats().file_bytes, 2 * contents_bytes(db));
  Contents now = contents_of(db);
  now.erase("in");
  EXPECT_EQ(now, before);
  expect_sound(db);
}

// A checkpoint that moves pages is one like any other: what it takes over from the log, which a
// close then removes, is all that was acknowledged, whatever its durability.
TEST_F(CompactTest, WhatIsCommittedWhileItShrinksIsThereAfterAClose) {
  use_sim_clock();
  for (const int steps_before : {1, 2, 5, 20}) {
    for (const Durability durability : {Durability::kOs, Durability::kLazy}) {
      Database db = MUST(Database::open("db", options_));
      fill_and_thin(db);
      while (MUST(db.run_background())) {
      }
      clock_.advance(std::chrono::seconds(6));
      for (int step = 0; step < steps_before; ++step) {
        MUST(db.run_background());
        clock_.advance(std::chrono::milliseconds(20));
      }
      WriteTransaction writer = MUST(db.begin_write());
      MUST(writer.put("late", std::to_string(steps_before)));
      MUST(writer.commit(durability));
      Contents then = contents_of(db);
      EXPECT_EQ(then.at("late"), std::to_string(steps_before));
      MUST(db.close());
      db = MUST(Database::open("db", options_));
      EXPECT_EQ(contents_of(db), then) << steps_before;
      MUST(db.erase("late"));
      MUST(db.close());
    }
  }
}

// What shrinking leaves, the emergency reserve beside it, isn't too large for it a minute later.
TEST_F(CompactTest, WhatHasShrunkIsLeftAlone) {
  use_sim_clock();
  Database db = MUST(Database::open("db", options_));
  fill_and_thin(db);
  for (int from = 0; from < 8000; from += 1000) MUST(clear(db, from, from + 1000));
  MUST(db.put("a", "few"));
  const auto pass = [&](int seconds) {
    for (int tick = 0; tick < seconds * 5; ++tick) {
      clock_.advance(std::chrono::milliseconds(200));
      while (MUST(db.run_background())) {
      }
    }
  };
  pass(300);
  const Stats before = db.stats();
  ASSERT_LE(before.file_bytes, contents_bytes(db) + 300 * 4096);
  pass(300);
  EXPECT_EQ(db.stats().checkpoints, before.checkpoints);
  EXPECT_EQ(db.stats().file_bytes, before.file_bytes);
}

TEST_F(CompactTest, StopsAtAKeptCheckpointAndNamesIt) {
  Database db = MUST(Database::open("db", options_));
  for (int from = 0; from < 8000; from += 1000) MUST(fill(db, from, from + 1000, 1500, 'a'));
  const KeptCheckpoint kept = MUST(db.keep_checkpoint());
  for (int from = 0; from < 8000; from += 1000) MUST(clear(db, from, from + 1000));
  // The meta counts what its map names.
  MUST(db.checkpoint());
  const KeptCheckpoint little = MUST(db.keep_checkpoint());
  EXPECT_GT(kept.pages, 3000U);
  EXPECT_LT(little.pages, 10U);
  MUST(db.release_checkpoint(little.id));
  const CompactReport report = MUST(db.compact());
  EXPECT_EQ(report.end, CompactEnd::kKeptCheckpoint);
  EXPECT_EQ(report.checkpoint, kept.id);
  EXPECT_NE(report.why.find("checkpoint " + std::to_string(kept.id)), std::string::npos);
  EXPECT_GT(report.bytes_after, 12U << 20);
  expect_sound(db);
  MUST(db.release_checkpoint(kept.id));
  EXPECT_EQ(MUST(db.compact()).end, CompactEnd::kDone);
  EXPECT_LT(db.stats().file_bytes, 1U << 20);
}

// What an open snapshot sees stays in the file's tail, parked or freed, until it ends.
TEST_F(CompactTest, SaysThatASnapshotIsInTheWay) {
  Database db = MUST(Database::open("db", options_));
  for (int from = 0; from < 8000; from += 1000) MUST(fill(db, from, from + 1000, 1500, 'a'));
  MUST(db.checkpoint());
  std::optional<ReadTransaction> reader(MUST(db.begin_read()));
  for (int from = 0; from < 8000; from += 1000) MUST(clear(db, from, from + 1000));
  const CompactReport report = MUST(db.compact());
  EXPECT_EQ(report.end, CompactEnd::kOldVersions) << report.why;
  EXPECT_NE(report.why.find("snapshot"), std::string::npos);
  EXPECT_EQ(MUST(reader->count()), 8000U);
  EXPECT_EQ(MUST(reader->get(numbered(7000))), std::string(1500, 'a'));
  reader.reset();
  EXPECT_EQ(MUST(db.compact()).end, CompactEnd::kDone);
  EXPECT_LT(db.stats().file_bytes, 1U << 20);
  expect_sound(db);
}

TEST_F(CompactTest, CanBeCancelledAndGoesOnLater) {
  Database db = MUST(Database::open("db", options_));
  fill_and_thin(db);
  const Contents before = contents_of(db);
  std::uint64_t last = 0;
  CompactOptions options;
  options.progress = [&](const Progress& progress) {
    if (progress.stage != "compact") return true;
    EXPECT_GE(progress.total, progress.done);
    last = progress.done;
    return progress.done < 100;
  };
  EXPECT_CODE(db.compact(options), ErrorCode::kCancelled);
  EXPECT_GE(last, 100U);
  EXPECT_EQ(contents_of(db), before);
  expect_sound(db);
  EXPECT_EQ(MUST(db.compact()).end, CompactEnd::kDone);
  EXPECT_EQ(contents_of(db), before);
}

TEST_F(CompactTest, KeepsToItsRate) {
  Database db = MUST(Database::open("db", options_));
  fill_and_thin(db);
  CompactOptions options;
  options.bytes_per_second = 4 << 20;
  const CompactReport report = MUST(db.compact(options));
  EXPECT_GT(report.pages_moved, 300U);
  // But for what may be moved at once, and the last step.
  EXPECT_GE(report.seconds, static_cast<double>(report.pages_moved - 64) * 4096 / (4 << 20) - 0.1);
}

// Pages that can't be read aren't moved, nor made to look sound.
TEST_F(CompactTest, DamagedPagesStayWhereTheyAre) {
  {
    Database db = MUST(Database::open("db", options_));
    for (int from = 0; from < 8000; from += 1000) MUST(fill(db, from, from + 1000, 1500, 'a'));
    MUST(db.close());
  }
  auto files = world_.files();
  auto& bytes = files["db"];
  bytes[bytes.size() - 20 * 4096 - 2000] ^= std::byte{1};
  MemoryWorld world;
  world.put(files);
  Options options = world.options();
  options.background = Background::kHost;
  Database db = MUST(Database::open("db", options));
  const auto findings = [&] {
    std::vector<std::string> found;
    for (const Finding& each : MUST(db.verify()).findings)
      found.push_back(each.code + " " + std::to_string(each.page.value_or(0)) + " at " +
                      std::to_string(each.offset.value_or(0)));
    return found;
  };
  const auto before = findings();
  ASSERT_FALSE(before.empty());
  MUST(clear(db, 0, 6000));
  const std::uint64_t large = db.stats().file_bytes;
  const CompactReport report = MUST(db.compact());
  EXPECT_EQ(report.end, CompactEnd::kDamage);
  EXPECT_NE(report.why.find("1 pages can't be moved"), std::string::npos) << report.why;
  EXPECT_GT(report.pages_moved, 500U);
  EXPECT_GT(report.bytes_after, large / 2) << "it lies near the end";
  EXPECT_EQ(findings(), before);
  EXPECT_EQ(MUST(db.get(numbered(6500))), std::string(1500, 'a'));
}

TEST_F(CompactTest, ReadersAndTheWriterGoOn) {
  options_.background = Background::kThread;
  options_.cache_bytes = 1 << 20;
  Database db = MUST(Database::open("db", options_));
  fill_and_thin(db);
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&, t] {
      for (int i = t; !stop; i = (i + 7) % 8000) {
        const auto value = db.get(numbered(i));
        if (!value || (i % 20 >= 18) != value->has_value()) ++wrong;
      }
    });
  }
  threads.emplace_back([&] {
    for (int i = 0; !stop; ++i) {
      if (!db.put("writer " + std::to_string(i % 300), std::string(700, 'w'))) ++wrong;
    }
  });
  for (int round = 0; round < 6; ++round) {
    MUST(db.compact());
    MUST(fill(db, 20'000, 21'000, 1500, 'b'));
    MUST(db.checkpoint());
    MUST(clear(db, 20'000, 21'000));
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  expect_sound(db);
  MUST(db.compact());
  EXPECT_LE(db.stats().file_bytes, contents_bytes(db) + contents_bytes(db) / 8 + 150 * 4096);
}

TEST_F(CompactTest, OneAtATimeAndNotReadOnly) {
  Database db = MUST(Database::open("db", options_));
  fill_and_thin(db);
  ErrorCode inside{};
  CompactOptions options;
  options.progress = [&](const Progress& progress) {
    if (progress.stage == "compact" && inside == ErrorCode{}) {
      std::thread other([&] { inside = code_of(db.compact()); });
      other.join();
    }
    return true;
  };
  MUST(db.compact(options));
  EXPECT_EQ(inside, ErrorCode::kBusy);
  MUST(db.close());
  Options read_only = options_;
  read_only.mode = OpenMode::kReadOnly;
  db = MUST(Database::open("db", read_only));
  EXPECT_CODE(db.compact(), ErrorCode::kReadOnly);
}

}  // namespace
}  // namespace holdfast
