// Pages as the one write transaction sees and changes them: private copies over the newest state.
//
// A page is copied when it is first touched; its base stays pinned until the transaction ends,
// since readers may need it once the copy is published. Nothing here reaches disk or other threads
// before commit takes it.
#pragma once

#include <deque>
#include <functional>
#include <unordered_map>
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
    FrameIndex base = kNoFrame;
    EditList edits = EditList::fresh();
    bool fresh = false;
  };

  // Takes over a slot that the caller has claimed. `make_room` is asked to free frames (by a
  // checkpoint) when the transaction finds none.
  WriteView(PageCache& cache, SlotClaim slot, IdSpace& ids, TxnNumber number,
            std::function<Result<void>()> make_room);
  ~WriteView() override { end(); }  // Drops whatever was not taken.
  WriteView(const WriteView&) = delete;
  WriteView& operator=(const WriteView&) = delete;

  [[nodiscard]] TxnNumber number() const { return number_; }
  [[nodiscard]] bool changed() const { return live_ != 0 || !freed_.empty(); }
  // Entries whose frame is kNoFrame were released again.
  [[nodiscard]] std::deque<PrivatePage>& pages() { return pages_; }
  // Publishing takes them over.
  [[nodiscard]] IdRuns& freed() { return freed_; }

  // A copy that was made and never changed isn't part of the transaction.
  void drop_unchanged(PrivatePage& page);

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

 private:
  PrivatePage* find_private(PageId id);
  Editor editor_of(PrivatePage& page);
  Result<PrivatePage*> add_private(PageId id);
  [[nodiscard]] std::unexpected<Error> doomed(const Error& error) const;
  Result<FrameIndex> take_frame();
  Result<IdRun> take_ids(std::uint32_t count);
  Result<FrameIndex> find_shared(PageId id);  // Pinned.
  Result<Editor> add_fresh(PageId id, TreeId tree, PageKind kind, std::uint8_t level);
  void release_one(PageId id);
  void forget(PrivatePage& page);
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
  std::size_t live_ = 0;
  std::unordered_map<PageId, std::uint32_t> index_;  // Into pages_.
  IdRuns allocated_;                                 // To give back on drop().
  IdRuns given_up_;  // Allocated and released again by this transaction.
  IdRuns freed_;
  IdSet released_;    // Of both kinds: a damaged tree may name a page twice.
  ReaderSlot* slot_;  // Null after end(). Last, so that nothing can fail once it is taken.
};

}  // namespace holdfast
