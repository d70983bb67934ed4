// The decision tables are exhaustive and unambiguous; each row's own test with files is in
// scan_test.cc.
#include "recovery/decide.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace holdfast {
namespace {

constexpr bool kBools[] = {false, true};
constexpr Ahead kAheads[] = {Ahead::kBatch, Ahead::kContinues,  Ahead::kNothing,
                             Ahead::kJunk,  Ahead::kBadPayload, Ahead::kForeign};

// The only row that matches, and that decide() gives.
template <class Row, class Facts>
std::string only_row(std::span<const Row> rows, const Facts& facts) {
  std::string label;
  for (const Row& row : rows) {
    if (matches(row, facts)) label += row.label;
  }
  EXPECT_EQ(label, decide(facts).label);
  return label;
}

TEST(Decide, StartRowsAreExhaustive) {
  std::set<std::string> used;
  for (const bool named : kBools) {
    for (const bool newest : kBools) {
      for (const bool present : kBools) {
        used.insert(only_row(start_rows(), StartFacts{named, newest, present}));
        EXPECT_EQ(decide(StartFacts{named, newest, present}).may_read,
                  named && (newest || present));
      }
    }
  }
  EXPECT_EQ(used, (std::set<std::string>{"A1", "A2", "A3", "A4"}));
}

TEST(Decide, StepRowsAreExhaustive) {
  std::set<std::string> used;
  for (const bool committed : kBools) {
    for (const bool claim : kBools) {
      for (const Ahead ahead : kAheads) {
        for (const bool successor : kBools) {
          const StepFacts facts{committed, claim, ahead, successor};
          used.insert(only_row(step_rows(), facts));
          const Step step = decide(facts).step;
          EXPECT_EQ(step == Step::kFollowClaim, committed && claim);
          if (step == Step::kTakeBatch) {
            EXPECT_EQ(ahead, Ahead::kBatch);
          }
          if (step == Step::kGoToSuccessor) {
            EXPECT_TRUE(successor);
          }
        }
      }
    }
  }
  EXPECT_EQ(used.size(), step_rows().size());
}

TEST(Decide, EndRowsAreExhaustive) {
  std::set<std::string> used;
  for (const Ahead ahead : kAheads) {
    if (ahead == Ahead::kBatch) continue;
    for (const bool pending : kBools) {
      for (const bool vouched : kBools) {
        for (const bool bad_segment : kBools) {
          const EndFacts facts{ahead, pending, vouched, bad_segment};
          used.insert(only_row(end_rows(), facts));
          // Whatever else: a proof of loss is never overlooked.
          if (vouched || bad_segment) {
            EXPECT_EQ(decide(facts).end, LogEnd::kDamaged);
          }
        }
      }
    }
  }
  EXPECT_EQ(used.size(), end_rows().size());
}

}  // namespace
}  // namespace holdfast
