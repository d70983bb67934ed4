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

// The content was synced in its slot before the log named it. It is read at once: what comes later
// in the log may build on it, and the next checkpoint writes it where the map will name it.
Result<void> RedoPages::place(PageId id, Slot slot, std::uint64_t check, TxnNumber txn) {
  placed_.resize(cache_.page_size());
  TRY(read_slot_(slot, id, check, placed_));
  if (page_txn(placed_.data()) != txn) {
    return fail(ErrorCode::kDamaged, "a placed page isn't of the transaction that placed it",
                {.file = {}, .offset = {}, .page = raw(id), .tree = {}, .txn = raw(txn)});
  }
  const std::span<std::byte> page = TRY(blank(id));
  std::memcpy(page.data(), placed_.data(), page.size());
  return {};
}

Result<void> RedoPages::lose(PageId page, const Error& why) {
  cache_.lose_page(page, why);
  return {};
}

bool RedoPages::is_lost(PageId page) const {
  return cache_.lost_pages().contains(page);
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
