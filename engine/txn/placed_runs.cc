// Pages that went straight to slots: kept as runs of places, and made private pages where something
// is done with one.
//
// The slots are the run's until the transaction is published or dropped, those of private pages
// made of it too (PrivatePage::slot_shared): so rolling back to where such a page didn't exist
// leaves the run as it was. A page of it that is released, or that the log gets from elsewhere,
// costs its slot only at the end.
#include <algorithm>
#include <utility>
#include <vector>

#include "engine/base/limits.h"
#include "engine/base/result.h"
#include "engine/txn/write_view.h"

namespace holdfast {
namespace {

constexpr std::size_t kWriteTogether = 16;  // Pages.
// What is longer costs a sync of the tree file and is written once; what is shorter goes through
// the log.
constexpr std::uint64_t kWrittenOnceBytes = std::uint64_t{256} << 10;
constexpr std::size_t kWrittenOnceShare = 32;  // Of the budget, where that is less.
constexpr std::uint32_t kLeastIds = 1024;  // No shorter stretch is tried where many were wanted.

}  // namespace

bool WriteView::writes_once(std::uint64_t bytes) const {
  return bytes >=
         std::min<std::uint64_t>(kWrittenOnceBytes, cache_.budget_bytes() / kWrittenOnceShare);
}

// Pages collect in a buffer and are written some at a time.
class WriteView::Run final : public PageRun {
 public:
  Run(WriteView& view, TreeId tree) : view_(view), tree_(tree), ids_(1), rest_(1) {}
  ~Run() override {
    for (const PlacedPage& page : pages_) view_.cache_.free_slot(page.slot);
    view_.placed_ -= pages_.size();
    view_.run_bytes_ -= buffer_.size();
    if (!ids_.empty() && ids_.front().count != 0) give_back(ids_);
  }

  // Fewer ids where there aren't so many in a row.
  Result<void> open(std::uint32_t most) {
    const std::size_t page_size = view_.page_size();
    buffer_.resize(std::min<std::size_t>(
                       kWriteTogether,
                       std::max<std::size_t>(1, view_.cache_.budget_bytes() / 16 / page_size)) *
                   page_size);
    view_.run_bytes_ += buffer_.size();
    for (;;) {
      const auto taken = view_.ids_.take(most);
      if (taken) {
        ids_.front() = *taken;
        view_.cache_.set_id_limit(view_.ids_.high_water());
        return {};
      }
      if (most <= kLeastIds) return std::unexpected(taken.error());
      most /= 2;
    }
  }

  [[nodiscard]] PageId first() const override { return ids_.front().first; }
  [[nodiscard]] std::uint32_t pages() const override {
    return static_cast<std::uint32_t>(pages_.size()) + in_buffer_;
  }

  Result<Editor> next(PageKind kind, std::uint8_t level) override {
    const std::size_t page_size = view_.page_size();
    if (in_buffer_ * page_size == buffer_.size()) TRY(flush());
    if (pages() == ids_.front().count) {
      return fail(ErrorCode::kLimitExceeded,
                  "there are no more than " + std::to_string(pages()) + " page ids in a row",
                  {.file = {}, .offset = {}, .page = {}, .tree = raw(tree_), .txn = {}});
    }
    const PageId id = first() + pages();
    const std::span<std::byte> page = std::span(buffer_).subspan(in_buffer_ * page_size, page_size);
    format_page(page, view_.cache_.tag(), view_.number_, id, tree_, kind, level);
    ++in_buffer_;
    return Editor(page, &edits_);
  }

  Result<void> join() override {
    TRY(flush());
    if (pages_.empty()) return {};
    IdRuns& allocated = view_.level().allocated;
    const auto count = static_cast<std::uint32_t>(pages_.size());
    const auto [run, added] = view_.runs_.try_emplace(raw(first()));
    run->second.level = view_.depth();
    // Nothing fails from here on.
    rest_.front() = {first() + count, ids_.front().count - count};
    ids_.front().count = count;
    allocated.splice(allocated.end(), ids_);
    run->second.pages.swap(pages_);
    ++view_.changes_;
    if (rest_.front().count != 0) give_back(rest_);
    return {};
  }

 private:
  void give_back(IdRuns& ids) noexcept {
    view_.ids_.give_back_unused(std::move(ids));
    view_.cache_.set_id_limit(view_.ids_.high_water());
  }
  Result<void> flush() {
    if (in_buffer_ == 0) return {};
    const std::span<std::byte> pages = std::span(buffer_).first(in_buffer_ * view_.page_size());
    std::vector<PlacedPage> placed(in_buffer_);
    const Slot after = pages_.empty() ? kNoSlot : pages_.back().slot;
    TRY(view_.may_grow());
    auto written = view_.cache_.write_fresh(pages, after, placed);
    if (!written && written.error().code() == ErrorCode::kDiskFull) {
      // A checkpoint gives back the slots of superseded versions.
      TRY(view_.make_room_(0));
      written = view_.cache_.write_fresh(pages, after, placed);
    }
    TRY(written);
    for (std::size_t i = 0; i < placed.size(); ++i) {
      try {
        pages_.push_back(placed[i]);
      } catch (...) {
        for (; i < placed.size(); ++i) view_.cache_.free_slot(placed[i].slot);
        throw;
      }
      ++view_.placed_;
    }
    in_buffer_ = 0;
    return {};
  }

