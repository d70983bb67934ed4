// Errors: stable numbers and names, places merged from the inside out, one line for a terminal.
#include "holdfast/error.h"

#include <gtest/gtest.h>

#include <set>

#include "engine/base/result.h"

namespace holdfast {
namespace {

TEST(Error, NumbersAndNamesAreThoseOfTheInterface) {
  // Users store these numbers: a change here breaks them.
  EXPECT_EQ(static_cast<int>(ErrorCode::kInvalidArgument), 1);
  EXPECT_EQ(static_cast<int>(ErrorCode::kBusy), 5);
  EXPECT_EQ(static_cast<int>(ErrorCode::kDiskFull), 8);
  EXPECT_EQ(static_cast<int>(ErrorCode::kDamaged), 12);
  EXPECT_EQ(static_cast<int>(ErrorCode::kInternal), 18);
  std::set<std::string> names;
  for (int code = 1; code <= 18; ++code)
    names.insert(error_code_name(static_cast<ErrorCode>(code)));
  EXPECT_EQ(names.size(), 18U);
  EXPECT_FALSE(names.contains("unknown"));
  EXPECT_STREQ(error_code_name(static_cast<ErrorCode>(99)), "unknown");
}

TEST(Error, ThePlaceStandsBehindTheSentence) {
  const Error error(ErrorCode::kDamaged, "page is bad",
                    {.file = "a.db", .offset = 65536, .page = 7, .tree = 1, .txn = 9});
  EXPECT_EQ(error.to_string(),
            "page is bad (file a.db, offset 65536, page 7, tree 1, transaction 9)");
  EXPECT_EQ(Error(ErrorCode::kIo, "no").to_string(), "no");
}

TEST(Error, AnOuterPlaceFillsInOnlyWhatIsMissing) {
  const Error inner(ErrorCode::kIo, "x",
                    {.file = "inner", .offset = {}, .page = 3, .tree = {}, .txn = {}});
  const Error merged = inner.at({.file = "outer", .offset = 8, .page = 4, .tree = 5, .txn = {}});
  EXPECT_EQ(merged.place().file, "inner");
  EXPECT_EQ(merged.place().offset, 8U);
  EXPECT_EQ(merged.place().page, 3U);
  EXPECT_EQ(merged.place().tree, 5U);
  EXPECT_FALSE(merged.place().txn);
}

Result<int> half(int n) {
  if (n % 2 != 0) return fail(ErrorCode::kInvalidArgument, "odd");
  return n / 2;
}

Result<int> quarter(int n) {
  const int once = TRY(half(n));
  return TRY(half(once));
}

TEST(Result, TryLeavesWithTheFirstError) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(6).error().message(), "odd");
  EXPECT_EQ(quarter(7).error().code(), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace holdfast
