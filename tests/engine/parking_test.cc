// More versions than memory has frames for: snapshots that outlive many changes, in small caches.
#include <random>
#include <set>

#include "engine/base/limits.h"
#include "engine/file/meta_format.h"
#include "fuzz/lab/needed_ranges.h"
#include "tests/engine/sim_world.h"

namespace holdfast {
namespace {

class ParkingTest : public testing::Test {
 protected:
  // 230 frames.
  Options small() {
    Options options = world_.options();
    options.cache_bytes = kMinCacheBytes;
    return options;
  }
  // About four times as many leaves as there are frames.
  void fill(Database& db) {
    for (int i = 0; i < kRecords; i += 100) {
      WriteTransaction writer = MUST(db.begin_write());
      for (int n = i; n < i + 100; ++n) {
        MUST(writer.put(numbered(n), std::string(300, 'a')));
        model_[numbered(n)] = std::string(300, 'a');
      }
      MUST(writer.commit(Durability::kOs));
    }
  }
  Result<void> change(Database& db, std::mt19937& random, int records) {
    auto writer = db.begin_write();
    if (!writer) return std::unexpected(writer.error());
    Contents changed = model_;
    for (int i = 0; i < records; ++i) {
      const std::string key = numbered(random() % kRecords);
      const std::size_t bytes = 100 + random() % 300;
      const std::string value(bytes, static_cast<char>('b' + random() % 20));
      if (auto put = writer->put(key, value); !put) return put;
      changed[key] = value;
    }
    auto done = writer->commit(Durability::kOs);
    if (!done) return std::unexpected(done.error());
    model_ = std::move(changed);
    return {};
  }
  // Reads a few keys of a snapshot, so that not all that it needs is in memory.
  static void expect_some(const ReadTransaction& reader, const Contents& as_of,
                          std::mt19937& random) {
    for (int i = 0; i < 20; ++i) {
      const std::string key = numbered(random() % kRecords);
      ASSERT_EQ(MUST(reader.get(key)), as_of.at(key));
    }
  }
  // Of each record that can't be read; the others must be as expected.
  template <class R>
  static std::vector<Error> errors_of(R& reader, const Contents& expected) {
    std::vector<Error> errors;
    for (const auto& [key, value] : expected) {
      const auto found = reader.get(key);
      if (found) {
        EXPECT_EQ(*found, value);
      } else {
        errors.push_back(found.error());
      }
    }
    return errors;
  }
  void rot_what_nothing_durable_names() {
    std::set<std::uint64_t> named;
    for (const NeededRange& range : needed_ranges(world_.disk, "db")) named.insert(range.offset);
    const std::uint64_t end = world_.disk.cached_bytes("db").size();
    for (std::uint64_t at = kHeaderRegionBytes; at + 4096 <= end; at += 4096) {
      if (named.contains(at)) continue;
      const std::byte flipped = world_.disk.cached_bytes("db")[at + 2000] ^ std::byte{8};
      world_.disk.patch("db", at + 2000, std::span(&flipped, 1));
    }
  }

