// Redo's target: the page cache, before anyone else uses it.
#pragma once

#include <functional>
#include <utility>

#include "engine/cache/page_cache.h"
#include "engine/tree/id_set.h"
#include "recovery/redo.h"

namespace holdfast {

class RedoPages final : public RedoTarget {
 public:
  // `group_done` is called between groups and may checkpoint.
  RedoPages(PageCache& cache, std::function<Result<void>(const LogPlace&)> group_done)
      : cache_(cache), group_done_(std::move(group_done)) {}

  Result<std::span<std::byte>> base(PageId id) override;
  Result<std::span<std::byte>> blank(PageId id) override;
  Result<void> place(PageId id, Slot slot, std::uint64_t check, TxnNumber txn) override;
  Result<void> free(PageId first, std::uint32_t count, TxnNumber txn) override;
  // Goes on: what is lost is counted, and the reader of such a page gets the error.
  Result<void> lose(PageId page, const Error& why) override;
  [[nodiscard]] bool is_lost(PageId page) const override;
  Result<void> committed(const LogPlace& at) override;

  [[nodiscard]] std::uint64_t groups() const { return groups_; }

 private:
  PageCache& cache_;
  std::function<Result<void>(const LogPlace&)> group_done_;
  std::uint64_t groups_ = 0;
  IdSet freed_;
};

}  // namespace holdfast
