#include "engine/tree/node_edit.h"

#include <algorithm>
#include <array>
#include <functional>
#include <vector>

namespace holdfast {
namespace {

constexpr std::size_t kRecordMax =
    max_key_bytes(kPageSizeMax) + max_inline_value_bytes(kPageSizeMax) + 2 * kVarintBytesMax;

// The fields from count to capacity, which stand side by side: one edit writes those that changed.
struct Account {
  std::uint16_t count, gap_begin, gap_end, hint, prefix, garbage, capacity;

  explicit Account(const std::byte* page) {
    std::memcpy(this, page + page_at::kCount, sizeof *this);
  }
  void write(Editor& editor, std::size_t fields) const {
    editor.write(page_at::kCount, std::as_bytes(std::span(this, 1)).first(fields * 2));
  }
};
static_assert(sizeof(Account) == kNodeHeadEnd - page_at::kCount);
constexpr std::size_t kThroughGapEnd = 3;
constexpr std::size_t kThroughHint = 4;
constexpr std::size_t kThroughGarbage = 6;
constexpr std::size_t kThroughCapacity = 7;

std::uint16_t u16(std::size_t n) {
  return static_cast<std::uint16_t>(n);
}

void write_record(Editor& editor, const NodeView& node, std::size_t at, const Record& record) {
  std::array<std::byte, kRecordMax> bytes;
  const std::byte* end = encode_record(bytes.data(), node.leaf(), record);
  editor.write(at, {bytes.data(), end});
}

// Opens or closes a place of `width` bytes in the array at `begin`.
void open_place(Editor& editor, std::size_t begin, std::size_t width, std::size_t index,
                std::size_t count) {
  editor.move(begin + (index + 1) * width, begin + index * width, (count - index) * width);
}
void close_place(Editor& editor, std::size_t begin, std::size_t width, std::size_t index,
                 std::size_t count) {
  editor.move(begin + index * width, begin + (index + 1) * width, (count - index - 1) * width);
}

}  // namespace

Result<NodeView> view_of(TreeId tree, const Editor& editor) {
  NodeView node;
  const auto page_size = static_cast<std::uint32_t>(editor.page_size());
  if (const char* wrong = NodeView::open(editor.page(), page_size, tree, node)) {
    return damaged(tree, editor.id(), wrong);
  }
  return node;
}

bool insert_entry(Editor& editor, const NodeView& node, std::uint32_t index, const Record& record) {
  const std::uint32_t bytes = node.bytes_of(record);
  const std::uint32_t count = node.count();
  if (bytes > kRecordMax || node.gap() < bytes + kOffsetBytes) return false;
  Account account(editor.page());
  std::size_t offsets = node.offset_at(0);
  std::size_t fields = kThroughHint;
  if (count == account.capacity) {
    const std::size_t more =
        std::min<std::size_t>(kCapacityStep, (node.gap() - bytes - kOffsetBytes) / kHeadBytes);
    if (more == 0) return false;
    editor.move(offsets + more * kHeadBytes, offsets, count * kOffsetBytes);
    offsets += more * kHeadBytes;
    account.capacity = u16(account.capacity + more);
    account.gap_begin = u16(account.gap_begin + more * kHeadBytes);
    fields = kThroughCapacity;
  }
  open_place(editor, kNodeHeadEnd, kHeadBytes, index, count);
  editor.write32(kNodeHeadEnd + index * kHeadBytes, head_of(record.suffix));
  open_place(editor, offsets, kOffsetBytes, index, count);
  account.gap_end = u16(account.gap_end - bytes);
  editor.write16(offsets + index * kOffsetBytes, account.gap_end);
  account.count = u16(count + 1);
  account.gap_begin = u16(account.gap_begin + kOffsetBytes);
  account.hint = u16(index);
  account.write(editor, fields);
  write_record(editor, node, account.gap_end, record);
  return true;
}

bool replace_entry(Editor& editor, const NodeView& node, std::uint32_t index, const Record& was,
                   const Record& record) {
  const std::uint32_t old_bytes = node.bytes_of(was);
  const std::uint32_t bytes = node.bytes_of(record);
  if (bytes > kRecordMax) return false;
  Account account(editor.page());
  const bool same_suffix = was.suffix == record.suffix;
  std::uint32_t at = node.offset(index);
  if (bytes <= old_bytes) {
    if (same_suffix && was.payload.size() == record.payload.size() &&
        was.overflow == record.overflow) {
      const auto payload = static_cast<std::size_t>(
          reinterpret_cast<const std::byte*>(was.payload.data()) - editor.page());
      editor.write(payload, as_bytes(record.payload));
      return true;
    }
    if (bytes != old_bytes) {
      account.garbage = u16(account.garbage + old_bytes - bytes);
      editor.write16(node_at::kGarbage, account.garbage);
    }
  } else {
    const bool lowest = at == account.gap_end;  // Then its own bytes are as good as the gap.
    if (node.gap() + (lowest ? old_bytes : 0) < bytes) return false;
    if (lowest) {
      account.gap_end = u16(account.gap_end + old_bytes);
    } else {
      account.garbage = u16(account.garbage + old_bytes);
    }
    account.gap_end = u16(account.gap_end - bytes);
    at = account.gap_end;
    account.write(editor, lowest ? kThroughGapEnd : kThroughGarbage);
    editor.write16(node.offset_at(index), account.gap_end);
  }
  if (!same_suffix) editor.write32(kNodeHeadEnd + index * kHeadBytes, head_of(record.suffix));
  write_record(editor, node, at, record);
  return true;
}

void erase_entry(Editor& editor, const NodeView& node, std::uint32_t index, const Record& was) {
  const std::uint32_t count = node.count();
  const std::uint32_t bytes = node.bytes_of(was);
  const std::uint32_t at = node.offset(index);
  Account account(editor.page());
  close_place(editor, kNodeHeadEnd, kHeadBytes, index, count);
  close_place(editor, node.offset_at(0), kOffsetBytes, index, count);
  if (at == account.gap_end)
    account.gap_end = u16(account.gap_end + bytes);
  else
    account.garbage = u16(account.garbage + bytes);
  account.count = u16(count - 1);
  account.gap_begin = u16(account.gap_begin - kOffsetBytes);
  if (account.hint != kNoHint && index <= account.hint) {
    account.hint = index == account.hint ? kNoHint : u16(account.hint - 1);
  }
  if (account.count == 0) {
    account.gap_end = u16(node.heap_end());
    account.garbage = 0;
  }
  account.write(editor, kThroughGarbage);
}

bool pack_entries(Editor& editor, const NodeView& node, std::uint32_t keep) {
  struct Place {
    std::uint32_t at, bytes, index;
  };
  std::vector<Place> places(keep);
  for (std::uint32_t i = 0; i < keep; ++i) {
    Record record;
    if (!node.record(i, record)) return false;
    places[i] = {node.offset(i), node.bytes_of(record), i};
  }
  // From the top down, so that no record is overwritten before it has moved.
  std::ranges::sort(places, std::greater(), &Place::at);
  std::vector<std::byte> offsets(keep * kOffsetBytes);
  std::vector<Place> runs;  // Records that move by the same distance, lowest address.
  std::uint32_t end = node.heap_end();
  std::uint32_t above = node.heap_end();
  for (const auto& [at, bytes, index] : places) {
    if (at + bytes > above) return false;  // Records overlap.
    const bool joins = !runs.empty() && at + bytes == above;
    above = at;
    end -= bytes;
    store16(offsets.data() + index * kOffsetBytes, u16(end));
    if (joins) {
      runs.back().at = at;
      runs.back().bytes += bytes;
    } else {
      runs.push_back({at, bytes, 0});
    }
  }
  std::uint32_t to = node.heap_end();
  for (const Place& run : runs) {
    to -= run.bytes;
    editor.move(to, run.at, run.bytes);
  }
  editor.write(node.offset_at(0), offsets);
  Account account(editor.page());
  account.count = u16(keep);
  account.gap_begin = u16(node.offset_at(keep));
  account.gap_end = u16(end);
  account.hint = kNoHint;
  account.garbage = 0;
  account.write(editor, kThroughGarbage);
  return true;
}

void set_child(Editor& editor, const Record& was, PageId child) {
  const auto at = static_cast<std::size_t>(reinterpret_cast<const std::byte*>(was.payload.data()) -
                                           editor.page());
  editor.write32(at, raw(child));
}

}  // namespace holdfast
