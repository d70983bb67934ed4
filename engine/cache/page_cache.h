// The page cache: immutable page versions in memory, found without locks.
//
// A page's newest version hangs in its table word, older ones behind it, newest first. A reader at
// snapshot s takes the newest version made at or before s. Writers publish whole transactions:
// words first, then the one counter that makes them visible together.
//
// A version that memory has no room for is parked: written to a free slot, where a descriptor takes
// its place in the chain. Then its frame can be evicted like that of a clean page. Nothing durable
// names the slot until a checkpoint adopts it.
//
// C1 A published version never changes.
// C2 A version is kept while a needed point falls into [its txn, its successor's txn). The points
//    are the live snapshots, the durable txn, the end of the sync group in flight, and the newest.
// C3 A frame is evicted only when it is parked; or when it is the newest version, has no older one
//    behind it, and its map entry leads to the same content.
// C4 What is read from the tree file is verified against its map entry, or its descriptor, before
//    anyone sees it.
// C5 The pages freed by a transaction stay readable, and their ids and slots unused, until a
//    durable checkpoint has left them out and no snapshot predates the transaction.
// C6 The slot of a parked version belongs to its descriptor until the version goes, or until the
//    durable map names it; that of a version which the map named before, and which a snapshot
//    needs, goes over to a descriptor.
// C7 A group of the page table is dropped only when all it says is what the durable map says: its
//    words name nothing, and none of its pages is dirty or freed. A page that a checkpoint has
//    written elsewhere keeps its version in its word until the new map is the one that is read, or
//    was moved as it is; and from then until all entries are told nothing is dropped.
// C8 A row is looked at within a guard, under the version lock, or under a pin; one that is changed
//    after some I/O was pinned since before that (page_table.h).
//
// Locks, in this order: park_mutex_, versions_, evict_mutex_, then those of pools and slot space.
// Readers that hit take none.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/base/sync.h"
#include "engine/cache/cache_config.h"
#include "engine/cache/cache_types.h"
#include "engine/cache/frame_pool.h"
#include "engine/cache/page_table.h"
#include "engine/cache/parked_pool.h"
#include "engine/cache/reader_slots.h"
#include "engine/file/page_map.h"
#include "engine/file/slot_space.h"

namespace holdfast {

class PageCache {
 public:
  static Result<std::unique_ptr<PageCache>> create(const CacheConfig& config);

  [[nodiscard]] std::uint32_t page_size() const { return config_.page_size; }
  [[nodiscard]] std::uint64_t tag() const { return config_.tag; }
  [[nodiscard]] std::size_t budget_bytes() const { return config_.budget_bytes; }
  std::byte* data(FrameIndex frame) { return pool_->data(frame); }
  std::span<std::byte> bytes(FrameIndex frame) { return pool_->bytes(frame); }
  // Whether these are bytes of a frame.
  [[nodiscard]] bool owns(const void* bytes) const { return pool_->contains(bytes); }
  ReaderSlots& readers() { return readers_; }
  PageTable& table() { return table_; }
  // The page's row, loaded if need be: not within a guard, nor under a lock. kDamaged, kIo.
  Result<RowPin> pin_row(PageId id);

  // --- Reading. The slot's guard is entered; a miss leaves it for the time of the I/O.

  // The version of the page that the snapshot sees.
  Result<FrameIndex> find(PageId id, TxnNumber snapshot, ReaderSlot& reader);
  // The same where nothing need be read for it; else kNoFrame.
  FrameIndex find_loaded(PageId id, TxnNumber snapshot) noexcept;
  // Reads those of these pages that aren't in memory, with waits that overlap; as many as there are
  // frames for, some of the cache at most. Whatever goes wrong with one is for find() to tell.
  void fetch(std::span<const PageId> ids, ReaderSlot& reader);
  // Whether some version of it is in memory, or known to be parked. Not within a guard.
  [[nodiscard]] bool at_hand(PageId id) const noexcept { return table_.has_version(id); }
  // Keeps a frame that was found, beyond the guard. False when too many are pinned.
  bool pin(FrameIndex frame);
  void unpin(FrameIndex frame);

  // --- Snapshots.

