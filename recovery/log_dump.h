// For people: everything that lies in the log files beside a database, sound or not. Reads only,
// and decides nothing; a file is walked from its start to the first place that can't be read.
#pragma once

#include <functional>
#include <string>

#include "recovery/log_files.h"
#include "wal/log_reader.h"

namespace holdfast {

struct DumpedSegment {
  std::string path;
  FoundSegment::State state{};
  SegmentHeader header;  // kSound and kForeign.
  std::uint64_t bytes = 0;
  unsigned bad_copies = 0;
};

struct DumpedBatch {
  std::string path;
  std::uint64_t offset = 0;
  Ahead ahead{};       // kNothing ends a file's list; anything but kBatch and kContinues too.
  BatchHeader header;  // Unless kNothing or kJunk.
  std::uint64_t edits = 0, images = 0, places = 0, frees = 0;  // Records of each kind.
  std::string finding;                                         // Empty when sound.
};

struct LogDumpTarget {
  std::function<void(const DumpedSegment&)> segment;
  std::function<void(const DumpedBatch&)> batch;  // After its segment, in order.
};

Result<void> dump_log(Storage& storage, const std::string& base_path, const Uuid& uuid,
                      const LogDumpTarget& target);

}  // namespace holdfast
