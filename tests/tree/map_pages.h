// Pages in a std::map, with transactions, for tests of the tree: as unkind as the contract allows.
//
// Pointers from page() die at the next call, and their memory with them. Gaps hold rubbish. Every
// commit replays each page's edits on its base and requires the same bytes.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "engine/tree/page_source.h"

namespace holdfast::testing {

class MapPages : public PageSink {
 public:
  using Bytes = std::vector<std::byte>;

  explicit MapPages(std::uint32_t page_size) : page_size_(page_size) {}

  std::uint32_t page_size() const override { return page_size_; }
  void enter() override { ++guards_; }
  void leave() override { --guards_; }
  Result<const std::byte*> page(PageId id) override;
  const std::byte* peek(PageId id) noexcept override;
  void fetch(std::span<const PageId> ids) override;
  Result<PagePin> pin(PageId id) override;
  void unpin(std::uint32_t token) noexcept override;
  std::uint64_t change_count() const override { return changes_; }
  Result<Editor> edit(PageId id) override;
  Result<Editor> create(TreeId tree, PageKind kind, std::uint8_t level) override;
  Result<PageId> create_run(TreeId tree, std::uint32_t count) override;
  Result<std::unique_ptr<PageRun>> begin_run(TreeId tree, std::uint32_t most) override;
  Result<void> release(PageId first, std::uint32_t count) override;
  Result<void> cut(const CutPart& part) override;

  // Answers the bytes of redo.
  std::size_t commit();
  void abort();

  std::uint32_t max_pins = 4;
  bool reuse_ids = true;
  std::uint32_t unpeekable = 5;   // Every so-manieth page is not in memory; 0: none is.
  std::uint64_t pages_asked = 0;  // Of page().
  std::set<PageId> fetched;       // In memory, since fetch() was asked for them.
  std::vector<std::size_t> sets;  // How many it was asked for each time.
  // The pages as of the last commit: tests do damage here.
  std::map<PageId, Bytes> committed;
  // What was cut off and not taken since.
  std::vector<CutPart> cuts;
  // What broke the contract; empty while all is well.
  std::string complaint;

 private:
  class Run;
  struct Private {
    std::unique_ptr<Bytes> bytes;
    std::unique_ptr<EditList> list;
  };

  void complain(const std::string& what) {
    if (complaint.empty()) complaint = what;
  }
  const Bytes* find(PageId id) const;
  Private& make(PageId id, TreeId tree, PageKind kind, std::uint8_t level);
  void replay(PageId id, const Private& page);
  void spoil_gap(Bytes& page) const;

  std::uint32_t page_size_;
  int guards_ = 0;
  std::uint64_t changes_ = 0;
  TxnNumber txn_{1};
  std::uint32_t next_id_ = 1;
  std::set<PageId> free_;
  std::map<PageId, Private> private_;
  std::set<PageId> released_;
  std::unique_ptr<Bytes> lent_;
  std::map<std::uint32_t, Bytes> pins_;
  std::uint32_t next_token_ = 1;
};

}  // namespace holdfast::testing
