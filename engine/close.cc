// Closing: folds the log into the file, so that a database at rest is one file.
//
//   some of what is dying freed -> checkpoint of everything -> a meta that names no log, to one
//   pair -> the same to the other -> log files removed -> the file cut after its last used slot
//
// A crash between any two leaves a state that the next opening takes as it is.
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
  {
    MutexLock lock(meta_mutex_);
    Meta meta = meta_->meta();
    meta.log_beside = false;
    meta.slot_high_water = slots_->high_water();
    for (int pair = 0; pair < 2; ++pair) {
      if (auto written = at_boundary([&] { return meta_->write(meta); }); !written) {
        lock.unlock();
        poison(written.error());
        return std::unexpected(*poisoned());
      }
    }
  }
  TRY(remove_log());
  TRY(slots_->close_up());
  return file_->sync();
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
