// Readers that are in the middle of something, or idle in great number, while others go on.
#include <random>

#include "engine/base/limits.h"
#include "fuzz/lab/sim_environment.h"
#include "tests/engine/engine_fixture.h"
#include "tests/regress/hooked_storage.h"

namespace holdfast {
namespace {

class IdleReadersTest : public ::testing::Test {
 protected:
  Options options(std::size_t cache_bytes) {
    Options options;
    options.environment = &environment_;
    options.background = Background::kHost;
    options.page_size = 4096;
    options.cache_bytes = cache_bytes;
    return options;
  }
  static void fill(Database& db, int records, char with) {
    WriteTransaction writer = MUST(db.begin_write());
    for (int n = 0; n < records; ++n) MUST(writer.put(numbered(n), std::string(400, with)));
    MUST(writer.commit(Durability::kOs));
  }
  testing::HookedStorage storage_;
  SimClock clock_;
  SimRandom random_;
  Environment environment_{&storage_, &clock_, &random_};
};

// DR-C8: while a reader waits for its page, the page changes, checkpoints move it, and every slot
// that they gave up is written again. The reader gets its own state all the same, and no false
// damage.
TEST_F(IdleReadersTest, ThePageThatIsBeingReadChangesAndMovesMeanwhile) {
  Database db = MUST(Database::open("db", options(kMinCacheBytes)));
  fill(db, 4000, 'a');
  MUST(db.close());
  for (std::uint64_t nth = 1; nth <= 6; ++nth) {
    db = MUST(Database::open("db", options(kMinCacheBytes)));
    MUST(db.get(numbered(0)));  // The page table is there: its lock is held while it is read.
    std::uint64_t reads = 0;
    bool changed = false;
    Result<void> done;
    const Contents before = [&] {
      const ReadTransaction old = MUST(db.begin_read());
      storage_.on_read = [&](const std::string& path, std::uint64_t) -> Result<void> {
        if (changed || !path.ends_with("db") || ++reads != nth) return {};
        changed = true;
        for (char with : {'x', 'y', 'z'}) {
          fill(db, 4000, with);
          done = db.checkpoint();
          if (!done) return {};
        }
        return {};
      };
      return contents_of(old);
    }();
    storage_.on_read = {};
    MUST(std::move(done));
    ASSERT_EQ(before.size(), 4000U);
    for (const auto& [key, value] : before)
      ASSERT_EQ(value, std::string(400, 'a')) << key << " " << nth;
    ASSERT_TRUE(changed);
    ASSERT_EQ(before.begin()->second.front(),
              nth == 1 || changed ? before.at(numbered(99)).front() : 'a');
    ASSERT_EQ(MUST(db.get(numbered(7))), std::string(400, 'z'));
    expect_sound(db);
    fill(db, 4000, 'a');
    MUST(db.close());
  }
}

// DR-C9: idle cursors on four times as many leaves as there are frames. Those that can't pin theirs
// keep their key; nobody waits for a frame that never comes.
TEST_F(IdleReadersTest, ManyMoreIdleCursorsThanFramesKeepNobodyFromReadingAndWriting) {
  Database db = MUST(Database::open("db", options(kMinCacheBytes)));
  constexpr int kRecords = 8000;
  for (int n = 0; n < kRecords; ++n) MUST(db.put(numbered(n), std::string(500, 'a')));
  const ReadTransaction reader = MUST(db.begin_read());
  std::vector<Cursor> cursors;
  for (int n = 0; n + 1 < kRecords; n += 8) {
    cursors.push_back(MUST(reader.cursor()));
    ASSERT_TRUE(MUST(cursors.back().seek(numbered(n))));
  }
  for (int n = 0; n < kRecords; n += 3) MUST(db.put(numbered(n), std::string(500, 'b')));
  std::mt19937 random(1);
  for (int i = 0; i < 500; ++i)
    ASSERT_TRUE(MUST(db.get(numbered(random() % kRecords))).has_value());
  for (int n = 0; n + 1 < kRecords; n += 8) {
    Cursor& cursor = cursors[static_cast<std::size_t>(n / 8)];
    ASSERT_EQ(cursor.key(), numbered(n));
    ASSERT_EQ(MUST(cursor.value()), std::string(500, 'a'));
    ASSERT_TRUE(MUST(cursor.next()));
    ASSERT_EQ(cursor.key(), numbered(n + 1));
  }
}

// DR-C13: sessions that end before anyone has looked for free space in a large file, by a close or
// by a kill, don't each add what they wrote.
TEST_F(IdleReadersTest, ShortSessionsOfALargeFileDoNotMakeItGrow) {
  Database db = MUST(Database::open("db", options(16 << 20)));
  // More leaves of the map than an opening scans: values of a page each.
  constexpr int kPages = 66 * 508;
  for (int n = 0; n < kPages; n += 1000) {
    WriteTransaction writer = MUST(db.begin_write());
    for (int i = n; i < n + 1000; ++i) MUST(writer.put(numbered(i), std::string(4000, 'a')));
    MUST(writer.commit(Durability::kOs));
  }
  MUST(db.close());
  const auto bytes = [&] {
    return MUST(MUST(storage_.memory().open("db", FileMode::kReadOnly))->size());
  };
  const std::uint64_t at_first = bytes();
  for (int session = 0; session < 8; ++session) {
    db = MUST(Database::open("db", options(16 << 20)));
    WriteTransaction writer = MUST(db.begin_write());
    for (int i = 0; i < 500; ++i)
      MUST(writer.put(numbered(i * 37), std::string(4000, static_cast<char>('b' + session))));
    MUST(writer.commit());
    MUST(db.close());
    EXPECT_LT(bytes(), at_first + (6U << 20)) << "session " << session;
  }
}

}  // namespace
}  // namespace holdfast