  // Sees the durable state if that covers `at_least`, else the newest.
  // `stays`: it is never given up.
  TxnNumber begin_snapshot(ReaderSlot& slot, TxnNumber at_least, bool stays = false);
  // One that stays, of the txn that `pick` answers, which must be at least the durable one.
  TxnNumber begin_snapshot_at(ReaderSlot& slot, const std::function<TxnNumber()>& pick);
  void end_snapshot(ReaderSlot& slot);
  // Gives up the oldest snapshot that may be and that sees another state than the newest (G3), with
  // what it alone keeps; answers whose it was, a txn of 0: there is none. Its reader is told with
  // kSnapshotTooOld.
  OldestReader give_up_oldest();
  // What a reader by that snapshot gets.
  [[nodiscard]] std::unexpected<Error> too_old(TxnNumber snapshot) const;
  [[nodiscard]] TxnNumber newest() const { return TxnNumber{newest_.load()}; }
  [[nodiscard]] TxnNumber durable() const { return TxnNumber{durable_.load()}; }
  [[nodiscard]] TxnNumber oldest_snapshot() const;
  [[nodiscard]] std::uint32_t open_snapshots() const;
  // Of the transactions that read, the one with the oldest snapshot.
  [[nodiscard]] OldestReader oldest_reader() const;

  // --- Writing: one writer at a time.

  // A frame for private content. Not within a guard. kLimitExceeded when none can be had.
  Result<FrameIndex> take_frame();
  void give_back(FrameIndex frame) { pool_->give_back(frame); }
  // Pins beyond the cursors' share: a page that is looked at for a moment.
  void pin_base(FrameIndex frame) { pool_->frame(frame).pins.fetch_add(1); }
  void unpin_base(FrameIndex frame) { pool_->frame(frame).pins.fetch_sub(1); }
  // Writes private content to slots of its own. What was written has one afterwards; what wasn't
  // costs a slot. kDiskFull, kIo: some weren't written.
  Result<void> write_out(std::span<ToPark> pages);
  // Writes fresh pages, sealed here, to slots that follow each other where they can, the first
  // after `after`; says in `placed` where. kDiskFull, kIo: none has a slot.
  Result<void> write_fresh(std::span<std::byte> pages, Slot after, std::span<PlacedPage> placed);
  // Reads it back. kDamaged, kIo.
  Result<void> read_back(PageId page, Slot slot, std::uint64_t check, FrameIndex frame) {
    return read_into(page, slot, check, 64, frame);
  }
  void free_slot(Slot slot) { config_.slots->free(slot); }
  // Makes transaction `txn` visible and hands it to the log by calling `append`, which may not
  // throw; answers how many slots its pages set aside for the next checkpoint. Takes all the memory
  // it needs, and loads all rows, before it changes anything; then it takes over `freed`.
  // In this order: what is durable is linked already, and whoever drops a version knows which sync
  // groups end before it. kLimitExceeded: too many versions are parked; kDamaged, kIo: a row can't
  // be loaded. Nothing was changed then.
  Result<std::uint32_t> publish(std::span<const WrittenPage> pages, IdRuns& freed, TxnNumber txn,
                                const std::function<void()>& append);
  // Whether the newest state has the page. kDamaged, kIo: its leaf of the map can't be read.
  Result<bool> has_page(PageId id);
  // Slots that publishing these can need at most: a page each, and the map above.
  [[nodiscard]] std::uint32_t slots_for(std::span<const WrittenPage> pages,
                                        const IdRuns& freed) const;
  // Writes versions that can't be evicted to slots of their own, oldest uses first, until so many
  // frames more can be; answers how many. For writers and for background work: a reader never
  // writes. Not within a guard. kDiskFull, kIo: fewer than wanted, and why.
  Result<std::uint32_t> park(std::uint32_t wanted, SlotSpace::Use use = SlotSpace::Use::kGrowth);
  // Frames that can't be evicted now: not parked, and dirty, superseded and still needed, or before
  // such a one.
  [[nodiscard]] std::uint32_t held() const { return held_.load(std::memory_order_relaxed); }
  // Frames that may be in use at once, as the budget stands.
  [[nodiscard]] std::uint32_t frame_limit() const;
  // Memory that the open write transaction takes out of the budget.
  void charge_transaction(std::size_t bytes, std::size_t descriptors = 0) {
    transaction_bytes_.store(bytes, std::memory_order_relaxed);
    transaction_descriptors_.store(descriptors, std::memory_order_relaxed);
  }
  // Whether that leaves enough frames, once the page table has dropped what it can.
  bool transaction_fits() {
    return make_frames_left(transaction_bytes_.load(), transaction_descriptors_.load());
  }
  // Whether a transaction may take so much, and that many descriptors when it is published: then
  // enough frames are left.
  [[nodiscard]] bool leaves_frames(std::size_t transaction_bytes, std::size_t descriptors) const;
  // The same once the page table has dropped what it can. Takes locks.
  bool make_frames_left(std::size_t transaction_bytes, std::size_t descriptors);
  // It is over its share, and dirty pages keep much of it: a checkpoint is due.
  [[nodiscard]] bool table_tight() const;
  // Has it drop groups until it takes no more than `most` bytes, as far as it can.
  void shrink_table(std::size_t most);
  // There are enough for it to matter who keeps them.
  [[nodiscard]] bool many_described() const { return parked_.in_use() > parked_.most() / 16; }
  // Nothing more can be parked.
  [[nodiscard]] bool out_of_descriptors() const {
    return descriptors_left() == 0 || !may_describe_more();
  }
  // Versions that can be described beside those that are.
  [[nodiscard]] std::uint32_t descriptors_left() const {
    return parked_.most() - std::min(parked_.most(), parked_.in_use());
  }
  // So few that a checkpoint is due; or, as for the page table, that whoever commits makes one.
  [[nodiscard]] bool descriptors_short() const;
  [[nodiscard]] bool needs_checkpoint() const;

