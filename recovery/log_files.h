// The log files beside a database, open, told apart by their headers.
//
// A crash here leaves nothing: opening writes nothing; sync() only makes durable what is there.
#pragma once

#include <string>
#include <vector>

#include "wal/segment.h"

namespace holdfast {

class LogFiles {
 public:
  // With `writable` false the files are opened for reading and sync() does nothing.
  // kDamaged when two files claim to be the same segment.
  static Result<LogFiles> open(Storage& storage, const std::string& base_path, const Uuid& uuid,
                               bool writable);

  // Syncs every segment and the directory, then reads the headers again from the medium: what was
  // only in the operating system's cache is durable afterwards, or the opening fails (DR-C6).
  // Before scan_log() for an opening that may write.
  Result<void> sync();

  // The database file that they belong to.
  [[nodiscard]] const std::string& base_path() const { return base_path_; }
  [[nodiscard]] const std::vector<FoundSegment>& sound() const { return sound_; }
  // Paths whose headers are both bad although the file isn't empty, or that were cut short: no
  // crash leaves either.
  [[nodiscard]] const std::vector<std::string>& bad() const { return bad_; }
  // Paths of files that never became segments: temporary or empty. Removing them is always safe.
  [[nodiscard]] const std::vector<std::string>& leftovers() const { return leftovers_; }
  [[nodiscard]] std::uint64_t foreign() const { return foreign_; }
  [[nodiscard]] bool past_cache() const { return past_cache_; }
  // Index into sound() of the segment, or -1.
  [[nodiscard]] int find(const SegmentRef& ref) const;
  // The largest number in any sound header; 0 when there is none.
  [[nodiscard]] EpochNumber highest_epoch() const;

 private:
  Result<void> load();

  Storage* storage_ = nullptr;
  std::string base_path_;
  Uuid uuid_{};
  bool writable_ = false;
  bool past_cache_ = false;
  std::vector<FoundSegment> sound_;
  std::vector<std::string> bad_;
  std::vector<std::string> leftovers_;
  std::uint64_t foreign_ = 0;
};

}  // namespace holdfast
