#include "recovery/log_files.h"

#include <algorithm>

#include "engine/base/result.h"
#include "engine/storage/place.h"

namespace holdfast {

Result<LogFiles> LogFiles::open(Storage& storage, const std::string& base_path, const Uuid& uuid,
                                bool writable) {
  LogFiles files;
  files.storage_ = &storage;
  files.base_path_ = base_path;
  files.uuid_ = uuid;
  files.writable_ = writable;
  TRY(files.load());
  return files;
}

Result<void> LogFiles::load() {
  SegmentList list =
      TRY(list_segments(*storage_, base_path_, uuid_,
                        writable_ ? FileMode::kReadWrite : FileMode::kReadOnly, past_cache_));
  sound_.clear();
  bad_.clear();
  foreign_ = 0;
  leftovers_ = std::move(list.temporary);
  for (FoundSegment& segment : list.segments) {
    switch (segment.state) {
      case FoundSegment::State::kSound:
        if (segment.cut_short) bad_.push_back(segment.path);
        sound_.push_back(std::move(segment));
        break;
      case FoundSegment::State::kForeign:
        ++foreign_;
        break;
      case FoundSegment::State::kBadHeader:
        bad_.push_back(segment.path);
        break;
      case FoundSegment::State::kEmpty:
        leftovers_.push_back(segment.path);
        break;
    }
  }
  for (std::size_t i = 0; i < sound_.size(); ++i) {
    const int first = find(sound_[i].header.ref);
    if (first == static_cast<int>(i)) continue;
    // One of them is a copy, perhaps an old one: only a person can tell which to believe.
    return fail(ErrorCode::kDamaged,
                "two files are the same segment of the log, this one and " +
                    sound_[static_cast<std::size_t>(first)].path + "; move the copy away",
                place_in(sound_[i].path));
  }
  return {};
}

Result<void> LogFiles::sync() {
  if (!writable_) return {};
  for (const FoundSegment& segment : sound_) TRY(segment.file->sync());
  TRY(storage_->sync_directory(directory_of(base_path_)));
  past_cache_ = true;
  return load();
}

int LogFiles::find(const SegmentRef& ref) const {
  for (std::size_t i = 0; i < sound_.size(); ++i) {
    if (sound_[i].header.ref == ref) return static_cast<int>(i);
  }
  return -1;
}

EpochNumber LogFiles::highest_epoch() const {
  EpochNumber highest{};
  for (const FoundSegment& segment : sound_) highest = std::max(highest, segment.header.ref.epoch);
  return highest;
}

}  // namespace holdfast