  // --- The log's progress.
  void sync_begins(TxnNumber end) { group_end_.store(raw(end)); }
  void became_durable(TxnNumber txn);

  // --- Recovery, before anyone else: changes the newest version in place.
  Result<FrameIndex> page_to_redo(PageId id, bool blank);
  void start_at(TxnNumber txn);
  // The log changes this page, and what it changes can't be read: nobody may see an older state.
  // Whoever asks for the page gets `why`, until page_to_redo() makes it anew from a blank one.
  void lose_page(PageId id, const Error& why);
  // The log says that the page's content lies in this slot. It isn't looked at before somebody
  // needs it. kLimitExceeded.
  Result<void> place_to_redo(PageId id, Slot slot, std::uint64_t check, TxnNumber txn);
  // Slots that the log names.
  [[nodiscard]] std::vector<Slot> placed_slots() const;
  [[nodiscard]] const std::map<PageId, Error>& lost_pages() const { return lost_; }
  // Pages that redo changed have no slots set aside, since opening needs no space; this gets them.
  // Before the first commit and before a checkpoint. kDiskFull: nothing changed.
  Result<void> back_reservations();
  // `count` slots that were set aside for dirty pages are gone, and no others could be had: a disk
  // that is full, and writes that failed. back_reservations() tries again.
  void lack_slots(std::uint32_t count) noexcept;
  // Frees as of `txn`, during redo. Pages that were lost are missed no more.
  void note_freed(IdRun run, TxnNumber txn);

  // --- Checkpoint.

