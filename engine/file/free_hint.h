// What is free in a file at rest, noted behind its last slot when it is closed, so that the next
// opening needn't read the whole page map to find out. docs/FORMAT.md, "The hint of free space".
//
// H1 It is bound to one meta: its uuid, generation and map root. Whatever is written to the file
//    writes a new meta first, or to slots that this one calls free.
// H2 Nothing needs it, and nothing is read by it: pieces of it that a crash left, or that something
//    else was written over, are no hint, and the map is read instead.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "engine/file/meta_format.h"
#include "engine/storage/storage.h"

namespace holdfast {

struct FreeRun {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
};

// Slots or page ids, ascending.
enum class FreeKind : std::uint8_t { kSlot, kPageId };

// Collects runs, and writes a piece whenever there are enough.
class FreeHintWriter {
 public:
  // Behind the last slot that `meta` knows of. At most `bytes_max` in all.
  FreeHintWriter(StorageFile& file, const Meta& meta, std::uint64_t bytes_max);
  // Slots before ids. Errors: those of writing; kLimitExceeded: it would be too long.
  Result<void> add(FreeKind kind, FreeRun run);
  // Nothing is synced.
  Result<void> finish();

 private:
  Result<void> write_piece(bool last);

  StorageFile& file_;
  const Meta& meta_;
  std::uint64_t at_;
  const std::uint64_t end_;
  std::uint32_t piece_ = 0;
  std::vector<FreeRun> slots_;
  std::vector<FreeRun> ids_;
};

// Answers whether there is a whole hint for `meta`, having told `take` of its runs. They ascend,
// and lie below the meta's high-water marks. Where the answer is no, it may have told of some.
bool read_free_hint(StorageFile& file, const Meta& meta,
                    const std::function<void(FreeKind kind, FreeRun run)>& take);

}  // namespace holdfast
