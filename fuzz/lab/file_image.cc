#include "fuzz/lab/file_image.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "engine/base/bytes.h"
#include "engine/base/checksum.h"
#include "engine/base/zeros.h"
#include "engine/file/meta_format.h"
#include "engine/file/page_map.h"
#include "engine/page/page_format.h"
#include "wal/format.h"

namespace holdfast {
namespace {

constexpr std::size_t kShortestSkip = 8;  // Fewer zeros stay literal.
constexpr std::size_t kInnerEntryBytes = 16;

void put_number(std::vector<std::byte>& out, std::uint64_t number) {
  for (; number >= 128; number >>= 7) out.push_back(static_cast<std::byte>(number | 128));
  out.push_back(static_cast<std::byte>(number));
}

std::uint64_t take_number(std::span<const std::byte>& in) {
  std::uint64_t number = 0;
  for (unsigned shift = 0; shift < 28 && !in.empty(); shift += 7) {
    const auto byte = std::to_integer<std::uint64_t>(in.front());
    in = in.subspan(1);
    number |= (byte & 127) << shift;
    if (byte < 128) break;
  }
  return number;
}

std::vector<std::byte> expand_stream(std::span<const std::byte> in) {
  std::vector<std::byte> out;
  out.reserve(std::size_t{256} << 10);  // As most are.
  while (!in.empty()) {
    const std::uint64_t skip = take_number(in);
    const std::uint64_t literal = std::min<std::uint64_t>(take_number(in), in.size());
    if (out.size() + skip + literal > FileImage::kMaxBytes) break;
    out.resize(out.size() + skip);
    out.insert(out.end(), in.begin(), in.begin() + static_cast<std::ptrdiff_t>(literal));
    in = in.subspan(literal);
  }
  return out;
}

void shrink_stream(std::span<const std::byte> in, std::vector<std::byte>& out) {
  std::size_t at = 0;
  while (at < in.size()) {
    const std::size_t literal_at = at + zeros_ahead(in.subspan(at));
    std::size_t end = literal_at;
    while (end < in.size()) {
      const void* zero = std::memchr(in.data() + end, 0, in.size() - end);
      if (zero == nullptr) {
        end = in.size();
        break;
      }
      end = static_cast<std::size_t>(static_cast<const std::byte*>(zero) - in.data());
      const std::size_t zeros = zeros_ahead(in.subspan(end));
      if (zeros >= kShortestSkip || end + zeros == in.size()) break;
      end += zeros;
    }
    put_number(out, literal_at - at);
    put_number(out, end - literal_at);
    out.insert(out.end(), in.begin() + static_cast<std::ptrdiff_t>(literal_at),
               in.begin() + static_cast<std::ptrdiff_t>(end));
    at = end;
  }
}

// Mends what one meta names, from below.
class Mender {
 public:
  explicit Mender(std::vector<std::byte>& file) : file_(file) {}

  void mend_meta(std::byte* meta) {
    page_size_ = load32(meta + meta_at::kPageSize);
    if (page_size_ < 4096 || page_size_ > 32768 || (page_size_ & (page_size_ - 1)) != 0) return;
    tag_ = load64(meta + meta_at::kUuid);
    const std::uint32_t height = load32(meta + meta_at::kMapHeight);
    if (height <= 4) mend_ref(meta + meta_at::kMapSlots, meta + meta_at::kMapCheck, height);
  }

 private:
  std::byte* page_at_slot(std::uint32_t slot) {
    const std::uint64_t offset = kHeaderRegionBytes + (std::uint64_t{slot} - 1) * page_size_;
    return slot == 0 || offset + page_size_ > file_.size() ? nullptr : file_.data() + offset;
  }

  // seal_page() for any bytes: the gap is brought within the page first.
  std::uint64_t seal(std::byte* page) {
    const std::uint32_t end = load16(page + page_at::kGapEnd);
    const std::uint32_t begin = load16(page + page_at::kGapBegin);
    if (end > page_size_ || begin > end || begin < kPageHeadBytes) {
      store16(page + page_at::kGapBegin, static_cast<std::uint16_t>(page_size_));
      store16(page + page_at::kGapEnd, static_cast<std::uint16_t>(page_size_));
    }
    store64(page + page_at::kTag, tag_);
    return seal_page({page, page_size_});
  }