  // The pages to look at for a checkpoint as of `d`; those that have newer versions too are listed
  // anew. kDiskFull: no room for those; nothing changed.
  struct DirtyPages {
    std::vector<PageId> pages;
    std::uint32_t reserved = 0;  // Slots set aside for them.
  };
  Result<DirtyPages> take_dirty(TxnNumber d);
  // After a failed checkpoint: they are dirty still.
  void return_dirty(const DirtyPages& dirty);
  [[nodiscard]] std::size_t dirty_pages() const {
    return dirty_count_.load(std::memory_order_relaxed);
  }
  // The dirty version that a checkpoint as of `d` must write, or adopt where it is parked.
  struct DirtyVersion {
    FrameIndex frame = kNoFrame;  // To be written: pinned, see unpin_base().
    MapEntry parked{};            // Already written, here.
  };
  // Nothing at all: it is in the file.
  DirtyVersion dirty_version_at(PageId id, TxnNumber d);
  // While a checkpoint's new map is installed and its entries are told, nothing of the page table
  // is dropped (C7).
  void keep_table(bool stays) noexcept;
  // The version as of `d` is durable at `entry` now. Answers the slot that nobody needs any more.
  Slot became_clean(PageId id, TxnNumber d, MapEntry entry) noexcept;
  // A checkpoint as of `d` is durable: the log before it isn't needed any more, nor the slots that
  // it names, but for what the map or a snapshot has there.
  void settle_placed(TxnNumber d) noexcept;
  // Frees by transactions up to `d` that the durable map doesn't know yet.
  [[nodiscard]] std::vector<FreedRun> frees_through(TxnNumber d) const;
  // Lets go of what is free for everybody: a durable checkpoint as of `checkpointed` has left it
  // out. Answers the ids, ready for reuse; their slots are freed here.
  IdRuns settle_frees(TxnNumber checkpointed);
  [[nodiscard]] bool freed_by(PageId id, TxnNumber snapshot) const;
  // What it takes to note pages that are freed and can't be used again yet.
  [[nodiscard]] std::size_t freed_bytes() const;

  void set_id_limit(std::uint32_t limit) { id_limit_.store(limit, std::memory_order_relaxed); }

  [[nodiscard]] CacheCounters counters() const;

 private:
  PageCache(const CacheConfig& config, std::unique_ptr<FramePool> pool);

  // A parked version as a reader found it.
  struct ParkedPlace {
    PageId page{};
    VersionRef version = kNoVersion;
    TxnNumber txn{};
    Slot slot{};
    std::uint64_t check = 0;
    std::uint32_t check_bits = 64;
  };
  // What the walk down a chain found.
  struct Found {
    FrameIndex frame = kNoFrame;
    bool none = false;   // No version is as old as that.
    bool moved = false;  // Someone is changing the chain: take the version lock, and look again.
    ParkedPlace parked;  // Not in memory, where `page` is set.
  };
  // Within a guard, or under the version lock.
  [[nodiscard]] Found walk(PageId id, VersionRef newest, TxnNumber snapshot);
  [[nodiscard]] TxnNumber txn_of(VersionRef version) {
    return is_parked(version) ? parked_.at(version).txn.load() : page_txn(pool_->data(version));
  }
  [[nodiscard]] VersionRef older_of(VersionRef version) {
    return is_parked(version) ? parked_.at(version).older.load()
                              : pool_->frame(version).older.load();
  }
  void set_older(VersionRef version, VersionRef older) {
    (is_parked(version) ? parked_.at(version).older : pool_->frame(version).older).store(older);
  }
  [[nodiscard]] VersionRef newest_of(PageId id) const {
    const TablePage* row = table_.peek(id);
    return row == nullptr ? kNoVersion : Word{row->word.load()}.version();
  }

  Result<FrameIndex> look_for(PageId id, TxnNumber snapshot, ReaderSlot& reader);
  Result<void> load(PageId id, const ReaderSlot* reader);
  Result<void> load_parked(const ParkedPlace& place, ReaderSlot& reader);
  // The same, and on_damage knows of it.
  [[nodiscard]] Error told(const Error& error, const ReaderSlot* reader) const;
  Result<void> read_into(PageId id, Slot slot, std::uint64_t check, unsigned check_bits,
                         FrameIndex frame);
  Result<void> check_read(PageId id, Slot slot, std::uint64_t check, unsigned check_bits,
                          FrameIndex frame, std::size_t bytes);
  bool install(TablePage& row, std::uint64_t word, MapEntry entry, PageId id, FrameIndex frame);
  FrameIndex take_frame_at_once();
  std::size_t evict();
  bool try_evict(FrameIndex index);

  // budget.cc
  [[nodiscard]] std::size_t bytes_beside_frames() const;
  [[nodiscard]] std::size_t table_limit() const;
  bool empty_group(TableGroup& group, bool again);
  [[nodiscard]] bool may_describe_more() const;

  // One transaction's frees; C5.
  struct FreedBy {
    TxnNumber txn{};
    bool left_out = false;
    IdRuns runs;
  };
  using Versions = std::list<Superseded>;

