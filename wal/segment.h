// One log file: made under a temporary name, complete and synced before it gets its real one.
//
// Names mean nothing to recovery: BASE.log-EPOCH-NUMBER is for people. BASE.log-tmp-… is a file
// that was being made; nobody needs it. A crash here leaves a temporary file, or a segment whose
// headers are final.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/storage/storage.h"
#include "wal/format.h"

namespace holdfast {

// Every segment is at least this large, durably, when it gets its name.
inline constexpr std::uint64_t kFirstAllocation = 64 << 10;
static_assert(kFirstAllocation <= kLogSegmentMin);

struct Segment {
  std::string path;
  SegmentHeader header;
  std::shared_ptr<StorageFile> file;
  std::uint64_t bytes = 0;  // Size of the file.
  Lsn end{};                // Where its successor starts, once it has one.
  bool unsynced = false;    // Holds batches that no sync has covered.
};

// Creates, writes both headers, allocates `bytes` in all, syncs, renames and syncs the directory.
// `number`
// is passed by while its name is taken. On failure nothing with a name is left, unless it was the
// directory that couldn't be synced.
Result<std::unique_ptr<Segment>> create_segment(Storage& storage, const std::string& base_path,
                                                const SegmentHeader& header, std::uint64_t& number,
                                                std::uint64_t bytes);

// What a file beside the database turned out to be.
struct FoundSegment {
  enum class State : std::uint8_t {
    kSound,      // `header` is good, from either copy.
    kForeign,    // A segment of another database, or no log file at all.
    kBadHeader,  // Both headers are bad and the file holds something: no crash leaves that.
    kEmpty,      // All zero or no bytes: nothing was ever in it.
  };
  std::string path;
  State state = State::kEmpty;
  SegmentHeader header;
  std::uint64_t bytes = 0;
  unsigned bad_copies = 0;
  bool cut_short = false;             // Smaller than it was when it got its name.
  std::shared_ptr<StorageFile> file;  // kSound only; open in the mode asked for.
};

struct SegmentList {
  std::vector<FoundSegment> segments;
  std::vector<std::string> temporary;  // Paths of files that were being made.
};

// Every file whose name starts with BASE.log-, told apart by what it holds. An unreadable file is
// an error. `past_cache` reads from the medium.
Result<SegmentList> list_segments(Storage& storage, const std::string& base_path, const Uuid& uuid,
                                  FileMode mode, bool past_cache);

}  // namespace holdfast
