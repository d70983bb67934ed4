// Increments: with what they are based on they make up the state, whole, and on anything else they
// are refused.
#include "engine/file/backup_format.h"
#include "engine/file/page_map.h"
#include "tests/engine/backup_fixture.h"

namespace holdfast {
namespace {

class IncrementTest : public BackupStreamTest {
 protected:
  // Of a closed database with these bytes.
  static std::string part_from(const std::vector<std::byte>& file, std::uint64_t since,
                               std::uint64_t checkpoint) {
    MemoryWorld world;
    world.put("db", file);
    Options options = world.options();
    options.mode = OpenMode::kReadOnly;
    Database db = MUST(Database::open("db", options));
    std::string bytes;
    MUST(db.backup(into(bytes), {.checkpoint = checkpoint, .since = since, .progress = {}}));
    MUST(db.close());
    return bytes;
  }
};

TEST_F(IncrementTest, AChainOfThemMakesUpEachState) {
  for (const std::uint32_t page_size : {4096U, 32768U}) {
    const std::string name = "db" + std::to_string(page_size);
    Database db = MUST(Database::open(name, small_pages(page_size)));
    MUST(fill(db, 0, 3000, 200, 'a'));
    MUST(fill(db, 100, 120, 50'000, 'v'));
    std::uint64_t base = MUST(db.keep_checkpoint()).id;
    BackupOptions options;
    options.checkpoint = base;
    MUST(db.backup("full", options));
    std::vector<BackupPart> parts{{"full"}};
    std::vector<std::string> streams(6);
    for (int day = 0; day < 6; ++day) {
      MUST(fill(db, day * 150, day * 150 + 100, 220, static_cast<char>('b' + day)));
      MUST(clear(db, 2900 - day * 40, 2920 - day * 40));
      if (day == 2) MUST(fill(db, 5000, 9000, 100, 'n'));
      if (day == 4) {
        MUST(clear(db, 200, 8900));
        MUST(db.close());  // Moves pages, and cuts the file.
        db = MUST(Database::open(name, small_pages(page_size)));
      }
      const Contents then = contents_of(db);
      const std::uint64_t next = MUST(db.keep_checkpoint()).id;
      options.checkpoint = next;
      options.since = base;
      if (day == 3) {
        const std::string file = name + ".inc";
        MUST(db.backup(file, options));
        parts.push_back({file});
      } else {
        MUST(db.backup(into(streams[static_cast<std::size_t>(day)]), options));
        parts.push_back(part_of(streams[static_cast<std::size_t>(day)], 777));
      }
      MUST(db.release_checkpoint(base));
      base = next;
      // A source is read once, so each restore gets its own.
      std::vector<BackupPart> again;
      for (std::size_t i = 0; i < parts.size(); ++i)
        again.push_back(parts[i].source ? part_of(streams[i - 1], 777) : parts[i]);
      const BackupReport report = MUST(restore(again, "new"));
      EXPECT_EQ(report.txn, MUST(db.kept_checkpoints()).back().txn);
      EXPECT_EQ(taken("new"), then) << "day " << day;
    }
    // Up to the newest, which isn't kept.
    MUST(fill(db, 0, 100, 10, 'z'));
    const std::string last = streamed(db, base);
    std::vector<BackupPart> again{{"full"}};
    for (std::size_t i = 1; i < parts.size(); ++i)
      again.push_back(parts[i].source ? part_of(streams[i - 1]) : parts[i]);
    again.push_back(part_of(last));
    MUST(restore(again, "new"));
    EXPECT_EQ(taken("new"), contents_of(db));
    expect_sound(db);
    MUST(db.close());
    MUST(world_.storage().remove("full"));
  }
}

TEST_F(IncrementTest, ItsSizeFollowsTheChange) {
  Database db = MUST(Database::open("db", small_pages()));
  MUST(fill(db, 0, 20000, 200, 'a'));
  const std::uint64_t base = MUST(db.keep_checkpoint()).id;
  const std::string full = streamed(db, 0, base);
  // Nothing happened: a head, the end, and what the checkpoint itself wrote.
  EXPECT_LT(streamed(db, base).size(), 4096U * 8);
  MUST(db.put(numbered(777), "changed"));
  const std::string little = streamed(db, base);
  EXPECT_LT(little.size(), 4096U * 16);
  MUST(fill(db, 4000, 4200, 200, 'b'));
  const std::string more = streamed(db, base);
  EXPECT_GT(more.size(), 200U * 200);
  EXPECT_LT(more.size(), full.size() / 20);
  MUST(restore({part_of(full), part_of(more)}, "new"));
  EXPECT_EQ(taken("new"), contents_of(db));
  MUST(db.close());
}

TEST_F(IncrementTest, OnAnythingButItsBaseItIsRefusedWithBothNamed) {
  Database db = MUST(Database::open("db", small_pages()));
  MUST(fill(db, 0, 500, 200, 'a'));
  const std::uint64_t first = MUST(db.keep_checkpoint()).id;
  const std::string full = streamed(db, 0, first);
  MUST(fill(db, 0, 50, 200, 'b'));
  const std::uint64_t second = MUST(db.keep_checkpoint()).id;
  const std::string one = streamed(db, first, second);
  MUST(fill(db, 0, 50, 200, 'c'));
  const std::uint64_t third = MUST(db.keep_checkpoint()).id;
  const std::string two = streamed(db, second, third);
  const Contents all = contents_of(db);
  Database other = MUST(Database::open("other", small_pages()));
  MUST(fill(other, 0, 500, 200, 'a'));
  const std::uint64_t others_id = MUST(other.keep_checkpoint()).id;
  const std::string others_full = streamed(other, 0, others_id);
  MUST(other.close());
  const std::size_t before = files();
  const auto refused = [&](const std::vector<BackupPart>& parts, const std::string& says) {
    const auto done = restore(parts, "new");
    ASSERT_FALSE(done) << says;
    EXPECT_EQ(done.error().code(), ErrorCode::kInvalidArgument) << done.error().to_string();
    EXPECT_NE(done.error().message().find(says), std::string::npos) << done.error().to_string();
    EXPECT_EQ(files(), before);
  };
  const auto part = [](const std::string& bytes) { return part_of(bytes); };
  refused({part(one)}, "kept as " + std::to_string(first));
  refused({part(full), part(two)}, "kept as " + std::to_string(second));
  refused({part(full), part(one), part(one)}, "the parts before it make up transaction");
  refused({part(full), part(two), part(one)}, "in the order in which they were made");
  refused({part(full), part(full)}, "only the first part is one");
  refused({part(full), {"other"}}, "only the first part is one");
  refused({part(others_full), part(one)}, "another database");
  EXPECT_CODE(db.backup("no", {.checkpoint = first, .since = second, .progress = {}}),
              ErrorCode::kInvalidArgument);
  EXPECT_CODE(db.backup("no", {.checkpoint = first, .since = first, .progress = {}}),
              ErrorCode::kInvalidArgument);
  EXPECT_CODE(db.backup("no", {.checkpoint = 0, .since = third + 9, .progress = {}}),
              ErrorCode::kNotFound);
  MUST(restore({part(full), part(one), part(two)}, "new"));
  EXPECT_EQ(taken("new"), all);
  MUST(db.close());
}

TEST_F(IncrementTest, ABackupThatWasWrittenToIsNoBaseAndNeitherIsOneThatIsOpen) {
  Database db = MUST(Database::open("db", small_pages()));
  MUST(fill(db, 0, 500, 200, 'a'));
  const std::uint64_t id = MUST(db.keep_checkpoint()).id;
  BackupOptions options;
  options.checkpoint = id;
  MUST(db.backup("full", options));
  MUST(fill(db, 0, 50, 200, 'b'));
  const std::string more = streamed(db, id);
  // Opened, and nothing written: as before.
  Database copy = MUST(Database::open("full", small_pages()));
  EXPECT_CODE(restore({{"full"}, part_of(more)}, "new"), ErrorCode::kBusy);
  MUST(copy.close());
  MUST(restore({{"full"}, part_of(more)}, "new"));
  EXPECT_EQ(taken("new"), contents_of(db));
  copy = MUST(Database::open("full", small_pages()));
  MUST(copy.put("key", "value"));
  {
    MemoryWorld killed;
    killed.put(world_.files());
    RestoreOptions elsewhere;
    elsewhere.environment = killed.options().environment;
    const auto done = Database::restore({{"full"}, part_of(more)}, "new", elsewhere);
    ASSERT_FALSE(done);
    EXPECT_NE(done.error().message().find("not closed"), std::string::npos);
  }
  MUST(copy.close());
  const auto done = restore({{"full"}, part_of(more)}, "new");
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_NE(done.error().message().find("that nobody wrote to"), std::string::npos);
  MUST(db.close());
}

TEST_F(IncrementTest, BothEndsStayUntilItIsMade) {
  Database db = MUST(Database::open("db", small_pages()));
  MUST(fill(db, 0, 2000, 200, 'a'));
  const std::uint64_t first = MUST(db.keep_checkpoint()).id;
  const std::string full = streamed(db, 0, first);
  MUST(fill(db, 0, 1500, 200, 'b'));
  const Contents then = contents_of(db);
  std::string more;
  BackupOptions options;
  options.since = first;
  int pieces = 0;
  MUST(db.backup(
      [&](std::string_view bytes) -> Result<void> {
        more += bytes;
        EXPECT_CODE(db.release_checkpoint(first), ErrorCode::kBusy);
        if (++pieces > 3) return {};
        MUST(fill(db, 0, 2000, 200, static_cast<char>('c' + pieces)));
        return db.checkpoint();
      },
      options));
  EXPECT_GT(pieces, 3);
  MUST(db.release_checkpoint(first));
  MUST(restore({part_of(full), part_of(more)}, "new"));
  EXPECT_EQ(taken("new"), then);
  expect_sound(db);
  MUST(db.close());
}

// Of a closed database, read-only, with the base kept long ago.
TEST_F(IncrementTest, ReadOnlyAndOverAnOpeningItIsTheSame) {
  Database db = MUST(Database::open("db", small_pages()));
  MUST(fill(db, 0, 500, 200, 'a'));
  const std::uint64_t id = MUST(db.keep_checkpoint()).id;
  const std::string full = streamed(db, 0, id);
  MUST(db.close());
  db = MUST(Database::open("db", small_pages()));
  MUST(fill(db, 0, 100, 200, 'b'));
  const Contents then = contents_of(db);
  MUST(db.close());
  Options options = small_pages();
  options.mode = OpenMode::kReadOnly;
  db = MUST(Database::open("db", options));
  const std::string more = streamed(db, id);
  MUST(db.close());
  MUST(restore({part_of(full), part_of(more)}, "new"));
  EXPECT_EQ(taken("new"), then);
}

// One page after the other is damaged before the full backup, or between it and the increment.
TEST_F(IncrementTest, DamageIsToldAndStaysAndTheRestIsThere) {
  Database db = MUST(Database::open("db", small_pages()));
  MUST(fill(db, 0, 2000, 100, 'a'));
  const std::uint64_t id = MUST(db.keep_checkpoint()).id;
  MUST(fill(db, 0, 300, 100, 'b'));
  MUST(db.close());
  const auto file = world_.files()["db"];
  int in_increment = 0;
  int in_full = 0;
  for (std::uint64_t slot = 1; kHeaderRegionBytes + slot * 4096 <= file.size(); slot += 2) {
    MemoryWorld world;
    put_with_a_rotten_slot(world, file, slot);
    Options options = world.options();
    options.mode = OpenMode::kReadOnly;
    db = MUST(Database::open("db", options));
    std::string full;
    std::string more;
    const BackupReport first =
        MUST(db.backup(into(full), {.checkpoint = id, .since = 0, .progress = {}}));
    const BackupReport second =
        MUST(db.backup(into(more), {.checkpoint = 0, .since = id, .progress = {}}));
    MUST(db.close());
    // Shared pages are the full backup's to tell.
    EXPECT_LE(first.findings_total + second.findings_total, 1U);
    in_full += first.sound() ? 0 : 1;
    in_increment += second.sound() ? 0 : 1;
    RestoreOptions restoring;
    restoring.environment = options.environment;
    const auto report = Database::restore({part_of(full), part_of(more)}, "new", restoring);
    const BackupReport done = MUST(report);
    Database copy = MUST(Database::open("new", options));
    EXPECT_EQ(MUST(copy.verify()).sound(), done.sound());
    const ReadTransaction reader = MUST(copy.begin_read());
    int lost = 0;
    for (int i = 0; i < 2000; ++i) {
      const auto got = reader.get(numbered(i));
      if (!got) {
        EXPECT_EQ(got.error().code(), ErrorCode::kDamaged);
        ++lost;
      } else {
        EXPECT_EQ(*got, std::string(100, i < 300 ? 'b' : 'a'));
      }
    }
    EXPECT_FALSE(lost > 0 && done.sound()) << "slot " << slot;
    EXPECT_FALSE(!done.sound() && first.sound() && second.sound()) << "slot " << slot;
  }
  EXPECT_GT(in_full, 10);
  EXPECT_GT(in_increment, 3);
}

// A leaf of the page map can't be read for once. What it leads to isn't in that part: it is missing
// from the chain, or the chain has what lay there before.
TEST_F(IncrementTest, AMapLeafUnreadableInOnePartLosesThosePagesAndNoOthers) {
  std::vector<std::vector<std::byte>> files;
  std::vector<std::uint64_t> ids{0};
  for (int day = 0; day < 4; ++day) {
    Database db = MUST(Database::open("db", small_pages()));
    if (day > 1) MUST(db.release_checkpoint(ids[ids.size() - 2]));
    MUST(db.checkpoint());
    MUST(fill(db, 0, day == 0 ? 6000 : 190 - 40 * day, 400, static_cast<char>('a' + day)));
    ids.push_back(MUST(db.keep_checkpoint()).id);
    MUST(db.close());
    files.push_back(world_.files()["db"]);
  }
  Options read_only = small_pages();
  read_only.mode = OpenMode::kReadOnly;
  std::vector<int> told(files.size());
  for (std::size_t damaged = 0; damaged < files.size(); ++damaged) {
    for (std::uint64_t at = kHeaderRegionBytes; at < files[damaged].size(); at += 4096) {
      if (page_kind(files[damaged].data() + at) != PageKind::kMapLeaf) continue;
      std::vector<std::string> streams;
      for (std::size_t day = 0; day < files.size(); ++day) {
        auto bytes = files[day];
        if (day == damaged) bytes[at + 100] ^= std::byte{4};
        streams.push_back(part_from(bytes, ids[day], ids[day + 1]));
      }
      std::vector<BackupPart> parts;
      for (const std::string& stream : streams) parts.push_back(part_of(stream));
      const BackupReport done = MUST(restore(parts, "new"));
      Database copy = MUST(Database::open("new", read_only));
      EXPECT_EQ(MUST(copy.verify()).sound(), done.sound());
      int lost = 0;
      for (int i = 0; i < 6000; ++i) {
        const auto got = copy.get(numbered(i));
        if (got) {
          EXPECT_EQ(*got, std::string(400, i < 70 ? 'd' : i < 110 ? 'c' : i < 150 ? 'b' : 'a'));
        } else {
          EXPECT_EQ(got.error().code(), ErrorCode::kDamaged);
          ++lost;
        }
      }
      EXPECT_TRUE(lost < 2000 || damaged == 3);  // Of the last, the way to all may be lost.
      EXPECT_FALSE(lost > 0 && done.sound());
      told[damaged] += done.sound() ? 0 : 1;
      MUST(copy.close());
      MUST(world_.storage().remove("new"));
    }
  }
  for (std::size_t day = 0; day < told.size(); ++day) EXPECT_GT(told[day], 0) << day;
}

}  // namespace
}  // namespace holdfast
