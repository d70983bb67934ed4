// A page cache over a file in memory, without trees, transactions or log: tests publish pages and
// write them back by hand. A page's content is its number and its version.
#pragma once

#include <stdexcept>
#include <type_traits>

#include "engine/base/bytes.h"
#include "engine/base/result.h"
#include "engine/cache/page_cache.h"
#include "engine/page/page_format.h"
#include "gtest/gtest.h"
#include "tests/regress/hooked_storage.h"

namespace holdfast {

// Unwraps, or ends the test with the error's own words.
template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().to_string());
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

inline constexpr std::uint32_t kPageSize = 4096;
inline constexpr std::uint64_t kTag = 99;
inline constexpr std::uint32_t kIds = 2000;

class CacheTest : public ::testing::Test {
 protected:
  // Else a checkpoint may ask the log to sync what it doesn't have yet, and freeze the database.
  void expect_not_newest(TxnNumber txn) {
    EXPECT_LT(cache_->newest(), txn) << "newest before the log has it";
  }

  void SetUp() override { start(kIds); }
  void start(std::size_t budget_frames, bool drops_table = false) {
    slots_.open(0).value();
    slots_.release_unused(std::vector<bool>(1));
    cache_ = PageCache::create({.storage = &storage_,
                                .file = file_.get(),
                                .slots = &slots_,
                                .map = &map_,
                                .page_size = kPageSize,
                                .tag = kTag,
                                .budget_bytes = budget_frames * (kPageSize + 128),
                                .log_bytes = 0,
                                .may_park = true,
                                .drops_table = drops_table,
                                .before_parking = {},
                                .arena = {},
                                .on_damage = {},
                                .frozen_by = {}})
                 .value();
    cache_->set_id_limit(kIds + 1);
    cache_->start_at(TxnNumber{0});
  }

  // A transaction that writes these pages. `durable`: at once, as by a sync of its own.
  TxnNumber write(const std::vector<std::uint32_t>& ids, bool durable = true) {
    const TxnNumber txn = next(cache_->newest());
    std::vector<WrittenPage> pages;
    ReaderSlot& reader = **cache_->readers().claim();
    for (std::uint32_t id : ids) {
      const RowPin pin = must(cache_->pin_row(PageId{id}));
      const FrameIndex frame = must(cache_->take_frame());
      TxnNumber base{};
      const TablePage* row = cache_->table().peek(PageId{id});
      const bool fresh = Word{row->word.load()}.version() == kNoVersion &&
                         entry_slot(row->entry.load()) == kNoSlot;
      if (!fresh) {
        cache_->readers().enter(reader);
        base = page_txn(cache_->data(must(cache_->find(PageId{id}, cache_->newest(), reader))));
        cache_->readers().leave(reader);
      }
      format_page(cache_->bytes(frame), kTag, txn, PageId{id}, TreeId{1}, PageKind::kOverflow, 0);
      store16(cache_->data(frame) + page_at::kGapBegin, kPageSize);  // No gap: sealing clears it.
      store16(cache_->data(frame) + page_at::kGapEnd, kPageSize);
      store64(cache_->data(frame) + 100, raw(txn) * 10'000 + id);
      pages.push_back({PageId{id}, frame, fresh, base, kNoSlot, 0});
    }
    cache_->readers().release(reader);
    slots_.reserve(cache_->slots_for(pages, {})).value();
    const std::uint32_t set_aside = cache_->slots_for(pages, {});
    IdRuns freed;
    const std::uint32_t used =
        must(cache_->publish(pages, freed, txn, [&] { expect_not_newest(txn); }));
    slots_.unreserve(set_aside - used);
    if (durable) {
      cache_->sync_begins(txn);
      cache_->became_durable(txn);
    }
    return txn;
  }
  TxnNumber free_pages(IdRun run) {
    const TxnNumber txn = next(cache_->newest());
    slots_.reserve(100).value();
    IdRuns freed{run};
    const std::uint32_t used =
        must(cache_->publish({}, freed, txn, [&] { expect_not_newest(txn); }));
    slots_.unreserve(100 - used);
    cache_->became_durable(txn);
    return txn;
  }
  // As a checkpoint does, without a map on disk.
  void write_back(TxnNumber d) {
    const auto dirty = must(cache_->take_dirty(d));
    for (PageId id : dirty.pages) {
      const PageCache::DirtyVersion dirty_version = cache_->dirty_version_at(id, d);
      MapEntry entry = dirty_version.parked;
      if (const FrameIndex frame = dirty_version.frame; frame != kNoFrame) {
        std::vector<std::byte> page(cache_->bytes(frame).begin(), cache_->bytes(frame).end());
        cache_->unpin_base(frame);
        const std::uint64_t check = seal_page(page);
        const Slot slot = slots_.allocate(kNoSlot).value();
        file_->write(slots_.offset_of(slot), page).value();
        entry = make_entry(slot, check);
      }
      if (entry_slot(entry) != kNoSlot) slots_.free(cache_->became_clean(id, d, entry));
    }
    slots_.unreserve(static_cast<std::uint32_t>(slots_.reserved_slots()));
  }
  // The transaction whose content the reader sees in this page.
  Result<std::uint64_t> seen(std::uint32_t id, TxnNumber snapshot, ReaderSlot& reader) {
    cache_->readers().enter(reader);
    auto frame = cache_->find(PageId{id}, snapshot, reader);
    std::uint64_t stamp = 0;
    if (frame) stamp = load64(cache_->data(*frame) + 100);
    cache_->readers().leave(reader);
    if (!frame) return std::unexpected(frame.error());
    EXPECT_EQ(stamp % 10'000, id);
    return stamp / 10'000;
  }

  testing::HookedStorage storage_;
  std::unique_ptr<StorageFile> file_ = storage_.open("db", FileMode::kCreateNew).value();
  SlotSpace slots_{*file_, kPageSize};
  PageMap map_{*file_, slots_, kPageSize, kTag};
  std::unique_ptr<PageCache> cache_;
};

class Snapshot {
 public:
  explicit Snapshot(PageCache& cache, TxnNumber at_least = TxnNumber{0})
      : cache_(cache),
        slot_(**cache.readers().claim()),
        txn(cache.begin_snapshot(slot_, at_least)) {}
  ~Snapshot() {
    cache_.end_snapshot(slot_);
    cache_.readers().release(slot_);
  }
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;
  ReaderSlot& slot() { return slot_; }

 private:
  PageCache& cache_;
  ReaderSlot& slot_;

 public:
  const TxnNumber txn;
};

}  // namespace holdfast
