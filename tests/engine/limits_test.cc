// Keys, values and transactions at their limits, below and above, and caches as small as they may
// be.
#include "engine/base/limits.h"

#include <random>

#include "tests/engine/transaction_fixture.h"

namespace holdfast {
namespace {

TEST_F(TransactionTest, KeysAtBelowAndAboveTheLimit) {
  for (std::uint32_t size : {4096U, 8192U, 16384U, 32768U}) {
    Options options = world_.options();
    options.page_size = size;
    Database db = MUST(Database::open("db" + std::to_string(size), options));
    const std::size_t limit = max_key_bytes(size);
    WriteTransaction writer = MUST(db.begin_write());
    for (std::size_t bytes : {limit - 1, limit}) MUST(writer.put(std::string(bytes, 'k'), "v"));
    auto above = writer.put(std::string(limit + 1, 'k'), "v");
    EXPECT_CODE(above, ErrorCode::kLimitExceeded);
    EXPECT_NE(above.error().message().find(std::to_string(limit)), std::string::npos);
    EXPECT_NE(above.error().message().find(std::to_string(limit + 1)), std::string::npos);
    // Reading such a key is no error: it isn't there.
    EXPECT_EQ(MUST(writer.get(std::string(limit + 1, 'k'))), std::nullopt);
    EXPECT_FALSE(MUST(writer.erase(std::string(limit + 1, 'k'))));
    Cursor cursor = MUST(writer.cursor());
    EXPECT_FALSE(MUST(cursor.seek(std::string(limit + 1, 'k'))));
    EXPECT_TRUE(MUST(cursor.seek_at_or_before(std::string(limit + 1, 'k'))));
    MUST(writer.commit());  // Not doomed by it.
    EXPECT_EQ(contents_of(db).size(), 2U);
  }
}

TEST_F(TransactionTest, EmptyAndBinaryKeysAndValues) {
  Database db = open();
  Contents model;
  model[""] = "";
  for (int byte = 0; byte < 256; ++byte) {
    model[std::string(1, static_cast<char>(byte))] = std::string(byte, '\0');
    model[std::string("\0\0", 2) + static_cast<char>(byte)] = "x";
    model[std::string("same prefix \xFF") + static_cast<char>(byte)] = "";
  }
  WriteTransaction writer = MUST(db.begin_write());
  for (const auto& [key, value] : model) MUST(writer.put(key, value));
  MUST(writer.commit());
  EXPECT_TRUE(contents_of(db) == model);
  EXPECT_EQ(MUST(db.get("")), "");
  EXPECT_TRUE(MUST(db.erase("")));
  EXPECT_EQ(MUST(db.get("")), std::nullopt);
  expect_sound(db);
}

TEST_F(TransactionTest, ValuesFromNothingToSeveralMebibytes) {
  Options options = world_.options();
  Database db = MUST(Database::open("db", options));
  Contents model;
  std::size_t n = 0;
  for (std::size_t bytes : {0UL, 1UL, 1023UL, 1024UL, 1025UL, 8191UL, 8192UL, 8193UL, 65536UL,
                            1048575UL, 1048576UL, 1048577UL, 3000000UL, 9000001UL}) {
    std::string value(bytes, '\0');
    for (std::size_t i = 0; i < bytes; ++i) value[i] = static_cast<char>(i * 31 + bytes);
    model[numbered(n++)] = value;
    MUST(db.put(numbered(n - 1), value));
  }
  ASSERT_TRUE(contents_of(db) == model);
  MUST(db.close());
  db = MUST(Database::open("db", options));
  ASSERT_TRUE(contents_of(db) == model);
  expect_sound(db);
  for (std::size_t i = 0; i < n; ++i) {  // Large for small and back.
    MUST(db.put(numbered(i), model[numbered(n - 1 - i)]));
  }
  for (std::size_t i = 0; i < n; ++i)
    EXPECT_EQ(MUST(db.get(numbered(i))), model[numbered(n - 1 - i)]);
  expect_sound(db);
}

// What must be noted of each page bounds a transaction: some thirty times the cache.
TEST_F(TransactionTest, ATransactionTooLargeToNoteGetsTheLimitAndLifeGoesOn) {
  for (std::uint32_t size : {4096U, 8192U}) {
    Options options = world_.options();
    options.cache_bytes = kMinCacheBytes;
    options.page_size = size;
    const std::string name = "db" + std::to_string(size);
    Database db = MUST(Database::open(name, options));
    Contents model;
    for (int i = 0; i < 50; ++i) {
      model[numbered(i)] = "v" + numbered(i);
      MUST(db.put(numbered(i), model[numbered(i)]));
    }
    for (int attempt = 0; attempt < 3; ++attempt) {
      WriteTransaction writer = MUST(db.begin_write());
      Result<void> put;
      int done = 0;
      for (; done < 100'000 && put; ++done)
        put = writer.put(numbered(done), std::string(size / 2, 'x'));
      EXPECT_CODE(put, ErrorCode::kLimitExceeded);
      EXPECT_GT(done, 2000);
      // Doomed: whatever is asked now, the first error is the answer.
      EXPECT_CODE(writer.put("a", "b"), ErrorCode::kLimitExceeded);
      EXPECT_CODE(writer.get("a"), ErrorCode::kLimitExceeded);
      EXPECT_CODE(writer.commit(), ErrorCode::kLimitExceeded);
      ASSERT_TRUE(contents_of(db) == model);
      model["after"] = std::to_string(attempt);
      MUST(db.put("after", model["after"]));
    }
    EXPECT_CODE(db.put("big", std::string(100 << 20, 'x')), ErrorCode::kLimitExceeded);
    ASSERT_TRUE(contents_of(db) == model);
    expect_sound(db);
    const std::uint64_t bytes = db.stats().file_bytes;
    MUST(db.close());
    db = MUST(Database::open(name, options));
    ASSERT_TRUE(contents_of(db) == model);
    EXPECT_LT(db.stats().file_bytes, bytes / 10) << "what was parked is given back";
    expect_sound(db);
  }
}

TEST_F(TransactionTest, ATransactionMayBeLargerThanTheCache) {
  for (std::uint32_t size : {4096U, 8192U}) {
    Options options = world_.options();
    options.cache_bytes = 2 * kMinCacheBytes;
    options.page_size = size;
    const std::string name = "db" + std::to_string(size);
    Database db = MUST(Database::open(name, options));
    Contents model;
    WriteTransaction writer = MUST(db.begin_write());
    std::mt19937 random(7);
    for (int i = 0; i < 20'000; ++i) {
      const std::string key = numbered(random() % 15'000);
      const std::size_t length = random() % (i % 500 == 0 ? 50'000 : 600);
      model[key] = std::string(length, static_cast<char>('a' + i % 26));
      MUST(writer.put(key, model[key]));
      if (i % 7 == 0) {
        const std::string gone = numbered(random() % 15'000);
        EXPECT_EQ(MUST(writer.erase(gone)), model.erase(gone) == 1);
      }
    }
    EXPECT_GT(db.stats().pages_parked, 1000U);
    ASSERT_TRUE(contents_of(writer) == model);
    MUST(writer.commit());
    ASSERT_TRUE(contents_of(db) == model);
    expect_sound(db);
    MUST(db.put("big", std::string(16 << 20, 'x')));
    model["big"] = std::string(16 << 20, 'x');
    MUST(db.close());
    db = MUST(Database::open(name, options));
    ASSERT_TRUE(contents_of(db) == model);
    expect_sound(db);
  }
}

TEST_F(TransactionTest, ManySmallCommitsGoThroughATinyCache) {
  Options options = world_.options();
  options.cache_bytes = kMinCacheBytes;
  options.page_size = 4096;
  Database db = MUST(Database::open("db", options));
  Contents model;
  for (int i = 0; i < 3000; ++i) {
    const std::string key = numbered(i * 7919 % 3000);
    model[key] = std::string(300, 'a' + i % 26);
    WriteTransaction writer = MUST(db.begin_write());
    MUST(writer.put(key, model[key]));
    MUST(writer.commit(Durability::kOs));
  }
  ASSERT_TRUE(contents_of(db) == model);
  EXPECT_GT(db.stats().pages_evicted, 0U);
  EXPECT_LE(db.stats().cache_frame_bytes + db.stats().table_bytes, kMinCacheBytes);
  expect_sound(db);
}

TEST_F(TransactionTest, ValuesAtTheEdgeOfTheirLeafAndOfTheirPages) {
  for (std::uint32_t size : {4096U, 8192U, 16384U, 32768U}) {
    Options options = world_.options();
    options.page_size = size;
    const std::string name = "values" + std::to_string(size);
    Database db = MUST(Database::open(name, options));
    Contents model;
    const std::size_t in_page = size - 40;  // Of a page of a long value.
    for (std::size_t edge : {max_inline_value_bytes(size), in_page, 2 * in_page, 5 * in_page}) {
      for (std::size_t bytes : {edge - 1, edge, edge + 1}) {
        for (std::size_t key_bytes : {std::size_t{9}, max_key_bytes(size)}) {
          const std::string key = numbered(bytes) + std::string(key_bytes - 8, 'k');
          model[key] = std::string(bytes, static_cast<char>('a' + bytes % 26));
          MUST(db.put(key, model[key]));
        }
      }
    }
    ASSERT_TRUE(contents_of(db) == model);
    expect_sound(db);
    MUST(db.close());
    db = MUST(Database::open(name, options));
    ASSERT_TRUE(contents_of(db) == model);
    for (const auto& [key, value] : model) EXPECT_TRUE(MUST(db.erase(key)));
    EXPECT_TRUE(contents_of(db).empty());
    expect_sound(db);
  }
}

TEST_F(TransactionTest, BeyondTheLastTransactionThereIsAnErrorAndThenRoomAgain) {
  Database db = open();
  MUST(db.put("a", "b"));
  std::vector<ReadTransaction> readers;
  Result<ReadTransaction> more = db.begin_read();
  for (; more; more = db.begin_read()) readers.push_back(*std::move(more));
  EXPECT_EQ(readers.size(), 65'536U);
  EXPECT_CODE(more, ErrorCode::kLimitExceeded);
  EXPECT_NE(more.error().message().find("65536"), std::string::npos);
  EXPECT_CODE(db.begin_write(), ErrorCode::kLimitExceeded);
  EXPECT_CODE(db.begin_write(), ErrorCode::kLimitExceeded);  // The turn was given back.
  EXPECT_CODE(db.verify(), ErrorCode::kLimitExceeded);
  EXPECT_EQ(MUST(readers.front().get("a")), "b");
  readers.clear();
  MUST(db.put("a", "c"));
  expect_sound(db);
}

}  // namespace
}  // namespace holdfast
