// Long readers, and more old versions than can be noted: who gives way.
#include "engine/base/limits.h"
#include "holdfast/events.h"
#include "tests/engine/space_fixture.h"

namespace holdfast {
namespace {

class Listener final : public EventListener {
 public:
  void on_snapshot_given_up(const SnapshotGivenUpEvent& event) noexcept override {
    ++given_up;
    last = event;
  }
  void on_damage(const Error&) noexcept override { ++damage; }
  int given_up = 0, damage = 0;
  SnapshotGivenUpEvent last;
};

class OldSnapshotsTest : public SpaceTest {
 protected:
  // So many small records in a cache that can't note an old version of each page they lie in.
  static constexpr int kRecords = 120'000;
  Options options(OldSnapshots policy) {
    Options options = world_.options();
    options.cache_bytes = kMinCacheBytes;
    options.page_size = 4096;
    options.old_snapshots = policy;
    options.events = &listener_;
    return options;
  }
  // Answers how many transactions were refused.
  int change_all(Database& db, char with) {
    int refused = 0;
    for (int n = 0; n < kRecords; n += 400) {
      const auto filled = fill(db, n, n + 400, 300, with);
      if (filled) continue;
      EXPECT_EQ(filled.error().code(), ErrorCode::kLimitExceeded) << filled.error().to_string();
      ++refused;
    }
    return refused;
  }
  Listener listener_;
};

TEST_F(OldSnapshotsTest, TheOldestIsGivenUpAndItsReaderIsToldByEveryCall) {
  Database db = MUST(Database::open("db", options(OldSnapshots::kGiveUp)));
  ASSERT_EQ(change_all(db, 'a'), 0);
  const ReadTransaction reader = MUST(db.begin_read());
  Cursor cursor = MUST(reader.cursor());
  ASSERT_TRUE(MUST(cursor.first()));
  ASSERT_EQ(change_all(db, 'b'), 0);
  ASSERT_GT(listener_.given_up, 0);
  EXPECT_EQ(listener_.last.txn, reader.txn());
  EXPECT_GT(listener_.last.behind, 0U);
  EXPECT_EQ(db.stats().snapshots_given_up, static_cast<std::uint64_t>(listener_.given_up));
  EXPECT_EQ(db.stats().open_snapshots, 0U);
  EXPECT_CODE(reader.get(numbered(1)), ErrorCode::kSnapshotTooOld);
  EXPECT_CODE(reader.count(), ErrorCode::kSnapshotTooOld);
  EXPECT_CODE(reader.cursor(), ErrorCode::kSnapshotTooOld);
  EXPECT_CODE(cursor.next(), ErrorCode::kSnapshotTooOld);
  EXPECT_CODE(cursor.first(), ErrorCode::kSnapshotTooOld);
  EXPECT_CODE(reader.list_trees(), ErrorCode::kSnapshotTooOld);
  EXPECT_EQ(listener_.damage, 0);
  EXPECT_EQ(MUST(db.get(numbered(1))), std::string(300, 'b'));
  const Stats stats = db.stats();
  EXPECT_LE(stats.cache_frame_bytes + stats.table_bytes + stats.parked_table_bytes,
            stats.cache_budget_bytes);
  expect_sound(db);
}

TEST_F(OldSnapshotsTest, WhereSnapshotsStayWritersAreRefusedWithTheNumbers) {
  Database db = MUST(Database::open("db", options(OldSnapshots::kKeep)));
  ASSERT_EQ(change_all(db, 'a'), 0);
  {
    const ReadTransaction reader = MUST(db.begin_read());
    EXPECT_GT(change_all(db, 'b'), 0);
    EXPECT_EQ(listener_.given_up, 0);
    for (int n = 0; n < kRecords; n += 997)
      ASSERT_EQ(MUST(reader.get(numbered(n))), std::string(300, 'a'));
  }
  EXPECT_EQ(change_all(db, 'c'), 0);
  expect_sound(db);
}

// Younger ones go on: only as many are given up as it takes.
TEST_F(OldSnapshotsTest, AYoungReaderOutlivesAnOldOne) {
  Database db = MUST(Database::open("db", options(OldSnapshots::kGiveUp)));
  ASSERT_EQ(change_all(db, 'a'), 0);
  const ReadTransaction old = MUST(db.begin_read());
  while (listener_.given_up == 0) {
    const ReadTransaction young = MUST(db.begin_read());
    const int at = static_cast<int>(young.txn() * 400 % kRecords);
    MUST(fill(db, at, at + 400, 300, 'b'));
    ASSERT_TRUE(MUST(young.get(numbered(at))).has_value());
  }
  EXPECT_EQ(listener_.last.txn, old.txn());
  EXPECT_EQ(listener_.given_up, 1);
}

}  // namespace
}  // namespace holdfast
