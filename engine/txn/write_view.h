// Pages as the one write transaction sees and changes them: private copies over the newest state.
//
// A page is copied when it is first touched. Nothing here reaches other threads before commit takes
// it, nor the disk, but for what memory has no room for: such a page is written whole to a free
// slot that nothing durable names, and its edits so far are forgotten. The log will name the slot
// (a `place`), and what is edited later builds on that. It happens between two changes only, and to
// pages that a change has finished.
//
// Runs are written to such slots from the first, through no frame: a long value's pages, a bulk
// load's. Of each page only its place is kept (placed_runs.cc), until something is to be done with
// it: then it becomes a private page that lies in its slot, which stays the run's.
//
// Savepoints nest. The first touch of a page after one sets aside what the page was: content in a
// frame of its own, and its edits; what follows goes into a new list. Rolling back puts that back
// and drops the pages and ids that came since; releasing joins the lists, so that the log sees one
// stretch of edits per page whatever savepoints there were, and nothing of what was rolled back.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/cache/page_cache.h"
#include "engine/tree/id_set.h"
#include "engine/tree/page_source.h"
#include "engine/txn/id_space.h"

namespace holdfast {

class WriteView final : public PageSink {
 public:
  struct PrivatePage {
    PageId page{};
    FrameIndex frame = kNoFrame;
    Slot slot = kNoSlot;      // Where it was parked last: what `edits` build on.
    std::uint64_t check = 0;  // Of what lies there.
    TxnNumber base{};         // The version that was copied, unless fresh.
    EditList edits = EditList::fresh();
    std::uint32_t level = 0;        // Savepoints open when it was added or last set aside.
    std::uint32_t edits_noted = 0;  // Bytes of `edits` that count in edit_bytes_.
    bool fresh = false;
    bool as_in_slot = false;   // The frame holds just what lies in the slot.
    bool slot_shared = false;  // A savepoint needs the slot too, and gives it back.
    bool used = false;         // Since parking last looked.
    RowPin row;                // What publishing needs is there, and counted.

    [[nodiscard]] bool released() const { return frame == kNoFrame && slot == kNoSlot; }
  };

  // Has so many frames let go of that committed versions hold, or as many as can be.
  using MakeRoom = std::function<Result<void>(std::uint32_t frames)>;

  // Takes over a slot that the caller has claimed.
  WriteView(PageCache& cache, SlotClaim slot, IdSpace& ids, TxnNumber number, MakeRoom make_room);
  ~WriteView() override { end(); }  // Drops whatever was not taken.
  WriteView(const WriteView&) = delete;
  WriteView& operator=(const WriteView&) = delete;

  [[nodiscard]] TxnNumber number() const { return number_; }
  // Something was put or made: not so, it may go on where the disk is full.
  void note_growth() { grows_ = true; }
  [[nodiscard]] bool only_frees() const { return !grows_; }
  // Whether these are bytes of some page.
  [[nodiscard]] bool owns(const void* bytes) const { return cache_.owns(bytes); }
  [[nodiscard]] bool changed() const {
    return live_ != 0 || !runs_.empty() || !bottom_.freed.empty();
  }
  // Some may be released() again.
  [[nodiscard]] std::deque<PrivatePage>& pages() { return pages_; }
  // Pages of runs, in their order, that aren't among those: f(page, place).
  template <class F>
  void for_each_placed(F&& f) const {
    for (const auto& [first, run] : runs_) {
      for (std::uint32_t i = 0; i < run.pages.size(); ++i) {
        const PageId id{first + i};
        if (!index_.contains(id) && !released_.contains(id)) f(id, run.pages[i]);
      }
    }
  }
  // Publishing takes them over.
  [[nodiscard]] IdRuns& freed() { return bottom_.freed; }

