#include "engine/page/page_format.h"

#include <cstring>

#include "engine/base/checksum.h"
#include "engine/base/result.h"

namespace holdfast {
namespace {

std::uint64_t check_of(std::span<const std::byte> page) {
  return hash64(page.subspan(8));
}

bool gap_is_sane(std::span<const std::byte> page) {
  const std::size_t begin = page_gap_begin(page.data());
  const std::size_t end = page_gap_end(page.data());
  return begin >= kPageHeadBytes && begin <= end && end <= page.size();
}

}  // namespace

void format_page(std::span<std::byte> page, std::uint64_t tag, TxnNumber txn, PageId id,
                 TreeId tree, PageKind kind, std::uint8_t level) {
  std::memset(page.data(), 0, page.size());
  store64(page.data() + page_at::kTag, tag);
  store(page.data() + page_at::kTxn, txn);
  store(page.data() + page_at::kPage, id);
  store(page.data() + page_at::kTree, tree);
  store(page.data() + page_at::kKind, kind);
  store(page.data() + page_at::kLevel, level);
  store16(page.data() + page_at::kGapBegin, kPageHeadBytes);
  store16(page.data() + page_at::kGapEnd, static_cast<std::uint16_t>(page.size()));
}

std::uint64_t seal_page(std::span<std::byte> page) {
  const std::size_t begin = page_gap_begin(page.data());
  const std::size_t end = page_gap_end(page.data());
  if (begin < end && end <= page.size()) std::memset(page.data() + begin, 0, end - begin);
  const std::uint64_t check = check_of(page);
  store64(page.data() + page_at::kCheck, check);
  return check;
}

Result<void> verify_page(std::span<const std::byte> page, const PageExpectation& expected) {
  const std::uint64_t stored = load64(page.data() + page_at::kCheck);
  if (check_of(page) != stored)
    return fail(ErrorCode::kDamaged, "page content doesn't match its checksum");
  const std::uint64_t mask =
      expected.check_bits >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << expected.check_bits) - 1;
  if ((stored & mask) != (expected.check & mask)) {
    return fail(
        ErrorCode::kDamaged,
        "page is not the version that the page map vouches for (a lost or misdirected write)");
  }
  if (load64(page.data() + page_at::kTag) != expected.tag)
    return fail(ErrorCode::kDamaged, "page belongs to another database");
  if (page_id(page.data()) != expected.id) {
    return fail(ErrorCode::kDamaged, "page has id " + std::to_string(raw(page_id(page.data()))) +
                                         " where " + std::to_string(raw(expected.id)) +
                                         " should be");
  }
  if (!gap_is_sane(page)) return fail(ErrorCode::kDamaged, "page head claims an impossible gap");
  return {};
}

}  // namespace holdfast
