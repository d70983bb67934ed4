// Giving space back, by itself and at close; compact.cc is for those who ask for it. See shrink.h.
//
// By itself once the file is twice as large as what is in use, and 64 slots more beside the
// emergency reserve, for some seconds: so the moves, which are never more than what is in use, are
// paid for by what was freed before them, and a file that is about to be filled again is left alone
// (DR-A11). Paced, so that commits have the disk.
#include "engine/shrink.h"

#include <algorithm>

#include "engine/base/boundary.h"
#include "engine/base/result.h"
#include "engine/database_impl.h"

namespace holdfast {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr std::uint64_t kSlackSlots = 64;
constexpr milliseconds kLargeFor{5000};
constexpr milliseconds kTryAgainAfter{60'000};  // What is in the way may go.
constexpr std::uint64_t kBytesPerSecond = std::uint64_t{32} << 20;
constexpr milliseconds kBurst{20};  // Between two looks of the background thread.
constexpr std::uint32_t kPagesPerCheckpointMin = 64;
constexpr std::uint32_t kPagesPerCheckpointMax = 4096;
constexpr std::uint64_t kCutBytes = std::uint64_t{256} << 20;  // The writer may wait for a cut.
constexpr std::uint32_t kSpareMin = 16;
constexpr int kRounds = 3;
constexpr std::uint64_t kPagesPerClose = 3 * std::uint64_t{kPagesPerCheckpointMax};

}  // namespace

// Slots that the file would have if all that is in use lay together.
std::uint64_t DatabaseImpl::least_slots() const {
  return std::max<std::uint64_t>(slots_->used_slots() + slots_->reserved_slots(),
                                 slots_->highest_kept());
}

bool DatabaseImpl::much_too_large() const {
  return slots_->scanned() &&
         slots_->allocated() > 2 * least_slots() + kSlackSlots + kEmergencySlots;
}

// Whether background work is to begin with it now.
bool DatabaseImpl::shrink_due() {
  const auto now = environment_.clock->now();
  if (shrink_ || !much_too_large()) {
    large_since_.reset();
    return false;
  }
  if (!large_since_) large_since_ = now;
  return now - *large_since_ >= kLargeFor && now >= shrink_retry_at_;
}

// Under checkpoint_mutex_.
void DatabaseImpl::begin_shrink(Shrink::By by, std::uint32_t spare) {
  shrink_.emplace();
  shrink_->by = by;
  shrink_->spare = std::max(spare, kSpareMin);
  shrinking_.store(true);
  next_round();
}

void DatabaseImpl::next_round() {
  TailMoves& moves = *shrink_->moves;
  moves.ceiling = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(least_slots() + shrink_->spare, slots_->allocated()));
  moves.next_leaf = 0;
  moves.no_room = false;
  moves.damaged = 0;
  moves.most = std::clamp(cache_->frame_limit(), kPagesPerCheckpointMin, kPagesPerCheckpointMax);
  ++shrink_->rounds;
  slots_->set_ceiling(moves.ceiling);
}

void DatabaseImpl::end_shrink() {
  if (!shrink_) return;
  if (shrink_->by == Shrink::By::kBackground)
    shrink_retry_at_ = environment_.clock->now() + kTryAgainAfter;
  slots_->set_ceiling(0);
  shrink_.reset();
  shrinking_.store(false);
}

// What a checkpoint that was kept meanwhile needs stays where it is, too.
bool DatabaseImpl::has_more_to_move() const {
  const TailMoves& moves = *shrink_->moves;
  return slots_->scanned() && !moves.no_room && moves.next_leaf < map_->leaf_count() &&
         slots_->highest_kept() <= moves.ceiling;
}

// Under checkpoint_mutex_: a step of a checkpoint that moves, or a piece of the file cut, which a
// close does by itself. Answers whether there is more to do.
Result<bool> DatabaseImpl::shrink_step() {
  if (checkpoint_ == nullptr && !has_more_to_move()) {
    const bool above = slots_->high_water() > shrink_->moves->ceiling;
    if (above && shrink_->rounds < kRounds && slots_->scanned()) next_round();
    if (!has_more_to_move()) return shrink_->by == Shrink::By::kClose ? false : cut_some();
  }
  const std::uint64_t before = checkpoint_ == nullptr ? 0 : checkpoint_->pages_moved();
  const bool more = TRY(step_checkpoint());
  const bool paced = shrink_->by == Shrink::By::kBackground;
  if (paced && more && checkpoint_ != nullptr && checkpoint_->pages_moved() > before)
    pace_shrink(checkpoint_->pages_moved() - before, kBytesPerSecond);
  return true;
}

