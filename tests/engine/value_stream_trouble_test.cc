// Values in pieces where storage fails or has rotted, and how much is written for one.
#include "tests/engine/value_stream_fixture.h"

namespace holdfast {
namespace {

using ValueStreamTroubleTest = ValueStreamTest;

TEST_F(ValueStreamTroubleTest, AFullDiskInTheMiddleEndsTheStreamOnly) {
  Database db = open();
  {
    WriteTransaction writer = MUST(db.begin_write());
    MUST(writer.put("before", std::string(200, 'x')));
    MUST(writer.commit());
  }
  const std::uint64_t before = pages_in_use(db);
  {
    WriteTransaction writer = MUST(db.begin_write());
    MUST(writer.put("beside", "y"));
    ValueWriter stream = MUST(writer.put_stream("key"));
    MUST(append_in(stream, std::string(300'000, 'x'), 9000));
    world_.fail_call(SimCall::kAllocate, 1, ErrorCode::kDiskFull, true);
    Result<void> appended;
    for (int i = 0; i < 1000 && appended; ++i) appended = stream.append(std::string(9000, 'y'));
    ASSERT_FALSE(appended.has_value());
    EXPECT_EQ(appended.error().code(), ErrorCode::kDiskFull) << appended.error().to_string();
    EXPECT_CODE(stream.append("z"), ErrorCode::kInvalidArgument);
    world_.disk.clear_faults();
    MUST(writer.commit());
  }
  EXPECT_EQ(contents_of(db).size(), 2U);
  EXPECT_EQ(pages_in_use(db), before);
  expect_sound(db);
}

TEST_F(ValueStreamTroubleTest, AFailedWriteInTheMiddleEndsTheStreamOnly) {
  Database db = open();
  WriteTransaction writer = MUST(db.begin_write());
  MUST(writer.put("beside", "y"));
  ValueWriter stream = MUST(writer.put_stream("key"));
  MUST(append_in(stream, std::string(300'000, 'x'), 9000));
  world_.fail_call(SimCall::kWrite, 1, ErrorCode::kIo);
  EXPECT_CODE(append_in(stream, std::string(300'000, 'x'), 9000), ErrorCode::kIo);
  put(writer, "key", std::string(100'000, 'z'), 9000, false);
  MUST(writer.commit());
  EXPECT_EQ(MUST(MUST(db.begin_read()).get("key")), std::string(100'000, 'z'));
  expect_sound(db);
}

TEST_F(ValueStreamTroubleTest, DamageInTheMiddleIsNamedAndTheRestIsRead) {
  const std::string value = bytes_of(200'000, 3);
  MemoryWorld world;
  Options options = world.options();
  options.page_size = 4096;
  {
    Database db = MUST(Database::open("db", options));
    WriteTransaction writer = MUST(db.begin_write());
    put(writer, "key", value, 9000, true);
    MUST(writer.commit());
    MUST(db.close());
  }
  const std::size_t capacity = 4096 - 40;
  {  // The page with the value's bytes from 20 * capacity on.
    auto file = MUST(world.storage().open("db", FileMode::kReadWrite));
    std::vector<std::byte> all(MUST(file->size()));
    MUST(file->read(0, all));
    const auto part = std::as_bytes(std::span(value)).subspan(20 * capacity, 64);
    const auto found = std::ranges::search(all, part);
    ASSERT_FALSE(found.empty());
    const auto at = static_cast<std::uint64_t>(found.begin() - all.begin());
    const std::byte wrong = all[at] ^ std::byte{1};
    MUST(file->write(at, std::span(&wrong, 1)));
  }
  Database db = MUST(Database::open("db", options));
  const ReadTransaction reader = MUST(db.begin_read());
  const ValueReader stream = MUST(reader.open_value("key")).value();
  std::vector<std::byte> into(value.size());
  const auto failed = stream.read(0, into);
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().code(), ErrorCode::kDamaged);
  EXPECT_TRUE(failed.error().place().page.has_value());
  EXPECT_EQ(failed.error().place().tree, 1U);
  EXPECT_TRUE(failed.error().place().offset.has_value());
  EXPECT_NE(failed.error().message().find(std::to_string(20 * capacity)), std::string::npos)
      << failed.error().to_string();
  EXPECT_EQ(MUST(stream.read(0, std::span(into).first(20 * capacity))), 20 * capacity);
  EXPECT_EQ(MUST(stream.read(21 * capacity, into)), value.size() - 21 * capacity);
}

TEST_F(ValueStreamTroubleTest, ALongValueIsWrittenOnce) {
  options_.cache_bytes = std::size_t{4} << 20;
  Database db = open();
  {
    WriteTransaction writer = MUST(db.begin_write());
    MUST(writer.put("first", "x"));
    MUST(writer.commit());
  }
  const Stats before = db.stats();
  const std::string value = bytes_of(std::size_t{8} << 20, 1);
  WriteTransaction writer = MUST(db.begin_write());
  put(writer, "key", value, 65536, false);
  MUST(writer.commit());
  EXPECT_LT(db.stats().log_bytes - before.log_bytes, value.size() / 50);
  MUST(db.checkpoint());
  const Stats stats = db.stats();
  const std::uint64_t pages =
      stats.pages_parked + stats.pages_written - before.pages_parked - before.pages_written;
  EXPECT_LT(pages * 4096, value.size() + value.size() / 20);
  EXPECT_LE(stats.cache_frame_bytes + stats.table_bytes + stats.parked_table_bytes,
            stats.cache_budget_bytes);
  EXPECT_TRUE(read_in(MUST(db.begin_read()), "key", 65536) == value);
}

// What is noted of its pages counts, as it comes.
TEST_F(ValueStreamTroubleTest, OneThatTheCacheCannotNoteIsRefusedInTimeAndTheTransactionGoesOn) {
  options_.cache_bytes = std::size_t{1} << 20;
  Database db = open();
  WriteTransaction writer = MUST(db.begin_write());
  const std::string piece(std::size_t{256} << 10, 'v');
  {
    ValueWriter stream = MUST(writer.put_stream("large"));
    Result<void> done;
    for (int i = 0; i < 400 && done; ++i) {
      done = stream.append(piece);
      ASSERT_LE(db.stats().transaction_bytes, options_.cache_bytes);
    }
    EXPECT_CODE(done, ErrorCode::kLimitExceeded);
  }
  MUST(writer.put("small", "value"));
  MUST(writer.commit());
  EXPECT_EQ(MUST(db.get("small")), "value");
  EXPECT_EQ(MUST(db.get("large")), std::nullopt);
  expect_sound(db);
}

}  // namespace
}  // namespace holdfast