  static constexpr int kRecords = 10'000;
  SimWorld world_;
  Contents model_;
};

TEST_F(ParkingTest, OneReaderOfEachAgeSeesItsStateThoughMemoryHoldsLessThanOne) {
  Database db = MUST(Database::open("db", small()));
  fill(db);
  std::mt19937 random(1);
  std::vector<std::pair<ReadTransaction, Contents>> readers;
  for (int round = 0; round < 6; ++round) {
    readers.emplace_back(MUST(db.begin_read()), model_);
    for (int i = 0; i < 40; ++i) MUST(change(db, random, 20));
    for (const auto& [reader, as_of] : readers) expect_some(reader, as_of, random);
    if (round % 2 == 1) MUST(db.checkpoint());
    const Stats stats = db.stats();
    ASSERT_LE(stats.cache_frame_bytes + stats.table_bytes + stats.parked_table_bytes,
              stats.cache_budget_bytes);
  }
  EXPECT_GT(db.stats().parked_bytes, 2 * db.stats().cache_budget_bytes);
  for (const auto& [reader, as_of] : readers) ASSERT_TRUE(contents_of(reader) == as_of);
  ASSERT_TRUE(contents_of(db) == model_);
  expect_sound(db);
  // From the middle outwards, and each takes what it alone needed.
  while (!readers.empty()) {
    const std::uint64_t before = db.stats().parked_bytes;
    readers.erase(readers.begin() + static_cast<std::ptrdiff_t>(readers.size() / 2));
    EXPECT_LT(db.stats().parked_bytes, before);
    for (const auto& [reader, as_of] : readers) expect_some(reader, as_of, random);
  }
  MUST(db.checkpoint());
  EXPECT_EQ(db.stats().parked_bytes, 0U);
  expect_sound(db);
  MUST(db.close());
  EXPECT_LT(MUST(world_.disk.open("db", FileMode::kReadOnly))->size().value(),
            std::uint64_t{16} << 20);
}

TEST_F(ParkingTest, WhatWasParkedIsForgottenByACrash) {
  std::mt19937 random(2);
  {
    Database db = MUST(Database::open("db", small()));
    fill(db);
    const ReadTransaction reader = MUST(db.begin_read());
    for (int i = 0; i < 60; ++i) MUST(change(db, random, 20));
    EXPECT_GT(db.stats().parked_bytes, 0U);
    MUST(db.sync());
    world_.lose_power();
  }
  Database db = MUST(Database::open("db", small()));
  EXPECT_EQ(db.stats().parked_bytes, 0U);
  ASSERT_TRUE(contents_of(db) == model_);
  expect_sound(db);
  const std::uint64_t bytes = db.stats().file_bytes;
  for (int i = 0; i < 60; ++i) MUST(change(db, random, 20));
  MUST(db.checkpoint());
  EXPECT_LE(db.stats().file_bytes, 2 * bytes) << "the slots are used again";
  expect_sound(db);
}

// Only who writes meets a full disk.
TEST_F(ParkingTest, ReadersGoOnWhenNothingMoreCanBeWritten) {
  Database db = MUST(Database::open("db", small()));
  fill(db);
  MUST(db.checkpoint());
  std::mt19937 random(3);
  const ReadTransaction reader = MUST(db.begin_read());
  const Contents as_of = model_;
  world_.fail_call(SimCall::kAllocate, 1, ErrorCode::kDiskFull, true);
  Result<void> changed;
  for (int i = 0; i < 2000 && changed; ++i) changed = change(db, random, 20);
  ASSERT_FALSE(changed);
  EXPECT_TRUE(changed.error().code() == ErrorCode::kDiskFull ||
              changed.error().code() == ErrorCode::kLimitExceeded)
      << changed.error().to_string();
  ASSERT_TRUE(contents_of(reader) == as_of);
  ASSERT_TRUE(contents_of(db) == model_);
  world_.disk.clear_faults();
  for (int i = 0; i < 100; ++i) MUST(change(db, random, 20));
  ASSERT_TRUE(contents_of(reader) == as_of);
  ASSERT_TRUE(contents_of(db) == model_);
}

// A write that fails costs a slot, not a version.
TEST_F(ParkingTest, AFailedWriteIsTriedElsewhere) {
  Database db = MUST(Database::open("db", small()));
  fill(db);
  std::mt19937 random(4);
  const ReadTransaction reader = MUST(db.begin_read());
  const Contents as_of = model_;
  for (int i = 0; i < 200; ++i) {
    Fault fault;
    fault.call = SimCall::kWrite;
    fault.path_is = "db";
    fault.from = kHeaderRegionBytes;
    if (i % 5 == 0) world_.disk.inject(fault);
    const auto changed = change(db, random, 20);
    if (!changed) {
      ASSERT_EQ(changed.error().code(), ErrorCode::kIo);
    }
    world_.disk.clear_faults();
  }
  EXPECT_GT(db.stats().pages_parked, 500U);
  ASSERT_TRUE(contents_of(reader) == as_of);
  ASSERT_TRUE(contents_of(db) == model_);
  expect_sound(db);
}

TEST_F(ParkingTest, ARottenParkedVersionIsDamageThatNamesItsPlace) {
  Database db = MUST(Database::open("db", small()));
  fill(db);
  std::mt19937 random(5);
  const ReadTransaction reader = MUST(db.begin_read());
  const Contents as_of = model_;
  for (int i = 0; i < 200; ++i) MUST(change(db, random, 20));
  ASSERT_GT(db.stats().parked_bytes, 0U);
  rot_what_nothing_durable_names();
  const auto errors = errors_of(reader, as_of);
  EXPECT_FALSE(errors.empty());
  for (const Error& error : errors) {
    ASSERT_EQ(error.code(), ErrorCode::kDamaged);
    ASSERT_TRUE(error.place().offset.has_value());
    ASSERT_TRUE(error.place().page.has_value());
    ASSERT_EQ(error.place().file, "db");
  }
}

// A failed sync may have lost them: no damage, the log has them, and opening again brings them
// back.
TEST_F(ParkingTest, WhatAFailedSyncLostOfThemIsNoDamage) {
  {
    Database db = MUST(Database::open("db", small()));
    fill(db);
    std::mt19937 random(5);
    // A checkpoint adopts them all now and then.
    for (int i = 0; i < 200 || db.stats().parked_bytes == 0; ++i) MUST(change(db, random, 20));
    MUST(db.sync());
    const ReadTransaction reader = MUST(db.begin_read());
    ASSERT_GT(db.stats().parked_bytes, 0U);
    world_.fail_call(SimCall::kSync, 1, ErrorCode::kIo, true);
    ASSERT_FALSE(db.checkpoint());
    rot_what_nothing_durable_names();
    const auto errors = errors_of(reader, model_);
    EXPECT_FALSE(errors.empty());
    for (const Error& error : errors) {
      ASSERT_EQ(error.code(), ErrorCode::kPoisoned) << error.to_string();
      ASSERT_TRUE(error.place().page.has_value());
    }
    world_.disk.clear_faults();
  }
  Database db = MUST(Database::open("db", small()));
  EXPECT_TRUE(contents_of(db) == model_);
}

// A group of the log that changes more than the cache holds.
TEST_F(ParkingTest, RedoOfALargeGroupGoesThroughASmallCache) {
  Options large = world_.options();
  large.cache_bytes = 64 << 20;
  {
    Database db = MUST(Database::open("db", large));
    fill(db);
    WriteTransaction writer = MUST(db.begin_write());
    for (int i = 0; i < kRecords; ++i) {
      MUST(writer.put(numbered(i), std::string(310, 'z')));
      model_[numbered(i)] = std::string(310, 'z');
    }
    MUST(writer.commit());
    world_.lose_power();
  }
  Database db = MUST(Database::open("db", small()));
  ASSERT_TRUE(contents_of(db) == model_);
  MUST(db.checkpoint());
  expect_sound(db);
  ASSERT_TRUE(contents_of(db) == model_);
}

// What a transaction larger than memory wrote lies in its slots only: the log has their names.
TEST_F(ParkingTest, RotOfAPageThatTheLogPlacesIsDamageAndTheRestIsReadable) {
  {
    Database db = MUST(Database::open("db", small()));
    WriteTransaction writer = MUST(db.begin_write());
    for (int i = 0; i < kRecords; ++i) {
      MUST(writer.put(numbered(i), std::string(310, 'z')));
      model_[numbered(i)] = std::string(310, 'z');
    }
    MUST(writer.commit());
    world_.lose_power();
  }
  std::vector<std::uint64_t> placed;
  for (const NeededRange& range : needed_ranges(world_.disk, "db"))
    if (range.reason.find("log places") != std::string::npos) placed.push_back(range.offset);
  ASSERT_GT(placed.size(), 100U);
  for (std::size_t i = 0; i < placed.size(); i += placed.size() / 7) {
    const std::uint64_t at = placed[i] + 2000;
    world_.disk.flip_bit("db", at * 8 + 3);
    Options options = small();
    options.mode = OpenMode::kReadOnly;
    Database db = MUST(Database::open("db", options));
    const auto errors = errors_of(db, model_);
    EXPECT_FALSE(errors.empty());
    for (const Error& error : errors) {
      ASSERT_EQ(error.code(), ErrorCode::kDamaged);
      ASSERT_EQ(error.place().offset, placed[i]);
    }
    EXPECT_FALSE(MUST(db.verify()).findings.empty());
    MUST(db.close());
    world_.disk.flip_bit("db", at * 8 + 3);
  }
  Database db = MUST(Database::open("db", small()));
  ASSERT_TRUE(contents_of(db) == model_);
  expect_sound(db);
}

}  // namespace
}  // namespace holdfast