  // Parking, in parking.cc; the first two under the version lock.
  std::size_t choose_to_park(std::span<ToPark> chosen, std::uint32_t& parked, bool touched_too);
  bool put_descriptor(FrameIndex frame, Slot slot, std::uint64_t check, unsigned check_bits,
                      bool owns_slot);
  Result<void> write_parked(std::span<ToPark> chosen, SlotSpace::Use use);
  void set_owns_slot(Parked& parked, bool owns);
  void let_go_of_parked(VersionRef version);
  void settle_newest(PageId id);
  void use_reservation(PageId id, Parked& parked);
  std::uint32_t set_aside_again(Parked& parked);
  std::uint32_t list_parked(PageId id, Parked& now, VersionRef before);
  bool keep_old_slot(VersionRef version, MapEntry before);
  Result<void> bring_back(TablePage& row, PageId id, bool blank);
  Result<void> pin_rows(std::span<const WrittenPage> pages, const IdRuns& freed,
                        std::vector<RowPin>& rows);
  VersionRef describe(PageId page, TxnNumber txn, Slot slot, std::uint64_t check,
                      std::uint32_t check_bits);
  Result<void> take_spares(std::size_t count);

  // Answers how many slots it set aside.
  std::uint32_t link(const WrittenPage& page, TxnNumber txn, Versions& spare, Versions& superseded);
  void make_room_in_lists(std::size_t pages, std::size_t leaves);
  std::uint32_t list_dirty(PageId id);
  std::uint32_t list_leaf(std::uint32_t index);
  std::uint32_t list_leaves(IdRun freed);
  void set_held(FrameIndex frame, bool held);
  void dispose(Versions& versions);
  ReaderSlot* keeper_of(const Superseded& version) const;
  void free_version(const Superseded& version);
  void dispose_kept(ReaderSlot& slot);
  void release_page(PageId id);
  void mark_freed(IdRun run);

  const CacheConfig config_;
  std::unique_ptr<FramePool> pool_;
  ParkedPool parked_;
  PageTable table_;
  ReaderSlots readers_;

  Atomic<std::uint64_t> newest_{0};
  Atomic<std::uint64_t> durable_{0};
  Atomic<std::uint64_t> group_end_{0};
  Atomic<std::uint32_t> held_{0};
  Atomic<std::uint32_t> cursor_pins_{0};
  Atomic<std::uint32_t> id_limit_{0};
  Atomic<std::uint64_t> pages_read_{0};
  Atomic<std::uint64_t> pages_evicted_{0};
  Atomic<std::uint64_t> pages_parked_{0};
  Atomic<std::size_t> transaction_bytes_{0};
  Atomic<std::size_t> transaction_descriptors_{0};
  Atomic<std::uint64_t> given_up_{0};
  Atomic<std::uint32_t> parked_slots_{0};  // That descriptors own.
  Atomic<std::size_t> dirty_count_{0};

  std::map<PageId, Error> lost_;  // Changed by redo only, before anyone else reads it.

  Mutex park_mutex_;  // One parks at a time.
  FrameIndex park_hand_ = 1;
  std::vector<std::byte> park_buffer_;

  Atomic<std::size_t> shrink_again_at_{0};  // The last shrink_table() left more than it was to.
  Atomic<std::uint32_t> loads_since_shrink_{0};

  mutable Mutex versions_;
  bool table_stays_ = false;
  std::vector<VersionRef> spare_parked_;  // For link(), which can't fail.
  struct Placed {
    PageId page{};
    Slot slot{};
    TxnNumber txn{};
  };
  std::vector<Placed> placed_;  // Slots that the log names, by txn.
  Versions recent_;             // Superseded by a transaction that isn't durable; by `end`.
  // Pages that have a version no checkpoint has written, and their leaves. Both keep room for what
  // the checkpoint under way has taken and may return.
  std::vector<PageId> dirty_list_;
  std::vector<std::uint32_t> dirty_leaves_;
  std::size_t taken_pages_ = 0;
  std::size_t taken_leaves_ = 0;
  std::uint32_t dirty_reserved_ = 0;  // Slots that dirty_list_ needs; all set aside but for
  std::uint32_t unbacked_ = 0;        // these.
  std::list<FreedBy> freed_;          // By txn.

  Mutex evict_mutex_;
  FrameIndex hand_ = 1;
};

}  // namespace holdfast
