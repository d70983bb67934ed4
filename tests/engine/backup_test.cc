// Backups: the copy is one state, whole, whatever others do meanwhile; what fails leaves nothing.
#include <atomic>
#include <thread>

#include "engine/file/meta_format.h"
#include "engine/file/page_map.h"
#include "fuzz/lab/needed_ranges.h"
#include "tests/engine/backup_fixture.h"
#include "tests/engine/sim_world.h"

namespace holdfast {
namespace {

TEST_F(BackupTest, TheCopyIsTheNewestStateAndOpensAndIsWrittenToLikeAnyOther) {
  for (const std::uint32_t page_size : {4096U, 32768U}) {
    const std::string name = "db" + std::to_string(page_size);
    Database db = MUST(Database::open(name, small_pages(page_size)));
    MUST(fill(db, 0, 800, 300, 'a'));
    MUST(fill(db, 100, 120, 50'000, 'v'));
    {
      WriteTransaction writer = MUST(db.begin_write());
      MUST(writer.put(MUST(writer.create_tree("other")), "key", "value"));
      MUST(writer.commit());
    }
    const BackupReport report = MUST(db.backup(name + ".copy"));
    EXPECT_TRUE(report.sound());
    EXPECT_EQ(report.txn, db.stats().newest_txn);
    EXPECT_GT(report.pages, 10U);
    EXPECT_EQ(report.bytes, report.pages * page_size);
    EXPECT_EQ(db.stats().kept_bytes, 0U);
    EXPECT_EQ(db.stats().kept_table_bytes, 0U);
    const Contents expected = contents_of(db);
    MUST(fill(db, 0, 800, 300, 'b'));
    EXPECT_EQ(copied(name + ".copy"), expected);
    // Beside the original, at the same time.
    Database copy = MUST(Database::open(name + ".copy", world_.options()));
    EXPECT_EQ(copy.stats().newest_txn, report.txn);
    {
      const ReadTransaction reader = MUST(copy.begin_read());
      EXPECT_EQ(MUST(reader.get(MUST(reader.open_tree("other")), "key")), "value");
    }
    MUST(copy.put("new", "record"));
    MUST(db.put("another", "record"));
    expect_sound(copy);
    expect_sound(db);
    MUST(copy.close());
    MUST(db.close());
    EXPECT_EQ(copied(name + ".copy").size(), expected.size() + 1);
  }
}

TEST_F(BackupTest, AKeptCheckpointIsCopiedAsItWas) {
  Database db = MUST(Database::open("db", small_pages()));
  MUST(fill(db, 0, 500, 100, 'a'));
  const std::uint64_t id = MUST(db.keep_checkpoint()).id;
  const Contents then = contents_of(db);
  for (int round = 0; round < 4; ++round) {
    MUST(fill(db, 0, 700, 200, static_cast<char>('b' + round)));
    MUST(db.checkpoint());
  }
  BackupOptions options;
  options.checkpoint = id;
  MUST(db.backup("copy", options));
  EXPECT_EQ(copied("copy"), then);
  EXPECT_EQ(MUST(db.kept_checkpoints()).size(), 1U);
  MUST(db.close());
  Options read_only = small_pages();
  read_only.mode = OpenMode::kReadOnly;
  db = MUST(Database::open("db", read_only));
  MUST(db.backup("again", options));
  EXPECT_EQ(copied("again"), then);
  MUST(db.backup("newest"));
  EXPECT_EQ(copied("newest"), contents_of(db));
  options.checkpoint = id + 1;
  EXPECT_CODE(db.backup("none", options), ErrorCode::kNotFound);
  MUST(db.close());
}

TEST_F(BackupTest, WhileItIsReadItIsNotReleasedAndWritersGoOn) {
  Options small = small_pages();
  Database db = MUST(Database::open("db", small));
  MUST(fill(db, 0, 3000, 200, 'a'));
  const std::uint64_t id = MUST(db.keep_checkpoint()).id;
  const Contents then = contents_of(db);
  int told = 0;
  BackupOptions options;
  options.checkpoint = id;
  options.progress = [&](const Progress& progress) {
    EXPECT_EQ(progress.stage, "backup");
    ++told;
    EXPECT_CODE(db.release_checkpoint(id), ErrorCode::kBusy);
    EXPECT_CODE(db.close(), ErrorCode::kInvalidArgument);
    return true;
  };
  MUST(fill(db, 0, 3000, 200, 'b'));
  MUST(db.checkpoint());
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (int round = 0; !done; ++round) {
      MUST(fill(db, 0, 1000, 200, static_cast<char>('c' + round % 20)));
      MUST(db.checkpoint());
    }
  });
  MUST(db.backup("kept", options));
  const BackupReport newest = MUST(db.backup("newest"));
  done = true;
  writer.join();
  EXPECT_GE(told, 1);
  EXPECT_EQ(copied("kept"), then);
  const Contents newer = copied("newest");
  EXPECT_EQ(newer.size(), 3000U);
  // One transaction wrote each thousand: the copy has one whole.
  for (int i = 1; i < 1000; ++i)
    ASSERT_EQ(newer.at(numbered(i)), newer.at(numbered(0))) << "txn " << newest.txn;
  MUST(db.release_checkpoint(id));
  expect_sound(db);
  MUST(db.close());
}

TEST_F(BackupTest, WhatIsWrittenMeanwhileGoesElsewhere) {
  Database db = MUST(Database::open("db", small_pages()));
  MUST(fill(db, 0, 3000, 200, 'a'));
  const Contents then = contents_of(db);
  int told = 0;
  BackupOptions options;
  options.progress = [&](const Progress&) {
    if (++told != 1) return true;
    for (const char with : {'b', 'c', 'd'}) {
      MUST(fill(db, 0, 3000, 200, with));
      MUST(db.checkpoint());
    }
    return true;
  };
  MUST(db.backup("copy", options));
  EXPECT_EQ(copied("copy"), then);
  EXPECT_EQ(db.stats().kept_bytes, 0U);
  expect_sound(db);
  MUST(db.close());
}

TEST_F(BackupTest, NothingIsOverwrittenAndACancelledOneLeavesNoFile) {
  Database db = MUST(Database::open("db", small_pages()));
  MUST(fill(db, 0, 100, 100, 'a'));
  EXPECT_CODE(db.backup("db"), ErrorCode::kAlreadyExists);
  world_.put("there", std::vector<std::byte>(5));
  EXPECT_CODE(db.backup("there"), ErrorCode::kAlreadyExists);
  EXPECT_EQ(world_.files()["there"].size(), 5U);
  EXPECT_CODE(db.backup(""), ErrorCode::kInvalidArgument);
  const std::size_t files = world_.files().size();
  BackupOptions options;
  options.progress = [](const Progress&) { return false; };
  EXPECT_CODE(db.backup("copy", options), ErrorCode::kCancelled);
  options.progress = [](const Progress&) -> bool { throw 1; };
  EXPECT_CODE(db.backup("copy", options), ErrorCode::kCancelled);
  EXPECT_EQ(world_.files().size(), files);
  EXPECT_EQ(db.stats().kept_table_bytes, 0U);
  MUST(db.close());
}

TEST_F(BackupTest, ReadOnlyWithALogIsRefused) {
  Database db = MUST(Database::open("db", small_pages()));
  MUST(db.put("key", "value"));
  MemoryWorld killed;
  killed.put(world_.files());
  Options options = killed.options();
  options.mode = OpenMode::kReadOnly;
  Database reader = MUST(Database::open("db", options));
  EXPECT_CODE(reader.backup("copy"), ErrorCode::kReadOnly);
  EXPECT_FALSE(MUST(killed.storage().exists("copy")));
  MUST(reader.close());
  MUST(db.close());
}

// A copy put in the place of an original whose log is still there: neither is believed.
TEST_F(BackupTest, ACopyBesideTheLogOfItsOriginalIsRefused) {
  Database db = MUST(Database::open("db", small_pages()));
  MUST(db.put("key", "value"));
  MUST(db.backup("copy"));
  MUST(db.put("key", "newer"));
  MemoryWorld mixed;
  for (const auto& [name, bytes] : world_.files()) {
    if (name == "copy") mixed.put("db", bytes);
    if (name.starts_with("db.log-")) mixed.put(name, bytes);
  }
  EXPECT_CODE(Database::open("db", mixed.options()), ErrorCode::kDamaged);
  MUST(db.close());
}

TEST_F(BackupTest, ADamagedPageIsToldAndDamagedInTheCopyAndTheRestIsThere) {
  Database db = MUST(Database::open("db", small_pages()));
  MUST(fill(db, 0, 2000, 100, 'a'));
  MUST(db.close());
  // Each page in turn: the second byte of its body.
  const auto file = world_.files()["db"];
  int wrong_answers = 0;
  int damaged = 0;
  for (std::uint64_t slot = 1; kHeaderRegionBytes + slot * 4096 <= file.size(); slot += 3) {
    MemoryWorld world;
    put_with_a_rotten_slot(world, file, slot);
    Options options = world.options();
    options.mode = OpenMode::kReadOnly;
    Database original = MUST(Database::open("db", options));
    const BackupReport report = MUST(original.backup("copy"));
    MUST(original.close());
    if (report.sound()) continue;  // A free slot.
    ASSERT_EQ(report.findings.size(), 1U);
    EXPECT_EQ(report.findings[0].offset, kHeaderRegionBytes + (slot - 1) * 4096);
    Database copy = MUST(Database::open("copy", options));
    const bool mended = report.findings[0].code == "map_page_check";
    EXPECT_EQ(MUST(copy.verify()).sound(), mended);
    damaged += mended ? 0 : 1;
    const ReadTransaction reader = MUST(copy.begin_read());
    int lost = 0;
    for (int i = 0; i < 2000; ++i) {
      const auto got = reader.get(numbered(i));
      if (!got) {
        EXPECT_EQ(got.error().code(), ErrorCode::kDamaged);
        ++lost;
      } else if (!*got || **got != std::string(100, 'a')) {
        ++wrong_answers;
      }
    }
    EXPECT_EQ(lost > 0, !mended);
  }
  EXPECT_EQ(wrong_answers, 0);
  EXPECT_GT(damaged, 10);
}

// Every storage call of a backup fails once, or the machine stops there.
TEST(BackupFailureTest, WhateverFailsLeavesNoFileOfThatNameAndTheOriginalAsItWas) {
  for (const bool stops : {false, true}) {
    bool ended = false;
    for (std::uint64_t call = 1; !ended && call < 400; ++call) {
      SimWorld world;
      Database db = MUST(Database::open("db", world.options()));
      for (int i = 0; i < 40; ++i) MUST(db.put(numbered(i), std::string(300, 'a')));
      MUST(db.checkpoint());
      const Contents expected = contents_of(db);
      const std::uint64_t before = world.disk.calls();
      if (stops) {
        world.disk.crash_at_call(call);
      } else {
        for (const SimCall kind : {SimCall::kWrite, SimCall::kSync, SimCall::kAllocate})
          world.fail_call(kind, call, ErrorCode::kIo, false, "copy");
      }
      const auto report = db.backup("copy");
      if (stops) {
        ended = world.disk.calls() - before < call;
        world.lose_power();
        db = MUST(Database::open("db", world.options()));
      } else {
        ended = report.has_value();
        world.disk.clear_faults();
      }
      EXPECT_EQ(contents_of(db), expected);
      if (report || MUST(world.disk.exists("copy"))) {
        Database copy = MUST(Database::open("copy", world.options()));
        EXPECT_EQ(contents_of(copy), expected);
        expect_sound(copy);
        MUST(copy.close());
      }
      if (!report && !stops) {
        EXPECT_FALSE(MUST(world.disk.exists("copy"))) << "call " << call;
        EXPECT_EQ(MUST(world.disk.list(".", "copy")).size(), 0U);
      }
      // Once more, over what that left.
      if (!report && !MUST(world.disk.exists("copy"))) {
        MUST(db.backup("copy"));
        EXPECT_EQ(MUST(world.disk.list(".", "copy")).size(), 1U);
      }
      MUST(db.close());
    }
    EXPECT_TRUE(ended);
  }
}

TEST(BackupFailureTest, APoisonedDatabaseGivesUpWhatItKeptBefore) {
  SimWorld world;
  Database db = MUST(Database::open("db", world.options()));
  MUST(db.put("key", "value"));
  const std::uint64_t id = MUST(db.keep_checkpoint()).id;
  MUST(db.put("key", "newer"));
  world.fail_call(SimCall::kSync, 1, ErrorCode::kIo, false, ".log-");
  EXPECT_FALSE(db.put("key", "newest"));
  EXPECT_CODE(db.backup("newest"), ErrorCode::kPoisoned);
  BackupOptions options;
  options.checkpoint = id;
  MUST(db.backup("copy", options));
  Database copy = MUST(Database::open("copy", world.options()));
  EXPECT_EQ(MUST(copy.get("key")), "value");
  MUST(copy.close());
  EXPECT_FALSE(db.close());
}

}  // namespace
}  // namespace holdfast
