#include "engine/page/edit.h"

#include <cstring>

#include "engine/base/result.h"

namespace holdfast {
namespace {

constexpr std::uint16_t kMoveBit = 0x8000;
constexpr std::size_t kEditFrom = page_at::kKind;  // What lies before is not edited.

}  // namespace

bool Editor::in_range(std::size_t offset, std::size_t length) {
  const bool fits = offset >= kEditFrom && length < kMoveBit && offset + length <= page_.size();
  if (!fits) list_->broken_ = true;
  return fits;
}

void Editor::note(std::uint16_t at, std::uint16_t length_field,
                  std::span<const std::byte> payload) {
  if (list_->image_) return;
  if (list_->bytes_.size() + 4 + payload.size() > page_.size() / 2) {
    list_->image_ = true;
    list_->bytes_.clear();
    return;
  }
  std::byte head[4];
  store16(head, at);
  store16(head + 2, length_field);
  list_->bytes_.insert(list_->bytes_.end(), head, head + 4);
  list_->bytes_.insert(list_->bytes_.end(), payload.begin(), payload.end());
}

void Editor::write(std::size_t offset, std::span<const std::byte> bytes) {
  if (bytes.empty() || !in_range(offset, bytes.size())) return;
  std::memmove(page_.data() + offset, bytes.data(), bytes.size());
  note(static_cast<std::uint16_t>(offset), static_cast<std::uint16_t>(bytes.size()),
       {page_.data() + offset, bytes.size()});
}

void Editor::move(std::size_t to, std::size_t from, std::size_t length) {
  if (length == 0 || to == from || !in_range(to, length) || !in_range(from, length)) return;
  std::memmove(page_.data() + to, page_.data() + from, length);
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
    if (at < kEditFrom || at + length > page.size())
      return fail(ErrorCode::kDamaged, "page edit leaves the page");
    const std::size_t payload = is_move ? 2 : length;
    if (edits.size() < payload) return fail(ErrorCode::kDamaged, "page edit is cut short");
    if (is_move) {
      const std::size_t from = load16(edits.data());
      if (from < kEditFrom || from + length > page.size())
        return fail(ErrorCode::kDamaged, "page edit leaves the page");
      std::memmove(page.data() + at, page.data() + from, length);
    } else {
      std::memcpy(page.data() + at, edits.data(), length);
    }
    edits = edits.subspan(payload);
  }
  return {};
}

}  // namespace holdfast
