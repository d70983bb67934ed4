#include "engine/page/edit.h"

#include <cstring>

#include "engine/base/limits.h"
#include "engine/base/result.h"

namespace holdfast {
namespace {

constexpr std::uint16_t kMoveBit = 0x8000;
constexpr std::size_t kEditFrom = page_at::kKind;  // What lies before is not edited.
static_assert(kPageSizeMax - kEditFrom < kMoveBit, "a length must leave the top bit clear");

// Edits that take more than this are worse than an image, which leaves out the gap.
constexpr std::size_t edit_bytes_max(std::size_t page_size) {
  return page_size / 2;
}

bool in_range(std::span<const std::byte> page, std::size_t at, std::size_t length) {
  return at >= kEditFrom && at <= page.size() && length <= page.size() - at;
}

// The two verbs, live and in redo. False, and nothing done, when they would leave the page.
bool write_bytes(std::span<std::byte> page, std::size_t at, std::span<const std::byte> bytes) {
  if (!in_range(page, at, bytes.size())) return false;
  std::memmove(page.data() + at, bytes.data(), bytes.size());
  return true;
}

bool move_bytes(std::span<std::byte> page, std::size_t to, std::size_t from, std::size_t length) {
  if (!in_range(page, to, length) || !in_range(page, from, length)) return false;
  std::memmove(page.data() + to, page.data() + from, length);
  return true;
}

}  // namespace

void EditList::join(const EditList& later, std::size_t page_size) noexcept {
  broken_ = broken_ || later.broken_;
  if (image_) return;
  if (later.image_ || bytes_.size() + later.bytes_.size() > edit_bytes_max(page_size)) {
    become_image();
  } else {
    bytes_.insert(bytes_.end(), later.bytes_.begin(), later.bytes_.end());
  }
}

void Editor::note(std::uint16_t at, std::uint16_t length_field,
                  std::span<const std::byte> payload) {
  if (list_->image_) return;
  if (list_->bytes_.size() + 4 + payload.size() > edit_bytes_max(page_.size())) {
    list_->become_image();
    return;
  }
  std::byte head[4];
  store16(head, at);
  store16(head + 2, length_field);
  list_->bytes_.insert(list_->bytes_.end(), head, head + 4);
  list_->bytes_.insert(list_->bytes_.end(), payload.begin(), payload.end());
}

void Editor::write(std::size_t offset, std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  if (!write_bytes(page_, offset, bytes)) {
    list_->broken_ = true;
    return;
  }
  note(static_cast<std::uint16_t>(offset), static_cast<std::uint16_t>(bytes.size()),
       {page_.data() + offset, bytes.size()});
}

void Editor::move(std::size_t to, std::size_t from, std::size_t length) {
  if (length == 0 || to == from) return;
  if (!move_bytes(page_, to, from, length)) {
    list_->broken_ = true;
    return;
  }
  std::byte source[2];
  store16(source, static_cast<std::uint16_t>(from));
  note(static_cast<std::uint16_t>(to), static_cast<std::uint16_t>(length) | kMoveBit, source);
}

void Editor::write16(std::size_t offset, std::uint16_t value) {
  std::byte bytes[2];
  store16(bytes, value);
  write(offset, bytes);
}

void Editor::write32(std::size_t offset, std::uint32_t value) {
  std::byte bytes[4];
  store32(bytes, value);
  write(offset, bytes);
}

void Editor::set_gap(std::uint16_t begin, std::uint16_t end) {
  std::byte bytes[4];
  store16(bytes, begin);
  store16(bytes + 2, end);
  write(page_at::kGapBegin, bytes);
}

Result<void> apply_edits(std::span<std::byte> page, std::span<const std::byte> edits) {
  while (!edits.empty()) {
    if (edits.size() < 4) return fail(ErrorCode::kDamaged, "page edit is cut short");
    const std::size_t at = load16(edits.data());
    const std::uint16_t field = load16(edits.data() + 2);
    const std::size_t length = field & ~kMoveBit;
    const bool is_move = (field & kMoveBit) != 0;
    edits = edits.subspan(4);
    const std::size_t payload = is_move ? 2 : length;
    if (edits.size() < payload) return fail(ErrorCode::kDamaged, "page edit is cut short");
    const bool done = is_move ? move_bytes(page, at, load16(edits.data()), length)
                              : write_bytes(page, at, edits.first(length));
    if (!done) return fail(ErrorCode::kDamaged, "page edit leaves the page");
    edits = edits.subspan(payload);
  }
  return {};
}

}  // namespace holdfast
