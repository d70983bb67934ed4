// What operations cost, in calls, pages and bytes: counts, which every machine repeats, not times.
#include <algorithm>
#include <random>

#include "engine/base/limits.h"
#include "engine/file/meta_store.h"
#include "engine/file/page_map.h"
#include "fuzz/lab/sim_environment.h"
#include "tests/engine/engine_fixture.h"
#include "tests/regress/hooked_storage.h"

namespace holdfast {
namespace {

class IoCountsTest : public ::testing::Test {
 protected:
  IoCountsTest() {
    storage_.on_read = [this](const std::string& path, std::uint64_t) -> Result<void> {
      reads_ += path.ends_with("db") ? 1 : 0;
      return {};
    };
    storage_.on_submit = [this](std::span<const IoRequest> set) {
      if (set[0].kind == IoRequest::Kind::kRead) reads_at_once_ += set.size() - 1;
    };
    storage_.on_write = [this](const std::string& path) -> Result<void> {
      if (path.ends_with("db")) most_unsynced_ = std::max(most_unsynced_, ++unsynced_);
      return {};
    };
    storage_.on_sync = [this](const std::string& path) -> Result<void> {
      if (path.ends_with("db")) unsynced_ = 0;
      return {};
    };
  }
  Options options(std::size_t cache_bytes = std::size_t{64} << 20) {
    Options options;
    options.environment = &environment_;
    options.background = Background::kHost;
    options.page_size = 4096;
    options.cache_bytes = cache_bytes;
    options.checkpoint_log_bytes = std::uint64_t{1} << 30;
    return options;
  }
  // Some eight records in a leaf, in ascending order: leaves have ascending ids.
  static void fill(Database& db, int records) {
    for (int i = 0; i < records; i += 500) {
      WriteTransaction writer = MUST(db.begin_write());
      for (int n = i; n < std::min(i + 500, records); ++n)
        MUST(writer.put(numbered(n), std::string(kValue, 'a')));
      MUST(writer.commit(Durability::kOs));
    }
  }
  std::uint64_t reads_of_get(Database& db, int n) {
    const std::uint64_t before = reads_;
    EXPECT_TRUE(MUST(db.get(numbered(n))).has_value());
    return reads_ - before;
  }
  // The slot of each page, by its id; 0: none.
  std::vector<std::uint32_t> slots_of_pages() {
    const auto file = MUST(storage_.open("db", FileMode::kReadWrite));
    const Meta meta = MUST(MetaStore::open(*file)).meta();
    SlotSpace slots(*file, meta.page_size);
    MUST(slots.open(meta.slot_high_water));
    PageMap map(*file, slots, meta.page_size, meta.tag());
    MUST(map.open(meta));
    std::vector<std::uint32_t> found;
    std::vector<MapEntry> entries(map.leaf_fanout());
    for (std::uint32_t leaf = 0; leaf < map.leaf_count(); ++leaf) {
      MUST(map.read_leaf(leaf, entries));
      for (const MapEntry entry : entries) found.push_back(raw(entry_slot(entry)));
    }
    return found;
  }

