// Closing: folds the log into the file, so that a database at rest is one file.
//
//   some of what is dying freed -> checkpoint of everything -> a meta that names no log, to one
//   pair -> the same to the other -> log files removed -> the file cut after its last used slot ->
//   a hint there of what is free before it
//
// A crash between any two leaves a state that the next opening takes as it is.
#include <algorithm>
#include <vector>

#include "engine/base/boundary.h"
#include "engine/base/result.h"
#include "engine/database_impl.h"

namespace holdfast {

DatabaseImpl::~DatabaseImpl() {
  stop_serving();
  stop_background();
  checkpoint_.reset();
}

Result<void> DatabaseImpl::must_be_open() const {
  if (!closed_) return {};
  return fail(ErrorCode::kInvalidArgument, "the database has been closed; open it again");
}

Result<void> DatabaseImpl::close() {
  if (closed_) return {};
  stop_serving();
  if (const std::uint32_t open = open_transactions_.load(); open != 0) {
    return fail(ErrorCode::kInvalidArgument,
                std::to_string(open) + " transactions are still open; end them before close()");
  }
  closed_ = true;
  stop_background();
  Result<void> done;
  if (auto error = poisoned()) {
    done = std::unexpected(*error);
  } else if (wrote_.load()) {
    free_dying_at_close();
    done = at_boundary([this] { return fold_log_in(); });
  }
  checkpoint_.reset();
  file_.reset();
  return done;
}

Result<void> DatabaseImpl::fold_log_in() {
  TRY(checkpoint());
  TRY(move_tail_down());
  TRY(say_there_is_no_log());
  TRY(remove_log());
  TRY(slots_->close_up());
  TRY(file_->sync());
  leave_free_hint();
  return {};
}

// What an opening does with the log that it found, where a full disk has no room for its own: it
// goes as at a close. A checkpoint of everything has been made; without a log nothing is added.
Result<void> DatabaseImpl::fold_old_log_in() {
  if (log_.load() != nullptr) return {};
  MutexLock checkpoint_lock(checkpoint_mutex_);
  if (auto error = poisoned()) return std::unexpected(*error);
  if (log_beside()) TRY(say_there_is_no_log());
  if (old_segments_.empty() && leftover_files_.empty()) return {};
  // Nothing needs the files: what can't be removed now is by the log that comes, or by a close.
  TRY(remove_log());
  old_segments_.clear();
  leftover_files_.clear();
  old_log_bytes_.store(0);
  return {};
}

bool DatabaseImpl::log_beside() const {
  MutexLock lock(meta_mutex_);
  return meta_->meta().log_beside;
}

Result<void> DatabaseImpl::say_there_is_no_log() {
  MutexLock lock(meta_mutex_);
  Meta meta = meta_->meta();
  meta.log_beside = false;
  // Never more than a checkpoint's sync has covered.
  meta.slot_high_water = std::min(meta.slot_high_water, slots_->high_water());
  for (int pair = 0; pair < 2; ++pair) {
    if (auto written = at_boundary([&] { return meta_->write(meta); }); !written) {
      lock.unlock();
      poison(written.error());
      return std::unexpected(*poisoned());
    }
  }
  return {};
}

// Files beside the database that no state needs any more, now that both copies of its meta are
// there. What can't be removed only takes space; a close tries again.
void DatabaseImpl::remove_leftovers() {
  std::erase_if(leftover_files_, [&](const std::string& path) {
    const auto removed = at_boundary([&] { return environment_.storage->remove(path); });
    return removed || removed.error().code() == ErrorCode::kNotFound;
  });
}

Result<void> DatabaseImpl::remove_log() {
  Storage& storage = *environment_.storage;
  if (LogWriter* log = log_.load()) TRY(log->remove_all());
  // Without a log of this opening, what an earlier one left is still here.
  for (const OldSegment& segment : old_segments_) leftover_files_.push_back(segment.path);
  for (const std::string& path : leftover_files_) {
    auto removed = storage.remove(path);
    if (!removed && removed.error().code() != ErrorCode::kNotFound) return removed;
  }
  return storage.sync_directory(directory_of(path_));
}

}  // namespace holdfast
