// What the page cache and those who use it hand each other.
#pragma once

#include <algorithm>
#include <cstdint>
#include <list>
#include <vector>

#include "engine/base/types.h"
#include "engine/cache/frame_pool.h"

namespace holdfast {

// Room for so many more elements, growing as push_back() would.
template <class T>
void make_room(std::vector<T>& list, std::size_t more) {
  if (list.size() + more > list.capacity())
    list.reserve(std::max(list.size() + more, 2 * list.capacity()));
}

struct IdRun {
  PageId first{};
  std::uint32_t count = 0;
};

// Lists of nodes, so that handing them on takes no memory.
using IdRuns = std::list<IdRun>;

struct FreedRun {
  IdRun run;
  TxnNumber txn{};
  bool left_out = false;  // The durable map doesn't have it any more.
};

// One page of a transaction that is being published: in a frame, or in a slot only. A page that has
// both was parked on its way: the log's edits build on what lies there.
struct WrittenPage {
  PageId page{};
  FrameIndex frame = kNoFrame;
  bool fresh = true;  // Not so: it is made from version `base`, the newest until now.
  TxnNumber base{};
  Slot slot{};
  std::uint64_t check = 0;
};

// A frame's content on its way to a slot.
struct ToPark {
  FrameIndex frame = kNoFrame;
  PageId page{};
  TxnNumber txn{};
  Slot slot{};  // None: not written.
  std::uint64_t check = 0;
};

// Where a page lies, and its check, as small as can be: one is kept for each page of a long value.
struct PlacedPage {
  Slot slot{};
  std::uint32_t check_low = 0;
  std::uint32_t check_high = 0;
  [[nodiscard]] std::uint64_t check() const { return std::uint64_t{check_high} << 32 | check_low; }
};

struct CacheCounters {
  std::uint64_t pages_read, pages_evicted, pages_parked, frames_in_use, held, parked, table_bytes,
      file_table_bytes, parked_table_bytes, transaction_bytes, given_up;
};

// A transaction that reads, for people.
struct OldestReader {
  TxnNumber txn{};
  std::uint32_t thread = 0;    // 0: there is none.
  std::uint64_t since_ms = 0;  // ReaderSlot::since_ms
};

}  // namespace holdfast
