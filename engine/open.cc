// Opening: from a path to a database whose state is the last committed one.
//
//   create_file() where nothing is -> lock -> choose the meta -> make what it rests on durable,
//   choose again -> read the log twice (end, redo) -> find the free space
//
// Opening writes nothing, but for a checkpoint between groups when redo outgrows the cache.
#include <algorithm>
#include <array>
#include <cstring>

#include "engine/base/bytes.h"
#include "engine/base/limits.h"
#include "engine/base/result.h"
#include "engine/base/zeros.h"
#include "engine/database_impl.h"
#include "engine/redo_pages.h"
#include "recovery/log_files.h"
#include "recovery/redo.h"

namespace holdfast {
namespace {

constexpr std::uint32_t kUnfinishedLooked = 1024;  // Slots, for the report only.
constexpr std::size_t kLostListed = 20;            // Pages named in an error; the report has all.

Result<void> check_options(const Options& options) {
  auto bad = [](const std::string& what) { return fail(ErrorCode::kInvalidArgument, what); };
  if (options.cache_bytes < kMinCacheBytes) {
    return bad("Options::cache_bytes is " + std::to_string(options.cache_bytes) +
               "; the least is " + std::to_string(kMinCacheBytes));
  }
  const std::uint32_t size = options.page_size;
  if (size < kPageSizeMin || size > kPageSizeMax || (size & (size - 1)) != 0) {
    return bad("Options::page_size is " + std::to_string(size) +
               "; it must be 4096, 8192, 16384 or 32768");
  }
  if (options.log_segment_bytes < kLogSegmentMin || options.log_segment_bytes > kLogSegmentMax) {
    return bad("Options::log_segment_bytes is " + std::to_string(options.log_segment_bytes) +
               "; it must lie between " + std::to_string(kLogSegmentMin) + " and " +
               std::to_string(kLogSegmentMax));
  }
  if (options.accept_damaged_log && options.mode != OpenMode::kReadOnly) {
    return bad("Options::accept_damaged_log needs OpenMode::kReadOnly");
  }
  return {};
}

LogStart log_start(const Meta& meta) {
  return {.segment = {meta.segment_epoch, meta.segment_salt, meta.segment_start},
          .at = {meta.log_lsn, meta.log_chain, meta.txn},
          .newest_epoch = meta.epoch,
          .newest_epoch_segment = {meta.epoch, meta.epoch_salt, meta.epoch_start}};
}

}  // namespace

DatabaseImpl::DatabaseImpl(const std::string& path, const Options& options)
    : given_path_(path),
      options_(options),
      environment_(options.environment != nullptr ? *options.environment : system_environment()),
      watch_(options_, *environment_.clock),
      read_only_(options.mode == OpenMode::kReadOnly) {}

Result<std::unique_ptr<DatabaseImpl>> DatabaseImpl::open(const std::string& path,
                                                         const Options& options) {
  TRY(check_options(options));
  if (path.empty()) return fail(ErrorCode::kInvalidArgument, "the path of the database is empty");
  if (path.find('\0') != path.npos)
    return fail(ErrorCode::kInvalidArgument, "the path of the database has a zero byte in it");
  std::unique_ptr<DatabaseImpl> db(new DatabaseImpl(path, options));
  const auto begun = db->environment_.clock->now();
  const bool exists = TRY(db->environment_.storage->exists(path));
  db->path_ = TRY(db->environment_.storage->real_path(path));
  const bool creates = options.mode == OpenMode::kCreate || options.mode == OpenMode::kCreateNew;
  if (exists && options.mode == OpenMode::kCreateNew) {
    return fail(ErrorCode::kAlreadyExists, "the database exists already",
                {.file = path, .offset = {}, .page = {}, .tree = {}, .txn = {}});
  }
  if (!exists && !creates) {
    return fail(ErrorCode::kNotFound, "there is no such database",
                {.file = path, .offset = {}, .page = {}, .tree = {}, .txn = {}});
  }
  if (!exists) TRY(db->create_file());
  TRY(db->open_existing());
  db->report_.created = !exists;
  db->report_.seconds =
      std::chrono::duration<double>(db->environment_.clock->now() - begun).count();
  if (db->recovered_.load()) db->watch_.recovered(db->report_);
  TRY(db->start_background());
  return db;
}

Result<void> DatabaseImpl::lock_file() {
  file_ = TRY(
      environment_.storage->open(path_, read_only_ ? FileMode::kReadOnly : FileMode::kReadWrite));
  return file_->lock(read_only_ ? LockMode::kShared : LockMode::kExclusive);
}

Result<void> DatabaseImpl::open_existing() {
  TRY(lock_file());
  meta_ = TRY(MetaStore::open(*file_));
  TRY(read_log());
  if (!read_only_ && meta_->meta().read_only_compatible != 0) {
    return fail(ErrorCode::kUnsupportedFormat,
                "the database was written by " + meta_->meta().creator +
                    " with features that this library may only read: open it read-only, or with a "
                    "newer version",
                {.file = path_, .offset = {}, .page = {}, .tree = {}, .txn = {}});
  }
  last_seen_txn_ = raw(cache_->newest());
  marked_txn_.store(last_seen_txn_);
  redo_done_ = true;
  // While the newest generation has one good copy only, what the one before needs isn't free:
  // versions may be parked before the first commit or checkpoint sees to both copies.
  if (!read_only_ && meta_->bad_copies() == 0) TRY(scan_free_space(false));
  return {};
}

Result<void> DatabaseImpl::attach(const Meta& meta, TxnNumber txn, std::uint32_t id_high_water,
                                  std::uint32_t slot_high_water) {
  slots_ = std::make_unique<SlotSpace>(*file_, meta.page_size);
  TRY(slots_->open(slot_high_water));
  if (!read_only_ && slots_->allocated() < slot_high_water) {
    // No crash does this: the size is durable before a meta says how far the slots reach.
    return fail(ErrorCode::kDamaged,
                "the file has been cut short; open it read-only to read what is left",
                {.file = path_,
                 .offset = slots_->offset_of(Slot{slots_->allocated()} + 1),
                 .page = {},
                 .tree = {},
                 .txn = {}});
  }
  note_kept(meta);
  map_ = std::make_unique<PageMap>(*file_, *slots_, meta.page_size, meta.tag());
  TRY(map_->open(meta));
  cache_ = TRY(PageCache::create(
      {.storage = environment_.storage,
       .file = file_.get(),
       .slots = slots_.get(),
       .map = map_.get(),
       .page_size = meta.page_size,
       .tag = meta.tag(),
       .budget_bytes = options_.cache_bytes,
       .log_bytes = read_only_ ? 0 : 3 * log_share(),
       .may_park = !read_only_,
       .drops_table = !options_.arena.empty() && options_.arena.size() < options_.cache_bytes / 2,
       .before_parking = [this] { return restore_meta_copies(); },
       .arena = options_.arena,
       .on_damage = [this](const Error& error) { watch_.damaged(error); },
       .frozen_by = [this] { return poisoned(); }}));
  ids_.open(id_high_water);
  opened_id_high_water_ = id_high_water;
  cache_->set_id_limit(id_high_water);
  cache_->start_at(txn);
  last_returned_.store(raw(txn));
  checkpoint_txn_.store(raw(meta.txn));
  checkpoint_lsn_.store(raw(meta.log_lsn));
  return {};
}

Result<void> DatabaseImpl::read_log() {
  Storage& storage = *environment_.storage;
  if (!read_only_) {
    // What is believed below must be on the medium, not just in a cache (DR-C6): a meta that says
    // "closed" too, or the first commit writes over the newest one that is there.
    TRY(file_->sync());
    meta_ = TRY(MetaStore::open(*file_));
  }
  LogFiles files = TRY(LogFiles::open(storage, path_, meta_->meta().uuid, !read_only_));
  if (meta_->meta().log_beside) TRY(files.sync());
  const Meta& meta = meta_->meta();
  report_.generation = meta.generation;
  report_.meta_copies_bad = meta_->bad_copies();
  report_.checkpoint_txn = raw(meta.txn);
  report_.recovered_txn = raw(meta.txn);
  highest_epoch_ = std::max(meta.epoch, files.highest_epoch());
  leftover_files_ = files.leftovers();
  opened_place_ = {{meta.log_lsn, meta.log_chain, meta.txn},
                   {meta.segment_epoch, meta.segment_salt, meta.segment_start}};
  if (!meta.log_beside) {
    TRY(check_no_stray_log(files));
    for (const FoundSegment& segment : files.sound()) leftover_files_.push_back(segment.path);
    return attach(meta, meta.txn, meta.id_high_water, meta.slot_high_water);
  }
  LogOutcome outcome = TRY(scan_log(files, log_start(meta)));
  outcome.fill(report_);
  if (outcome.log_end == LogEnd::kDamaged && !options_.accept_damaged_log)
    return std::unexpected(outcome.damage_error());
  recovered_.store(true);
  highest_epoch_ = std::max(highest_epoch_, outcome.highest_epoch_seen);
  old_segments_ = outcome.segments;
  for (const OldSegment& segment : old_segments_) old_log_bytes_.fetch_add(segment.bytes);
  leftover_files_ = outcome.leftovers;
  opened_place_ = {outcome.end, outcome.end_segment};
  TRY(attach(meta, meta.txn, std::max(meta.id_high_water, raw(outcome.highest_page) + 1),
             std::max(meta.slot_high_water, raw(outcome.highest_placed_slot))));
  // Slots past the high-water mark were being written when the last process ended.
  report_.checkpoint_in_flight = TRY(unfinished_pages(meta));
  return replay(files, outcome);
}

Result<void> DatabaseImpl::replay(const LogFiles& files, const LogOutcome& outcome) {
  auto group_done = [this](const LogPlace& at) -> Result<void> {
    // No checkpoint passes changes that couldn't be made.
    if (!read_only_ && !cache_->lost_pages().empty()) return {};
    if (cache_->held() < cache_->frame_limit() / 2) return {};
    if (read_only_) {
      return fail(ErrorCode::kLimitExceeded,
                  "replaying the log changes more pages than cache_bytes holds; open with a larger "
                  "cache_bytes");
    }
    opened_place_ = at;
    cache_->start_at(at.end.txn);
    MutexLock lock(checkpoint_mutex_);
    return run_checkpoint();
  };
  RedoPages target(*cache_, group_done);
  auto redone = redo_log(files, outcome, target);
  TRY(check_lost_pages());
  TRY(std::move(redone));
  opened_place_ = {outcome.end, outcome.end_segment};
  cache_->start_at(outcome.end.txn);
  last_returned_.store(raw(outcome.end.txn));
  report_.recovered_txn = raw(outcome.end.txn);
  report_.transactions_replayed = target.groups();
  report_.pages_changed = cache_->dirty_pages();
  return {};
}

// Writing on would build on what is missing.
Result<void> DatabaseImpl::check_lost_pages() {
  for (const auto& [page, why] : cache_->lost_pages()) report_.pages_lost.push_back(why);
  if (read_only_ || report_.pages_lost.empty()) return {};
  std::string list;
  for (std::size_t i = 0; i < std::min(report_.pages_lost.size(), kLostListed); ++i)
    list += (i == 0 ? "" : "; ") + report_.pages_lost[i].to_string();
  if (report_.pages_lost.size() > kLostListed) list += "; ...";
  // What storage refused to read may be whole.
  const bool unread = std::any_of(report_.pages_lost.begin(), report_.pages_lost.end(),
                                  [](const Error& why) { return why.code() == ErrorCode::kIo; });
  return fail(
      unread ? ErrorCode::kIo : ErrorCode::kDamaged,
      std::to_string(report_.pages_lost.size()) +
          " pages that the log changes can't be read; open read-only to read the rest: " + list,
      {.file = path_, .offset = {}, .page = {}, .tree = {}, .txn = {}});
}

// Pages that a checkpoint wrote beyond the highest slot of the last one that finished. What lies
// there otherwise is empty or older than that one.
Result<std::uint64_t> DatabaseImpl::unfinished_pages(const Meta& meta) const {
  const std::uint64_t bytes = TRY(file_->size());
  std::array<std::byte, kPageHeadBytes> head;
  std::uint64_t found = 0;
  for (std::uint32_t i = 1; i <= kUnfinishedLooked; ++i) {
    const std::uint64_t offset = slots_->offset_of(Slot{meta.slot_high_water} + i);
    if (offset + meta.page_size > bytes) break;
    TRY(file_->read(offset, head));
    if (load64(head.data() + page_at::kTag) == meta.tag() && page_txn(head.data()) > meta.txn)
      ++found;
  }
  return found;
}

// A closed database has no log. Batches of a later epoch than its meta knows mean that the meta
// which named them is lost.
Result<void> DatabaseImpl::check_no_stray_log(const LogFiles& files) const {
  for (const FoundSegment& segment : files.sound()) {
    if (segment.header.ref.epoch <= meta_->meta().epoch) continue;
    std::vector<std::byte> block(kLogBlockBytes);
    const std::size_t bytes = TRY(segment.file->read(kSegmentBodyOffset, block));
    if (all_zero(std::span(block).first(bytes))) continue;
    return fail(
        ErrorCode::kDamaged,
        "the file says it was closed, but a later log with transactions lies beside it: the file "
        "or its header "
        "is older than its log",
        {.file = segment.path, .offset = kSegmentBodyOffset, .page = {}, .tree = {}, .txn = {}});
  }
  return {};
}

}  // namespace holdfast
