// Kept checkpoints: what they need is never given out, over closings and crashes, until released.
#include "engine/base/limits.h"
#include "engine/file/meta_format.h"
#include "fuzz/lab/needed_ranges.h"
#include "tests/engine/sim_world.h"
#include "tests/engine/space_fixture.h"

namespace holdfast {
namespace {

class KeptTest : public SpaceTest {
 protected:
  Options small_pages() {
    Options options = world_.options();
    options.page_size = 4096;
    return options;
  }
};

TEST_F(KeptTest, ItIsListedAndSurvivesClosingAndAKilledProcess) {
  Database db = MUST(Database::open("db", small_pages()));
  MUST(fill(db, 0, 500, 100, 'a'));
  const KeptCheckpoint kept = MUST(db.keep_checkpoint());
  EXPECT_EQ(kept.txn, db.stats().newest_txn);
  EXPECT_GT(kept.pages, 10U);
  MUST(fill(db, 0, 500, 100, 'b'));
  const MemoryWorld::Files killed = world_.files();
  MUST(db.close());
  for (const bool was_killed : {false, true}) {
    MemoryWorld other;
    other.put(was_killed ? killed : world_.files());
    Database again = MUST(Database::open("db", other.options()));
    const auto list = MUST(again.kept_checkpoints());
    ASSERT_EQ(list.size(), 1U);
    EXPECT_EQ(list[0].id, kept.id);
    EXPECT_EQ(list[0].txn, kept.txn);
    EXPECT_EQ(list[0].pages, kept.pages);
    EXPECT_EQ(list[0].kept_at_us, kept.kept_at_us);
    EXPECT_EQ(again.stats().kept_checkpoints, 1U);
    const VerifyReport report = MUST(again.verify());
    EXPECT_TRUE(report.sound());
    // Of the killed one the newest map is the kept one still.
    if (!was_killed) {
      EXPECT_GT(report.kept_pages_checked, 10U);
    }
    EXPECT_EQ(report.kept_slots * 4096, again.stats().kept_bytes);
    MUST(again.release_checkpoint(kept.id));
    EXPECT_TRUE(MUST(again.kept_checkpoints()).empty());
    EXPECT_EQ(again.stats().kept_bytes, 0U);
    MUST(again.close());
  }
}

// A stream speaks for more ids than it needs: the state that is kept meanwhile counts them as given
// out, and later ones don't.
TEST_F(KeptTest, ItMayKnowMoreIdsThanLaterStates) {
  Database db = MUST(Database::open("db", small_pages()));
  MUST(fill(db, 0, 500, 100, 'a'));
  {
    WriteTransaction writer = MUST(db.begin_write());
    ValueWriter stream = MUST(writer.put_stream("given up"));
    MUST(stream.append(std::string(400'000, 's')));
    (void)MUST(db.keep_checkpoint());
  }
  MUST(fill(db, 0, 500, 100, 'b'));
  const Contents now = contents_of(db);
  MUST(db.checkpoint());
  MemoryWorld other;
  other.put(world_.files());
  Database again = MUST(Database::open("db", other.options()));
  EXPECT_TRUE(contents_of(again) == now);
  EXPECT_EQ(MUST(again.kept_checkpoints()).size(), 1U);
  EXPECT_TRUE(MUST(again.verify()).sound());
}

TEST_F(KeptTest, ItsSlotsAreNotWrittenUntilItIsReleased) {
  Database db = MUST(Database::open("db", small_pages()));
  MUST(fill(db, 0, 2000, 200, 'a'));
  const KeptCheckpoint kept = MUST(db.keep_checkpoint());
  std::map<std::uint64_t, std::vector<std::byte>> before;
  const auto bytes_at = [&](const NeededRange& range, const std::vector<std::byte>& file) {
    const auto at = file.begin() + static_cast<std::ptrdiff_t>(range.offset);
    return std::vector<std::byte>(at, at + static_cast<std::ptrdiff_t>(range.length));
  };
  const auto file = world_.files()["db"];
  for (const NeededRange& range : needed_ranges(file)) {
    if (range.offset >= kHeaderRegionBytes) before[range.offset] = bytes_at(range, file);
  }
  ASSERT_GT(before.size(), 100U);
  const auto still_there = [&] {
    const auto now = world_.files()["db"];
    for (const auto& [offset, bytes] : before)
      EXPECT_EQ(bytes_at({offset, bytes.size(), {}, false}, now), bytes) << "at " << offset;
  };
  for (int round = 0; round < 6; ++round) {
    MUST(fill(db, 0, 2000, 200, static_cast<char>('b' + round)));
    MUST(db.checkpoint());
    if (round == 3) {
      MUST(db.close());
      db = MUST(Database::open("db", small_pages()));
    }
  }
  still_there();
  expect_sound(db);
  EXPECT_GE(db.stats().kept_bytes, before.size() * 4096 * 9 / 10);
  // Dropping everything and closing doesn't cut it off either.
  MUST(clear(db, 0, 2000));
  MUST(db.close());
  still_there();
  db = MUST(Database::open("db", small_pages()));
  expect_sound(db);
  MUST(db.release_checkpoint(kept.id));
  MUST(db.close());
  EXPECT_LT(world_.files()["db"].size(), kHeaderRegionBytes + 64 * 4096);
}

TEST_F(KeptTest, EightCanBeKeptAndTheNinthIsRefused) {
  Database db = MUST(Database::open("db", small_pages()));
  std::vector<std::uint64_t> ids;
  for (std::size_t i = 0; i < kKeptMax; ++i) {
    MUST(db.put("key", numbered(i)));
    ids.push_back(MUST(db.keep_checkpoint()).id);
  }
  EXPECT_CODE(db.keep_checkpoint(), ErrorCode::kLimitExceeded);
  EXPECT_CODE(db.release_checkpoint(0), ErrorCode::kNotFound);
  EXPECT_CODE(db.release_checkpoint(ids.back() + 1), ErrorCode::kNotFound);
  MUST(db.release_checkpoint(ids[3]));
  EXPECT_CODE(db.release_checkpoint(ids[3]), ErrorCode::kNotFound);
  const KeptCheckpoint again = MUST(db.keep_checkpoint());
  EXPECT_GT(again.id, ids.back());
  expect_sound(db);
  MUST(db.close());
  db = MUST(Database::open("db", small_pages()));
  EXPECT_EQ(MUST(db.kept_checkpoints()).size(), kKeptMax);
  for (const KeptCheckpoint& kept : MUST(db.kept_checkpoints()))
    MUST(db.release_checkpoint(kept.id));
  expect_sound(db);
  MUST(db.close());
}

TEST_F(KeptTest, ReadOnlyListsAndChangesNothing) {
  Database db = MUST(Database::open("db", small_pages()));
  MUST(db.put("key", "value"));
  const std::uint64_t id = MUST(db.keep_checkpoint()).id;
  MUST(db.close());
  const MemoryWorld::Files before = world_.files();
  Options options = small_pages();
  options.mode = OpenMode::kReadOnly;
  db = MUST(Database::open("db", options));
  EXPECT_EQ(MUST(db.kept_checkpoints()).size(), 1U);
  EXPECT_CODE(db.keep_checkpoint(), ErrorCode::kReadOnly);
  EXPECT_CODE(db.release_checkpoint(id), ErrorCode::kReadOnly);
  expect_sound(db);
  MUST(db.close());
  EXPECT_EQ(world_.files(), before);
}

// What it needs isn't known: nothing of its time is given out, until it is released.
TEST_F(KeptTest, OneWhoseMapIsDamagedHoldsItsSpaceAndCanBeReleased) {
  Database db = MUST(Database::open("db", small_pages()));
  MUST(fill(db, 0, 1000, 200, 'a'));
  const std::uint64_t id = MUST(db.keep_checkpoint()).id;
  MUST(fill(db, 0, 1000, 200, 'b'));
  MUST(db.close());
  MemoryWorld::Files files = world_.files();
  std::vector<std::byte>& file = files["db"];
  std::optional<Meta> newest;
  for (unsigned copy = 0; copy < kMetaCopies; ++copy) {
    const auto meta = decode_meta(std::span(file).subspan(meta_offset(copy)).first<kMetaBytes>());
    if (meta && (!newest || meta->generation > newest->generation)) newest = *meta;
  }
  ASSERT_TRUE(newest);
  ASSERT_EQ(newest->kept_maps().size(), 1U);
  for (Slot slot : newest->kept_maps()[0].map_root.slots)
    file[kHeaderRegionBytes + (raw(slot) - 1) * std::size_t{4096} + 100] ^= std::byte{1};
  MemoryWorld other;
  other.put(files);
  Options options = other.options();
  db = MUST(Database::open("db", options));
  ASSERT_EQ(db.recovery().notes.size(), 1U);
  const VerifyReport report = MUST(db.verify());
  EXPECT_FALSE(report.sound());
  for (const Finding& finding : report.findings) EXPECT_EQ(finding.code, "kept_map_check");
  MUST(fill(db, 0, 1000, 200, 'c'));
  MUST(db.checkpoint());
  MUST(fill(db, 0, 1000, 200, 'd'));
  MUST(db.checkpoint());
  const std::uint64_t kept_bytes = db.stats().kept_bytes;
  EXPECT_GT(kept_bytes, 50U * 4096);
  MUST(db.release_checkpoint(id));
  EXPECT_EQ(db.stats().kept_bytes, 0U);
  expect_sound(db);
  EXPECT_EQ(contents_of(db).size(), 1000U);
  MUST(db.close());
}

TEST_F(KeptTest, TheBitsAreChargedToTheBudget) {
  Options options = small_pages();
  Database db = MUST(Database::open("db", options));
  MUST(fill(db, 0, 1000, 1000, 'a'));
  EXPECT_EQ(db.stats().kept_table_bytes, 0U);
  const std::uint64_t id = MUST(db.keep_checkpoint()).id;
  const std::uint64_t slots = (db.stats().file_bytes - kHeaderRegionBytes) / 4096;
  EXPECT_GE(db.stats().kept_table_bytes, slots / 8 / 2);
  EXPECT_LE(db.stats().kept_table_bytes, slots / 8 * 2 + 64);
  MUST(db.release_checkpoint(id));
  EXPECT_EQ(db.stats().kept_table_bytes, 0U);
  MUST(db.close());
}

// A list that a crash brings back must find its slots untouched.
TEST(KeptCrashTest, AReleaseThatWasNotDurableIsNoRelease) {
  for (std::uint64_t call = 1; call < 40; ++call) {
    SimWorld world;
    watch_needed_ranges(world.disk, "db");
    Database db = MUST(Database::open("db", world.options()));
    for (int i = 0; i < 50; ++i) MUST(db.put(numbered(i), std::string(300, 'a')));
    const std::uint64_t id = MUST(db.keep_checkpoint()).id;
    for (int i = 0; i < 50; ++i) MUST(db.put(numbered(i), std::string(300, 'b')));
    MUST(db.checkpoint());
    world.disk.crash_at_change(call);
    const bool released = db.release_checkpoint(id).has_value();
    for (int i = 0; i < 50 && !world.disk.crashed(); ++i)
      (void)db.put(numbered(i), std::string(300, 'c'));
    (void)db.checkpoint();
    world.lose_power();
    db = MUST(Database::open("db", world.options()));
    const auto list = MUST(db.kept_checkpoints());
    if (released) {
      EXPECT_TRUE(list.empty()) << "call " << call;
    }
    expect_sound(db);
    EXPECT_FALSE(world.disk.violation()) << *world.disk.violation();
    MUST(db.close());
  }
}

}  // namespace
}  // namespace holdfast
