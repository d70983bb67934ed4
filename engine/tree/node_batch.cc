#include "engine/tree/node_batch.h"

#include <algorithm>

namespace holdfast {

std::string_view NodeBatch::suffix(std::uint32_t index) const {
  const Entry& entry = entries_[index];
  return std::string_view(bytes_).substr(entry.at, entry.suffix);
}

std::string_view NodeBatch::payload(std::uint32_t index) const {
  const Entry& entry = entries_[index];
  return std::string_view(bytes_).substr(entry.at + entry.suffix, entry.payload);
}

std::string NodeBatch::key(std::uint32_t index) const {
  return base_ + std::string(suffix(index));
}

NodeBatch::Entry NodeBatch::add(std::string_view suffix_head, std::string_view suffix,
                                std::string_view payload, bool overflow) {
  const Entry entry{static_cast<std::uint32_t>(bytes_.size()),
                    static_cast<std::uint16_t>(suffix_head.size() + suffix.size()),
                    static_cast<std::uint16_t>(payload.size()), overflow};
  bytes_.append(suffix_head).append(suffix).append(payload);
  return entry;
}

const char* NodeBatch::take(const NodeView& node, std::string_view first_key) {
  const std::string_view rest = node.prefix().substr(std::min(base_.size(), node.prefix().size()));
  entries_.reserve(entries_.size() + node.count() + 1);
  bytes_.reserve(bytes_.size() + page_size_);
  for (std::uint32_t i = 0; i < node.count(); ++i) {
    Record record;
    if (!node.record(i, record)) return "node's record lies outside its heap";
    if (!leaf_ && i == 0) {
      const std::string_view key = entries_.empty() ? base_ : first_key;
      entries_.push_back(
          add({}, key.substr(std::min(base_.size(), key.size())), record.payload, false));
    } else {
      entries_.push_back(add(rest, record.suffix, record.payload, record.overflow));
    }
    // What follows relies on order; a node without it must not be spread any further.
    const std::uint32_t last = size() - 1;
    if (last > (leaf_ ? 0 : 1) && suffix(last - 1) >= suffix(last))
      return "node's keys are out of order";
  }
  return nullptr;
}

void NodeBatch::insert(std::uint32_t index, std::string_view key, std::string_view payload,
                       bool overflow) {
  const Entry entry = add({}, key.substr(base_.size()), payload, overflow);
  entries_.insert(entries_.begin() + index, entry);
}

void NodeBatch::replace(std::uint32_t index, std::string_view payload, bool overflow) {
  const std::string same(suffix(index));
  entries_[index] = add({}, same, payload, overflow);
}

bool NodeBatch::in_order(std::uint32_t index) const {
  const std::uint32_t first = leaf_ ? 0 : 1;  // An inner node's first key counts as minus infinity.
  return (index <= first || suffix(index - 1) < suffix(index)) &&
         (index + 1 >= size() || index + 1 <= first || suffix(index) < suffix(index + 1));
}

std::size_t NodeBatch::entry_bytes(std::uint32_t index, std::size_t cut) const {
  const Entry& entry = entries_[index];
  return kEntryBytes + record_bytes(leaf_, entry.suffix - cut, entry.payload);
}

std::size_t NodeBatch::bytes(std::uint32_t from, std::uint32_t to, std::size_t cut) const {
  std::size_t sum = kNodeHeadEnd + base_.size() + cut;
  if (!leaf_ && from < to) sum += kEntryBytes + record_bytes(false, 0, kChildBytes);
  for (std::uint32_t i = leaf_ ? from : from + 1; i < to; ++i) sum += entry_bytes(i, cut);
  return sum;
}

std::optional<std::size_t> NodeBatch::shared(std::uint32_t from, std::uint32_t to) const {
  if (!leaf_) ++from;  // An inner node doesn't store its first key.
  if (from >= to) return std::nullopt;
  const std::size_t most =
      max_key_bytes(page_size_) - std::min(base_.size(), max_key_bytes(page_size_));
  return std::min(most, common_prefix_bytes(suffix(from), suffix(to - 1)));
}

std::size_t NodeBatch::least_bytes(std::uint32_t from, std::uint32_t to) const {
  const std::size_t plain = bytes(from, to, 0);
  return plain <= page_size_ ? plain : bytes(from, to, shared(from, to).value_or(0));
}

std::string NodeBatch::separator(std::uint32_t at) const {
  if (!leaf_) return key(at);
  return base_ + std::string(shortest_separator(suffix(at - 1), suffix(at)));
}

std::uint32_t NodeBatch::middle() const {
  const std::size_t fixed = kNodeHeadEnd + base_.size();
  const std::size_t total = bytes(0, size(), 0);
  const std::size_t half = total / 2;
  const std::size_t window = page_size_ / 8;
  std::uint32_t best = 0;
  std::size_t best_length = 0;
  std::size_t best_distance = 0;
  std::size_t left = fixed;
  for (std::uint32_t at = 1; at < size(); ++at) {
    left += entry_bytes(at - 1, 0);
    const std::size_t distance = left > half ? left - half : half - left;
    const bool near = distance <= window;
    // Outside the window only distance counts; inside, a shorter separator is worth the way.
    const std::size_t length = !near   ? SIZE_MAX
                               : leaf_ ? common_prefix_bytes(suffix(at - 1), suffix(at)) + 1
                                       : suffix(at).size();
    if (best != 0 && std::pair(length, distance) >= std::pair(best_length, best_distance)) continue;
    const std::size_t right = total + fixed - std::min(left, total);
    if (left > page_size_ && !fits(0, at)) continue;
    if (right > page_size_ && !fits(at, size())) continue;
    best = at;
    best_length = length;
    best_distance = distance;
  }
  return best;
}

std::size_t NodeBatch::choose_cut(std::uint32_t from, std::uint32_t to,
                                  const KeyBounds& bounds) const {
  const std::optional<std::size_t> most = shared(from, to);
  if (!most) return 0;
  const std::string low = bounds.low ? *bounds.low : key(leaf_ ? from : from + 1);
  const std::string high = bounds.high ? *bounds.high : key(to - 1);
  const std::size_t wanted = common_prefix_bytes(low, high);
  const std::size_t cut = std::min(*most, wanted - std::min(wanted, base_.size()));
  return bytes(from, to, cut) <= page_size_ ? cut : *most;
}

bool NodeBatch::write(Editor& editor, std::uint32_t from, std::uint32_t to, const KeyBounds& bounds,
                      std::uint16_t hint) const {
  const std::size_t cut = choose_cut(from, to, bounds);
  const std::size_t used = bytes(from, to, cut);
  if (used > page_size_) return false;
  const std::size_t count = to - from;
  const std::size_t room = (page_size_ - used) / kHeadBytes;
  const std::size_t capacity = count + std::min(align_up(count, kCapacityStep) - count, room);
  std::vector<std::byte> page(page_size_);
  std::size_t end = page_size_;
  std::size_t offsets = kNodeHeadEnd + capacity * kHeadBytes;

  std::string prefix = base_;
  if (cut != 0) prefix.append(suffix(to - 1).substr(0, cut));
  end -= prefix.size();
  std::memcpy(page.data() + end, prefix.data(), prefix.size());
  for (std::uint32_t i = 0; i < count; ++i) {
    Record record{suffix(from + i), payload(from + i), entries_[from + i].overflow};
    record.suffix = !leaf_ && i == 0 ? std::string_view() : record.suffix.substr(cut);
    end -= record_bytes(leaf_, record.suffix.size(), record.payload.size());
    encode_record(page.data() + end, leaf_, record);
    store32(page.data() + kNodeHeadEnd + i * kHeadBytes, head_of(record.suffix));
    store16(page.data() + offsets + i * kOffsetBytes, static_cast<std::uint16_t>(end));
  }
  const std::size_t begin = offsets + count * kOffsetBytes;
  store(page.data() + page_at::kKind, leaf_ ? PageKind::kLeaf : PageKind::kInner);
  store(page.data() + page_at::kLevel, static_cast<std::byte>(level_));
  store16(page.data() + page_at::kCount, static_cast<std::uint16_t>(count));
  store16(page.data() + page_at::kGapBegin, static_cast<std::uint16_t>(begin));
  store16(page.data() + page_at::kGapEnd, static_cast<std::uint16_t>(end));
  store16(page.data() + node_at::kHint, hint);
  store16(page.data() + node_at::kPrefixBytes, static_cast<std::uint16_t>(prefix.size()));
  store16(page.data() + node_at::kCapacity, static_cast<std::uint16_t>(capacity));
  editor.write(page_at::kKind, std::span(page).subspan(page_at::kKind, begin - page_at::kKind));
  editor.write(end, std::span(page).subspan(end));
  return true;
}

}  // namespace holdfast
