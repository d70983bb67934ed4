// A checkpoint: brings the state as of a durable transaction D into the tree file, step by step.
//
//   begin()  takes a snapshot of D, the log's place after D, and the list of dirty pages
//   step()   writes some pages to fresh slots | then moves some of the tail's |
//            then writes the map above them | then syncs
//   publish()  writes the meta that names it all; only then are old slots and old log let go
//
// K1 Nothing that any durable state needs is written: pages and map go to free slots.
// K2 One sync of the tree file, begun after all its writes, comes before the meta.
// K3 Old slots and log segments are let go of only when both meta copies have read back.
// K4 It is a reader: neither readers nor the writer wait for it.
// A crash anywhere before the meta leaves slots that no state names; after it, the new state.
// A failed page write abandons the checkpoint, its slot stays unused; a failed sync or meta write
// poisons the database. So does what is thrown within the sync or the meta write; thrown anywhere
// before, it abandons the checkpoint, and behind the meta write nothing takes memory.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <vector>

#include "engine/cache/page_cache.h"
#include "engine/file/meta_store.h"
#include "engine/file/page_map.h"
#include "engine/file/slot_space.h"
#include "engine/tail_moves.h"
#include "wal/format.h"

namespace holdfast {

struct CheckpointParts {
  Storage* storage = nullptr;
  StorageFile* file = nullptr;
  SlotSpace* slots = nullptr;
  PageMap* map = nullptr;
  PageCache* cache = nullptr;
};

class Checkpoint {
 public:
  // Takes over a slot that the caller has claimed.
  Checkpoint(const CheckpointParts& parts, SlotClaim slot) : parts_(parts), slot_(slot.take()) {}
  ~Checkpoint();
  Checkpoint(const Checkpoint&) = delete;
  Checkpoint& operator=(const Checkpoint&) = delete;

  // Before begin(): it also moves pages of the tail, and says in `moves` how far it came once that
  // is durable.
  void move_tail(std::shared_ptr<TailMoves> moves);

  // `durable_place` answers D and where the log goes on after it. kDiskFull: nothing happened.
  Result<void> begin(const std::function<LogPlace()>& durable_place);
  // Does a bounded amount; answers false when only publish() is left. After an error: abandon().
  Result<bool> step();
  // Lets `write_meta` make the new state durable, then installs it.
  Result<void> publish(const std::function<Result<void>(const Checkpoint&)>& write_meta);
  // Gives back what it took; the pages are dirty still.
  void abandon() noexcept;

  [[nodiscard]] TxnNumber txn() const { return place_.end.txn; }
  [[nodiscard]] const LogPlace& place() const { return place_; }
  [[nodiscard]] MapRef map_root() const { return map_update_->root(); }
  [[nodiscard]] std::uint32_t map_height() const { return map_update_->height(); }
  // Slots up to this were there, durably, when the sync had succeeded: all that the map names, and
  // none that others have taken since at an end of the file that a loss of power may take away.
  [[nodiscard]] std::uint32_t slot_high_water() const { return slot_high_water_; }
  // How many more pages the durable map names than before.
  [[nodiscard]] std::int64_t pages_gained() const { return pages_gained_; }
  [[nodiscard]] std::uint64_t pages_written() const {
    return written_.size() - adopted_ + map_pages_written_;
  }
  // Pages that it has moved so far, and whether it isn't done with that.
  [[nodiscard]] std::uint64_t pages_moved() const {
    return phase_ == Phase::kPages ? 0 : written_.size() - moved_from_;
  }
  [[nodiscard]] bool moving() const { return phase_ <= Phase::kMoves && going_ != nullptr; }
  // A sync failed: the database must be poisoned with the error that step() or publish() gave.
  [[nodiscard]] bool sync_failed() const { return sync_failed_; }

 private:
  struct Written {
    PageId page{};
    MapEntry entry{};
    bool adopted = false;  // It was parked there.
    Slot moved_from{};     // It was in the file already, and nothing but its place changes.
  };
  enum class Phase : std::uint8_t { kPages, kMoves, kMap, kSync, kDone };

  Result<void> write_some_pages();
  Result<void> write_batch(std::size_t first);
  void pages_written_out();
  void set_aside_again(std::uint32_t count) noexcept;
  // checkpoint_moves.cc
  bool force_inner_pages_down();
  Result<bool> move_some_pages();
  bool take_next_leaf();
  bool choose(std::uint32_t leaf);
  Result<void> move_batch(std::span<const Written> batch);
  void note_damage(const Error& error);
  Result<void> write_map_leaf(std::uint32_t index);
  Result<void> sync_file();
  [[nodiscard]] bool is_freed(PageId id) const;

  const CheckpointParts parts_;
  ReaderSlot& slot_;
  bool begun_ = false;
  bool sync_failed_ = false;
  Phase phase_ = Phase::kPages;
  LogPlace place_;
  PageCache::DirtyPages dirty_;
  std::size_t next_page_ = 0;
  std::size_t unsynced_pages_ = 0;
  std::shared_ptr<TailMoves> moves_;  // As the last durable checkpoint left them,
  std::unique_ptr<TailMoves> going_;  // and as this one will.
  std::vector<Written> chosen_;       // Of one leaf of the map, to be moved,
  std::size_t next_chosen_ = 0;       // from here on.
  std::size_t moved_from_ = 0;        // Those in written_ from here on were moved.
  std::uint32_t moves_reserved_ = 0;  // Slots set aside for them.
  std::vector<FreedRun> freed_;       // By first page.
  std::set<std::uint32_t> leaves_;    // Map leaves to write.
  std::vector<Written> written_;
  std::size_t adopted_ = 0;
  std::vector<Slot> bad_slots_;  // A write to them failed: not used again.
  std::unique_ptr<MapUpdate> map_update_;
  std::uint64_t map_pages_written_ = 0;
  std::int64_t pages_gained_ = 0;
  std::uint32_t slot_high_water_ = 0;
  std::vector<std::byte> buffer_;
};

}  // namespace holdfast
