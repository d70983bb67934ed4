#include "engine/redo_pages.h"

#include <cstring>

#include "engine/base/result.h"

namespace holdfast {

Result<std::span<std::byte>> RedoPages::base(PageId id) {
  const FrameIndex frame = TRY(cache_.page_to_redo(id, false));
  return cache_.bytes(frame);
}

Result<std::span<std::byte>> RedoPages::blank(PageId id) {
  const FrameIndex frame = TRY(cache_.page_to_redo(id, true));
  std::memset(cache_.data(frame), 0, cache_.page_size());
  return cache_.bytes(frame);
}

// Nothing writes this record yet: it comes with parked pages and bulk loads.
Result<void> RedoPages::place(PageId id, Slot slot, std::uint64_t, TxnNumber txn) {
  return fail(ErrorCode::kUnsupportedFormat,
              "the log places a page in slot " + std::to_string(raw(slot)) +
                  ", which this version can't replay",
              {.file = {}, .offset = {}, .page = raw(id), .tree = {}, .txn = raw(txn)});
}

Result<void> RedoPages::free(PageId first, std::uint32_t count, TxnNumber txn) {
  cache_.note_freed({first, count}, txn);
  return {};
}

Result<void> RedoPages::committed(const LogPlace& at) {
  ++groups_;
  return group_done_(at);
}

}  // namespace holdfast
