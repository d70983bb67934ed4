// Readers that stay, and are given up where that may be (Options::old_snapshots): what they see
// never changes, or every call of theirs says that it is gone.
#include <algorithm>

#include "fuzz/lab/compare.h"
#include "fuzz/lab/lab_database.h"

namespace holdfast {
namespace {

constexpr std::size_t kHeldMax = 6;

}  // namespace

void LabDatabase::snapshot() {
  if (held_.size() >= kHeldMax) return;
  auto reader = db_->begin_read();
  if (!reader) return (void)excused(reader.error(), "begin_read()");
  const std::uint64_t txn = reader->txn();
  if (txn < returned_ || txn > model_.newest()) {
    fail("a new reader sees state " + std::to_string(txn) + " after commit " +
         std::to_string(returned_));
  }
  held_.push_back({*std::move(reader), txn, {}, {}});
}

void LabDatabase::end_snapshot(std::uint32_t number) {
  if (held_.empty()) return;
  judge_view(held_[number % held_.size()]);
  held_[number % held_.size()].cursor.reset();
  held_.erase(held_.begin() + number % held_.size());
}

void LabDatabase::compare_held(std::uint32_t number) {
  if (held_.empty()) return;
  Held& held = held_[number % held_.size()];
  const std::string what = "snapshot of " + std::to_string(held.txn);
  const auto difference = compare(held.reader, model_.as_of(held.txn), cuts_, rng_);
  if (!difference) return (void)excused_for(held, difference.error(), what);
  if (held.given_up) return fail(what + ": it was given up, and has come back");
  ++counters_.compared;
  if (*difference) fail(what + ": " + **difference);
}

bool LabDatabase::excused_for(Held& held, const Error& error, const std::string& what) {
  if (error.code() != ErrorCode::kSnapshotTooOld) return excused(error, what);
  say(what + ": " + error.to_string());
  held.given_up = true;
  if (shape_.old_snapshots == OldSnapshots::kKeep)
    fail(what + " was given up, and snapshots were to stay");
  const Stats stats = db_->stats();
  if (held.txn >= stats.newest_txn) fail(what + " was given up, and it is the newest");
  const auto told = std::ranges::count(held_, true, &Held::given_up);
  if (stats.snapshots_given_up < static_cast<std::uint64_t>(told))
    fail(what + " was given up, and the statistics don't say so");
  // The oldest goes first.
  for (Held& other : held_) {
    if (other.given_up || other.txn >= held.txn) continue;
    const auto got = other.reader.get("");
    other.given_up = !got && got.error().code() == ErrorCode::kSnapshotTooOld;
    if (got) fail(what + " was given up before that of " + std::to_string(other.txn));
    if (!got && !other.given_up) (void)excused(got.error(), "get()");
  }
  return !failure_;
}

// Nothing keeps an old version: no reader is open, or all have been given up.
bool LabDatabase::unread() const {
  return held_.empty() || db_->stats().open_snapshots == 0;
}

}  // namespace holdfast
