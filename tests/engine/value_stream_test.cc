// Values written and read piece by piece: what comes out, and what an unfinished one leaves behind.
#include "engine/base/limits.h"
#include "tests/engine/value_stream_fixture.h"

namespace holdfast {
namespace {

TEST_F(ValueStreamTest, AnySizeInAnyPiecesComesOutAsItWentIn) {
  Database db = open();
  const std::size_t capacity = 4096 - 40;
  std::size_t n = 0;
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, std::size_t{512}, std::size_t{513}, capacity, capacity + 1,
        std::size_t{32767}, std::size_t{32768}, std::size_t{32769}, 16 * capacity,
        16 * capacity + 1, std::size_t{300'000}}) {
    for (const bool known : {false, true}) {
      const std::string value = bytes_of(size, static_cast<unsigned>(++n));
      WriteTransaction writer = MUST(db.begin_write());
      put(writer, "key", value, 1 + n * 977, known);
      EXPECT_EQ(read_in(writer, "key", 5000), value);
      EXPECT_EQ(MUST(writer.get("key")), value);
      EXPECT_EQ(MUST(writer.count()), 1U);
      MUST(writer.commit());
      const ReadTransaction reader = MUST(db.begin_read());
      ASSERT_EQ(read_in(reader, "key", 1 + n * 1013), value) << size;
      ASSERT_EQ(MUST(reader.get("key")), value) << size;
    }
  }
  expect_sound(db);
  MUST(db.close());
  Database again = open();
  EXPECT_EQ(read_in(MUST(again.begin_read()), "key", 4096).size(), 300'000U);
}

// A scan in bounded memory asks how long each value is before it reads it.
TEST_F(ValueStreamTest, ACursorSaysHowLongAValueIsAndOpensIt) {
  Database db = open();
  const Contents contents = {
      {"a", ""}, {"b", "short"}, {"c", bytes_of(90'000, 3)}, {"d", bytes_of(400, 4)}};
  WriteTransaction writer = MUST(db.begin_write());
  for (const auto& [key, value] : contents) MUST(writer.put(key, value));
  const auto walk = [&contents](Cursor cursor) {
    std::vector<ValueReader> opened;
    for (bool on = MUST(cursor.first()); on; on = MUST(cursor.next())) {
      EXPECT_EQ(MUST(cursor.value_size()), contents.at(std::string(cursor.key())).size());
      opened.push_back(MUST(cursor.open_value()));
    }
    auto wanted = contents.begin();
    for (const ValueReader& value : opened) {
      std::string all(value.size() + 1, '\0');
      all.resize(MUST(value.read(0, std::as_writable_bytes(std::span(all)))));
      EXPECT_EQ(all, (wanted++)->second);
    }
    EXPECT_EQ(opened.size(), contents.size());
  };
  walk(MUST(writer.cursor()));
  Cursor cursor = MUST(writer.cursor());
  ASSERT_TRUE(MUST(cursor.seek("c")));
  MUST(writer.put("c", "other"));
  EXPECT_EQ(MUST(cursor.value_size()), 5U);
  EXPECT_EQ(MUST(cursor.open_value()).size(), 5U);
  MUST(writer.put("c", contents.at("c")));
  EXPECT_EQ(MUST(cursor.value_size()), 90'000U);
  MUST(writer.erase("c"));
  EXPECT_CODE(cursor.value_size(), ErrorCode::kNotFound);
  EXPECT_CODE(cursor.open_value(), ErrorCode::kNotFound);
  MUST(writer.put("c", contents.at("c")));
  MUST(writer.commit());
  const ReadTransaction reader = MUST(db.begin_read());
  walk(MUST(reader.cursor()));
}

TEST_F(ValueStreamTest, ReadsBeginAndEndWhereOneLikes) {
  Database db = open();
  const std::string value = bytes_of(100'000, 1);
  WriteTransaction writer = MUST(db.begin_write());
  put(writer, "key", value, 7000, true);
  MUST(writer.put("short", "abcdef"));
  MUST(writer.commit());
  const ReadTransaction reader = MUST(db.begin_read());
  const ValueReader stream = MUST(reader.open_value("key")).value();
  const ValueReader few = MUST(reader.open_value("short")).value();
  EXPECT_FALSE(MUST(reader.open_value("none")).has_value());
  std::mt19937 random(1);
  for (int i = 0; i < 500; ++i) {
    const std::size_t from = random() % 110'000;
    std::vector<std::byte> into(random() % 20'000);
    const std::size_t got = MUST(stream.read(from, into));
    const std::string_view want = std::string_view(value).substr(std::min(from, value.size()));
    ASSERT_EQ(std::string_view(reinterpret_cast<char*>(into.data()), got),
              want.substr(0, into.size()));
  }
  char six[10];
  EXPECT_EQ(MUST(few.read(2, std::as_writable_bytes(std::span(six)))), 4U);
  EXPECT_EQ(std::string_view(six, 4), "cdef");
  EXPECT_EQ(MUST(few.read(6, std::as_writable_bytes(std::span(six)))), 0U);
  EXPECT_EQ(MUST(stream.read(UINT64_MAX, std::as_writable_bytes(std::span(six)))), 0U);
}

TEST_F(ValueStreamTest, ASnapshotsReaderKeepsItsValue) {
  Database db = open();
  const std::string first = bytes_of(200'000, 1);
  {
    WriteTransaction writer = MUST(db.begin_write());
    put(writer, "key", first, 9000, false);
    MUST(writer.commit());
  }
  const ReadTransaction reader = MUST(db.begin_read());
  const ValueReader value = MUST(reader.open_value("key")).value();
  for (unsigned i = 0; i < 8; ++i) {
    WriteTransaction writer = MUST(db.begin_write());
    put(writer, "key", bytes_of(250'000, 10 + i), 9000, true);
    MUST(writer.commit());
    MUST(db.checkpoint());
  }
  std::string bytes(first.size(), '\0');
  EXPECT_EQ(MUST(value.read(0, std::as_writable_bytes(std::span(bytes)))), first.size());
  EXPECT_TRUE(bytes == first);
}

TEST_F(ValueStreamTest, AWritersReaderSaysWhenItsValueHasGone) {
  Database db = open();
  const std::string value = bytes_of(80'000, 1);
  WriteTransaction writer = MUST(db.begin_write());
  put(writer, "key", value, 8000, true);
  const ValueReader stream = MUST(writer.open_value("key")).value();
  MUST(writer.put("other", "x"));
  char few[8];
  const auto into = std::as_writable_bytes(std::span(few));
  EXPECT_EQ(MUST(stream.read(79'996, into)), 4U);
  MUST(writer.put("key", "short"));
  EXPECT_CODE(stream.read(0, into), ErrorCode::kNotFound);
  const ValueReader small = MUST(writer.open_value("key")).value();
  MUST(writer.erase("key"));
  EXPECT_CODE(small.read(0, into), ErrorCode::kNotFound);
  MUST(writer.put("key", "again"));
  MUST(writer.commit());
}

TEST_F(ValueStreamTest, WhatIsNotFinishedLeavesNothing) {
  Database db = open();
  {
    WriteTransaction writer = MUST(db.begin_write());
    put(writer, "keep", bytes_of(150'000, 1), 9000, false);
    MUST(writer.commit());
  }
  const std::uint64_t before = pages_in_use(db);
  const std::string value = bytes_of(900'000, 2);
  {
    WriteTransaction writer = MUST(db.begin_write());
    {
      ValueWriter stream = MUST(writer.put_stream("gone"));
      MUST(append_in(stream, value, 9000));
    }
    EXPECT_FALSE(MUST(writer.contains("gone")));
    MUST(writer.put("a", "b"));
    MUST(writer.erase("a"));
    ValueWriter stream = MUST(writer.put_stream("keep"));
    MUST(append_in(stream, value, 70'000));
    writer.abort();
    EXPECT_CODE(stream.append("more"), ErrorCode::kInvalidArgument);
    EXPECT_CODE(stream.finish(), ErrorCode::kInvalidArgument);
    EXPECT_EQ(stream.size(), 0U);
  }
  EXPECT_EQ(pages_in_use(db), before);
  std::optional<ValueWriter> late;
  {
    WriteTransaction writer = MUST(db.begin_write());
    late = MUST(writer.put_stream("late"));
    MUST(append_in(*late, value, 70'000));
  }
  EXPECT_CODE(late->append("x"), ErrorCode::kInvalidArgument);
  late.reset();
  EXPECT_EQ(pages_in_use(db), before);
  EXPECT_EQ(contents_of(db).size(), 1U);
  expect_sound(db);
}

TEST_F(ValueStreamTest, ACommitWithAnOpenStreamFails) {
  Database db = open();
  WriteTransaction writer = MUST(db.begin_write());
  MUST(writer.put("a", "b"));
  ValueWriter stream = MUST(writer.put_stream("key"));
  MUST(stream.append("value"));
  EXPECT_CODE(writer.commit(), ErrorCode::kInvalidArgument);
  EXPECT_CODE(stream.finish(), ErrorCode::kInvalidArgument);
  EXPECT_TRUE(contents_of(db).empty());
}

TEST_F(ValueStreamTest, SeveralStreamsAndOtherChangesGoOnTogether) {
  Database db = open();
  WriteTransaction writer = MUST(db.begin_write());
  Contents model;
  const std::string a = bytes_of(300'000, 1);
  const std::string b = bytes_of(290'000, 2);
  ValueWriter first = MUST(writer.put_stream("a"));
  ValueWriter second = MUST(writer.put_stream("b", b.size()));
  for (std::size_t at = 0; at < a.size(); at += 10'000) {
    MUST(first.append(std::string_view(a).substr(at, 10'000)));
    if (at < b.size()) MUST(second.append(std::string_view(b).substr(at, 10'000)));
    const std::string key = "k" + numbered(at);
    MUST(writer.put(key, std::string(at / 20, 'v')));
    model[key] = std::string(at / 20, 'v');
  }
  MUST(writer.put("a", "before it is finished"));
  MUST(first.finish());
  EXPECT_CODE(first.finish(), ErrorCode::kInvalidArgument);
  MUST(second.finish());
  model["a"] = a;
  model["b"] = b;
  EXPECT_TRUE(contents_of(writer) == model);
  MUST(writer.commit());
  EXPECT_TRUE(contents_of(db) == model);
  world_.lose_power();
  Database again = open();
  EXPECT_TRUE(contents_of(again) == model);
  expect_sound(again);
}

TEST_F(ValueStreamTest, LimitsAndSizesThatAreWrongAreRefusedAndTheTransactionGoesOn) {
  Database db = open();
  const std::uint64_t before = pages_in_use(db);
  WriteTransaction writer = MUST(db.begin_write());
  EXPECT_CODE(writer.put_stream(std::string(max_key_bytes(4096) + 1, 'k')),
              ErrorCode::kLimitExceeded);
  EXPECT_CODE(writer.put_stream("key", std::uint64_t{kMaxValueBytes} + 1),
              ErrorCode::kLimitExceeded);
  EXPECT_CODE(writer.put_stream(Tree(77), "key"), ErrorCode::kNotFound);
  for (const std::size_t said : {std::size_t{10}, std::size_t{100'000}}) {
    ValueWriter few = MUST(writer.put_stream("key", said));
    MUST(few.append(std::string(said - 1, 'x')));
    EXPECT_CODE(few.finish(), ErrorCode::kInvalidArgument);
    ValueWriter many = MUST(writer.put_stream("key", said));
    MUST(many.append(std::string(said, 'x')));
    EXPECT_CODE(many.append("y"), ErrorCode::kInvalidArgument);
    EXPECT_CODE(many.finish(), ErrorCode::kInvalidArgument);
  }
  // A stretch of memory that long is claimed, and not touched before it is refused.
  ValueWriter large = MUST(writer.put_stream("key"));
  MUST(large.append("x"));
  static const char nothing = 0;
  EXPECT_CODE(large.append(std::string_view(&nothing, kMaxValueBytes)), ErrorCode::kLimitExceeded);
  EXPECT_FALSE(MUST(writer.contains("key")));
  MUST(writer.put("a", "b"));
  MUST(writer.erase("a"));
  MUST(writer.commit());
  EXPECT_EQ(pages_in_use(db), before);
}

TEST_F(ValueStreamTest, SavepointsTakeBackWhatWasFinishedAndSpareWhatIsOpen) {
  Database db = open();
  const std::string a = bytes_of(120'000, 1);
  const std::string b = bytes_of(130'000, 2);
  const std::string c = bytes_of(140'000, 3);
  {
    WriteTransaction writer = MUST(db.begin_write());
    put(writer, "a", a, 9000, true);
    ValueWriter open_before = MUST(writer.put_stream("c"));
    MUST(append_in(open_before, std::string_view(c).substr(0, 70'000), 9000));
    {
      Savepoint savepoint = MUST(writer.savepoint());
      put(writer, "b", b, 9000, false);
      put(writer, "a", b, 9000, false);  // Replaces one from below it.
      EXPECT_EQ(read_in(writer, "a", 9000), b);
      MUST(open_before.append(std::string_view(c).substr(70'000, 1000)));
      MUST(savepoint.rollback());
      EXPECT_EQ(read_in(writer, "a", 9000), a);
      EXPECT_FALSE(MUST(writer.contains("b")));
      MUST(writer.erase("a"));
    }
    EXPECT_EQ(read_in(writer, "a", 9000), a);
    {
      Savepoint outer = MUST(writer.savepoint());
      Savepoint inner = MUST(writer.savepoint());
      MUST(writer.erase("a"));
      put(writer, "b", b, 9000, false);
      MUST(inner.release());
      EXPECT_FALSE(MUST(writer.contains("a")));
      MUST(outer.rollback());
      EXPECT_EQ(read_in(writer, "a", 9000), a);
      put(writer, "b", b, 9000, false);
      MUST(writer.erase("b"));
      put(writer, "b", a, 9000, false);
      MUST(outer.release());
    }
    MUST(append_in(open_before, std::string_view(c).substr(71'000), 9000));
    MUST(open_before.finish());
    MUST(writer.commit());
  }
  const Contents model{{"a", a}, {"b", a}, {"c", c}};
  EXPECT_TRUE(contents_of(db) == model);
  expect_sound(db);
  WriteTransaction writer = MUST(db.begin_write());
  for (const auto& [key, value] : model) MUST(writer.erase(key));
  MUST(writer.commit());
  world_.clock().advance(std::chrono::seconds(1));
  while (MUST(db.run_background())) {
  }
  // A catalog, a root, and the map; ids were spoken for by several streams at once.
  EXPECT_LT(pages_in_use(db), 40U * 4096);
}

TEST_F(ValueStreamTest, AnythingInAnyOrderIsWhatAMapHolds) {
  std::mt19937 random(5);
  Database db = open();
  Contents model;
  for (int round = 0; round < 60; ++round) {
    WriteTransaction writer = MUST(db.begin_write());
    Contents mine = model;
    std::vector<std::pair<Savepoint, Contents>> savepoints;
    const unsigned steps = 1 + random() % 12;
    for (unsigned step = 0; step < steps; ++step) {
      const std::string key = "k" + std::to_string(random() % 6);
      switch (random() % 8) {
        case 0:
          MUST(writer.erase(key));
          mine.erase(key);
          break;
        case 1:
          savepoints.emplace_back(MUST(writer.savepoint()), mine);
          break;
        case 2:
          if (savepoints.empty()) break;
          mine = savepoints.back().second;
          MUST(savepoints.back().first.rollback());
          break;
        case 3:
          if (savepoints.empty()) break;
          MUST(savepoints.back().first.release());
          savepoints.pop_back();
          break;
        case 4: {
          ValueWriter given_up = MUST(writer.put_stream(key));
          MUST(append_in(given_up, bytes_of(random() % 200'000, random()), 8192));
          break;
        }
        default: {
          const std::string value = bytes_of(random() % 90'000, random());
          const bool known = random() % 2 == 0;
          put(writer, key, value, 1 + random() % 30'000, known);
          mine[key] = value;
        }
      }
    }
    ASSERT_TRUE(contents_of(writer) == mine) << round;
    savepoints.clear();  // The last one first.
    const Contents after = contents_of(writer);
    if (random() % 4 == 0) {
      writer.abort();
    } else {
      MUST(writer.commit(random() % 2 == 0 ? Durability::kSync : Durability::kLazy));
      model = after;
    }
    if (random() % 5 == 0) MUST(db.checkpoint());
    if (random() % 7 == 0) {
      MUST(db.sync());
      world_.lose_power();
      db = open();
    }
    ASSERT_TRUE(contents_of(db) == model) << round;
  }
  expect_sound(db);
}

}  // namespace
}  // namespace holdfast
