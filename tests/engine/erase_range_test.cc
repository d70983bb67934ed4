// Erasing ranges and dropping trees through the whole engine: what is seen at once, what dies
// later, and what happens in between.
#include <atomic>
#include <thread>

#include "tests/engine/forged_files.h"
#include "tests/engine/transaction_fixture.h"

namespace holdfast {
namespace {

class EraseRangeTest : public TransactionTest {
 protected:
  Options small_pages() {
    Options options = world_.options();
    options.page_size = 4096;
    return options;
  }
  // Some 500 records of 300 bytes: three dozen leaves; one in fifty is long.
  static Contents fill(Database& db, Tree tree = {}, int records = 500) {
    Contents contents;
    std::optional<WriteTransaction> writer;
    for (int i = 0; i < records; ++i) {
      if (i % 5000 == 0) writer.reset(), writer.emplace(MUST(db.begin_write()));
      const std::string value(i % 50 == 7 ? 90'000 : 300, static_cast<char>('a' + i % 26));
      contents[numbered(i)] = value;
      MUST(writer->put(tree, numbered(i), value));
      if ((i + 1) % 5000 == 0 || i + 1 == records) MUST(writer->commit());
    }
    return contents;
  }
  static void erase(Contents& contents, int from, int to) {
    contents.erase(contents.lower_bound(numbered(from)), contents.lower_bound(numbered(to)));
  }
  static void cut(Database& db, Contents& contents, int from, int to) {
    WriteTransaction writer = MUST(db.begin_write());
    MUST(writer.erase_range(numbered(from), numbered(to)));
    MUST(writer.commit());
    erase(contents, from, to);
  }
  static void expect_counts(const Reader& reader, std::uint64_t records) {
    EXPECT_EQ(MUST(reader.count()), records);
    const std::vector<TreeInfo> trees = MUST(reader.trees());
    EXPECT_EQ(trees.at(0).records, records);
    EXPECT_TRUE(trees.at(0).records_exact);
  }
};

TEST_F(EraseRangeTest, CountsAreExactBeforeWhileAndAfterItDies) {
  Database db = MUST(Database::open("db", small_pages()));
  Contents contents = fill(db);
  {
    WriteTransaction writer = MUST(db.begin_write());
    MUST(writer.put("new", "record"));
    MUST(writer.erase_range(numbered(20), numbered(450)));
    expect_counts(writer, 71);
    EXPECT_LE(MUST(writer.estimate(std::nullopt, std::nullopt)).records, 501U);
    writer.abort();
  }
  expect_counts(MUST(db.begin_read()), 500);
  EXPECT_EQ(MUST(MUST(db.begin_read()).estimate(std::nullopt, std::nullopt)).records, 500U);
  cut(db, contents, 20, 450);
  expect_counts(MUST(db.begin_read()), 70);
  EXPECT_TRUE(contents_of(db) == contents);
  expect_sound(db);
  EXPECT_GT(MUST(db.verify()).dying_pages, 100U);
  int steps = 0;
  for (; MUST(db.run_background()); ++steps) {
    const ReadTransaction reader = MUST(db.begin_read({.at_least = db.stats().newest_txn}));
    expect_counts(reader, 70);
    expect_sound(db);
  }
  EXPECT_GE(steps, 2);
  MUST(db.sync());
  EXPECT_EQ(MUST(db.verify()).dying_pages, 0U);
  EXPECT_EQ(MUST(MUST(db.begin_read()).estimate(std::nullopt, std::nullopt)).records, 70U);
  EXPECT_TRUE(contents_of(db) == contents);
  EXPECT_EQ(MUST(db.reclaim()), 0U);
}

TEST_F(EraseRangeTest, AListOfTreesCanDoWithoutCountingWhatDies) {
  Database db = MUST(Database::open("db", small_pages()));
  Contents contents = fill(db);
  const std::uint64_t read_before = db.stats().pages_read;
  EXPECT_TRUE(MUST(MUST(db.begin_read()).list_trees()).at(0).records_exact);
  cut(db, contents, 20, 450);
  const auto listed = [&db] { return MUST(MUST(db.begin_read()).list_trees()).at(0); };
  EXPECT_FALSE(listed().records_exact);
  EXPECT_GE(listed().records, contents.size());
  EXPECT_LE(listed().records, 500U);
  EXPECT_EQ(db.stats().pages_read, read_before);
  MUST(db.reclaim());
  EXPECT_TRUE(listed().records_exact);
  EXPECT_EQ(listed().records, contents.size());
}

TEST_F(EraseRangeTest, SavepointsAndAbortsBringItBack) {
  Database db = MUST(Database::open("db", small_pages()));
  const Contents contents = fill(db);
  WriteTransaction writer = MUST(db.begin_write());
  Savepoint outer = MUST(writer.savepoint());
  MUST(writer.erase_range(std::nullopt, numbered(100)));
  {
    const Savepoint inner = MUST(writer.savepoint());
    MUST(writer.erase_range(numbered(50), std::nullopt));
    EXPECT_EQ(MUST(writer.count()), 0U);
    MUST(writer.put("x", "y"));
  }
  EXPECT_EQ(MUST(writer.count()), 400U);
  MUST(outer.rollback());
  EXPECT_EQ(MUST(writer.count()), 500U);
  EXPECT_TRUE(contents_of(writer) == contents);
  MUST(writer.erase_range(numbered(490), numbered(491)));
  MUST(writer.commit());
  EXPECT_EQ(MUST(db.reclaim()), 0U);
  EXPECT_EQ(contents_of(db).size(), 499U);
  expect_sound(db);
}

TEST_F(EraseRangeTest, BoundsThatHoldNothing) {
  Database db = MUST(Database::open("db", small_pages()));
  const Contents contents = fill(db);
  const std::uint64_t newest = db.stats().newest_txn;
  WriteTransaction writer = MUST(db.begin_write());
  MUST(writer.erase_range(numbered(7), numbered(7)));
  MUST(writer.erase_range(numbered(9), numbered(3)));
  MUST(writer.erase_range("zzz", std::nullopt));
  MUST(writer.erase_range(std::string(100'000, 'z'), std::string(100'001, 'z')));
  MUST(writer.erase_range(numbered(7) + "x", numbered(8)));
  EXPECT_CODE(writer.erase_range(Tree(77), std::nullopt, std::nullopt), ErrorCode::kNotFound);
  MUST(writer.commit());
  EXPECT_EQ(db.stats().newest_txn, newest);
  EXPECT_TRUE(contents_of(db) == contents);
}

TEST_F(EraseRangeTest, AllOfTheDefaultTreeAndOn) {
  Database db = MUST(Database::open("db", small_pages()));
  fill(db);
  WriteTransaction writer = MUST(db.begin_write());
  MUST(writer.erase_range(std::nullopt, std::nullopt));
  expect_counts(writer, 0);
  MUST(writer.put("a", "b"));
  MUST(writer.commit());
  EXPECT_EQ(contents_of(db), (Contents{{"a", "b"}}));
  MUST(db.reclaim());
  expect_sound(db);
  MUST(db.checkpoint());
  EXPECT_EQ(db.stats().pages, 2U);
}

TEST_F(EraseRangeTest, ACursorGoesOnBehindTheRange) {
  Database db = MUST(Database::open("db", small_pages()));
  fill(db);
  WriteTransaction writer = MUST(db.begin_write());
  Cursor cursor = MUST(writer.cursor());
  EXPECT_TRUE(MUST(cursor.seek(numbered(200))));
  MUST(writer.erase_range(numbered(100), numbered(300)));
  EXPECT_TRUE(MUST(cursor.next()));
  EXPECT_EQ(cursor.key(), numbered(300));
  EXPECT_TRUE(MUST(cursor.prev()));
  EXPECT_EQ(cursor.key(), numbered(99));
  // A bound may be what a cursor shows.
  MUST(writer.erase_range(cursor.key(), std::nullopt));
  EXPECT_EQ(MUST(writer.count()), 99U);
}

TEST_F(EraseRangeTest, NothingIsFreedWhileASnapshotPredatesTheCut) {
  Database db = MUST(Database::open("db", small_pages()));
  Contents contents = fill(db);
  const Contents before = contents;
  MUST(db.checkpoint());
  const std::uint64_t pages = db.stats().pages;
  {
    const ReadTransaction old = MUST(db.begin_read());
    cut(db, contents, 0, 400);
    while (MUST(db.run_background())) {
    }
    EXPECT_EQ(MUST(db.reclaim()), 0U);
    EXPECT_EQ(MUST(old.count()), 500U);
    EXPECT_TRUE(contents_of(old) == before);
    EXPECT_GE(db.stats().pages, pages);
  }
  const ReadTransaction after = MUST(db.begin_read());
  EXPECT_GT(MUST(db.reclaim()), 100U);
  EXPECT_EQ(MUST(after.count()), 100U);
  expect_sound(db);
}

TEST_F(EraseRangeTest, AKillAnywhereInBetweenGoesOnFromThere) {
  Database db = MUST(Database::open("db", small_pages()));
  Contents contents = fill(db);
  cut(db, contents, 30, 470);
  std::vector<MemoryWorld::Files> moments = {world_.files()};
  while (MUST(db.run_background())) {
    MUST(db.sync());
    moments.push_back(world_.files());
  }
  ASSERT_GE(moments.size(), 3U);
  for (const auto& files : moments) {
    MemoryWorld after;
    after.put(files);
    Options options = after.options();
    options.mode = OpenMode::kReadOnly;
    {
      Database looked = MUST(Database::open("db", options));
      expect_counts(MUST(looked.begin_read()), contents.size());
      expect_sound(looked);
      EXPECT_CODE(looked.reclaim(), ErrorCode::kReadOnly);
    }
    options.mode = OpenMode::kReadWrite;
    Database again = MUST(Database::open("db", options));
    expect_counts(MUST(again.begin_read()), contents.size());
    EXPECT_TRUE(contents_of(again) == contents);
    MUST(again.reclaim());
    expect_counts(MUST(again.begin_read()), contents.size());
    expect_sound(again);
    EXPECT_EQ(MUST(again.verify()).dying_pages, 0U);
  }
}

TEST_F(EraseRangeTest, ADatabaseThatIsOnlyReadWritesNothing) {
  Database db = MUST(Database::open("db", small_pages()));
  Contents contents = fill(db, {}, 20'000);
  cut(db, contents, 30, 19'000);
  MUST(db.close());
  const auto files = world_.files();
  db = MUST(Database::open("db", small_pages()));
  EXPECT_GT(MUST(db.verify()).dying_pages, 0U);  // A close frees some only.
  while (MUST(db.run_background())) {
  }
  MUST(db.close());
  EXPECT_TRUE(world_.files() == files);
}

TEST_F(EraseRangeTest, ShortSessionsFreeWhatTheyCut) {
  Database db = MUST(Database::open("db", small_pages()));
  std::uint64_t most = 0;
  for (int session = 0; session < 12; ++session) {
    Contents contents = fill(db);
    cut(db, contents, 0, 500);
    MUST(db.close());
    db = MUST(Database::open("db", small_pages()));
    if (session < 4) most = std::max(most, db.stats().file_bytes);
    EXPECT_LE(db.stats().file_bytes, most) << session;
  }
}

TEST_F(EraseRangeTest, AHostThatNeverStepsDoesNotGrowWithoutBound) {
  Database db = MUST(Database::open("db", small_pages()));
  std::uint64_t most = 0;
  for (int round = 0; round < 30; ++round) {
    for (int from = 0; from < 2000; from += 100) {
      WriteTransaction writer = MUST(db.begin_write());
      for (int i = from; i < from + 100; ++i) MUST(writer.put(numbered(i), std::string(400, 'v')));
      MUST(writer.commit());
    }
    WriteTransaction writer = MUST(db.begin_write());
    MUST(writer.erase_range(std::nullopt, std::nullopt));
    MUST(writer.commit());
    MUST(db.checkpoint());
    if (round < 4) most = std::max(most, db.stats().pages);
    EXPECT_LE(db.stats().pages, most) << round;
  }
}

TEST_F(EraseRangeTest, ReadsNoMoreForManyThanForFew) {
  {
    Database db = MUST(Database::open("db", small_pages()));
    fill(db, {}, 30'000);
    MUST(db.close());
  }
  Database db = MUST(Database::open("db", small_pages()));
  WriteTransaction writer = MUST(db.begin_write());
  const std::uint64_t before = db.stats().pages_read;
  MUST(writer.erase_range(numbered(10), numbered(29'990)));
  MUST(writer.commit());
  EXPECT_LT(db.stats().pages_read - before, 20U);
}

TEST_F(EraseRangeTest, DamageInWhatDiesIsLeftOutAndNamed) {
  Contents contents;
  {
    Database db = MUST(Database::open("db", small_pages()));
    contents = fill(db);
    MUST(db.close());
  }
  auto files = world_.files();
  {
    ForgedFile forged(files["db"]);
    const auto leaves = forged.pages(PageKind::kLeaf, kDefaultTree);
    forged.page(leaves[leaves.size() / 2]).back() ^= std::byte{1};
  }
  MemoryWorld after;
  after.put(files);
  Database db = MUST(Database::open("db", after.options()));
  cut(db, contents, 100, 480);
  const std::uint64_t dying = MUST(db.verify()).dying_pages;
  EXPECT_GT(MUST(db.reclaim()), dying / 2);
  EXPECT_EQ(MUST(db.reclaim()), 0U);  // What is damaged is not tried again.
  {
    const ReadTransaction reader = MUST(db.begin_read());
    EXPECT_CODE(reader.count(), ErrorCode::kDamaged);
    const std::vector<TreeInfo> trees = MUST(reader.trees());
    EXPECT_FALSE(trees.at(0).records_exact);
    EXPECT_GE(trees.at(0).records, contents.size());
    EXPECT_TRUE(contents_of(reader) == contents);
    MUST(reader.estimate(std::nullopt, std::nullopt));
  }
  const VerifyReport report = MUST(db.verify());
  EXPECT_FALSE(report.sound());
  for (const Finding& finding : report.findings) {
    EXPECT_TRUE(finding.code == "page_damaged" || finding.code == "page_check") << finding.code;
  }
  MUST(db.put("on it", "goes"));
  MUST(db.close());
}

TEST_F(EraseRangeTest, AProgressFunctionEndsReclaimAndNothingIsLost) {
  Database db = MUST(Database::open("db", small_pages()));
  Contents contents = fill(db);
  cut(db, contents, 0, 500);
  int asked = 0;
  EXPECT_CODE(db.reclaim([&](const Progress& progress) {
    EXPECT_EQ(progress.stage, "reclaim");
    return ++asked < 3;
  }),
              ErrorCode::kCancelled);
  EXPECT_CODE(db.reclaim([](const Progress&) -> bool { throw 1; }), ErrorCode::kCancelled);
  expect_sound(db);
  MUST(db.reclaim());
  EXPECT_EQ(MUST(db.verify()).dying_pages, 0U);
}

TEST_F(EraseRangeTest, AThreadFreesItWhileOthersWriteAndNobodyIsTurnedAway) {
  Options options = small_pages();
  options.background = Background::kThread;
  Database db = MUST(Database::open("db", options));
  Contents contents = fill(db, {}, 4000);
  std::atomic<bool> done = false;
  std::thread other([&] {
    for (int i = 0; !done; ++i) {
      // A timeout of nothing: nobody but the steps that free has the turn for more than a moment.
      auto writer = db.begin_write(std::chrono::milliseconds(0));
      if (!writer) continue;
      MUST(writer->put("k" + numbered(i % 100), "v"));
      MUST(writer->commit());
    }
  });
  {
    WriteTransaction writer = MUST(db.begin_write());
    MUST(writer.erase_range(numbered(0), numbered(3990)));
    MUST(writer.commit());
  }
  for (int tries = 0; MUST(db.verify()).dying_pages != 0 && tries < 2000; ++tries)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  done = true;
  other.join();
  EXPECT_EQ(MUST(db.verify()).dying_pages, 0U);
  expect_sound(db);
  MUST(db.erase("k"));
  EXPECT_EQ(contents_of(db).lower_bound("k") == contents_of(db).end(), false);
}

TEST_F(EraseRangeTest, WhatIsDyingOfATreeThatIsDroppedThen) {
  Database db = MUST(Database::open("db", small_pages()));
  MUST(db.put("a", "1"));
  WriteTransaction writer = MUST(db.begin_write());
  const Tree tree = MUST(writer.create_tree("t"));
  MUST(writer.commit());
  MUST(db.checkpoint());
  const std::uint64_t pages = db.stats().pages;
  fill(db, tree);
  writer = MUST(db.begin_write());
  MUST(writer.erase_range(tree, numbered(100), numbered(400)));
  MUST(writer.drop_tree(tree));
  MUST(writer.commit());
  expect_counts(MUST(db.begin_read()), 1);
  MUST(db.reclaim());
  expect_counts(MUST(db.begin_read()), 1);
  MUST(db.checkpoint());
  EXPECT_EQ(db.stats().pages, pages - 1);
  expect_sound(db);
}

}  // namespace
}  // namespace holdfast
