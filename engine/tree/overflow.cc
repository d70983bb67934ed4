#include "engine/tree/overflow.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "engine/base/result.h"

namespace holdfast {
namespace {

std::uint32_t pages_for(std::uint64_t bytes, std::uint32_t page_size) {
  const std::uint64_t capacity = overflow_page_capacity(page_size);
  return static_cast<std::uint32_t>((bytes + capacity - 1) / capacity);
}

constexpr std::size_t kReserveMax = std::size_t{1}
                                    << 20;  // A claim gets no more before it is proven.

}  // namespace

std::string OverflowStub::encode() const {
  std::byte bytes_of[kStubBytes];
  store(bytes_of, first);
  store32(bytes_of + 4, pages);
  store32(bytes_of + 8, bytes);
  return std::string(as_view(bytes_of, kStubBytes));
}

bool OverflowStub::decode(std::string_view payload, std::uint32_t page_size, OverflowStub& stub) {
  if (payload.size() != kStubBytes) return false;
  const std::byte* at = reinterpret_cast<const std::byte*>(payload.data());
  stub = {load<PageId>(at), load32(at + 4), load32(at + 8)};
  return stub.first != kNoPage && stub.bytes != 0 &&
         stub.pages == pages_for(stub.bytes, page_size) &&
         raw(stub.first) + stub.pages > raw(stub.first);
}

std::uint32_t overflow_bytes_at(const OverflowStub& stub, std::uint32_t page_size,
                                std::uint32_t index) {
  const std::uint64_t capacity = overflow_page_capacity(page_size);
  return static_cast<std::uint32_t>(std::min(capacity, stub.bytes - index * capacity));
}

const char* check_overflow_page(const std::byte* page, std::uint32_t page_size, TreeId tree,
                                const OverflowStub& stub, std::uint32_t index) {
  if (page_kind(page) != PageKind::kOverflow) return "page is not an overflow page";
  if (page_tree(page) != tree) return "overflow page belongs to another tree";
  if (page_gap_begin(page) != kPageHeadBytes + overflow_bytes_at(stub, page_size, index)) {
    return "overflow page holds another number of bytes than its value needs";
  }
  return nullptr;
}

Result<void> release_run(PageSink& sink, TreeId tree, const OverflowStub& run, std::uint32_t most) {
  if (run.pages <= most) return sink.release(run.first, run.pages);
  return sink.cut({.tree = tree, .first = run.first, .run_pages = run.pages});
}

Result<void> write_overflow(PageRun& run, std::string_view value) {
  while (!value.empty()) {
    Editor page = TRY(run.next(PageKind::kOverflow, 0));
    const std::string_view part = value.substr(0, overflow_page_capacity(page.page_size()));
    page.write(kPageHeadBytes, as_bytes(part));
    page.set_gap(static_cast<std::uint16_t>(kPageHeadBytes + part.size()),
                 static_cast<std::uint16_t>(page.page_size()));
    value.remove_prefix(part.size());
  }
  return {};
}

Result<OverflowWriter> OverflowWriter::begin(PageSink& sink, TreeId tree, std::uint64_t bytes) {
  return OverflowWriter(TRY(sink.begin_run(tree, pages_for(bytes, sink.page_size()))));
}

void OverflowWriter::close_page() {
  if (in_page_ == 0) return;
  page_.set_gap(static_cast<std::uint16_t>(kPageHeadBytes + in_page_),
                static_cast<std::uint16_t>(page_.page_size()));
  in_page_ = 0;
}

Result<void> OverflowWriter::append(std::string_view bytes) {
  while (!bytes.empty()) {
    if (in_page_ == 0) page_ = TRY(run_->next(PageKind::kOverflow, 0));
    const std::size_t capacity = overflow_page_capacity(page_.page_size());
    const std::string_view part = bytes.substr(0, capacity - in_page_);
    page_.write(kPageHeadBytes + in_page_, as_bytes(part));
    in_page_ += static_cast<std::uint32_t>(part.size());
    bytes_ += part.size();
    bytes.remove_prefix(part.size());
    if (in_page_ == capacity) close_page();
  }
  return {};
}

Result<OverflowStub> OverflowWriter::finish() {
  close_page();
  OverflowStub stub{run_->first(), run_->pages(), static_cast<std::uint32_t>(bytes_)};
  TRY(run_->join());
  run_.reset();
  return stub;
}

Result<OverflowStub> write_overflow(PageSink& sink, TreeId tree, std::string_view value) {
  if (sink.writes_once(value.size())) {
    OverflowWriter writer = TRY(OverflowWriter::begin(sink, tree, value.size()));
    TRY(writer.append(value));
    return writer.finish();
  }
  const std::uint32_t page_size = sink.page_size();
  OverflowStub stub;
  stub.bytes = static_cast<std::uint32_t>(value.size());
  stub.pages = pages_for(stub.bytes, page_size);
  stub.first = TRY(sink.create_run(tree, stub.pages));
  for (std::uint32_t i = 0; i < stub.pages; ++i) {
    const std::uint32_t bytes = overflow_bytes_at(stub, page_size, i);
    Editor editor = TRY(sink.edit(stub.first + i));
    editor.write(kPageHeadBytes, as_bytes(value.substr(0, bytes)));
    editor.set_gap(static_cast<std::uint16_t>(kPageHeadBytes + bytes),
                   static_cast<std::uint16_t>(page_size));
    value.remove_prefix(bytes);
    TRY(sink.finished(stub.first + i));
  }
  return stub;
}

namespace {

// The value's bytes in page `index` of the run. Good as the page is.
Result<std::string_view> overflow_part(PageSource& source, TreeId tree, const OverflowStub& stub,
                                       std::uint32_t index) {
  const PageId id = stub.first + index;
  const std::byte* page = TRY(page_of(source, tree, id));
  if (const char* wrong = check_overflow_page(page, source.page_size(), tree, stub, index)) {
    return damaged(tree, id, wrong);
  }
  return as_view(page + kPageHeadBytes, overflow_bytes_at(stub, source.page_size(), index));
}

// Pages `index` to before `end` of the run will be wanted one after the other: where the first
// would have to be waited for, as many as are read at a time are. Answers up to which.
std::uint32_t fetch_ahead(PageSource& source, const OverflowStub& stub, std::uint32_t index,
                          std::uint32_t end) {
  const std::uint32_t count = std::min(end - index, kFetchMost);
  if (count < 2 || source.at_hand(stub.first + index)) return index + 1;
  std::array<PageId, kFetchMost> pages;
  for (std::uint32_t i = 0; i < count; ++i) pages[i] = stub.first + (index + i);
  source.fetch(std::span(pages).first(count));
  return index + count;
}

}  // namespace

Result<void> read_overflow(PageSource& source, TreeId tree, const OverflowStub& stub,
                           std::string& value) {
  value.clear();
  value.reserve(std::min<std::size_t>(stub.bytes, kReserveMax));
  std::uint32_t fetched = 0;
  for (std::uint32_t i = 0; i < stub.pages; ++i) {
    if (i >= fetched) fetched = fetch_ahead(source, stub, i, stub.pages);
    value.append(TRY(overflow_part(source, tree, stub, i)));
  }
  return {};
}

Result<std::size_t> read_overflow_at(PageSource& source, TreeId tree, const OverflowStub& stub,
                                     std::uint64_t offset, std::span<std::byte> into) {
  if (offset >= stub.bytes) return 0;
  const std::size_t wanted =
      static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), stub.bytes - offset));
  const std::size_t capacity = overflow_page_capacity(source.page_size());
  const auto end = static_cast<std::uint32_t>((offset + wanted + capacity - 1) / capacity);
  std::size_t read = 0;
  std::uint32_t fetched = 0;
  while (read < wanted) {
    const std::uint64_t at = offset + read;
    const auto index = static_cast<std::uint32_t>(at / capacity);
    const PageGuard guard(source);
    if (index >= fetched) fetched = fetch_ahead(source, stub, index, end);
    const auto page = overflow_part(source, tree, stub, index);
    if (!page) {
      const Error& why = page.error();
      return std::unexpected(Error(
          why.code(),
          why.message() + "; of the value's " + std::to_string(stub.bytes) + " bytes those from " +
              std::to_string(index * std::uint64_t{capacity}) + " on are in that page",
          why.place()));
    }
    const std::string_view part = page->substr(at % capacity).substr(0, wanted - read);
    std::memcpy(into.data() + read, part.data(), part.size());
    read += part.size();
  }
  return read;
}

Result<bool> overflow_equals(PageSource& source, TreeId tree, const OverflowStub& stub,
                             std::string_view value) {
  if (value.size() != stub.bytes) return false;
  std::uint32_t fetched = 0;
  for (std::uint32_t i = 0; i < stub.pages; ++i) {
    if (i >= fetched) fetched = fetch_ahead(source, stub, i, stub.pages);
    const std::string_view part = TRY(overflow_part(source, tree, stub, i));
    if (!value.starts_with(part)) return false;
    value.remove_prefix(part.size());
  }
  return true;
}

}  // namespace holdfast
