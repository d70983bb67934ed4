// Values too large for a leaf: runs of consecutive pages, of which the leaf keeps a stub.
//
// A run is written once, page by page, and freed as a whole; replacing a value makes a new run.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "engine/tree/node_view.h"
#include "engine/tree/page_source.h"

namespace holdfast {

struct OverflowStub {
  PageId first = kNoPage;
  std::uint32_t pages = 0;
  std::uint32_t bytes = 0;  // Of the value.
  friend bool operator==(const OverflowStub&, const OverflowStub&) = default;

  [[nodiscard]] std::string encode() const;
  // False when the numbers don't fit each other.
  [[nodiscard]] static bool decode(std::string_view payload, std::uint32_t page_size,
                                   OverflowStub& stub);
};

// Bytes of the value that page `index` of the run holds.
std::uint32_t overflow_bytes_at(const OverflowStub& stub, std::uint32_t page_size,
                                std::uint32_t index);

// What is wrong with `page` as page `index` of the run; nothing if nothing.
const char* check_overflow_page(const std::byte* page, std::uint32_t page_size, TreeId tree,
                                const OverflowStub& stub, std::uint32_t index);

// A run of more pages is cut off where its record is erased, since freeing it takes time page by
// page: 64 MiB at pages of 4 KiB.
inline constexpr std::uint32_t kLongRunPages = 16384;

// Nobody names it any more. Frees it, or cuts it off if it has more than `most` pages.
Result<void> release_run(PageSink& sink, TreeId tree, const OverflowStub& run,
                         std::uint32_t most = kLongRunPages);

// Writes a value as its bytes come, in constant memory. Nothing changes in the tree: finish() makes
// the pages the sink's, and whoever stores the stub keeps them.
class OverflowWriter {
 public:
  // `bytes` of the value, or more than that to come, at most: kMaxValueBytes where it isn't known.
  static Result<OverflowWriter> begin(PageSink& sink, TreeId tree, std::uint64_t bytes);
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  Result<void> append(std::string_view bytes);
  // At least one byte was appended.
  Result<OverflowStub> finish();

 private:
  explicit OverflowWriter(std::unique_ptr<PageRun> run) : run_(std::move(run)) {}
  void close_page();

  std::unique_ptr<PageRun> run_;
  Editor page_;  // Being filled.
  std::uint32_t in_page_ = 0;
  std::uint64_t bytes_ = 0;
};

// To the next pages of a run.
Result<void> write_overflow(PageRun& run, std::string_view value);
Result<OverflowStub> write_overflow(PageSink& sink, TreeId tree, std::string_view value);
Result<void> read_overflow(PageSource& source, TreeId tree, const OverflowStub& stub,
                           std::string& value);
// The value's bytes from `offset` on, as many as `into` has room for or there are; answers their
// number. A guard is held for one page at a time. kDamaged says from which of the value's bytes on.
Result<std::size_t> read_overflow_at(PageSource& source, TreeId tree, const OverflowStub& stub,
                                     std::uint64_t offset, std::span<std::byte> into);
// Whether that is its value. Ends at the first page that differs.
Result<bool> overflow_equals(PageSource& source, TreeId tree, const OverflowStub& stub,
                             std::string_view value);

}  // namespace holdfast