  // What a private page's edits build on, for checked builds.
  Result<void> read_base(const PrivatePage& page, std::span<std::byte> into);
  // Before a change: parks pages until it has room.
  Result<void> make_room_for_change();
  // Before the commit: parks pages until the redo of the others is at most so many bytes, as far as
  // the disk has room; what is left of it counts in the budget from now on.
  void bound_redo(std::size_t most);
  // Its image says it all: what lies in its slot isn't needed.
  void forget_slot(PrivatePage& page) noexcept;
  // A copy that was made and never changed isn't part of the transaction.
  void drop_unchanged(PrivatePage& page);

  // --- Savepoints, in savepoints.cc. The last one begun is the first to go.

  [[nodiscard]] std::size_t savepoints() const { return savepoints_.size(); }
  void begin_savepoint() { savepoints_.push_back({pages_.size(), {}, {}, {}, {}}); }
  // Its changes become part of the one below, or of the transaction. Throws only before it has
  // changed anything.
  void release_savepoint();
  // As it was when the savepoint began, after any error too; the savepoint stays.
  void roll_back() noexcept;
  // The same, and the savepoint is gone.
  void end_savepoint() noexcept {
    roll_back();
    savepoints_.pop_back();
  }

  // After publishing: the frames belong to the cache, the ids to the trees.
  void hand_over() noexcept;
  // Forgets all changes.
  void drop() noexcept;
  // The same, and lets go of the cache: afterwards it may end before this object does.
  void end() noexcept;

  [[nodiscard]] std::uint32_t page_size() const override { return cache_.page_size(); }
  void enter() override { ++depth_; }
  void leave() override;
  Result<const std::byte*> page(PageId id) override;
  [[nodiscard]] bool at_hand(PageId id) noexcept override;
  void fetch(std::span<const PageId> ids) override;
  Result<PagePin> pin(PageId id) override;
  void unpin(std::uint32_t token) noexcept override;
  [[nodiscard]] std::uint64_t change_count() const override { return changes_; }
  Result<Editor> edit(PageId id) override;
  Result<Editor> create(TreeId tree, PageKind kind, std::uint8_t level) override;
  Result<PageId> create_run(TreeId tree, std::uint32_t count) override;
  [[nodiscard]] bool writes_once(std::uint64_t bytes) const override;
  // The view outlives it; drop() may come first.
  Result<std::unique_ptr<PageRun>> begin_run(TreeId tree, std::uint32_t most) override;
  Result<void> finished(PageId id) override;
  Result<void> release(PageId first, std::uint32_t count) override;
  Result<void> cut(const CutPart& part) override;
  // What was cut and is to be listed as dying by whoever made the change.
  [[nodiscard]] std::vector<CutPart> take_cuts() { return std::exchange(cuts_, {}); }

 private:
  // What a page was when a savepoint began, or when it was released after that.
  struct SetAside {
    std::uint32_t at = 0;     // In pages_.
    std::uint32_t level = 0;  // PrivatePage::level then.
    bool taken = false;       // Else it says nothing.
    bool slot_shared = false;
    FrameIndex frame = kNoFrame;
    Slot slot = kNoSlot;
    std::uint64_t check = 0;
    EditList edits = EditList::fresh();
  };
  class Run;
  static constexpr std::uint32_t kStays = UINT32_MAX;
  // A run that was joined. Its slots are its own until they are published.
  struct PlacedRun {
    std::deque<PlacedPage> pages;
    std::uint32_t level = 0;         // Savepoints open when it was joined.
    std::uint32_t gone_at = kStays;  // Released as a whole with so many open: more than then.
  };
  using PlacedRuns = std::map<std::uint32_t, PlacedRun>;  // By first page.
  // Pages of a run of which nothing is written yet.
  struct FreshRun {
    IdRun ids;
    TreeId tree{};
  };
  // What came since a savepoint, the last one or the beginning.
  struct Level {
    std::size_t pages = 0;  // Of pages_ at its beginning.
    std::vector<SetAside> set_aside;
    IdRuns allocated;  // To give back where this ends in nothing.
    IdRuns given_up;   // Allocated and released again by this transaction.
    IdRuns freed;
  };
  [[nodiscard]] Level& level() { return savepoints_.empty() ? bottom_ : savepoints_.back(); }
  [[nodiscard]] std::uint32_t depth() const {
    return static_cast<std::uint32_t>(savepoints_.size());
  }

