// Sorted records laid into full pages: that they are all there, how full the pages are, and what
// becomes of a load that goes wrong.
#include <random>

#include "engine/base/limits.h"
#include "tests/engine/sim_world.h"

namespace holdfast {
namespace {

class BulkLoadTest : public testing::Test {
 protected:
  Database open() { return MUST(Database::open("db", options_)); }
  static Contents records(std::uint64_t from, std::uint64_t to, std::size_t value_bytes) {
    Contents made;
    for (std::uint64_t i = from; i < to; ++i)
      made.emplace(numbered(i), std::string(value_bytes, static_cast<char>('a' + i % 26)));
    return made;
  }
  static std::uint64_t used_bytes(Database& db) {
    for (int i = 0; i < 3; ++i) MUST(db.checkpoint());
    return db.stats().file_bytes - db.stats().free_bytes;
  }
  SimWorld world_;
  Options options_ = world_.options();
};

TEST_F(BulkLoadTest, AnyNumberOfRecordsIntoAnEmptyTree) {
  for (const std::uint64_t count : {0, 1, 2, 30, 31, 32, 60, 100, 1000, 9000}) {
    SimWorld world;
    Options options = world.options();
    Database db = MUST(Database::open("db", options));
    const Contents all = records(0, count, 90);
    WriteTransaction writer = MUST(db.begin_write());
    EXPECT_EQ(MUST(writer.bulk_load(Tree{}, all.begin(), all.end())), count);
    EXPECT_EQ(MUST(writer.count()), count);
    EXPECT_TRUE(contents_of(writer) == all) << count;
    MUST(writer.commit());
    EXPECT_TRUE(contents_of(db) == all) << count;
    expect_sound(db);
    MUST(db.close());
    Database again = MUST(Database::open("db", options));
    EXPECT_TRUE(contents_of(again) == all) << count;
  }
}

TEST_F(BulkLoadTest, PagesAreAsFullAsWasAsked) {
  for (const unsigned fill : {50U, 75U, 95U, 100U}) {
    SimWorld world;
    Options options = world.options();
    Database db = MUST(Database::open("db", options));
    const Contents all = records(0, 10'000, 60);
    WriteTransaction writer = MUST(db.begin_write());
    MUST(writer.bulk_load(Tree{}, all.begin(), all.end(), fill));
    MUST(writer.commit());
    MUST(db.checkpoint());
    // Of a record: eight bytes of key less what is common, the value, a head, an offset, lengths.
    const VerifyReport report = MUST(db.verify());
    const double least = 10'000 * (60 + 2 + 6 + 2) / 4096.0 * 100 / fill;
    EXPECT_LT(static_cast<double>(db.stats().pages), least * 1.07 + 6) << fill;
    EXPECT_TRUE(report.sound());
  }
}

TEST_F(BulkLoadTest, BehindWhatIsThere) {
  Database db = open();
  Contents model;
  std::uint64_t next = 0;
  std::mt19937 random(3);
  for (int round = 0; round < 25; ++round) {
    const Contents more = records(next, next + random() % 400, random() % 3 == 0 ? 700 : 40);
    next += 500;
    WriteTransaction writer = MUST(db.begin_write());
    MUST(writer.bulk_load(Tree{}, more.begin(), more.end()));
    model.insert(more.begin(), more.end());
    for (int i = 0; i < 50; ++i) {  // In the same transaction, among what was just loaded.
      const std::string key = numbered(random() % next);
      if (random() % 2 == 0) {
        MUST(writer.put(key, "put"));
        model[key] = "put";
      } else {
        MUST(writer.erase(key));
        model.erase(key);
      }
    }
    ASSERT_TRUE(contents_of(writer) == model) << round;
    MUST(writer.commit());
    ASSERT_TRUE(contents_of(db) == model) << round;
    if (random() % 6 == 0) {
      world_.lose_power();
      db = open();
      ASSERT_TRUE(contents_of(db) == model) << round;
    }
  }
  expect_sound(db);
}

TEST_F(BulkLoadTest, KeysAndValuesOfEverySize) {
  std::mt19937 random(9);
  for (int round = 0; round < 6; ++round) {
    SimWorld world;
    Options options = world.options();
    options.cache_bytes = std::size_t{2} << 20;
    Database db = MUST(Database::open("db", options));
    Contents all;
    for (int i = 0; i < 600; ++i) {
      std::string key(random() % (max_key_bytes(4096) + 1), static_cast<char>('a' + random() % 3));
      key += i % 3 == 0 ? "" : std::to_string(random() % 50);
      key.resize(std::min(key.size(), max_key_bytes(4096)));
      const std::size_t size = random() % 20 == 0 ? random() % 60'000 : random() % 900;
      all.emplace(key, std::string(size, static_cast<char>(random())));
    }
    if (round == 0) all.emplace("", "of the empty key");
    WriteTransaction writer = MUST(db.begin_write());
    EXPECT_EQ(MUST(writer.bulk_load(Tree{}, all.begin(), all.end(), 50 + random() % 51)),
              all.size());
    ASSERT_TRUE(contents_of(writer) == all) << round;
    MUST(writer.commit());
    ASSERT_TRUE(contents_of(db) == all) << round;
    expect_sound(db);
    writer = MUST(db.begin_write());
    for (const auto& [key, value] : all) MUST(writer.erase(key));
    MUST(writer.commit());
    EXPECT_TRUE(contents_of(db).empty());
    expect_sound(db);
  }
}

TEST_F(BulkLoadTest, WhatIsOutOfOrderIsNamedAndNothingIsLoaded) {
  Database db = open();
  WriteTransaction writer = MUST(db.begin_write());
  MUST(writer.put("m", "there"));
  MUST(writer.commit());
  const std::uint64_t before = used_bytes(db);
  writer = MUST(db.begin_write());
  MUST(writer.put("n", "mine"));
  const Contents was = contents_of(writer);
  const auto refused = [&](const std::vector<std::pair<std::string, std::string>>& records) {
    const auto done = writer.bulk_load(Tree{}, records.begin(), records.end());
    EXPECT_CODE(done, ErrorCode::kInvalidArgument);
    EXPECT_TRUE(contents_of(writer) == was);
    EXPECT_EQ(MUST(writer.count()), 2U);
    return done ? std::string() : done.error().message();
  };
  EXPECT_NE(refused({{"a", ""}})
                .find("record 1 of a bulk load has the key \"a\", which doesn't "
                      "come after the tree's last key, \"n\""),
            std::string::npos);
  EXPECT_NE(refused({{"n", ""}}).find("tree's last key"), std::string::npos);
  EXPECT_NE(refused({{"o", ""}, {"p\n", ""}, {"p\n", ""}})
                .find("record 3 of a bulk load has the key \"p\\0a\", which doesn't come after the "
                      "key before it, \"p\\0a\""),
            std::string::npos);
  std::vector<std::pair<std::string, std::string>> many;
  for (int i = 0; i < 20'000; ++i) many.emplace_back("x" + numbered(i), std::string(100, 'v'));
  many.emplace_back("x", "");
  EXPECT_NE(refused(many).find("record 20001"), std::string::npos);
  many.back() = {std::string(max_key_bytes(4096) + 1, 'y'), ""};
  EXPECT_CODE(writer.bulk_load(Tree{}, many.begin(), many.end()), ErrorCode::kLimitExceeded);
  EXPECT_CODE(writer.bulk_load(Tree{}, many.begin(), many.end(), 49), ErrorCode::kInvalidArgument);
  EXPECT_CODE(writer.bulk_load(Tree{}, many.begin(), many.end(), 101), ErrorCode::kInvalidArgument);
  EXPECT_CODE(writer.bulk_load(Tree(99), many.begin(), many.end()), ErrorCode::kNotFound);
  int given = 0;
  const RecordSource fails = [&]() -> Result<std::optional<KeyValue>> {
    if (given == 5000) return std::unexpected(Error(ErrorCode::kCancelled, "enough"));
    return KeyValue{many[static_cast<std::size_t>(given++)].first, "v"};
  };
  EXPECT_CODE(writer.bulk_load(Tree{}, fails), ErrorCode::kCancelled);
  const RecordSource changes = [&]() -> Result<std::optional<KeyValue>> {
    MUST(writer.put("zz", "changed while loading"));
    return std::optional<KeyValue>();
  };
  EXPECT_CODE(writer.bulk_load(Tree{}, changes), ErrorCode::kInvalidArgument);
  EXPECT_TRUE(contents_of(writer) == was);
  MUST(writer.erase("n"));
  MUST(writer.commit());
  EXPECT_EQ(used_bytes(db), before);
  expect_sound(db);
}

TEST_F(BulkLoadTest, AnAbortAndARollbackTakeItBack) {
  Database db = open();
  const std::uint64_t before = used_bytes(db);
  const Contents all = records(0, 6000, 100);
  {
    WriteTransaction writer = MUST(db.begin_write());
    MUST(writer.bulk_load(Tree{}, all.begin(), all.end()));
    for (int i = 0; i < 6000; i += 7) MUST(writer.put(numbered(i), "changed"));
  }
  EXPECT_EQ(used_bytes(db), before);
  WriteTransaction writer = MUST(db.begin_write());
  {
    const Savepoint savepoint = MUST(writer.savepoint());
    MUST(writer.bulk_load(Tree{}, all.begin(), all.end()));
  }
  EXPECT_EQ(MUST(writer.count()), 0U);
  MUST(writer.bulk_load(Tree{}, all.begin(), all.end()));
  {
    const Savepoint savepoint = MUST(writer.savepoint());
    for (int i = 0; i < 6000; i += 3) MUST(writer.erase(numbered(i)));
    MUST(writer.erase_range(numbered(1000), numbered(4000)));
  }
  EXPECT_TRUE(contents_of(writer) == all);
  MUST(writer.commit());
  EXPECT_TRUE(contents_of(db) == all);
  expect_sound(db);
}

TEST_F(BulkLoadTest, AsMuchAsTwentyTimesTheCache) {
  options_.cache_bytes = std::size_t{2} << 20;
  Database db = open();
  WriteTransaction writer = MUST(db.begin_write());
  std::uint64_t n = 0;
  std::string key;
  std::string value(400, 'v');
  const RecordSource next = [&]() -> Result<std::optional<KeyValue>> {
    if (n == 30'000) return std::optional<KeyValue>();
    key = numbered(n++);
    return KeyValue{key, value};
  };
  const std::uint64_t log = db.stats().log_bytes;
  EXPECT_EQ(MUST(writer.bulk_load(Tree{}, next)), 30'000U);
  MUST(writer.commit());
  // Places and inner nodes.
  EXPECT_LT(db.stats().log_bytes - log, 30'000U * 400 / 20);
  MUST(db.checkpoint());
  const Stats stats = db.stats();
  EXPECT_LE(stats.cache_frame_bytes + stats.table_bytes + stats.parked_table_bytes,
            stats.cache_budget_bytes);
  const ReadTransaction reader = MUST(db.begin_read());
  EXPECT_EQ(MUST(reader.count()), 30'000U);
  for (std::uint64_t i = 0; i < 30'000; i += 501) EXPECT_EQ(MUST(reader.get(numbered(i))), value);
  expect_sound(db);
}

}  // namespace
}  // namespace holdfast
