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

// The content was synced in its slot before the log named it.
Result<void> RedoPages::place(PageId id, Slot slot, std::uint64_t check, TxnNumber txn) {
  return cache_.place_to_redo(id, slot, check, txn);
}

Result<void> RedoPages::lose(PageId page, const Error& why) {
  cache_.lose_page(page, why);
  return {};
}

bool RedoPages::is_lost(PageId page) const {
  return cache_.lost_pages().contains(page);
}

// A log that frees what isn't there, or twice, would have ids given out that are in use.
Result<void> RedoPages::free(PageId first, std::uint32_t count, TxnNumber txn) {
  const auto refuse = [&](PageId page, const char* why) {
    return fail(ErrorCode::kDamaged, why,
                {.file = {}, .offset = {}, .page = raw(page), .tree = {}, .txn = raw(txn)});
  };
  // By leaves first: a run may claim any number of pages, and be read as one record.
  const std::uint32_t fanout = cache_.table().fanout();
  for (std::uint64_t id = raw(first); id < std::uint64_t{raw(first)} + count;
       id = (id / fanout + 1) * fanout) {
    if (!cache_.table().has_leaf(static_cast<std::uint32_t>(id / fanout)))
      return refuse(PageId{static_cast<std::uint32_t>(id)},
                    "the log frees a page that isn't there");
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    if (!freed_.insert(first + i)) return refuse(first + i, "the log frees a page twice");
  }
  cache_.note_freed({first, count}, txn);
  return {};
}

Result<void> RedoPages::committed(const LogPlace& at) {
  ++groups_;
  return group_done_(at);
}

}  // namespace holdfast
