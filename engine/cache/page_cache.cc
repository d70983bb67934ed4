// Finding, loading and evicting pages. The snapshots that say which versions must stay are in
// snapshots.cc, publishing and collecting versions is in versions.cc.
#include "engine/cache/page_cache.h"

#include <algorithm>
#include <array>
#include <limits>

#include "engine/base/limits.h"
#include "engine/base/result.h"
#include "engine/page/page_format.h"

namespace holdfast {
namespace {

// Of 250 µs each, before a reader is told that memory is short. Guards and loads end by themselves,
// but on a busy machine whoever is within one may not run for long.
constexpr int kFrameAttempts = 20'000;
constexpr int kFutileAttempts = 8;  // In a row, with nothing that anybody could let go of.
constexpr std::size_t kEvictBatch = 16;
constexpr std::size_t kParkedShare = 2;  // Descriptors may take half of the budget.
constexpr std::size_t kMostParked = kParkedBit / 2;

}  // namespace

PageCache::PageCache(const CacheConfig& config, std::unique_ptr<FramePool> pool)
    : config_(config),
      pool_(std::move(pool)),
      parked_(static_cast<std::uint32_t>(
          std::min<std::size_t>(config.budget_bytes / kParkedShare / sizeof(Parked), kMostParked))),
      table_(*config.map) {}

Result<std::unique_ptr<PageCache>> PageCache::create(const CacheConfig& config) {
  const std::size_t per_frame = config.page_size + FramePool::kBytesBeside;
  const std::size_t frames = config.budget_bytes / per_frame;
  auto pool =
      TRY(FramePool::create(config.page_size, static_cast<std::uint32_t>(frames), config.arena));
  if (pool->frames() < kMinFrames) {
    return fail(ErrorCode::kInvalidArgument,
                "cache_bytes (or the arena) holds " + std::to_string(pool->frames()) +
                    " pages of " + std::to_string(config.page_size) + " bytes; at least " +
                    std::to_string(kMinFrames) + " are needed: set cache_bytes to " +
                    std::to_string(kMinFrames * per_frame) + " or more");
  }
  return std::unique_ptr<PageCache>(new PageCache(config, std::move(pool)));
}

PageCache::Found PageCache::walk(PageId id, VersionRef newest, TxnNumber snapshot) {
  VersionRef version = newest;
  while (version != kNoVersion && txn_of(version) > snapshot) version = older_of(version);
  if (version == kNoVersion) return {.frame = kNoFrame, .none = true, .moved = false, .parked = {}};
  if (!is_parked(version)) return {.frame = version, .none = false, .moved = false, .parked = {}};
  const Parked& parked = parked_.at(version);
  const FrameIndex frame = parked.frame.load();
  if (frame == kGone) return {.frame = kNoFrame, .none = false, .moved = true, .parked = {}};
  if (frame != kNoFrame) return {.frame = frame, .none = false, .moved = false, .parked = {}};
  return {.frame = kNoFrame,
          .none = false,
          .moved = false,
          .parked = {id, version, parked.txn.load(), parked.slot.load(), parked.check.load(),
                     parked.check_bits.load()}};
}

Result<FrameIndex> PageCache::find(PageId id, TxnNumber snapshot, ReaderSlot& reader) {
  auto found = look_for(id, snapshot, reader);
  if (reader.given_up()) return too_old(snapshot);  // G3.
  return found;
}

Result<FrameIndex> PageCache::look_for(PageId id, TxnNumber snapshot, ReaderSlot& reader) {
  for (;;) {
    const VersionRef newest = newest_of(id);
    if (newest == kNoVersion) {
      const GuardPause pause(readers_, reader);
      TRY(load(id, &reader));
      continue;
    }
    const Found found = walk(id, newest, snapshot);
    if (found.frame != kNoFrame) {
      pool_->touch(found.frame);
      return found.frame;
    }
    if (found.moved) {
      const GuardPause pause(readers_, reader);
      const MutexLock until_done(versions_);
      continue;
    }
    if (found.parked.page != kNoPage) {
      const GuardPause pause(readers_, reader);
      TRY(load_parked(found.parked, reader));
      continue;
    }
    return fail(ErrorCode::kDamaged,
                "no version of this page is as old as transaction " + std::to_string(raw(snapshot)),
                {.file = config_.file->path(),
                 .offset = {},
                 .page = raw(id),
                 .tree = {},
                 .txn = raw(snapshot)});
  }
}

FrameIndex PageCache::find_loaded(PageId id, TxnNumber snapshot) noexcept {
  const VersionRef newest = newest_of(id);
  if (newest == kNoVersion) return kNoFrame;
  const FrameIndex frame = walk(id, newest, snapshot).frame;
  if (frame != kNoFrame) pool_->touch(frame);
  return frame;
}

// What a snapshot that was given up can't find is no damage.
Error PageCache::told(const Error& error, const ReaderSlot* reader) const {
  if (config_.on_damage && error.code() == ErrorCode::kDamaged &&
      (reader == nullptr || !reader->given_up()))
    config_.on_damage(error);
  return error;
}

Result<void> PageCache::load(PageId id, const ReaderSlot* reader) {
  const ErrorPlace place{
      .file = config_.file->path(), .offset = {}, .page = raw(id), .tree = {}, .txn = {}};
  if (raw(id) == 0 || raw(id) >= id_limit_.load(std::memory_order_relaxed)) {
    return fail(ErrorCode::kDamaged, "a page that was never given out is referred to", place);
  }
  if (auto lost = lost_.find(id); lost != lost_.end()) return std::unexpected(lost->second);
  if (!table_.has_leaf(raw(id) / table_.fanout()))
    return fail(ErrorCode::kDamaged, "a page is referred to that the page map doesn't have", place);
  auto row_result = pin_row(id);  // Before the word is looked at (C8).
  if (!row_result) return std::unexpected(told(row_result.error().at(place), reader));
  const RowPin& row = *row_result;
  TakenFrame taken(*pool_, TRY(take_frame()));
  const FrameIndex frame = taken.index();
  for (;;) {
    Word word{row->word.load()};
    const MapEntry entry = row->entry.load();
    if (word.version() != kNoVersion) return {};
    auto read = entry_slot(entry) != kNoSlot
                    ? read_into(id, entry_slot(entry), entry_check(entry), 32, frame)
                    : fail(ErrorCode::kDamaged,
                           "a page is referred to that the page map doesn't have", place);
    const bool unchanged = row->word.load() == word.bits && row->entry.load() == entry;
    if (!read) {
      if (!unchanged) continue;  // The slot was reused while it was read: look again.
      return std::unexpected(told(read.error(), reader));
    }
    if (unchanged && install(*row, word.bits, entry, id, frame)) {
      taken.keep();
      return {};
    }
  }
}

// Makes a page that was read the newest version in memory, if it still is what the table says.
bool PageCache::install(TablePage& row, std::uint64_t word, MapEntry entry, PageId id,
                        FrameIndex frame) {
  pool_->frame(frame).page.store(id);
  pool_->frame(frame).slot.store(entry_slot(entry));
  pool_->frame(frame).state.store(FrameState::kPublished);
  pool_->touch(frame);
  if (row.word.compare_exchange_strong(word, Word{word}.moved(frame).bits)) return true;
  pool_->frame(frame).state.store(FrameState::kTaken);
  return false;
}

// Looked for again afterwards: it may have gone, or lie elsewhere, and then what was read says
// nothing.
Result<void> PageCache::load_parked(const ParkedPlace& place, ReaderSlot& reader) {
  TakenFrame taken(*pool_, TRY(take_frame()));
  const FrameIndex frame = taken.index();
  auto read = read_into(place.page, place.slot, place.check, place.check_bits, frame);
  const SlotGuard guard(readers_, reader);
  const VersionRef newest = newest_of(place.page);
  const Found now = newest == kNoVersion ? Found{} : walk(place.page, newest, place.txn);
  const bool unchanged = now.parked.version == place.version && now.parked.txn == place.txn &&
                         now.parked.slot == place.slot;
  if (!unchanged) return {};
  if (read && page_txn(pool_->data(frame)) != place.txn)
    read = fail(ErrorCode::kDamaged, "the slot holds another version of the page",
                {.file = config_.file->path(),
                 .offset = config_.slots->offset_of(place.slot),
                 .page = raw(place.page),
                 .tree = {},
                 .txn = raw(place.txn)});
  if (!read) {
    const auto frozen = config_.frozen_by && read.error().code() == ErrorCode::kDamaged
                            ? config_.frozen_by()
                            : std::nullopt;
    return std::unexpected(frozen ? frozen->at(read.error().place()) : told(read.error(), &reader));
  }
  Frame& loaded = pool_->frame(frame);
  loaded.page.store(place.page);
  loaded.slot.store(place.slot);
  loaded.parked.store(place.version);
  loaded.state.store(FrameState::kPublished);
  pool_->touch(frame);
  FrameIndex nowhere = kNoFrame;
  if (parked_.at(place.version).frame.compare_exchange_strong(nowhere, frame)) {
    taken.keep();
  } else {
    loaded.state.store(FrameState::kTaken);
  }
  return {};
}

Result<void> PageCache::read_into(PageId id, Slot slot, std::uint64_t check, unsigned check_bits,
                                  FrameIndex frame) {
  const std::uint64_t offset = config_.slots->offset_of(slot);
  const ErrorPlace place{
      .file = config_.file->path(), .offset = offset, .page = raw(id), .tree = {}, .txn = {}};
  auto bytes = config_.file->read(offset, pool_->bytes(frame));
  if (!bytes) return std::unexpected(bytes.error().at(place));
  return check_read(id, slot, check, check_bits, frame, *bytes);
}

Result<void> PageCache::check_read(PageId id, Slot slot, std::uint64_t check, unsigned check_bits,
                                   FrameIndex frame, std::size_t bytes) {
  const ErrorPlace place{.file = config_.file->path(),
                         .offset = config_.slots->offset_of(slot),
                         .page = raw(id),
                         .tree = {},
                         .txn = {}};
  const std::span<const std::byte> page = pool_->bytes(frame);
  pages_read_.fetch_add(1, std::memory_order_relaxed);
  if (bytes != page.size())
    return fail(ErrorCode::kDamaged, "the file ends before this page", place);
  auto sound =
      verify_page(page, {.tag = config_.tag, .id = id, .check = check, .check_bits = check_bits});
  if (!sound) return std::unexpected(sound.error().at(place));
  return {};
}

Result<FrameIndex> PageCache::take_frame() {
  int futile = 0;
  // Used frames before fresh ones: they are in the processor's caches, and memory that was never
  // needed is never touched.
  if (pool_->reclaim_due()) pool_->reclaim(readers_.oldest_guard());
  for (int attempt = 0; attempt < kFrameAttempts && futile < kFutileAttempts; ++attempt) {
    const std::uint32_t limit = frame_limit();
    if (FrameIndex frame = pool_->take(limit)) return frame;
    // Asked first: a guard that ends meanwhile has let go of something.
    const bool guarded = readers_.any_guard();
    const std::size_t moved = evict() + pool_->reclaim(readers_.oldest_guard());
    if (FrameIndex frame = pool_->take(limit)) return frame;
    // What moved went to others, who will let go of it again; so will those who are loading a page.
    futile = guarded || moved != 0 ? 0 : futile + 1;
    if (attempt > 0) sleep_thread(std::chrono::microseconds(250));
  }
  return fail(ErrorCode::kLimitExceeded, "the cache of " + std::to_string(frame_limit()) +
                                             " pages is full of changes and of versions that open "
                                             "snapshots need; use smaller transactions, end old "
                                             "snapshots, or set a larger cache_bytes");
}

std::size_t PageCache::evict() {
  MutexLock lock(evict_mutex_);
  std::array<FrameIndex, kEvictBatch> unlinked;
  std::size_t count = 0;
  for (std::uint32_t looked = 0; looked < 2 * pool_->frames() && count < kEvictBatch; ++looked) {
    const FrameIndex index = hand_;
    hand_ = hand_ == pool_->frames() ? 1 : hand_ + 1;
    if (try_evict(index)) unlinked[count++] = index;
  }
  if (count == 0) return 0;
  const std::uint64_t epoch = readers_.next_epoch();
  for (FrameIndex index : std::span(unlinked).first(count)) pool_->retire(index, epoch);
  pages_evicted_.fetch_add(count, std::memory_order_relaxed);
  return count;
}

bool PageCache::try_evict(FrameIndex index) {
  Frame& frame = pool_->frame(index);
  if (frame.state.load() != FrameState::kPublished) return false;
  if (const VersionRef parked = frame.parked.load(); parked != kNoVersion) {
    // The slot has the same content for as long as the descriptor names this frame.
    if (frame.pins.load() != 0 || pool_->was_touched(index)) return false;
    FrameIndex mine = index;
    return parked_.at(parked).frame.compare_exchange_strong(mine, kNoFrame);
  }
  TablePage* row = table_.peek(frame.page.load());
  if (row == nullptr) return false;
  // Before the rest: if it is still the same below, nothing was published since, and what is asked
  // of the frame in between is about this version.
  Word word{row->word.load()};
  if (word.version() != index || frame.held.load()) return false;
  if (frame.slot.load() == kNoSlot || frame.older.load() != kNoVersion || frame.pins.load() != 0)
    return false;
  if (pool_->was_touched(index)) return false;
  return row->word.compare_exchange_strong(word.bits, word.moved(kNoVersion).bits);
}

bool PageCache::pin(FrameIndex frame) {
  if (cursor_pins_.load(std::memory_order_relaxed) >= frame_limit() / 8) return false;
  cursor_pins_.fetch_add(1, std::memory_order_relaxed);
  pool_->frame(frame).pins.fetch_add(1);
  return true;
}

void PageCache::unpin(FrameIndex frame) {
  pool_->frame(frame).pins.fetch_sub(1);
  cursor_pins_.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace holdfast