  static constexpr std::size_t kValue = 480;
  static constexpr int kLeaf = 8;
  testing::HookedStorage storage_;
  SimClock clock_;
  SimRandom random_;
  Environment environment_{&storage_, &clock_, &random_};
  // Reads that began together are waited for once.
  [[nodiscard]] std::uint64_t waits() const { return reads_ - reads_at_once_; }
  std::uint64_t reads_ = 0;
  std::uint64_t reads_at_once_ = 0;
  std::uint64_t unsynced_ = 0;
  std::uint64_t most_unsynced_ = 0;
};

// DR-P1: pages that follow each other by key still lie near each other after many random updates,
// because each goes to the free slot nearest to its old one.
TEST_F(IoCountsTest, NeighboursStayWithinAMebibyteOfEachOtherInAnAgedFile) {
  Database db = MUST(Database::open("db", options()));
  constexpr int kRecords = 2500 * kLeaf;
  fill(db, kRecords);
  MUST(db.checkpoint());
  std::mt19937 random(1);
  for (int round = 0; round < 60; ++round) {
    WriteTransaction writer = MUST(db.begin_write());
    for (int i = 0; i < 150; ++i)
      MUST(writer.put(numbered(random() % kRecords), std::string(kValue, 'b')));
    MUST(writer.commit(Durability::kOs));
    MUST(db.checkpoint());
  }
  MUST(db.close());
  const std::vector<std::uint32_t> slots = slots_of_pages();
  int neighbours = 0;
  int near = 0;
  for (std::size_t id = 1; id < slots.size(); ++id) {
    if (slots[id] == 0 || slots[id - 1] == 0) continue;
    ++neighbours;
    const std::uint32_t apart =
        std::max(slots[id], slots[id - 1]) - std::min(slots[id], slots[id - 1]);
    near += apart <= (1U << 20) / 4096 ? 1 : 0;
  }
  RecordProperty("neighbours", std::to_string(neighbours));
  RecordProperty("near", std::to_string(near));
  EXPECT_GT(neighbours, 2000);
  // One page in 17 is written anew each time, so about as many slots are free to choose from.
  EXPECT_GT(near, neighbours * 80 / 100) << near << " of " << neighbours;
}

// DR-P2: what a checkpoint writes beside the pages that changed is the map leaves over them, and
// the map's root twice.
TEST_F(IoCountsTest, ACheckpointWritesTheChangedPagesAndTheMapOverThem) {
  Database db = MUST(Database::open("db", options()));
  fill(db, 2500 * kLeaf);
  MUST(db.checkpoint());
  const auto written_for = [&](int first, int last, int step) {
    WriteTransaction writer = MUST(db.begin_write());
    for (int n = first; n < last; n += step)
      MUST(writer.put(numbered(n), std::string(kValue, 'b')));
    MUST(writer.commit(Durability::kOs));
    const std::uint64_t before = db.stats().pages_written;
    MUST(db.checkpoint());
    return db.stats().pages_written - before;
  };
  EXPECT_EQ(written_for(10, 11, 1), 1U + 1 + 2);
  EXPECT_LE(written_for(0, 200, 1), 30U + 1 + 2);
  // One each of 50 leaves from all over, under six leaves of the map.
  EXPECT_LE(written_for(0, 2500 * kLeaf, 50 * kLeaf), 50U + 6 + 2);
}

// DR-P3: a small durable commit costs a block of log, and nothing of the tree file. While commits
// come one after the other nothing but they is written: no marks.
TEST_F(IoCountsTest, ASmallDurableCommitCostsOneBlockOfLogAndNoPages) {
  Database db = MUST(Database::open("db", options()));
  MUST(db.put("k", "v"));
  const Stats before = db.stats();
  constexpr std::uint64_t kCommits = 500;
  for (std::uint64_t i = 0; i < kCommits; ++i) {
    MUST(db.put("k", std::string(100, static_cast<char>('a' + i % 26))));
    clock_.advance(std::chrono::milliseconds(50));
    while (MUST(db.run_background())) {
    }
  }
  const Stats after = db.stats();
  EXPECT_EQ(after.log_syncs - before.log_syncs, kCommits);
  EXPECT_EQ(after.pages_written, before.pages_written);
  EXPECT_LE(after.log_bytes - before.log_bytes, kCommits * 4096);
  clock_.advance(std::chrono::milliseconds(150));
  while (MUST(db.run_background())) {
  }
  EXPECT_EQ(db.stats().log_syncs - after.log_syncs, 1U) << "the mark, once it is idle";
}

// DR-P4: a scan waits for a set of leaves, not for each; a short one reads few leaves in vain.
TEST_F(IoCountsTest, AScanReadsItsLeavesInSets) {
  constexpr int kLeaves = 2500;
  Database db = MUST(Database::open("db", options()));
  fill(db, kLeaves * kLeaf);
  MUST(db.close());
  for (const bool forward : {true, false}) {
    db = MUST(Database::open("db", options(std::size_t{4} << 20)));
    const std::uint64_t waits_before = waits();
    const std::uint64_t reads_before = reads_;
    {
      ReadTransaction reader = MUST(db.begin_read());
      Cursor cursor = MUST(reader.cursor());
      int records = 0;
      for (bool on = MUST(forward ? cursor.first() : cursor.last()); on;
           on = MUST(forward ? cursor.next() : cursor.prev()))
        ++records;
      EXPECT_EQ(records, kLeaves * kLeaf);
    }
    EXPECT_LE(waits() - waits_before, kLeaves / 16U) << forward;
    EXPECT_LE(reads_ - reads_before, kLeaves * 105U / 100) << forward;
    MUST(db.close());
  }
  db = MUST(Database::open("db", options()));
  ReadTransaction reader = MUST(db.begin_read());
  Cursor cursor = MUST(reader.cursor());
  for (int n = 100; n < kLeaves * kLeaf; n += 400 * kLeaf) {
    EXPECT_TRUE(MUST(cursor.seek(numbered(n))));
    const std::uint64_t before = reads_;
    for (int i = 0; i < 3 * kLeaf; ++i) EXPECT_TRUE(MUST(cursor.next()));
    EXPECT_LE(reads_ - before, 8U);
  }
}

// DR-P4: of many keys at once, those of each level are waited for together.
TEST_F(IoCountsTest, ManyKeysAreReadALevelAtATime) {
  Database db = MUST(Database::open("db", options()));
  fill(db, 2500 * kLeaf);
  MUST(db.close());
  db = MUST(Database::open("db", options()));
  reads_of_get(db, 0);
  reads_of_get(db, 2500 * kLeaf - 1);
  ReadTransaction reader = MUST(db.begin_read());
  std::vector<std::string> keys;
  for (int i = 0; i < 160; ++i) keys.push_back(numbered((i * 37 % 160 + 1) * 15 * kLeaf));
  const std::vector<std::string_view> views(keys.begin(), keys.end());
  const std::uint64_t before = waits();
  const auto values = MUST(reader.get_many(views));
  for (const auto& value : values) EXPECT_EQ(value, std::string(kValue, 'a'));
  // Sets of 16 leaves, some twenty inner nodes, and five parts of the map one by one.
  EXPECT_LE(waits() - before, 45U);
}

// A page that rots is an error of that page alone, whoever asked for it together with others.
TEST_F(IoCountsTest, ADamagedPageOfASetIsToldWhereItStands) {
  Database db = MUST(Database::open("db", options()));
  fill(db, 200 * kLeaf);
  MUST(db.close());
  const std::vector<std::uint32_t> slots = slots_of_pages();
  const std::uint64_t offset = kHeaderRegionBytes + std::uint64_t{slots[100] - 1} * 4096;
  std::vector<std::byte> rot(16, std::byte{0x55});
  MUST(MUST(storage_.memory().open("db", FileMode::kReadWrite))->write(offset + 2000, rot));
  db = MUST(Database::open("db", options()));
  ReadTransaction reader = MUST(db.begin_read());
  Cursor cursor = MUST(reader.cursor());
  int records = 0;
  auto on = cursor.first();
  for (; on && *on; on = cursor.next()) ++records;
  ASSERT_FALSE(on);
  EXPECT_EQ(on.error().code(), ErrorCode::kDamaged);
  EXPECT_EQ(on.error().place().page, 100U);
  EXPECT_EQ(on.error().place().offset, offset);
  EXPECT_GT(records, 90 * kLeaf);
  EXPECT_TRUE(MUST(cursor.seek(numbered(110 * kLeaf))));
}

// DR-P5: what is asked for again and again stays in memory while a scan goes through it.
TEST_F(IoCountsTest, APageInUseOutlivesAScanOfManyTimesTheCache) {
  Database db = MUST(Database::open("db", options()));
  fill(db, 2500 * kLeaf);
  MUST(db.close());
  db = MUST(Database::open("db", options(kMinCacheBytes)));
  EXPECT_GT(reads_of_get(db, 0), 0U);
  std::uint64_t again = 0;
  for (int n = 100; n < 2500 * kLeaf; n += kLeaf) {
    EXPECT_TRUE(MUST(db.get(numbered(n))).has_value());
    again += reads_of_get(db, 0);
  }
  EXPECT_GT(db.stats().pages_evicted, 1000U);
  EXPECT_LT(again, 10U);
}

// DR-P7: whoever commits once writes no megabyte of zeros for it; who goes on has them.
TEST_F(IoCountsTest, ZerosAreWrittenAheadOnlyOnceTheFirstSpaceIsUsedUp) {
  Database db = MUST(Database::open("db", options()));
  MUST(db.put("k", "1"));
  EXPECT_LE(db.stats().log_bytes, 16U << 10);
  EXPECT_LE(db.stats().log_file_bytes, 128U << 10);
  // Until the segment's first 64 KiB are used up.
  for (int i = 0; i < 20; ++i) MUST(db.put("k", "2"));
  EXPECT_GE(db.stats().log_file_bytes, 1U << 20);
}

// DR-P9, DR-A4: a cold read costs two reads where neither the page's part of the map is in memory,
// one where it is, none when the page is. That part takes 18 bytes for each page it speaks of.
TEST_F(IoCountsTest, AColdReadCostsTheMapLeafAndTheLeaf) {
  Database db = MUST(Database::open("db", options()));
  fill(db, 2500 * kLeaf);
  MUST(db.close());
  db = MUST(Database::open("db", options()));
  reads_of_get(db, 0);  // The catalog, the root and what lies between.
  reads_of_get(db, 2500 * kLeaf - 1);
  const std::uint64_t table = db.stats().table_bytes;
  std::map<std::uint64_t, int> counts;
  std::uint64_t leaves_loaded = 0;
  for (int n = 2 * kLeaf; n < 2400 * kLeaf; n += 4 * kLeaf) {
    const std::uint64_t before = db.stats().table_bytes;
    const std::uint64_t reads = reads_of_get(db, n);
    ASSERT_LE(reads, 3U);
    ++counts[reads];
    leaves_loaded += db.stats().table_bytes != before ? 1 : 0;
    ASSERT_EQ(reads_of_get(db, n), 0U);
  }
  EXPECT_GT(counts[1], 550);
  EXPECT_GT(leaves_loaded, 2U);
  EXPECT_EQ((db.stats().table_bytes - table) / leaves_loaded / 504, 18U);
}

// DR-A9: the pages of a long value are found by counting, each with one read.
TEST_F(IoCountsTest, ALongValueIsReadWithOneReadForEachOfItsPages) {
  Database db = MUST(Database::open("db", options()));
  const std::string value(std::size_t{1} << 20, 'v');
  MUST(db.put("long", value));
  MUST(db.close());
  db = MUST(Database::open("db", options()));
  const std::uint64_t before = reads_;
  const std::uint64_t waits_before = waits();
  EXPECT_EQ(MUST(db.get("long")), value);
  // 262 pages with room for 4032 bytes or so each; the catalog, the root, the map.
  EXPECT_LE(reads_ - before, 270U);
  EXPECT_LE(waits() - waits_before, 20U);
}

// DR-P11: a checkpoint syncs as it goes, so that no sync, and no commit that waits behind one, has
// much to write at once.
TEST_F(IoCountsTest, ACheckpointNeverHasMuchMoreThanFourMebibytesUnsynced) {
  Database db = MUST(Database::open("db", options()));
  fill(db, 4500 * kLeaf);  // 18 MiB
  most_unsynced_ = 0;
  MUST(db.checkpoint());
  EXPECT_GT(most_unsynced_, 500U);
  EXPECT_LE(most_unsynced_ * 4096, (4U << 20) + (64U << 10));
}

}  // namespace
}  // namespace holdfast