void DatabaseImpl::pace_shrink(std::uint64_t pages, std::uint64_t bytes_per_second) {
  const microseconds cost(pages * cache_->page_size() * 1'000'000 / bytes_per_second);
  shrink_->resume_at = std::max(shrink_->resume_at, environment_.clock->now() - kBurst) + cost;
}

// The meta must not say that slots reach beyond the file's end: that is how a file that was cut
// short by others is known.
Result<bool> DatabaseImpl::cut_some() {
  TRY(restore_meta_copies());
  std::uint32_t floor = 0;
  {
    MutexLock lock(meta_mutex_);
    Meta meta = meta_->meta();
    const std::uint32_t high_water = slots_->high_water();
    if (meta.slot_high_water > high_water) {
      meta.slot_high_water = high_water;
      wrote_.store(true);
      if (auto written = at_boundary([&] { return meta_->write(meta); }); !written) {
        lock.unlock();
        poison(written.error());
        return std::unexpected(*poisoned());
      }
    }
    floor = meta.slot_high_water;
  }
  // By itself it leaves what isn't too large for it again.
  const std::uint32_t keep = shrink_->by == Shrink::By::kBackground ? shrink_->moves->ceiling : 0;
  const auto most = static_cast<std::uint32_t>(kCutBytes / cache_->page_size());
  const std::uint32_t cut = TRY(slots_->trim(std::max(floor, keep), most));
  shrink_->slots_cut += cut;
  shrink_->resume_at = environment_.clock->now() + kBurst;
  return cut == most;
}

// Answers whether it did something. An error is that of a step which is tried again later.
Result<bool> DatabaseImpl::shrink_background_step() {
  if (!shrink_ && shrink_due())
    begin_shrink(Shrink::By::kBackground,
                 static_cast<std::uint32_t>(kSlackSlots + least_slots() / 8));
  if (!shrink_ || shrink_->by != Shrink::By::kBackground) return false;
  const bool paced = checkpoint_ == nullptr || checkpoint_->moving();
  if (paced && environment_.clock->now() < shrink_->resume_at) return false;
  auto stepped = at_boundary([this] { return shrink_step(); });
  if (!stepped || !*stepped) end_shrink();
  if (!stepped) return std::unexpected(stepped.error());
  return true;
}

// Whether a checkpoint under way waits for its turn to move more pages. One that is due for other
// reasons doesn't.
bool DatabaseImpl::waits_to_move() const {
  return checkpoint_->moving() && shrink_ && !checkpoint_due() &&
         (shrink_->by != Shrink::By::kBackground || environment_.clock->now() < shrink_->resume_at);
}

// At close, where nobody waits for pages, and for a bounded number of them: a large file shrinks
// over several closes.
Result<void> DatabaseImpl::move_tail_down() {
  MutexLock lock(checkpoint_mutex_);
  end_shrink();
  const std::uint64_t least = least_slots();
  if (slots_->high_water() <= least + std::max<std::uint64_t>(kSpareMin, least / 4)) return {};
  begin_shrink(Shrink::By::kClose, kSpareMin);
  const auto moved_enough = [&] {
    return checkpoint_ == nullptr && shrink_->moves->pages >= kPagesPerClose;
  };
  auto done = at_boundary([&]() -> Result<void> {
    while (!moved_enough() && TRY(shrink_step())) {
    }
    return {};
  });
  end_shrink();
  if (!done && done.error().code() == ErrorCode::kDiskFull) return {};
  return done;
}

// At once, for a commit that a full disk would refuse; of a small file, since it waits. Where it is
// not twice as large as needed, only for one that may go on whatever it takes. Answers whether
// something was cut off.
Result<bool> DatabaseImpl::shrink_for_room(bool whatever_is_free) {
  MutexLock lock(checkpoint_mutex_);
  if (auto error = poisoned()) return std::unexpected(*error);
  const bool others = shrink_ && shrink_->by == Shrink::By::kCaller;
  if (others || least_slots() > kPagesPerClose) return false;
  const bool due = much_too_large() && environment_.clock->now() >= shrink_retry_at_;
  if (!due && !whatever_is_free) return false;
  bool cut = false;
  auto done = at_boundary([&]() -> Result<void> {
    if (checkpoint_ != nullptr) TRY(run_checkpoint());
    end_shrink();
    begin_shrink(Shrink::By::kCaller, kSpareMin);
    while (TRY(shrink_step())) {
    }
    return {};
  });
  if (shrink_) cut = shrink_->slots_cut != 0;
  end_shrink();
  if (!cut) shrink_retry_at_ = environment_.clock->now() + kTryAgainAfter;
  if (!done && done.error().code() != ErrorCode::kDiskFull) return std::unexpected(done.error());
  return cut;
}

}  // namespace holdfast
