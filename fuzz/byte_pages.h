// The pages of a tree as a row of bytes, without an engine around them.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "engine/base/result.h"
#include "engine/tree/page_source.h"

namespace holdfast {

// Pages in memory, changed in place.
class BytePages final : public PageSink {
 public:
  static constexpr std::uint32_t kBytes = 4096;
  static constexpr std::size_t kMost = 64;  // Of those that are given.
  static constexpr std::uint64_t kTag = 7;

  // Page n is the n-th piece of `bytes`.
  explicit BytePages(const std::vector<std::byte>& bytes) {
    for (std::size_t at = 0; at < bytes.size() && pages_.size() < kMost; at += kBytes) {
      auto& page = add();
      std::memcpy(page.data(), bytes.data() + at, std::min<std::size_t>(kBytes, bytes.size() - at));
      store(page.data() + page_at::kPage, PageId{static_cast<std::uint32_t>(pages_.size())});
    }
  }
  [[nodiscard]] std::size_t size() const { return pages_.size(); }
  [[nodiscard]] std::vector<std::byte> bytes() const {
    std::vector<std::byte> all;
    for (const auto& page : pages_) all.insert(all.end(), page->begin(), page->end());
    return all;
  }

  std::uint32_t page_size() const override { return kBytes; }
  void enter() override {}
  void leave() override {}
  Result<const std::byte*> page(PageId id) override { return TRY(find(id))->data(); }
  Result<PagePin> pin(PageId id) override { return PagePin(this, TRY(find(id))->data(), 0); }
  void unpin(std::uint32_t) noexcept override {}
  std::uint64_t change_count() const override { return changes_; }
  Result<Editor> edit(PageId id) override {
    ++changes_;
    return Editor(*TRY(find(id)), &edits_);
  }
  Result<Editor> create(TreeId tree, PageKind kind, std::uint8_t level) override {
    ++changes_;
    if (pages_.size() >= 2 * kMost) return fail(ErrorCode::kLimitExceeded, "enough pages");
    Page& page = add();
    format_page(page, kTag, TxnNumber{9}, PageId{static_cast<std::uint32_t>(pages_.size())}, tree,
                kind, level);
    return Editor(page, &edits_);
  }
  Result<PageId> create_run(TreeId tree, std::uint32_t count) override {
    const PageId first{static_cast<std::uint32_t>(pages_.size()) + 1};
    if (count > kMost) return fail(ErrorCode::kLimitExceeded, "enough pages");
    for (std::uint32_t i = 0; i < count; ++i) TRY(create(tree, PageKind::kOverflow, 0));
    return first;
  }
  Result<void> release(PageId first, std::uint32_t count) override {
    ++changes_;
    for (std::uint64_t i = 0; i < count; ++i) {
      if (raw(first) + i > pages_.size() || raw(first) == 0) {
        return fail(ErrorCode::kDamaged, "released a page that isn't there");
      }
    }
    return {};
  }

  Result<void> cut(const CutPart&) override {
    ++changes_;
    return {};
  }

 private:
  using Page = std::array<std::byte, kBytes>;
  Page& add() { return *pages_.emplace_back(std::make_unique<Page>()); }
  Result<Page*> find(PageId id) {
    if (raw(id) == 0 || raw(id) > pages_.size()) {
      return fail(ErrorCode::kDamaged, "no such page");
    }
    return pages_[raw(id) - 1].get();
  }

  std::vector<std::unique_ptr<Page>> pages_;
  EditList edits_ = EditList::fresh();
  std::uint64_t changes_ = 0;
};

}  // namespace holdfast
