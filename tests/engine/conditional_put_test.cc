// insert(), replace(), compare_and_set(): what they change, what they answer, what they count.
#include "engine/base/limits.h"
#include "tests/engine/transaction_fixture.h"

namespace holdfast {
namespace {

class ConditionalPutTest : public TransactionTest {};

TEST_F(ConditionalPutTest, InsertOnlyStoresWhereThereIsNone) {
  Database db = open();
  WriteTransaction writer = MUST(db.begin_write());
  EXPECT_TRUE(MUST(writer.insert("a", "1")));
  EXPECT_FALSE(MUST(writer.insert("a", "2")));
  EXPECT_TRUE(MUST(writer.insert("", "the empty key")));
  EXPECT_EQ(MUST(writer.count()), 2U);
  MUST(writer.commit());
  writer = MUST(db.begin_write());
  EXPECT_FALSE(MUST(writer.insert("a", std::string(20'000, 'x'))));
  MUST(writer.commit());
  EXPECT_EQ(contents_of(db), (Contents{{"", "the empty key"}, {"a", "1"}}));
  expect_sound(db);
}

TEST_F(ConditionalPutTest, ReplaceOnlyStoresInPlaceOfAnother) {
  Database db = open();
  WriteTransaction writer = MUST(db.begin_write());
  EXPECT_FALSE(MUST(writer.replace("a", "1")));
  EXPECT_EQ(MUST(writer.count()), 0U);
  MUST(writer.put("a", "1"));
  EXPECT_TRUE(MUST(writer.replace("a", std::string(20'000, 'x'))));
  EXPECT_TRUE(MUST(writer.replace("a", "2")));
  EXPECT_EQ(MUST(writer.count()), 1U);
  MUST(writer.commit());
  EXPECT_EQ(contents_of(db), (Contents{{"a", "2"}}));
  expect_sound(db);
}

TEST_F(ConditionalPutTest, CompareAndSetInAllFourWays) {
  Database db = open();
  WriteTransaction writer = MUST(db.begin_write());
  const auto swap = [&](std::optional<std::string_view> expected,
                        std::optional<std::string_view> desired) {
    return MUST(writer.compare_and_set("k", expected, desired));
  };
  EXPECT_FALSE(swap("1", "2"));
  EXPECT_FALSE(swap("1", std::nullopt));
  EXPECT_FALSE(swap("", "2")) << "no record isn't an empty value";
  EXPECT_TRUE(swap(std::nullopt, std::nullopt));
  EXPECT_EQ(MUST(writer.count()), 0U);
  EXPECT_TRUE(swap(std::nullopt, "1"));
  EXPECT_EQ(MUST(writer.count()), 1U);
  EXPECT_FALSE(swap(std::nullopt, "2"));
  EXPECT_FALSE(swap(std::nullopt, std::nullopt));
  EXPECT_FALSE(swap("2", "3"));
  EXPECT_EQ(MUST(writer.get("k")), "1");
  EXPECT_TRUE(swap("1", ""));
  EXPECT_TRUE(swap("", "4"));
  EXPECT_EQ(MUST(writer.count()), 1U);
  EXPECT_TRUE(swap("4", std::nullopt));
  EXPECT_EQ(MUST(writer.count()), 0U);
  MUST(writer.put("k", "5"));
  MUST(writer.commit());
  EXPECT_EQ(contents_of(db), (Contents{{"k", "5"}}));
  expect_sound(db);
}

TEST_F(ConditionalPutTest, LongValuesAreComparedToTheLastByte) {
  Database db = open();
  const std::size_t inline_max = max_inline_value_bytes(8192);
  for (const std::size_t bytes : {inline_max, inline_max + 1, std::size_t{50'000}}) {
    const std::string before(bytes, 'a');
    const std::string after(bytes * 2, 'b');
    WriteTransaction writer = MUST(db.begin_write());
    MUST(writer.put("k", before));
    MUST(writer.commit());
    writer = MUST(db.begin_write());
    for (const std::size_t at : {std::size_t{0}, bytes / 2, bytes - 1}) {
      std::string other = before;
      other[at] = 'x';
      EXPECT_FALSE(MUST(writer.compare_and_set("k", other, after))) << at;
    }
    EXPECT_FALSE(MUST(writer.compare_and_set("k", before.substr(1), after)));
    EXPECT_FALSE(MUST(writer.compare_and_set("k", before + "a", after)));
    EXPECT_TRUE(MUST(writer.compare_and_set("k", before, after)));
    EXPECT_TRUE(MUST(writer.compare_and_set("k", after, std::nullopt)));
    EXPECT_TRUE(MUST(writer.compare_and_set("k", std::nullopt, after)));
    MUST(writer.commit());
    EXPECT_EQ(contents_of(db), (Contents{{"k", after}}));
  }
  MUST(db.checkpoint());
  expect_sound(db);
  EXPECT_EQ(db.stats().pages, 2U + (100'000 + 8192 - 41) / (8192 - 40));
}

TEST_F(ConditionalPutTest, WhatIsRefusedChangesNothingAndTheTransactionGoesOn) {
  Database db = open();
  WriteTransaction writer = MUST(db.begin_write());
  MUST(writer.put("a", "1"));
  const std::string long_key(max_key_bytes(8192) + 1, 'k');
  EXPECT_CODE(writer.insert(long_key, "v"), ErrorCode::kLimitExceeded);
  EXPECT_CODE(writer.replace(long_key, "v"), ErrorCode::kLimitExceeded);
  EXPECT_CODE(writer.compare_and_set(long_key, "x", "v"), ErrorCode::kLimitExceeded);
  EXPECT_CODE(writer.insert(Tree(77), "a", "v"), ErrorCode::kNotFound);
  EXPECT_CODE(writer.compare_and_set(Tree(77), "a", "1", "v"), ErrorCode::kNotFound);
  MUST(writer.commit());
  EXPECT_CODE(writer.insert("b", "v"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(contents_of(db), (Contents{{"a", "1"}}));
}

// A view into the page that takes the value: inserting moves what it points to.
TEST_F(ConditionalPutTest, ACursorsViewMayBeWhatIsStored) {
  Database db = open();
  Contents model;
  WriteTransaction writer = MUST(db.begin_write());
  for (int i = 0; i < 20; ++i) {
    model[numbered(i)] = "value " + std::to_string(i);
    MUST(writer.put(numbered(i), model[numbered(i)]));
  }
  for (int i = 0; i < 20; ++i) {
    Cursor cursor = MUST(writer.cursor());
    ASSERT_TRUE(MUST(cursor.seek_exact(numbered(i))));
    const std::string_view value = MUST(cursor.value());
    const std::string copy(value);
    MUST(writer.put(numbered(i) + "-copy", value));
    model[numbered(i) + "-copy"] = copy;
  }
  MUST(writer.commit());
  EXPECT_EQ(contents_of(db), model);
  expect_sound(db);
}

}  // namespace
}  // namespace holdfast
