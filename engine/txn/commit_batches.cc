#include "engine/txn/commit_batches.h"

#include <algorithm>
#include <cstring>

#include "engine/base/limits.h"
#include "engine/base/result.h"
#include "wal/record.h"

namespace holdfast {
namespace {

// A batch is begun anew beyond this, and holds at most a page's record more.
std::size_t batch_target(const PageCache& cache) {
  return std::min<std::size_t>(kBatchPayloadMax - 2 * kPageSizeMax, cache.budget_bytes() / 8);
}

void append_page_image(std::vector<std::byte>& payload, PageId id,
                       std::span<const std::byte> page) {
  const std::uint16_t begin = page_gap_begin(page.data());
  const std::size_t end = page_gap_end(page.data());
  const ImageRange ranges[2] = {
      {page_at::kTag, page.subspan(page_at::kTag, begin - page_at::kTag)},
      {static_cast<std::uint16_t>(end), page.subspan(end)},
  };
  append_image(payload, id, std::span(ranges).first(end == page.size() ? 1 : 2));
}

#ifdef HOLDFAST_CHECK_REDO
// What recovery would make of the base must be what is published, the gap aside.
Result<void> check_redo(WriteView& view, const WriteView::PrivatePage& page, PageCache& cache) {
  std::span<const std::byte> now = cache.bytes(page.frame);
  std::vector<std::byte> redone(now.size());
  TRY(view.read_base(page, redone));
  TRY(apply_edits(redone, page.edits.bytes()));
  const std::size_t begin = page_gap_begin(now.data());
  const std::size_t end = page_gap_end(now.data());
  const bool same = std::memcmp(redone.data() + page_at::kPage, now.data() + page_at::kPage,
                                begin - page_at::kPage) == 0 &&
                    std::memcmp(redone.data() + end, now.data() + end, now.size() - end) == 0;
  if (!same) return fail(ErrorCode::kInternal, "a page's redo doesn't lead to the page");
  return {};
}
#endif

}  // namespace

Result<Batches> encode_batches(WriteView& view, PageCache& cache) {
  Batches batches(1);
  const std::size_t target = batch_target(cache);
  auto payload = [&]() -> std::vector<std::byte>& {
    if (batches.back().size() >= target) batches.emplace_back();
    return batches.back();
  };
  for (WriteView::PrivatePage& page : view.pages()) {
    if (page.released()) continue;
    if (page.edits.broken()) {
      return fail(ErrorCode::kInternal, "an edit left its page",
                  {.file = {},
                   .offset = {},
                   .page = raw(page.page),
                   .tree = {},
                   .txn = raw(view.number())});
    }
    if (page.edits.is_image()) {
      view.forget_slot(page);
      append_page_image(payload(), page.page, cache.bytes(page.frame));
      continue;
    }
    if (page.slot != kNoSlot) append_place(payload(), page.page, page.slot, page.check);
    if (page.edits.bytes().empty()) {
      if (page.slot == kNoSlot) view.drop_unchanged(page);
      continue;
    }
#ifdef HOLDFAST_CHECK_REDO
    TRY(check_redo(view, page, cache));
#endif
    append_edits(payload(), page.page, page.edits.base(), page.edits.bytes());
  }
  view.for_each_placed([&](PageId id, const PlacedPage& placed) {
    append_place(payload(), id, placed.slot, placed.check());
  });
  for (const IdRun& run : view.freed()) append_free(payload(), run.first, run.count);
  return batches;
}

}  // namespace holdfast
