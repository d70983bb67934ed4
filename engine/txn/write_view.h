// Pages as the one write transaction sees and changes them: private copies over the newest state.
//
// A page is copied when it is first touched. Nothing here reaches disk or other threads before
// commit takes it.
//
// Savepoints nest. The first touch of a page after one sets aside what the page was: content in a
// frame of its own, and its edits; what follows goes into a new list. Rolling back puts that back
// and drops the pages and ids that came since; releasing joins the lists, so that the log sees one
// stretch of edits per page whatever savepoints there were, and nothing of what was rolled back.
#pragma once

#include <deque>
#include <functional>
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
    TxnNumber base{};  // The version that was copied, unless fresh.
    EditList edits = EditList::fresh();
    bool fresh = false;
    std::uint32_t level = 0;  // Savepoints open when it was added or last set aside.
  };

  // Takes over a slot that the caller has claimed. `make_room` is asked to free frames (by a
  // checkpoint) when the transaction finds none.
  WriteView(PageCache& cache, SlotClaim slot, IdSpace& ids, TxnNumber number,
            std::function<Result<void>()> make_room);
  ~WriteView() override { end(); }  // Drops whatever was not taken.
  WriteView(const WriteView&) = delete;
  WriteView& operator=(const WriteView&) = delete;

  [[nodiscard]] TxnNumber number() const { return number_; }
  // Whether these are bytes of some page.
  [[nodiscard]] bool owns(const void* bytes) const { return cache_.owns(bytes); }
  [[nodiscard]] bool changed() const { return live_ != 0 || !bottom_.freed.empty(); }
  // Entries whose frame is kNoFrame were released again.
  [[nodiscard]] std::deque<PrivatePage>& pages() { return pages_; }
  // Publishing takes them over.
  [[nodiscard]] IdRuns& freed() { return bottom_.freed; }

  // The version that a private page was copied from, pinned; the transaction's number and place in
  // errors. For checked builds.
  Result<FrameIndex> base_of(const PrivatePage& page) { return find_shared(page.page); }
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
  Result<PagePin> pin(PageId id) override;
  void unpin(std::uint32_t token) noexcept override;
  [[nodiscard]] std::uint64_t change_count() const override { return changes_; }
  Result<Editor> edit(PageId id) override;
  Result<Editor> create(TreeId tree, PageKind kind, std::uint8_t level) override;
  Result<PageId> create_run(TreeId tree, std::uint32_t count) override;
  Result<void> release(PageId first, std::uint32_t count) override;
  Result<void> cut(const CutPart& part) override;
  // What was cut and is to be listed as dying by whoever made the change.
  [[nodiscard]] std::vector<CutPart> take_cuts() { return std::exchange(cuts_, {}); }

 private:
  // What a page was when a savepoint began, or when it was released after that.
  struct SetAside {
    std::uint32_t at = 0;     // In pages_.
    std::uint32_t level = 0;  // PrivatePage::level then.
    FrameIndex frame = kNoFrame;
    EditList edits = EditList::fresh();
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

  PrivatePage* find_private(PageId id);
  Result<void> set_aside(PrivatePage& page);
  void drop_added_since(std::size_t count) noexcept;
  void forget_released(const IdRuns& runs) noexcept;
  Editor editor_of(PrivatePage& page);
  Result<PrivatePage*> add_private(PageId id);
  [[nodiscard]] std::unexpected<Error> doomed(const Error& error) const;
  Result<FrameIndex> take_frame();
  Result<IdRun> take_ids(std::uint32_t count);
  Result<FrameIndex> find_shared(PageId id);  // Pinned.
  Result<Editor> add_fresh(PageId id, TreeId tree, PageKind kind, std::uint8_t level);
  Result<void> release_one(PageId id);
  Result<void> note_released(PageId id, bool fresh);
  [[nodiscard]] std::size_t freed_runs() const;
  [[nodiscard]] std::size_t most_freed_runs() const;
  void forget(PrivatePage& page) noexcept;
  void clear() noexcept;
  void let_go_of_current();

  PageCache& cache_;
  IdSpace& ids_;
  const TxnNumber number_;
  const TxnNumber base_;
  std::function<Result<void>()> make_room_;
  unsigned depth_ = 0;
  std::uint64_t changes_ = 0;
  FrameIndex current_ = kNoFrame;  // The shared page that page() answered last, pinned.
  std::deque<PrivatePage> pages_;  // Editors point to its elements.
  std::size_t live_ = 0;           // Those that have a frame.
  std::size_t aside_ = 0;          // Frames that savepoints keep.
  std::unordered_map<PageId, std::uint32_t> index_;  // Into pages_.
  Level bottom_;
  std::vector<Level> savepoints_;
  std::vector<CutPart> cuts_;
  IdSet released_;    // Given up or freed: a damaged tree may name a page twice.
  ReaderSlot* slot_;  // Null after end(). Last, so that nothing can fail once it is taken.
};

}  // namespace holdfast
