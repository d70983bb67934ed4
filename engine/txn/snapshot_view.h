// Pages as a snapshot sees them: the PageSource of read transactions.
#pragma once

#include "engine/cache/page_cache.h"
#include "engine/tree/page_source.h"

namespace holdfast {

class SnapshotView final : public PageSource {
 public:
  // Takes over a slot that the caller has claimed. See PageCache::begin_snapshot() for what
  // `at_least` and `stays` mean.
  SnapshotView(PageCache& cache, SlotClaim slot, TxnNumber at_least, bool stays = false)
      : cache_(cache),
        slot_(slot.take()),
        snapshot_(cache.begin_snapshot(slot_, at_least, stays)) {}
  ~SnapshotView() override {
    cache_.end_snapshot(slot_);
    cache_.readers().release(slot_);
  }
  SnapshotView(const SnapshotView&) = delete;
  SnapshotView& operator=(const SnapshotView&) = delete;

  [[nodiscard]] TxnNumber snapshot() const { return snapshot_; }
  // kSnapshotTooOld once it has been given up.
  [[nodiscard]] Result<void> usable() const {
    if (slot_.given_up()) return cache_.too_old(snapshot_);
    return {};
  }

  [[nodiscard]] std::uint32_t page_size() const override { return cache_.page_size(); }
  void enter() override { cache_.readers().enter(slot_); }
  void leave() override { cache_.readers().leave(slot_); }
  Result<const std::byte*> page(PageId id) override {
    auto frame = cache_.find(id, snapshot_, slot_);
    if (!frame) return std::unexpected(frame.error());
    return cache_.data(*frame);
  }
  const std::byte* peek(PageId id) noexcept override {
    const FrameIndex frame = cache_.find_loaded(id, snapshot_);
    return frame == kNoFrame || slot_.given_up() ? nullptr : cache_.data(frame);
  }
  void fetch(std::span<const PageId> ids) override { cache_.fetch(ids, slot_); }
  Result<PagePin> pin(PageId id) override {
    auto frame = cache_.find(id, snapshot_, slot_);
    if (!frame) return std::unexpected(frame.error());
    if (!cache_.pin(*frame)) return PagePin();
    return PagePin(this, cache_.data(*frame), *frame);
  }
  void unpin(std::uint32_t token) noexcept override { cache_.unpin(token); }

 private:
  PageCache& cache_;
  ReaderSlot& slot_;
  const TxnNumber snapshot_;
};

}  // namespace holdfast