  PlacedRuns::iterator run_of(PageId id);
  const PlacedPage* find_placed(PageId id);
  Result<PrivatePage*> take_placed(PageId id);
  Result<bool> release_run(PageId first, std::uint32_t count);
  void free_run(PlacedRuns::iterator run) noexcept;
  void hand_over_runs() noexcept;
  void join_runs(std::uint32_t to) noexcept;
  void roll_back_runs() noexcept;
  PrivatePage* find_private(PageId id);
  Result<const std::byte*> content(PrivatePage& page);
  Result<const std::byte*> borrow(PageId id, Slot slot, std::uint64_t check);
  Result<void> load(PrivatePage& page);
  [[nodiscard]] bool has_room(std::uint64_t more) const;
  Result<void> park_pages(std::uint32_t wanted);
  Result<void> may_grow();
  Result<bool> room_from_others(std::uint32_t wanted);
  std::uint32_t park(std::span<ToPark> chosen, std::optional<Error>& error);
  void free_slot(Slot slot, bool shared) noexcept {
    if (!shared) cache_.free_slot(slot);
  }
  void let_go_of_frame(PrivatePage& page) noexcept;
  void note_edits(PrivatePage& page) noexcept;
  [[nodiscard]] std::size_t bytes_noted() const;
  void move_content(PrivatePage& page, SetAside& kept) noexcept;
  Result<void> set_aside(PrivatePage& page);
  void drop_added_since(std::size_t count) noexcept;
  void forget_released(const IdRuns& runs) noexcept;
  Editor editor_of(PrivatePage& page);
  Result<PrivatePage*> add_private(PageId id);
  [[nodiscard]] std::unexpected<Error> doomed(const Error& error) const;
  Result<FrameIndex> take_frame();
  Result<IdRun> take_ids(std::uint32_t count);
  Result<FrameIndex> find_shared(PageId id);  // Pinned.
  Result<RowPin> pin_row(PageId id);
  Result<Editor> add_fresh(PageId id, TreeId tree, PageKind kind, std::uint8_t level);
  Result<void> release_one(PageId id);
  Result<void> note_released(PageId id, bool fresh);
  [[nodiscard]] std::size_t freed_bytes() const;
  void forget(PrivatePage& page) noexcept;
  void clear() noexcept;
  void let_go_of_current();

  PageCache& cache_;
  IdSpace& ids_;
  const TxnNumber number_;
  const TxnNumber base_;
  MakeRoom make_room_;
  unsigned depth_ = 0;
  std::uint64_t changes_ = 0;
  FrameIndex current_ = kNoFrame;   // The shared page that page() answered last, pinned.
  FrameIndex borrowed_ = kNoFrame;  // A parked page that it answered last, where there is no room.
  std::deque<PrivatePage> pages_;   // Editors point to its elements.
  std::size_t live_ = 0;            // Those that aren't released.
  std::size_t in_frames_ = 0;       // Those that are in memory.
  std::size_t aside_ = 0;           // Frames that savepoints keep.
  PlacedRuns runs_;
  std::size_t placed_ = 0;             // Pages of runs, of those that are being written too.
  std::size_t run_bytes_ = 0;          // Buffers of those.
  std::size_t hand_ = 0;               // Into pages_: where parking looks next.
  std::vector<PageId> finished_;       // To be parked next.
  std::optional<FreshRun> run_;        // The run that is being written.
  std::size_t edit_bytes_ = 0;         // Of pages_, as last looked at.
  std::vector<std::uint32_t> edited_;  // Pages that a change has edited since.
  std::unordered_map<PageId, std::uint32_t> index_;  // Into pages_.
  Level bottom_;
  std::vector<Level> savepoints_;
  bool grows_ = false;
  std::vector<CutPart> cuts_;
  IdSet released_;    // Given up or freed: a damaged tree may name a page twice.
  ReaderSlot* slot_;  // Null after end(). Last, so that nothing can fail once it is taken.
};

}  // namespace holdfast