  WriteView& view_;
  const TreeId tree_;
  IdRuns ids_;   // One run, until it is joined.
  IdRuns rest_;  // One: what of it was not needed.
  std::vector<std::byte> buffer_;
  std::uint32_t in_buffer_ = 0;
  std::deque<PlacedPage> pages_;
  EditList edits_ = EditList::fresh();  // Notes nothing.
};

Result<std::unique_ptr<PageRun>> WriteView::begin_run(TreeId tree, std::uint32_t most) {
  auto run = std::make_unique<Run>(*this, tree);
  if (auto opened = run->open(most); !opened) return doomed(opened.error());
  return std::unique_ptr<PageRun>(std::move(run));
}

WriteView::PlacedRuns::iterator WriteView::run_of(PageId id) {
  auto run = runs_.upper_bound(raw(id));
  if (run == runs_.begin()) return runs_.end();
  --run;
  return raw(id) - run->first < run->second.pages.size() ? run : runs_.end();
}

// Where a page of a run lies that is neither a private page nor released.
const PlacedPage* WriteView::find_placed(PageId id) {
  if (runs_.empty() || released_.contains(id)) return nullptr;
  const auto run = run_of(id);
  if (run == runs_.end() || index_.contains(id)) return nullptr;
  return &run->second.pages[raw(id) - run->first];
}

// Makes it a private page.
Result<WriteView::PrivatePage*> WriteView::take_placed(PageId id) {
  const PlacedPage placed = *find_placed(id);
  RowPin row = TRY(pin_row(id));
  PrivatePage& mine = pages_.emplace_back();
  mine.row = std::move(row);
  mine.page = id;
  mine.level = depth();
  mine.used = true;
  mine.fresh = true;
  mine.edits = EditList::on(number_);
  index_[id] = static_cast<std::uint32_t>(pages_.size() - 1);
  mine.slot = placed.slot;
  mine.check = placed.check();
  mine.slot_shared = true;
  ++live_;
  return &mine;
}

// Whether these were the pages of one run, of which nothing is a private page: they are released.
Result<bool> WriteView::release_run(PageId first, std::uint32_t count) {
  const auto run = runs_.find(raw(first));
  if (run == runs_.end() || run->second.pages.size() != count) return false;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (find_placed(first + i) == nullptr) return false;
  }
  for (std::uint32_t i = 0; i < count; ++i) TRY(note_released(first + i, true));
  if (run->second.level == depth()) {
    free_run(run);
  } else {
    run->second.gone_at = depth();
    placed_ -= count;
  }
  return true;
}

void WriteView::free_run(PlacedRuns::iterator run) noexcept {
  for (const PlacedPage& page : run->second.pages) cache_.free_slot(page.slot);
  if (run->second.gone_at == kStays) placed_ -= run->second.pages.size();
  runs_.erase(run);
}

// Where a page was released, or the log has got it from elsewhere, its slot is free.
void WriteView::hand_over_runs() noexcept {
  for (auto& [first, run] : runs_) {
    for (std::uint32_t i = 0; i < run.pages.size(); ++i) {
      const PageId id{first + i};
      const auto mine = index_.find(id);
      const bool elsewhere = mine != index_.end() && pages_[mine->second].slot != run.pages[i].slot;
      if (released_.contains(id) || elsewhere) cache_.free_slot(run.pages[i].slot);
    }
    if (run.gone_at == kStays) placed_ -= run.pages.size();
  }
  runs_.clear();
}

void WriteView::join_runs(std::uint32_t to) noexcept {
  for (auto run = runs_.begin(); run != runs_.end();) {
    const auto at = run++;
    at->second.level = std::min(at->second.level, to);
    if (at->second.gone_at == kStays) continue;
    at->second.gone_at = std::min(at->second.gone_at, to);
    if (at->second.gone_at <= at->second.level) free_run(at);
  }
}

void WriteView::roll_back_runs() noexcept {
  for (auto run = runs_.begin(); run != runs_.end();) {
    const auto at = run++;
    if (at->second.level == depth()) {
      free_run(at);
    } else if (at->second.gone_at == depth()) {
      at->second.gone_at = kStays;
      placed_ += at->second.pages.size();
    }
  }
}

}  // namespace holdfast
