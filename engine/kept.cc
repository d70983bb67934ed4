// Kept checkpoints: their list in the meta, and the slots that they need.
//
//   keep:     checkpoint -> the slots that its map needs -> noted in SlotSpace (F3) -> a meta that
//             lists it
//   release:  a meta that doesn't list it -> its slots forgotten
//   a backup that is kept: the slots of what it copies noted while it copies (NewestPinned) -> one
//             meta that lists that, and doesn't list what it releases
//   opening:  everything up to its highest slot counts as needed, until the scan for free space has
//             read its map; for good where the map can't be read, until it is released
//
// So at each moment SlotSpace knows of at least what any meta lists that a crash may bring back.
// A crash between two steps leaves a state that was, or one in which nothing but slots is lost that
// the next opening finds again.
#include <algorithm>

#include "engine/base/boundary.h"
#include "engine/base/limits.h"
#include "engine/base/result.h"
#include "engine/database_impl.h"

namespace holdfast {
namespace {

KeptCheckpoint shown(const KeptMap& kept) {
  return {kept.id, raw(kept.txn), kept.pages, kept.wall_us};
}

std::uint32_t highest_slot(const std::vector<std::uint64_t>& bits) {
  auto slot = static_cast<std::uint32_t>(bits.size() * 64);
  while (slot > 0 && ((bits[(slot - 1) / 64] >> ((slot - 1) % 64)) & 1) == 0) --slot;
  return slot == 0 ? 0 : slot - 1;
}

std::unexpected<Error> no_such_checkpoint(const Meta& meta, std::uint64_t id,
                                          const std::string& path) {
  std::string those;
  for (const KeptMap& kept : meta.kept_maps())
    those += (those.empty() ? "" : ", ") + std::to_string(kept.id);
  return fail(ErrorCode::kNotFound,
              "no checkpoint " + std::to_string(id) + " is kept; " +
                  (those.empty() ? "there are none" : "there are " + those),
              {.file = path, .offset = {}, .page = {}, .tree = {}, .txn = {}});
}

}  // namespace

std::vector<KeptCheckpoint> DatabaseImpl::kept_checkpoints() const {
  MutexLock lock(meta_mutex_);
  std::vector<KeptCheckpoint> list;
  for (const KeptMap& kept : meta_->meta().kept_maps()) list.push_back(shown(kept));
  // A backup's may have been listed after newer ones.
  std::ranges::sort(list, {},
                    [](const KeptCheckpoint& kept) { return std::pair(kept.txn, kept.id); });
  return list;
}

Result<void> DatabaseImpl::may_change_file() const {
  TRY(must_be_open());
  if (read_only_) return fail(ErrorCode::kReadOnly, "the database was opened read-only");
  if (auto error = poisoned()) return std::unexpected(*error);
  return {};
}

// Under checkpoint_mutex_: brings the newest state into the file. Answers the slots it needs, of
// which nothing is freed while no checkpoint runs.
Result<std::vector<std::uint64_t>> DatabaseImpl::checkpoint_to_keep() {
  if (checkpoint_ != nullptr) TRY(run_checkpoint());
  TRY(run_checkpoint());
  auto bits = TRY(map_->needed_slots());
  const std::size_t bytes = slots_->bytes_to_keep();
  if (!cache_->make_frames_left(bytes, 0)) {
    return fail(ErrorCode::kLimitExceeded,
                "keeping a checkpoint of this file takes " + std::to_string(bytes) +
                    " bytes of memory, which cache_bytes (" + std::to_string(options_.cache_bytes) +
                    ") has no room for; open with a larger one",
                {.file = path_, .offset = {}, .page = {}, .tree = {}, .txn = {}});
  }
  return bits;
}

Result<void> DatabaseImpl::may_keep_one_more() const {
  const std::size_t count = kept_checkpoints().size();
  if (count < kKeptMax) return {};
  return fail(ErrorCode::kLimitExceeded,
              std::to_string(count) + " checkpoints are kept already, the most there may be (" +
                  std::to_string(kKeptMax) + "); release one first",
              {.file = path_, .offset = {}, .page = {}, .tree = {}, .txn = {}});
}

// Under checkpoint_mutex_: the state of `state` is kept from here on, and its slots counted as
// those of the id that is answered by `note_slots`, before anything says so.
Result<KeptCheckpoint> DatabaseImpl::add_to_list(
    const Meta& state, std::uint32_t highest_slot, std::uint64_t goes,
    const std::function<void(std::uint64_t id)>& note_slots) {
  Meta meta;
  KeptMap kept;
  {
    MutexLock meta_lock(meta_mutex_);
    meta = meta_->meta();
    if (goes != 0) TRY(take_off_list(meta, goes));
    kept = {.id = meta_->next_generation(),
            .txn = state.txn,
            .map_root = state.map_root,
            .map_height = state.map_height,
            .id_high_water = state.id_high_water,
            .slot_high_water = highest_slot,
            .pages = state.pages,
            .wall_us = environment_.clock->wall_us()};
    meta.kept[meta.kept_maps().size()] = kept;
  }
  auto written = at_boundary([&]() -> Result<void> {
    // Without a commit in this opening nobody has seen to the file's name, of which a creator that
    // died may have left only a wish.
    if (log_.load() == nullptr) TRY(environment_.storage->sync_directory(directory_of(path_)));
    note_slots(kept.id);
    // After a failure nobody knows which list is durable: then its slots stay.
    return write_kept(meta);
  });
  releasing_.store(0);
  TRY(std::move(written));
  if (goes != 0) slots_->drop_kept(goes);
  return shown(kept);
}

// Under both mutexes. Nobody begins to read it from here on, until releasing_ is 0 again.
Result<void> DatabaseImpl::take_off_list(Meta& meta, std::uint64_t id) {
  const auto found = std::ranges::find(meta.kept, id, &KeptMap::id);
  if (id == 0 || found == meta.kept.end()) return no_such_checkpoint(meta, id, path_);
  if (kept_readers_.contains(id)) {
    return fail(ErrorCode::kBusy,
                "checkpoint " + std::to_string(id) +
                    " is being read by a backup or a check; release it when that has ended",
                {.file = path_, .offset = {}, .page = {}, .tree = {}, .txn = {}});
  }
  std::move(found + 1, meta.kept.end(), found);
  meta.kept.back() = {};
  releasing_.store(id);
  return {};
}

Result<KeptCheckpoint> DatabaseImpl::keep_checkpoint() {
  TRY(may_change_file());
  MutexLock lock(checkpoint_mutex_);
  TRY(may_keep_one_more());
  std::vector<std::uint64_t> bits = TRY(checkpoint_to_keep());
  Meta state;
  {
    MutexLock meta_lock(meta_mutex_);
    state = meta_->meta();
  }
  return add_to_list(state, highest_slot(bits), 0,
                     [&](std::uint64_t id) { slots_->keep(id, std::move(bits)); });
}

Result<void> DatabaseImpl::release_checkpoint(std::uint64_t id) {
  TRY(may_change_file());
  MutexLock lock(checkpoint_mutex_);
  TRY(restore_meta_copies());
  Meta meta;
  {
    MutexLock meta_lock(meta_mutex_);
    meta = meta_->meta();
    TRY(take_off_list(meta, id));
  }
  auto written = write_kept(meta);
  releasing_.store(0);
  TRY(std::move(written));
  slots_->drop_kept(id);
  return {};
}

// Under checkpoint_mutex_: nothing else writes a list.
Result<void> DatabaseImpl::write_kept(const Meta& list) {
  // Whoever waited for a checkpoint that failed writes nothing any more.
  if (auto error = poisoned()) return std::unexpected(*error);
  MutexLock lock(meta_mutex_);
  Meta meta = meta_->meta();
  meta.kept = list.kept;
  wrote_.store(true);
  const auto written = at_boundary([&] { return meta_->write(meta); });
  lock.unlock();
  kept_count_.store(static_cast<std::uint32_t>(meta.kept_maps().size()));
  if (written) return {};
  poison(written.error());
  return std::unexpected(*poisoned());
}

// At opening, before any slot is given out.
void DatabaseImpl::note_kept(const Meta& meta) {
  for (const KeptMap& kept : meta.kept_maps()) slots_->keep_all(kept.id, kept.slot_high_water);
  kept_count_.store(static_cast<std::uint32_t>(meta.kept_maps().size()));
}

// What exactly they need.
void DatabaseImpl::scan_kept() {
  Meta meta;
  {
    MutexLock lock(meta_mutex_);
    meta = meta_->meta();
  }
  for (const KeptMap& kept : meta.kept_maps()) {
    PageMap map(*file_, *slots_, meta.page_size, meta.tag());
    const auto opened = map.open(meta.as_of(kept));
    auto bits = opened ? map.needed_slots() : std::unexpected(opened.error());
    if (bits) {
      slots_->keep(kept.id, *std::move(bits));
    } else if (!wrote_.load()) {  // The report is the opening's: later it is read by others.
      report_.notes.push_back("space of before kept checkpoint " + std::to_string(kept.id) +
                              " is not reused until that is released: " + bits.error().to_string());
    }
  }
}

Result<KeptReading> KeptReading::begin(DatabaseImpl& db, std::uint64_t id) {
  MutexLock lock(db.meta_mutex_);
  const Meta& meta = db.meta_->meta();
  for (const KeptMap& kept : meta.kept_maps()) {
    if (kept.id != id || db.releasing_.load() == id) continue;
    KeptReading reading(db, meta.as_of(kept), id);
    ++db.kept_readers_[id];
    return reading;
  }
  return no_such_checkpoint(meta, id, db.path_);
}

KeptReading::~KeptReading() {
  if (db_ == nullptr) return;
  MutexLock lock(db_->meta_mutex_);
  const auto found = db_->kept_readers_.find(id_);
  if (--found->second == 0) db_->kept_readers_.erase(found);
}

Result<NewestPinned> NewestPinned::begin(DatabaseImpl& db) {
  TRY(db.may_change_file());
  MutexLock lock(db.checkpoint_mutex_);
  std::vector<std::uint64_t> bits = TRY(db.checkpoint_to_keep());
  NewestPinned pinned(db);
  {
    MutexLock meta_lock(db.meta_mutex_);
    pinned.meta_ = db.meta_->meta();
    pinned.id_ = kPinnedIds + db.pins_++;
  }
  pinned.highest_slot_ = highest_slot(bits);
  db.slots_->keep(pinned.id_, std::move(bits));
  return pinned;
}

Result<KeptCheckpoint> NewestPinned::keep(std::uint64_t goes) {
  TRY(db_->may_change_file());
  MutexLock lock(db_->checkpoint_mutex_);
  if (goes == 0) TRY(db_->may_keep_one_more());
  return db_->add_to_list(meta_, highest_slot_, goes,
                          [&](std::uint64_t id) { db_->slots_->rename_kept(id_, id); });
}

NewestPinned::~NewestPinned() {
  if (db_ != nullptr && id_ != 0) db_->slots_->drop_kept(id_);
}

}  // namespace holdfast
