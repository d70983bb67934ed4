// Backups that are kept: what was copied is the next increment's base, from the copy's end on and
// in one step; whatever ends a backup before leaves the list as it was.
#include "engine/file/meta_format.h"
#include "fuzz/lab/needed_ranges.h"
#include "tests/engine/backup_fixture.h"
#include "tests/engine/sim_world.h"
#include "tests/regress/hooked_storage.h"

namespace holdfast {
namespace {

class BackupKeepTest : public BackupStreamTest {
 protected:
  static std::vector<std::uint64_t> ids(const Database& db) {
    std::vector<std::uint64_t> list;
    for (const KeptCheckpoint& kept : MUST(db.kept_checkpoints())) list.push_back(kept.id);
    return list;
  }
  static BackupOptions keeping(std::uint64_t since = 0, std::uint64_t release = 0) {
    BackupOptions options;
    options.since = since;
    options.keep = true;
    options.release = release;
    return options;
  }
};

TEST_F(BackupKeepTest, AChainOfDaysKeepsOneCheckpoint) {
  Database db = MUST(Database::open("db", small_pages()));
  MUST(fill(db, 0, 3000, 200, 'a'));
  const BackupReport sunday = MUST(db.backup("full", keeping()));
  EXPECT_EQ(ids(db), std::vector{sunday.kept});
  EXPECT_EQ(MUST(db.kept_checkpoints()).front().txn, sunday.txn);
  std::vector<BackupPart> parts{{"full"}};
  std::uint64_t base = sunday.kept;
  for (int day = 0; day < 5; ++day) {
    MUST(fill(db, day * 150, day * 150 + 100, 220, static_cast<char>('b' + day)));
    MUST(clear(db, 2900 - day * 40, 2920 - day * 40));
    const std::string name = "day" + std::to_string(day);
    const Contents then = contents_of(db);
    // Written while it is copied, this isn't in the copy, and is in the next one.
    BackupOptions options = keeping(base, base);
    options.progress = [&, wrote = false](const Progress&) mutable {
      if (!std::exchange(wrote, true)) {
        MUST(fill(db, 1000, 1100, 50, static_cast<char>('k' + day)));
        MUST(db.checkpoint());
      }
      EXPECT_EQ(ids(db), std::vector{base});
      return true;
    };
    const BackupReport report = MUST(db.backup(name, options));
    EXPECT_EQ(ids(db), std::vector{report.kept});
    EXPECT_EQ(MUST(db.kept_checkpoints()).front().txn, report.txn);
    EXPECT_GT(report.kept, base);
    base = report.kept;
    parts.push_back({name});
    MUST(restore(parts, "new"));
    EXPECT_EQ(taken("new"), then) << "day " << day;
    if (day == 2) {
      MUST(db.close());
      db = MUST(Database::open("db", small_pages()));
      EXPECT_EQ(ids(db), std::vector{base});
    }
  }
  MUST(db.release_checkpoint(base));
  EXPECT_EQ(db.stats().kept_table_bytes, 0U);
  expect_sound(db);
  MUST(db.close());
}

TEST_F(BackupKeepTest, WhatDoesNotComeToItsEndKeepsNothing) {
  Database db = MUST(Database::open("db", small_pages()));
  MUST(fill(db, 0, 2000, 200, 'a'));
  BackupOptions options = keeping();
  options.progress = [](const Progress&) { return false; };
  EXPECT_CODE(db.backup("copy", options), ErrorCode::kCancelled);
  int pieces = 0;
  const BackupSink fails = [&](std::string_view) -> Result<void> {
    if (++pieces == 2) return std::unexpected(Error(ErrorCode::kIo, "the pipe is broken"));
    return {};
  };
  EXPECT_CODE(db.backup(fails, keeping()), ErrorCode::kIo);
  EXPECT_EQ(pieces, 2);
  EXPECT_TRUE(ids(db).empty());
  EXPECT_EQ(db.stats().kept_table_bytes, 0U);
  const std::uint64_t base = MUST(db.backup("copy", keeping())).kept;
  pieces = 1;
  MUST(fill(db, 0, 100, 200, 'b'));
  EXPECT_CODE(db.backup(fails, keeping(base, base)), ErrorCode::kIo);
  EXPECT_EQ(ids(db), std::vector{base});
  expect_sound(db);
  MUST(db.close());
}

TEST_F(BackupKeepTest, WhatCannotBeKeptIsToldBeforeAnythingIsCopied) {
  Database db = MUST(Database::open("db", small_pages()));
  MUST(fill(db, 0, 500, 200, 'a'));
  const BackupSink nothing = [](std::string_view) -> Result<void> {
    ADD_FAILURE() << "something was copied";
    return {};
  };
  EXPECT_CODE(db.backup(nothing, keeping(0, 7)), ErrorCode::kNotFound);
  EXPECT_CODE(db.backup(nothing, {.release = 7, .progress = {}}), ErrorCode::kInvalidArgument);
  std::uint64_t last = 0;
  for (int i = 0; i < 8; ++i) last = MUST(db.keep_checkpoint()).id;
  EXPECT_CODE(db.backup(nothing, {.checkpoint = last, .keep = true, .progress = {}}),
              ErrorCode::kInvalidArgument);
  EXPECT_CODE(db.backup(nothing, keeping()), ErrorCode::kLimitExceeded);
  EXPECT_CODE(db.backup(nothing, keeping(last)), ErrorCode::kLimitExceeded);
  // One goes, one comes.
  const BackupReport report = MUST(db.backup("inc", keeping(last, last)));
  EXPECT_EQ(ids(db).size(), 8U);
  EXPECT_EQ(ids(db).back(), report.kept);
  MUST(db.close());
  Options read_only = small_pages();
  read_only.mode = OpenMode::kReadOnly;
  db = MUST(Database::open("db", read_only));
  EXPECT_CODE(db.backup(nothing, keeping()), ErrorCode::kReadOnly);
  MUST(db.close());
}

// Others keep as many as there may be while it is copied: the copy is there, the list is whole.
TEST_F(BackupKeepTest, EightThatWereKeptMeanwhile) {
  Database db = MUST(Database::open("db", small_pages()));
  MUST(fill(db, 0, 300, 200, 'a'));
  BackupOptions options = keeping();
  options.progress = [&](const Progress&) {
    while (ids(db).size() < 8) MUST(db.keep_checkpoint());
    return true;
  };
  EXPECT_CODE(db.backup("copy", options), ErrorCode::kLimitExceeded);
  EXPECT_EQ(copied("copy"), contents_of(db));
  EXPECT_EQ(ids(db).size(), 8U);
  MUST(db.put("more", "goes on"));
  MUST(db.close());
  db = MUST(Database::open("db", small_pages()));
  EXPECT_EQ(ids(db).size(), 8U);
  expect_sound(db);
  MUST(db.close());
}

// While its end is being written nobody begins to read a checkpoint that is released.
TEST(BackupKeepOrderTest, WhatIsReleasedIsNotReadAnyMore) {
  testing::HookedStorage storage;
  SimClock clock;
  SimRandom random;
  Environment environment{&storage, &clock, &random};
  Options options;
  options.environment = &environment;
  options.background = Background::kHost;
  Database db = MUST(Database::open("db", options));
  MUST(db.put("key", "value"));
  const std::uint64_t base = MUST(db.backup("full", {.keep = true, .progress = {}})).kept;
  MUST(db.close());
  db = MUST(Database::open("db", options));
  const BackupSink nowhere = [](std::string_view) { return Result<void>(); };
  int asked = 0;
  // No commit has seen to the file's name yet: that is done before the list is written.
  storage.on_sync_directory = [&](const std::string&) -> Result<void> {
    ++asked;
    EXPECT_CODE(db.backup(nowhere, {.checkpoint = base, .progress = {}}), ErrorCode::kNotFound);
    return {};
  };
  MUST(db.backup(nowhere, {.since = base, .keep = true, .release = base, .progress = {}}));
  storage.on_sync_directory = {};
  EXPECT_EQ(asked, 1);
  MUST(db.close());
}

// A creator that died before its file's name was durable leaves it to whoever keeps something.
TEST(BackupKeepCrashTest, WhatIsKeptHasADurableName) {
  int kept = 0;
  for (const bool by_a_backup : {false, true}) {
    bool went_on = false;
    for (std::uint64_t stop = 1; !went_on; ++stop) {
      SimWorld world;
      world.disk.crash_at_change(stop, true);
      const bool made = Database::open("db", world.options()).has_value();
      went_on = !world.disk.crashed();
      world.disk.crash({.kind = CrashPolicy::Kind::kProcessKill}, 1);
      Options there = world.options();
      there.mode = OpenMode::kReadWrite;
      auto db = Database::open("db", there);
      if (!db) continue;
      kept += made ? 0 : 1;
      const BackupSink nowhere = [](std::string_view) { return Result<void>(); };
      if (by_a_backup) MUST(db->backup(nowhere, {.keep = true, .progress = {}}));
      if (!by_a_backup) MUST(db->keep_checkpoint());
      world.lose_power();
      db = Database::open("db", there);
      ASSERT_TRUE(db) << "stopped at change " << stop;
      EXPECT_EQ(MUST(db->kept_checkpoints()).size(), 1U) << "stopped at change " << stop;
    }
  }
  EXPECT_GT(kept, 0);
}

// The base that others read stays: the copy is there, and says that it isn't kept.
TEST_F(BackupKeepTest, ABaseThatOthersReadStays) {
  Database db = MUST(Database::open("db", small_pages()));
  MUST(fill(db, 0, 500, 200, 'a'));
  const std::uint64_t base = MUST(db.backup("full", keeping())).kept;
  BackupOptions other;
  other.checkpoint = base;
  other.progress = [&, asked = false](const Progress&) mutable {
    if (std::exchange(asked, true)) return true;
    EXPECT_CODE(db.backup("inc", keeping(base, base)), ErrorCode::kBusy);
    return true;
  };
  MUST(db.backup("again", other));
  EXPECT_EQ(ids(db), std::vector{base});
  MUST(restore({{"full"}, {"inc"}}, "new"));
  EXPECT_EQ(taken("new"), contents_of(db));
  MUST(db.backup("inc2", keeping(base, base)));
  MUST(db.close());
}

// The machine stops at each change that an increment makes: one checkpoint is kept, the base or
// what follows it, and of that there is the whole increment.
TEST(BackupKeepCrashTest, OneCheckpointIsKeptWhereverItStops) {
  int followed = 0;
  int stayed = 0;
  bool went_on = false;
  for (std::uint64_t stop = 1; !went_on; ++stop) {
    SimWorld world;
    watch_needed_ranges(world.disk, "db");
    Options options = world.options();
    options.page_size = 4096;
    Database db = MUST(Database::open("db", options));
    for (int i = 0; i < 200; ++i) MUST(db.put(numbered(i), std::string(150, 'a')));
    const std::uint64_t base = MUST(db.backup("full", {.keep = true, .progress = {}})).kept;
    for (int i = 50; i < 60; ++i) MUST(db.put(numbered(i), std::string(150, 'b')));
    const Contents then = contents_of(db);
    world.disk.crash_at_change(stop, stop % 2 == 0);
    const auto done =
        db.backup("inc", {.since = base, .keep = true, .release = base, .progress = {}});
    went_on = !world.disk.crashed();
    ASSERT_EQ(went_on, done.has_value());
    world.disk.crash({}, stop);
    db = MUST(Database::open("db", options));
    const auto list = MUST(db.kept_checkpoints());
    ASSERT_EQ(list.size(), 1U) << "stopped at change " << stop;
    if (list.front().id == base) {
      ++stayed;
      ASSERT_FALSE(went_on);
    } else {
      ++followed;
      RestoreOptions restoring;
      restoring.environment = options.environment;
      const BackupReport report = MUST(Database::restore({{"full"}, {"inc"}}, "new", restoring));
      EXPECT_EQ(report.txn, list.front().txn);
      Database restored = MUST(Database::open("new", options));
      EXPECT_EQ(contents_of(restored), then);
      MUST(restored.close());
    }
    for (int i = 0; i < 200; i += 3) MUST(db.put(numbered(i), std::string(150, 'c')));
    MUST(db.checkpoint());
    MUST(db.backup("whole", {.checkpoint = list.front().id, .progress = {}}));
    MUST(db.close());
    EXPECT_FALSE(world.disk.violation()) << *world.disk.violation();
    if (::testing::Test::HasFailure()) FAIL() << "stopped at change " << stop;
  }
  EXPECT_GT(stayed, 5);
  EXPECT_GT(followed, 1);
}

// An increment that lacks a page isn't the next one's base: that, from the same base, may find it.
TEST_F(BackupKeepTest, WhatLacksAPageFollowsNothing) {
  Database db = MUST(Database::open("db", small_pages()));
  MUST(fill(db, 0, 300, 200, 'a'));
  const std::uint64_t base = MUST(db.backup("full", keeping())).kept;
  MUST(fill(db, 0, 3, 1500, 'q'));
  MUST(db.checkpoint());
  MUST(db.close());
  const std::vector<std::byte> file = world_.files().at("db");
  int lacked = 0;
  for (std::uint64_t slot = 1; slot * 4096 + kHeaderRegionBytes <= file.size(); ++slot) {
    MemoryWorld world;
    put_with_a_rotten_slot(world, file, slot);
    Options options = world.options();
    options.page_size = 4096;
    auto opened = Database::open("db", options);
    if (!opened) continue;  // Of the map's root both copies.
    const auto report = opened->backup("inc", keeping(base, base));
    if (!report) continue;
    EXPECT_EQ(report->kept != 0, report->sound()) << "slot " << slot;
    EXPECT_EQ(ids(*opened), std::vector{report->sound() ? report->kept : base}) << "slot " << slot;
    lacked += report->sound() ? 0 : 1;
    MUST(opened->close());
  }
  EXPECT_GT(lacked, 0);
}

// What is kept while it is copied is newer than it, and listed before.
TEST_F(BackupKeepTest, TheOldestIsFirstHoweverTheyWereListed) {
  Database db = MUST(Database::open("db", small_pages()));
  MUST(fill(db, 0, 1000, 200, 'a'));
  KeptCheckpoint newer;
  BackupOptions options = keeping();
  options.progress = [&](const Progress&) {
    if (newer.id != 0) return true;
    MUST(fill(db, 0, 500, 210, 'b'));
    newer = MUST(db.keep_checkpoint());
    return true;
  };
  const BackupReport full = MUST(db.backup("full", options));
  EXPECT_GT(full.kept, newer.id);
  EXPECT_EQ(ids(db), (std::vector{full.kept, newer.id}));
  EXPECT_CODE(db.backup("back", {.checkpoint = full.kept, .since = newer.id, .progress = {}}),
              ErrorCode::kInvalidArgument);
  MUST(db.backup("inc", {.checkpoint = newer.id, .since = full.kept, .progress = {}}));
  MUST(restore({{"full"}, {"inc"}}, "new"));
  EXPECT_EQ(taken("new"), contents_of(db));
  MUST(db.close());
  db = MUST(Database::open("db", small_pages()));
  EXPECT_EQ(ids(db), (std::vector{full.kept, newer.id}));
  expect_sound(db);
  MUST(db.close());
}

}  // namespace
}  // namespace holdfast
