// Stray writes and swapped files: a slice of the writes, all of the files. `crashlab run swaps`
// does all, and makes the table of docs/FAULT_MODEL.md.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "fuzz/lab/replay_line.h"
#include "fuzz/lab/swap_sweep.h"

namespace holdfast {

void PrintTo(SwapRow row, std::ostream* out) {
  *out << swap_row_name(row);
}

namespace {

class Swaps : public testing::TestWithParam<SwapRow> {};

TEST_P(Swaps, ShowRightDataOrNameTheDamage) {
  const auto sweep = std::make_unique<SwapSweep>(GetParam());
  const std::uint64_t stride = sweep->parts() > 1000 ? 11 : 1;
  for (std::uint64_t number = 0; number < sweep->parts(); number += stride) {
    const auto failure = sweep->run(number);
    ASSERT_FALSE(failure) << failure->what << "\nAgain: crashlab replay "
                          << line_of(failure->place);
  }
  const OutcomeCounts counts = sweep->take_counts();
  EXPECT_GT(counts.cases, 20u);
  EXPECT_EQ(counts.cases, counts.right + counts.refused + counts.named + counts.undecidable);
  const bool replaced = GetParam() >= SwapRow::kOlder;
  EXPECT_EQ(counts.undecidable > 0, replaced) << "only another whole file may go unnoticed";
  EXPECT_GT(replaced ? counts.refused : counts.refused + counts.named, 10u);
}

INSTANTIATE_TEST_SUITE_P(, Swaps, testing::ValuesIn(kSwapRows),
                         [](const auto& test) { return std::string(swap_row_name(test.param)); });

}  // namespace
}  // namespace holdfast
