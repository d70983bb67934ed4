#include "recovery/decide.h"

namespace holdfast {
namespace {

constexpr When kNo = When::kNo, kYes = When::kYes, kAny = When::kAny;

constexpr unsigned in(Ahead ahead) {
  return 1u << static_cast<unsigned>(ahead);
}
constexpr unsigned kBatchAhead = in(Ahead::kBatch), kContinuesAhead = in(Ahead::kContinues),
                   kNothingAhead = in(Ahead::kNothing), kForeignAhead = in(Ahead::kForeign),
                   kBrokenAhead = in(Ahead::kJunk) | in(Ahead::kBadPayload);
constexpr unsigned kStopAhead = kNothingAhead | kForeignAhead | kBrokenAhead;
constexpr unsigned kEveryAhead = kStopAhead | kBatchAhead | kContinuesAhead;

// The newest epoch's first segment may be gone only when a checkpoint in that epoch let go of it.
constexpr StartRow kStartRows[] = {
    // label  named  newest epoch  first of newest  read?
    {"A1", kNo, kAny, kAny, false},
    {"A2", kYes, kYes, kAny, true},
    {"A3", kYes, kNo, kNo, false},
    {"A4", kYes, kNo, kYes, true},
};

// A claim comes first, whatever lies ahead: the epoch that made it had read all this from the
// medium and had decided that the log ends here. It continues at the end of a group, never inside
// one.
constexpr StepRow kStepRows[] = {
    // label  committed  claim  ahead  successor  step
    {"S1", kYes, kYes, kEveryAhead, kAny, Step::kFollowClaim},
    {"S2", kYes, kNo, kBatchAhead, kAny, Step::kTakeBatch},
    {"S3", kNo, kAny, kBatchAhead, kAny, Step::kTakeBatch},
    {"S4", kYes, kNo, kContinuesAhead, kYes, Step::kGoToSuccessor},
    {"S5", kNo, kAny, kContinuesAhead, kYes, Step::kGoToSuccessor},
    {"S6", kYes, kNo, kContinuesAhead, kNo, Step::kStop},
    {"S7", kNo, kAny, kContinuesAhead, kNo, Step::kStop},
    {"S8", kYes, kNo, kStopAhead, kAny, Step::kStop},
    {"S9", kNo, kAny, kStopAhead, kAny, Step::kStop},
};

constexpr EndRow kEndRows[] = {
    // label  ahead  pending  vouched  bad segment  end
    {"E1", kForeignAhead, kAny, kAny, kAny, LogEnd::kDamaged,
     "a sound batch stands here that doesn't follow the one before it"},
    {"E2", kContinuesAhead, kAny, kAny, kAny, LogEnd::kDamaged,
     "the log says that it goes on in another file, and that file is missing"},
    {"E3", kNothingAhead | kBrokenAhead, kAny, kYes, kAny, LogEnd::kDamaged,
     "the log can't be read here although more of it was durable"},
    {"E4", kNothingAhead | kBrokenAhead, kAny, kNo, kYes, LogEnd::kDamaged,
     "a log file is cut short or both its headers are bad, so what it held can't be told"},
    {"E5", kBrokenAhead, kAny, kNo, kNo, LogEnd::kTorn, ""},
    {"E6", kNothingAhead, kYes, kNo, kNo, LogEnd::kUnfinished, ""},
    {"E7", kNothingAhead, kNo, kNo, kNo, LogEnd::kClean, ""},
};

constexpr bool fits(When when, bool fact) {
  return when == kAny || (when == kYes) == fact;
}
constexpr bool fits(unsigned set, Ahead ahead) {
  return (set & in(ahead)) != 0;
}

template <class Row, class Facts>
const Row& find(std::span<const Row> rows, const Facts& facts, const Row& otherwise) {
  for (const Row& row : rows) {
    if (matches(row, facts)) return row;
  }
  return otherwise;  // Unreachable, the tables being complete; and a row that accepts nothing.
}

}  // namespace

std::span<const StartRow> start_rows() {
  return kStartRows;
}
std::span<const StepRow> step_rows() {
  return kStepRows;
}
std::span<const EndRow> end_rows() {
  return kEndRows;
}

bool matches(const StartRow& row, const StartFacts& facts) {
  return fits(row.named_present, facts.named_present) &&
         fits(row.epoch_is_newest, facts.epoch_is_newest) &&
         fits(row.newest_present, facts.newest_present);
}

bool matches(const StepRow& row, const StepFacts& facts) {
  return fits(row.committed, facts.committed) && fits(row.claim, facts.claim) &&
         fits(row.ahead, facts.ahead) && fits(row.successor, facts.successor);
}

bool matches(const EndRow& row, const EndFacts& facts) {
  return fits(row.ahead, facts.ahead) && fits(row.pending, facts.pending) &&
         fits(row.vouched, facts.vouched) && fits(row.bad_segment, facts.bad_segment);
}

const StartRow& decide(const StartFacts& facts) {
  return find(start_rows(), facts, start_rows().front());
}
const StepRow& decide(const StepFacts& facts) {
  return find(step_rows(), facts, step_rows().back());
}
const EndRow& decide(const EndFacts& facts) {
  return find(end_rows(), facts, end_rows().front());
}

}  // namespace holdfast
