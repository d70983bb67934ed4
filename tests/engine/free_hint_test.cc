// The hint of free space that a close leaves: it spares the next opening a walk over the page map,
// and whatever becomes of it, no slot or page id has two owners, or none.
#include "engine/file/free_hint.h"

#include <algorithm>
#include <random>

#include "engine/file/meta_store.h"
#include "engine/file/page_map.h"
#include "engine/file/slot_space.h"
#include "fuzz/lab/needed_ranges.h"
#include "tests/engine/sim_world.h"
#include "tests/engine/space_fixture.h"

namespace holdfast {
namespace {

constexpr int kRecords = 1400;

// Pages of 4 KiB, some 700 of them in three leaves of the map; with many holes.
void make(const Options& options) {
  Database db = MUST(Database::open("db", options));
  for (int from = 0; from < kRecords; from += 100) {
    WriteTransaction writer = MUST(db.begin_write());
    for (int i = from; i < from + 100; ++i)
      MUST(writer.put(numbered(i), std::string(1500, static_cast<char>('a' + i % 26))));
    MUST(writer.commit(Durability::kOs));
  }
  MUST(db.checkpoint());
  for (int i = 0; i < kRecords; i += 7) {
    for (int n = i; n < i + 3; ++n) MUST(db.erase(numbered(n)));
  }
  for (int i = 0; i < 100; ++i) MUST(db.put(numbered(i * 14 + 3), std::string(40, 'x')));
  MUST(db.close());
}

Meta meta_of(std::span<const std::byte> file) {
  std::optional<Meta> newest;
  for (unsigned copy = 0; copy < kMetaCopies; ++copy) {
    const auto meta = decode_meta(file.subspan(meta_offset(copy)).first<kMetaBytes>());
    if (meta && (!newest || meta->generation > newest->generation)) newest = *meta;
  }
  return newest.value();
}
std::uint64_t end_of_slots(const Meta& meta) {
  return kHeaderRegionBytes + std::uint64_t{meta.slot_high_water} * meta.page_size;
}

class FreeHintTest : public SpaceTest {
 protected:
  static Options options(MemoryWorld& world) {
    Options options = world.options();
    options.page_size = 4096;
    return options;
  }
  // What an opening finds free; it is sound, and takes what is given.
  static std::uint64_t free_bytes(const std::vector<std::byte>& file) {
    MemoryWorld world;
    world.put("db", file);
    Database db = MUST(Database::open("db", options(world)));
    const Meta meta = meta_of(file);
    const std::uint64_t beyond = align_down_to_pages(file.size() - end_of_slots(meta));
    const std::uint64_t free = db.stats().free_bytes - beyond;
    expect_sound(db);
    std::mt19937 random(1);
    for (int i = 0; i < 300; ++i)
      MUST(db.put(numbered(random() % kRecords), std::string(random() % 2500, 'n')));
    MUST(db.checkpoint());
    expect_sound(db);
    MUST(db.close());
    db = MUST(Database::open("db", options(world)));
    expect_sound(db);
    MUST(db.close());
    return free;
  }
  static std::uint64_t align_down_to_pages(std::uint64_t bytes) { return bytes / 4096 * 4096; }
};

TEST_F(FreeHintTest, AClosedFileHasOneThatIsWhatTheMapSays) {
  make(options(world_));
  const std::vector<std::byte> file = world_.files().at("db");
  const Meta meta = meta_of(file);
  ASSERT_GT(file.size(), end_of_slots(meta));
  EXPECT_LT(file.size() - end_of_slots(meta), 4096U);
  std::vector<bool> told(meta.slot_high_water + 1);
  std::uint64_t ids = 0;
  const auto memory = MUST(world_.storage().open("db", FileMode::kReadOnly));
  ASSERT_TRUE(read_free_hint(*memory, meta, [&](FreeKind kind, FreeRun run) {
    if (kind == FreeKind::kPageId) ids += run.count;
    if (kind == FreeKind::kSlot) std::fill_n(told.begin() + run.first, run.count, true);
  }));
  EXPECT_EQ(ids, meta.id_high_water - 1 - meta.pages);
  EXPECT_GT(ids, 100U);
  SlotSpace slots(*memory, meta.page_size);
  MUST(slots.open(meta.slot_high_water));
  PageMap map(*memory, slots, meta.page_size, meta.tag());
  MUST(map.open(meta));
  EXPECT_EQ(map.leaf_count(), 3U);
  std::vector<bool> free(meta.slot_high_water + 1, true);
  free[0] = false;
  std::vector<Slot> map_slots;
  map.collect_slots(map_slots);
  for (const Slot slot : map_slots) free[raw(slot)] = false;
  std::vector<MapEntry> entries(map.leaf_fanout());
  for (std::uint32_t leaf = 0; leaf < map.leaf_count(); ++leaf) {
    MUST(map.read_leaf(leaf, entries));
    for (const MapEntry entry : entries) free[raw(entry_slot(entry))] = false;
  }
  EXPECT_EQ(told, free);
  EXPECT_GT(std::ranges::count(free, true), 10);
}

// The opening reads it in place of the map's leaves.
TEST_F(FreeHintTest, AnOpeningReadsItAndNotTheMap) {
  SimWorld world;
  make(world.options());
  const auto reads_of_opening = [&] {
    world.disk.trace_calls(true);
    Database db = MUST(Database::open("db", world.options()));
    const std::vector<std::string> trace = world.disk.take_trace();
    world.disk.trace_calls(false);
    MUST(db.close());
    return std::ranges::count_if(
        trace, [](const std::string& call) { return call.find("read db ") != call.npos; });
  };
  const auto with = reads_of_opening();
  const std::size_t bytes = world.disk.cached_bytes("db").size();
  world.disk.flip_bit("db", (bytes - 30) * 8);
  EXPECT_EQ(reads_of_opening(), with + 3);
}

TEST_F(FreeHintTest, WhateverBecomesOfItNothingIsLostOrUsedTwice) {
  make(options(world_));
  const std::vector<std::byte> file = world_.files().at("db");
  const std::uint64_t end = end_of_slots(meta_of(file));
  const std::uint64_t free = free_bytes(file);
  EXPECT_GT(free, 10U * 4096);
  std::mt19937 random(5);
  for (std::uint64_t at = end; at < file.size(); at += at < end + 72 ? 1 : 1 + random() % 60) {
    std::vector<std::byte> changed = file;
    changed[at] ^= std::byte{1} << (random() % 8);
    ASSERT_EQ(free_bytes(changed), free) << at - end;
    changed = file;
    changed.resize(at);
    ASSERT_EQ(free_bytes(changed), free) << at - end;
    if (HasFailure()) FAIL() << at - end;
  }
}

// One of another age of the file, or of another database, says nothing.
TEST_F(FreeHintTest, OneOfAnotherStateIsNotBelieved) {
  make(options(world_));
  const std::vector<std::byte> older = world_.files().at("db");
  {
    Database db = MUST(Database::open("db", options(world_)));
    for (int i = 0; i < kRecords; i += 20) MUST(db.put(numbered(i), std::string(1900, 'q')));
    MUST(db.close());
  }
  const std::vector<std::byte> newer = world_.files().at("db");
  MemoryWorld other_world;
  make(options(other_world));
  const std::vector<std::byte> other = other_world.files().at("db");
  const std::uint64_t end = end_of_slots(meta_of(newer));
  std::vector<std::byte> without = newer;
  without.resize(end);
  const std::uint64_t free = free_bytes(without);
  ASSERT_EQ(free_bytes(newer), free);
  for (const std::vector<std::byte>& from : {older, other}) {
    std::vector<std::byte> mixed = without;
    mixed.insert(mixed.end(),
                 from.begin() + static_cast<std::ptrdiff_t>(end_of_slots(meta_of(from))),
                 from.end());
    const Meta meta = meta_of(newer);
    MemoryWorld world;
    world.put("db", mixed);
    const auto memory = MUST(world.storage().open("db", FileMode::kReadOnly));
    EXPECT_FALSE(read_free_hint(*memory, meta, [](FreeKind, FreeRun) {}));
    EXPECT_EQ(free_bytes(mixed), free);
  }
}

// The machine stops at each change of a close.
TEST(FreeHintCrashTest, ACloseThatStopsAnywhere) {
  bool went_on = false;
  int with_hint = 0;
  for (std::uint64_t stop = 1; !went_on; stop += 3) {
    SimWorld world;
    watch_needed_ranges(world.disk, "db");
    make(world.options());
    Database db = MUST(Database::open("db", world.options()));
    for (int i = 0; i < kRecords; i += 40) MUST(db.put(numbered(i), std::string(900, 'q')));
    const Contents then = contents_of(db);
    world.disk.crash_at_change(stop, stop % 2 == 0);
    const bool closed = db.close().has_value();
    went_on = !world.disk.crashed();
    EXPECT_TRUE(closed || !went_on);
    world.disk.crash({}, stop);
    db = MUST(Database::open("db", world.options()));
    ASSERT_EQ(contents_of(db), then);
    const Meta meta = meta_of(world.disk.cached_bytes("db"));
    with_hint += world.disk.cached_bytes("db").size() > end_of_slots(meta) && !meta.log_beside;
    for (int i = 0; i < kRecords; i += 9) MUST(db.put(numbered(i), std::string(1100, 'r')));
    MUST(db.checkpoint());
    expect_sound(db);
    MUST(db.close());
    EXPECT_FALSE(world.disk.violation()) << *world.disk.violation();
    if (testing::Test::HasFailure()) FAIL() << "stopped at change " << stop;
  }
  EXPECT_GT(with_hint, 0);
}

// A full disk, and any other failure in it, is no failure of the close.
TEST(FreeHintFaultTest, WhatFailsInItIsNoFailureOfTheClose) {
  SimWorld world;
  make(world.options());
  const std::uint64_t whole = world.disk.cached_bytes("db").size();
  for (const ErrorCode code : {ErrorCode::kDiskFull, ErrorCode::kIo}) {
    std::uint64_t writes = 0;
    for (const bool fails : {false, true}) {
      Database db = MUST(Database::open("db", world.options()));
      MUST(db.put(numbered(5), std::string(300, fails ? 'a' : 'b')));
      MUST(db.checkpoint());
      // The last write of a close is the hint's.
      world.disk.trace_calls(true);
      if (fails) world.fail_call(SimCall::kWrite, writes, code, true, "db");
      MUST(db.close());
      for (const std::string& call : world.disk.take_trace())
        writes += !fails && call.find(" write db ") != call.npos;
      world.disk.trace_calls(false);
      world.disk.clear_faults();
      const std::span<const std::byte> file = world.disk.cached_bytes("db");
      EXPECT_EQ(file.size() > end_of_slots(meta_of(file)), !fails);
      db = MUST(Database::open("db", world.options()));
      expect_sound(db);
      MUST(db.close());
    }
  }
  EXPECT_LT(world.disk.cached_bytes("db").size(), whole + 8192);
}

// A slot to which a write failed isn't used again, and isn't lost for longer than that.
TEST(FreeHintFaultTest, ASlotThatNobodyOwnsIsNotHandedOn) {
  SimWorld world;
  make(world.options());
  Database db = MUST(Database::open("db", world.options()));
  for (int i = 0; i < kRecords; i += 50) MUST(db.put(numbered(i), std::string(900, 'q')));
  world.fail_call(SimCall::kWrite, 3, ErrorCode::kIo, false, "db");
  while (db.checkpoint()) MUST(db.put(numbered(3), std::string(900, 'r')));
  world.disk.clear_faults();
  MUST(db.checkpoint());
  MUST(db.close());
  const std::span<const std::byte> file = world.disk.cached_bytes("db");
  EXPECT_EQ(file.size(), end_of_slots(meta_of(file)));
  db = MUST(Database::open("db", world.options()));
  expect_sound(db);
  MUST(db.close());
}

// With every second page gone there is as much to say of the ids as there is of the pages: reading
// the map is quicker.
TEST_F(FreeHintTest, ALongOneIsNone) {
  Database db = MUST(Database::open("db", options(world_)));
  MUST(fill(db, 0, 2500, 3000, 'a'));
  MUST(db.checkpoint());
  for (int i = 0; i < 2500; i += 2) MUST(db.erase(numbered(i)));
  MUST(db.close());
  const std::vector<std::byte> file = world_.files().at("db");
  const Meta meta = meta_of(file);
  EXPECT_GT(meta.id_high_water, meta.pages + 1000);
  EXPECT_EQ(file.size(), end_of_slots(meta));
  db = MUST(Database::open("db", options(world_)));
  expect_sound(db);
  MUST(db.close());
}

TEST_F(FreeHintTest, AFileWithKeptCheckpointsHasNone) {
  make(options(world_));
  Database db = MUST(Database::open("db", options(world_)));
  const std::uint64_t id = MUST(db.keep_checkpoint()).id;
  MUST(db.close());
  const std::vector<std::byte> file = world_.files().at("db");
  EXPECT_EQ(file.size(), end_of_slots(meta_of(file)));
  db = MUST(Database::open("db", options(world_)));
  MUST(db.release_checkpoint(id));
  expect_sound(db);
  MUST(db.close());
  EXPECT_GT(world_.files().at("db").size(), end_of_slots(meta_of(world_.files().at("db"))));
}

}  // namespace
}  // namespace holdfast
