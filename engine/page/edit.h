// Page edits: the two verbs that change a page, their redo, and its replay.
//
// An Editor changes a private copy of a page and notes the same change in an EditList. What a
// commit logs is the list; redo applies it with the same verbs to the version it names. Redo knows
// nothing of trees.
//
// Encoded edit, 4 to 6 bytes of head:
//   write: u16 offset, u16 length (top bit clear), bytes
//   move:  u16 to,     u16 length | 0x8000,        u16 from
//
// The head's check, tag, txn, page and tree fields are never edited: redo stamps txn itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/base/types.h"
#include "engine/page/page_format.h"
#include "holdfast/error.h"

namespace holdfast {

// The redo of one page in one transaction.
class EditList {
 public:
  // Edits of an existing version, that of transaction `base`.
  static EditList on(TxnNumber base) { return EditList(base, false); }
  // A page that has no base: logged as an image of its final content.
  static EditList fresh() { return EditList(TxnNumber{0}, true); }

  [[nodiscard]] TxnNumber base() const { return base_; }
  // Logged whole: fresh, or its edits outgrew an image.
  [[nodiscard]] bool is_image() const { return image_; }
  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }
  // Set when an Editor was asked for an impossible change; the transaction must not commit.
  [[nodiscard]] bool broken() const { return broken_; }

  // Of what follows `earlier`: the same base, and no edits yet. join() puts the two together.
  static EditList after(const EditList& earlier) { return EditList(earlier.base_, earlier.image_); }
  // Makes room for the edits of `later`, so that join() takes no memory.
  void make_room_for(const EditList& later) { bytes_.reserve(bytes_.size() + later.bytes_.size()); }
  // Appends what followed. Needs make_room_for().
  void join(const EditList& later, std::size_t page_size) noexcept;

 private:
  friend class Editor;
  void become_image() noexcept {
    image_ = true;
    bytes_.clear();
  }
  EditList(TxnNumber base, bool image) : base_(base), image_(image) {}
  TxnNumber base_;
  bool image_;
  bool broken_ = false;
  std::vector<std::byte> bytes_;
};

// Cheap to copy; good as long as page and list are. All reads go through page().
class Editor {
 public:
  Editor() = default;
  Editor(std::span<std::byte> page, EditList* list) : page_(page), list_(list) {}

  [[nodiscard]] const std::byte* page() const { return page_.data(); }
  [[nodiscard]] std::size_t page_size() const { return page_.size(); }
  [[nodiscard]] PageId id() const { return page_id(page_.data()); }

  // Both must stay within [kKind, page_size): out of range marks the list broken and does nothing.
  void write(std::size_t offset, std::span<const std::byte> bytes);
  // As memmove: the ranges may overlap.
  void move(std::size_t to, std::size_t from, std::size_t length);

  void write16(std::size_t offset, std::uint16_t value);
  void write32(std::size_t offset, std::uint32_t value);
  void set_count(std::uint16_t count) { write16(page_at::kCount, count); }
  void set_gap(std::uint16_t begin, std::uint16_t end);

 private:
  void note(std::uint16_t at, std::uint16_t length_field, std::span<const std::byte> payload);

  std::span<std::byte> page_;
  EditList* list_ = nullptr;
};

// Applies encoded edits to `page` in place. kDamaged when they don't decode or leave the page's
// bounds; the page is then in an undefined state and must be dropped.
Result<void> apply_edits(std::span<std::byte> page, std::span<const std::byte> edits);

}  // namespace holdfast