  void mend_ref(std::byte* slots, std::byte* check, std::uint32_t level) {
    if (++visited_ > kVisitedMost) return;
    std::byte* page = page_at_slot(load32(slots));
    if (page == nullptr) return;
    const std::uint32_t body = page_size_ - kMapBodyAt;
    if (level == 0) {
      for (std::uint32_t i = 0; i < body / sizeof(MapEntry); ++i) {
        std::byte* entry = page + kMapBodyAt + i * sizeof(MapEntry);
        std::byte* below = page_at_slot(load32(entry));
        if (below == nullptr || below == page) continue;
        store32(entry + 4, static_cast<std::uint32_t>(seal(below)));
      }
    } else {
      for (std::uint32_t i = 0; i < body / kInnerEntryBytes; ++i) {
        std::byte* entry = page + kMapBodyAt + i * kInnerEntryBytes;
        mend_ref(entry, entry + 8, level - 1);
      }
    }
    store64(check, seal(page));
    std::byte* twin = page_at_slot(load32(slots + 4));
    if (twin != nullptr && twin != page) std::memcpy(twin, page, page_size_);
  }

  static constexpr int kVisitedMost = 1000;
  std::vector<std::byte>& file_;
  std::uint32_t page_size_ = 0;
  std::uint64_t tag_ = 0;
  int visited_ = 0;
};

void mend_segment_header(std::byte* at) {
  if (load64(at) != kSegmentMagic) return;
  store64(at + segment_at::kCheck, hash64({at, segment_at::kCheck}));
}

}  // namespace

void mend_log(std::vector<std::byte>& log) {
  if (log.size() < kSegmentBodyOffset) return;
  mend_segment_header(log.data());
  mend_segment_header(log.data() + kLogBlockBytes);
  const std::span<const std::byte> salt(log.data() + segment_at::kSalt, sizeof(Salt));
  std::uint64_t chain = load64(log.data() + segment_at::kChain);
  for (std::uint64_t at = kSegmentBodyOffset; at + kBatchHeaderBytes <= log.size();) {
    std::byte* batch = log.data() + at;
    const std::uint64_t payload = align_up(load32(batch + batch_at::kPayloadBytes), 8);
    if (load32(batch) != kBatchMagic || at + kBatchHeaderBytes + payload > log.size()) {
      at = align_down(at, kLogBlockBytes) + kLogBlockBytes;
      continue;
    }
    store64(batch + batch_at::kPayloadHash, hash64({batch + kBatchHeaderBytes, payload}));
    store64(batch + batch_at::kChain, chain);
    Hasher hasher;
    hasher.add(salt);
    hasher.add({batch, batch_at::kCheck});
    chain = hasher.digest();
    store64(batch + batch_at::kCheck, chain);
    at += kBatchHeaderBytes + payload;
  }
}

FileImage FileImage::expand(std::span<const std::byte> sparse) {
  FileImage image;
  if (sparse.size() < 4) return image;
  const std::size_t first = std::min<std::size_t>(load32(sparse.data()), sparse.size() - 4);
  image.tree = expand_stream(sparse.subspan(4, first));
  image.log = expand_stream(sparse.subspan(4 + first));
  return image;
}

std::vector<std::byte> FileImage::shrink() const {
  std::vector<std::byte> sparse(4);
  shrink_stream(tree, sparse);
  store32(sparse.data(), static_cast<std::uint32_t>(sparse.size() - 4));
  shrink_stream(log, sparse);
  return sparse;
}

void FileImage::mend() {
  for (unsigned copy = 0; copy < kMetaCopies; ++copy) {
    if (tree.size() < meta_offset(copy) + kMetaBytes) break;
    std::byte* meta = tree.data() + meta_offset(copy);
    if (load64(meta) != kMetaMagic) continue;
    Mender(tree).mend_meta(meta);
    store64(meta + meta_at::kCheck, hash64({meta, meta_at::kCheck}));
  }
  mend_log(log);
}

}  // namespace holdfast
