// The ops that keep checkpoints, and what an opening must list of them.
#include <algorithm>

#include "engine/file/meta_format.h"
#include "fuzz/lab/lab_database.h"

namespace holdfast {
namespace {

bool same(const KeptCheckpoint& a, const KeptCheckpoint& b) {
  return a.id == b.id && a.txn == b.txn && a.pages == b.pages && a.kept_at_us == b.kept_at_us;
}

}  // namespace

void LabDatabase::keep() {
  const std::uint64_t newest = model_.newest();
  one_more_kept_ = true;  // Until it is known.
  const auto kept = db_->keep_checkpoint();
  if (!kept) {
    const ErrorCode code = kept.error().code();
    one_more_kept_ = disk_.crashed() || code == ErrorCode::kPoisoned;
    one_more_state_.reset();
    if (one_more_kept_ && model_.newest() == newest)
      one_more_state_ = std::make_shared<const Model::Trees>(model_.as_of(newest));
    if (code == ErrorCode::kLimitExceeded) {
      ++counters_.limits;
    } else {
      (void)excused(kept.error(), "keep_checkpoint()");
    }
    if (!one_more_kept_) judge_kept();
    return;
  }
  one_more_kept_ = false;
  copies_whole_ = true;
  created_ = true;
  if (kept_.size() == kKeptMax) fail("more checkpoints are kept than may be");
  // Of a commit that came in between it may have that too.
  if (kept->txn < newest || kept->txn > model_.newest()) {
    fail("the checkpoint that is kept is that of transaction " + std::to_string(kept->txn) +
         ", not of " + std::to_string(newest));
  }
  kept_.push_back(*kept);
  kept_states_[kept->id] = std::make_shared<const Model::Trees>(model_.as_of(kept->txn));
  chains_.erase(kept->id);  // Ids are another's only where an older file has come back.
  judge_kept();
}

void LabDatabase::release_kept(std::uint32_t number) {
  if (kept_.empty()) return;
  const auto chosen = kept_.begin() + number % kept_.size();
  one_less_kept_ = chosen->id;
  if (auto done = db_->release_checkpoint(chosen->id); !done) {
    if (!disk_.crashed() && done.error().code() != ErrorCode::kPoisoned) one_less_kept_ = 0;
    return (void)excused(done.error(), "release_checkpoint()");
  }
  one_less_kept_ = 0;
  copies_whole_ = true;
  kept_.erase(chosen);
  judge_kept();
}

// What is listed must be what was kept and not released. After harm any list there ever was may
// have come back.
void LabDatabase::judge_kept() {
  const auto listed = db_->kept_checkpoints();
  if (!listed) return (void)excused(listed.error(), "kept_checkpoints()");
  const bool doubt = lied_to_ || harm_ != Harm::kNone || weather_ >= Weather::kAstray;
  std::vector<KeptCheckpoint> expected = kept_;
  if (one_less_kept_ != 0) {
    const auto gone = [&](const KeptCheckpoint& each) { return each.id == one_less_kept_; };
    if (std::ranges::none_of(*listed, gone)) std::erase_if(expected, gone);
  }
  if (one_more_kept_ && listed->size() == expected.size() + 1) {
    expected.push_back(listed->back());
    kept_states_[listed->back().id] = one_more_state_;
  }
  if (!doubt && !std::ranges::equal(*listed, expected, same)) {
    return fail("kept checkpoints: " + std::to_string(listed->size()) + " are listed, " +
                std::to_string(expected.size()) + " must be, or they are others");
  }
  kept_ = *listed;
  const auto gone = [&](const auto& each) {
    // After harm nobody knows any more which one has this id.
    return lied_to_ || harm_ != Harm::kNone ||
           std::ranges::find(kept_, each.first, &KeptCheckpoint::id) == kept_.end();
  };
  std::erase_if(kept_states_, gone);
  std::erase_if(chains_, gone);
  one_more_kept_ = false;
  one_less_kept_ = 0;
}

}  // namespace holdfast
