// Cursors that change what they walk over, and what happens to others on the way.
#include <random>

#include "engine/base/limits.h"
#include "tests/engine/transaction_fixture.h"

namespace holdfast {
namespace {

class CursorChangeTest : public TransactionTest {};

TEST_F(CursorChangeTest, DeletingWhileWalkingEitherWay) {
  for (const bool back : {false, true}) {
    for (const int every : {1, 2, 3}) {
      MemoryWorld world;
      Options options = world.options();
      options.page_size = 4096;
      Database db = MUST(Database::open("db", options));
      WriteTransaction writer = MUST(db.begin_write());
      Contents model;
      for (int i = 0; i < 700; ++i) {
        model[numbered(i)] = std::string(i % 40 == 0 ? 9000 : 150, 'v');
        MUST(writer.put(numbered(i), model[numbered(i)]));
      }
      Cursor cursor = MUST(writer.cursor());
      int met = 0;
      for (bool on = MUST(back ? cursor.last() : cursor.first()); on;
           on = MUST(back ? cursor.prev() : cursor.next())) {
        EXPECT_EQ(cursor.key(), numbered(back ? 699 - met : met));
        if (met++ % every != 0) continue;
        model.erase(std::string(cursor.key()));
        EXPECT_TRUE(MUST(cursor.erase()));
        EXPECT_FALSE(MUST(cursor.erase())) << "it is gone";
        EXPECT_TRUE(cursor.valid());
        EXPECT_CODE(cursor.value(), ErrorCode::kNotFound);
      }
      EXPECT_EQ(met, 700);
      EXPECT_EQ(MUST(writer.count()), model.size());
      MUST(writer.commit());
      EXPECT_TRUE(contents_of(db) == model);
      expect_sound(db);
    }
  }
}

TEST_F(CursorChangeTest, ReplacingTheValueItStandsOn) {
  Database db = open();
  WriteTransaction writer = MUST(db.begin_write());
  for (int i = 0; i < 200; ++i) MUST(writer.put(numbered(i), "short"));
  Cursor cursor = MUST(writer.cursor());
  int met = 0;
  for (bool on = MUST(cursor.first()); on; on = MUST(cursor.next()), ++met) {
    ASSERT_EQ(cursor.key(), numbered(met));
    const std::string value = std::string(met % 10 == 0 ? 20'000 : 300, 'r') + numbered(met);
    EXPECT_TRUE(MUST(cursor.replace(value)));
    EXPECT_EQ(MUST(cursor.value()), value);
  }
  EXPECT_EQ(met, 200);
  EXPECT_TRUE(MUST(cursor.seek(numbered(5))));
  MUST(writer.erase(numbered(5)));
  EXPECT_FALSE(MUST(cursor.replace("nothing to replace")));
  EXPECT_EQ(MUST(writer.count()), 199U);
  MUST(writer.commit());
  expect_sound(db);
}

TEST_F(CursorChangeTest, WhatACursorMayNotDo) {
  Database db = open();
  MUST(db.put("a", "1"));
  {
    const ReadTransaction reader = MUST(db.begin_read());
    Cursor cursor = MUST(reader.cursor());
    EXPECT_TRUE(MUST(cursor.first()));
    EXPECT_CODE(cursor.erase(), ErrorCode::kReadOnly);
    EXPECT_CODE(cursor.replace("2"), ErrorCode::kReadOnly);
    EXPECT_EQ(MUST(cursor.value()), "1");
  }
  WriteTransaction writer = MUST(db.begin_write());
  Cursor cursor = MUST(writer.cursor());
  EXPECT_CODE(cursor.erase(), ErrorCode::kInvalidArgument);
  EXPECT_FALSE(MUST(cursor.seek("b")));
  EXPECT_CODE(cursor.replace("2"), ErrorCode::kInvalidArgument);
  MUST(writer.put("c", "3"));
  MUST(writer.commit());
  EXPECT_CODE(cursor.first(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(contents_of(db), (Contents{{"a", "1"}, {"c", "3"}}));
}

// Several cursors in one tree while it is changed through each of them and beside them.
// DR-A6: docs/SCENARIOS.md.
TEST_F(CursorChangeTest, ManyCursorsSurviveEachOther) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    MemoryWorld world;
    Options options = world.options();
    options.page_size = 4096;
    Database db = MUST(Database::open("db", options));
    std::mt19937 random(seed);
    const auto below = [&](unsigned n) { return static_cast<int>(random() % n); };
    WriteTransaction writer = MUST(db.begin_write());
    Contents model;
    struct Walker {
      Cursor cursor;
      std::optional<std::string> key;  // Where it stands.
    };
    std::vector<Walker> walkers;
    for (int i = 0; i < 6; ++i) walkers.push_back({MUST(writer.cursor()), std::nullopt});
    for (int step = 0; step < 3000; ++step) {
      Walker& walker = walkers[static_cast<std::size_t>(below(6))];
      const std::string key = numbered(below(400), 4);
      switch (below(8)) {
        case 0:
        case 1: {
          const std::string value(below(30) == 0 ? 9000 : below(300), 'a');
          MUST(writer.put(key, value));
          model[key] = value;
          break;
        }
        case 2:
          EXPECT_EQ(MUST(writer.erase(key)), model.erase(key) == 1);
          break;
        case 3:
          if (walker.key) {
            EXPECT_EQ(MUST(walker.cursor.erase()), model.erase(*walker.key) == 1);
          }
          break;
        case 4:
          if (walker.key) {
            const bool there = model.contains(*walker.key);
            EXPECT_EQ(MUST(walker.cursor.replace("new")), there);
            if (there) model[*walker.key] = "new";
          }
          break;
        case 5: {
          const auto at = model.lower_bound(key);
          ASSERT_EQ(MUST(walker.cursor.seek(key)), at != model.end());
          walker.key = at == model.end() ? std::nullopt : std::optional(at->first);
          break;
        }
        default: {
          if (!walker.key) break;
          const bool back = below(2) == 0;
          const auto at = back ? model.lower_bound(*walker.key) : model.upper_bound(*walker.key);
          const bool more = back ? at != model.begin() : at != model.end();
          ASSERT_EQ(MUST(back ? walker.cursor.prev() : walker.cursor.next()), more)
              << "seed " << seed << ", step " << step;
          walker.key = more ? std::optional((back ? std::prev(at) : at)->first) : std::nullopt;
          break;
        }
      }
      ASSERT_EQ(walker.cursor.valid(), walker.key.has_value());
      if (!walker.key) continue;
      ASSERT_EQ(walker.cursor.key(), *walker.key);
      const auto value = walker.cursor.value();
      const auto want = model.find(*walker.key);
      ASSERT_EQ(value.has_value(), want != model.end());
      if (value) {
        ASSERT_EQ(*value, want->second);
      }
    }
    walkers.clear();
    MUST(writer.commit());
    ASSERT_TRUE(contents_of(db) == model) << "seed " << seed;
    expect_sound(db);
  }
}

}  // namespace
}  // namespace holdfast
