// Freeing what dropped trees and erased ranges left, piece by piece: background work, a few steps
// of a close, or all of it in reclaim().
//
// Each step is a transaction of its own, of 16 to 256 pages by the size of the cache, that shows
// nothing new to anybody. A part is left alone while a snapshot predates its cut: what is freed
// then would only be kept elsewhere. A crash between two steps leaves the list as it was after the
// last durable one.
#include <algorithm>

#include "engine/base/boundary.h"
#include "engine/base/result.h"
#include "engine/database_impl.h"
#include "engine/progress_teller.h"
#include "engine/txn/dying.h"

namespace holdfast {
namespace {

constexpr std::uint32_t kPagesPerStepMin = 16;
constexpr std::uint32_t kPagesPerStepMax = 256;
constexpr int kStepsAtClose = 16;  // A close must end.
constexpr std::uint64_t kWriteOutBytes = std::uint64_t{1} << 20;
// What is freed and not yet reusable may take a sixteenth of the cache to note.
constexpr std::uint64_t kFreedShare = 16;
// Background work waits its turn like any writer, but no longer than other steps can wait.
constexpr std::chrono::milliseconds kTurnWait{20};

}  // namespace

bool DatabaseImpl::enter_gate(std::chrono::milliseconds timeout) {
  const std::uint64_t before = dying_turns_.load();
  if (gate_.enter(timeout)) return true;
  // Nobody is refused a turn because of background work, which is soon done.
  const bool in_the_way = before % 2 == 1 || dying_turns_.load() != before;
  return in_the_way && gate_.enter(std::max<std::chrono::milliseconds>(timeout, kDyingTurnMost));
}

std::uint32_t DatabaseImpl::pages_per_step() const {
  return std::clamp(cache_->frame_limit() / 16, kPagesPerStepMin, kPagesPerStepMax);
}

bool DatabaseImpl::too_much_freed() const {
  return cache_->freed_bytes() >=
         std::uint64_t{cache_->frame_limit()} * cache_->page_size() / kFreedShare;
}

bool DatabaseImpl::checkpoint_frees() const {
  return dying_txn_.load() > checkpoint_txn_.load() && too_much_freed();
}

// Answers the pages it freed, nothing where there was nothing to do.
Result<std::optional<std::uint64_t>> DatabaseImpl::dying_step(std::chrono::milliseconds wait) {
  const std::optional<std::uint64_t> nothing;
  if (!dying_.load() || is_poisoned_.load() || too_much_freed()) return nothing;
  if (raw(cache_->oldest_snapshot()) < dying_waits_.load()) return nothing;
  if (wait.count() == 0 ? !gate_.try_enter() : !enter_gate(wait)) return nothing;
  WriterTurn turn(gate_);
  dying_turns_.fetch_add(1);
  auto freed = at_boundary([this] { return free_dying(); });
  dying_turns_.fetch_add(1);
  return freed;
}

Result<std::optional<std::uint64_t>> DatabaseImpl::free_dying() {
  SlotClaim slot(cache_->readers(), TRY(cache_->readers().claim()));
  WriteView view(*cache_, std::move(slot), ids_, next(cache_->newest()),
                 [this](std::uint32_t frames) { return make_room(frames); });
  const std::optional<DyingPart> part = TRY(next_to_free(view));
  if (!part) return std::optional<std::uint64_t>();
  auto freed = dying_free_some(view, *part, pages_per_step());
  if (!freed && freed.error().code() == ErrorCode::kDamaged) {
    view.drop();
    TRY(dying_give_up(view, *part));
    freed = 0;
  }
  if (!freed) return std::unexpected(freed.error());
  for (const CutPart& found : view.take_cuts()) TRY(dying_add(view, found, part->cut));
  if (TRY(log_and_publish(view))) {
    dying_txn_.store(raw(view.number()));
    view.hand_over();
  }
  view.end();
  LogWriter& log = *log_.load();
  if (log.queued_bytes() < kWriteOutBytes) return std::optional(*freed);
  if (auto written = log.write_through(cache_->newest()); !written) {
    poison(written.error());
    return std::unexpected(*poisoned());
  }
  return std::optional(*freed);
}

// In the writer's turn: nobody adds to the list meanwhile.
Result<std::optional<DyingPart>> DatabaseImpl::next_to_free(PageSource& source) {
  const TxnNumber oldest = cache_->oldest_snapshot();
  std::uint64_t waits = 0;
  DyingCursor cursor(source);
  while (auto part = TRY(cursor.next())) {
    if (part->part.damaged) continue;
    if (part->cut <= oldest) return part;
    waits = waits == 0 ? raw(part->cut) : std::min(waits, raw(part->cut));
  }
  dying_waits_.store(waits);
  if (waits == 0) dying_.store(false);
  return std::optional<DyingPart>();
}

Result<bool> DatabaseImpl::dying_background_step() {
  if (environment_.clock->now() < dying_retry_at_.load()) return false;
  const bool hosted = options_.background == Background::kHost;
  const auto freed = dying_step(hosted ? std::chrono::milliseconds(0) : kTurnWait);
  if (freed) {
    dying_credit_.store(0);
    return freed->has_value();
  }
  dying_retry_at_.store(environment_.clock->now() + kRetryCheckpointAfter);
  const ErrorCode code = freed.error().code();
  // Room may come; nobody asked for this work.
  if (code == ErrorCode::kLimitExceeded || code == ErrorCode::kDiskFull ||
      code == ErrorCode::kOutOfMemory)
    return false;
  return std::unexpected(freed.error());
}

// Two pages for each that a commit adds, so that the file doesn't grow without bound where
// background work can't keep up, or a host never steps it. The commit itself is done.
void DatabaseImpl::help_freeing() noexcept {
  if (!dying_.load() || environment_.clock->now() < dying_retry_at_.load()) return;
  while (dying_credit_.load() >= pages_per_step()) {
    dying_credit_.fetch_sub(pages_per_step());
    const auto freed = at_boundary([this] { return dying_step(std::chrono::milliseconds(0)); });
    if (freed && *freed) continue;
    dying_credit_.store(0);
    if (!freed) dying_retry_at_.store(environment_.clock->now() + kRetryCheckpointAfter);
  }
}

// Sessions that are too short for background work free what they cut, too. Whatever goes wrong is
// left to the next opening.
void DatabaseImpl::free_dying_at_close() {
  if (log_.load() == nullptr) return;
  for (int step = 0; step < kStepsAtClose; ++step) {
    const auto freed = dying_step(std::chrono::milliseconds(0));
    if (!freed || !*freed) return;
  }
}

Result<std::uint64_t> DatabaseImpl::reclaim(const ProgressFunction& progress) {
  TRY(must_be_open());
  if (read_only_) return fail(ErrorCode::kReadOnly, "the database was opened read-only");
  std::uint64_t pages = 0;
  dying_.store(true);
  ProgressTeller teller(progress);
  teller.begin("reclaim", 0);
  for (;;) {
    if (auto error = poisoned()) return std::unexpected(*error);
    if (!teller.tell()) {
      return fail(ErrorCode::kCancelled,
                  "reclaim() was cancelled by its progress function; what is left is freed later");
    }
    if (checkpoint_frees()) TRY(checkpoint());
    const auto freed = TRY(dying_step(options_.write_timeout));
    if (!freed) break;
    pages += *freed;
    teller.add(*freed);
  }
  if (pages != 0) TRY(finish_commit(TxnNumber{dying_txn_.load()}, Durability::kSync, true));
  return pages;
}

}  // namespace holdfast
