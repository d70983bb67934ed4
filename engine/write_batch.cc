// A WriteBatch's list: per change a head of 13 bytes, the key, the value.
//
//   kind u8 | tree id u32 | key bytes u32 | value bytes u32 | key | value
#include "holdfast/write_batch.h"

#include <cstring>

#include "engine/base/boundary.h"
#include "engine/base/bytes.h"
#include "engine/base/result.h"

namespace holdfast {
namespace {

constexpr std::size_t kHeadBytes = 13;
constexpr std::uint64_t kLongest = UINT32_MAX;

}  // namespace

Result<void> WriteBatch::put(Tree tree, std::string_view key, std::string_view value) {
  return at_boundary([&] { return add(tree, true, key, value); });
}

Result<void> WriteBatch::erase(Tree tree, std::string_view key) {
  return at_boundary([&] { return add(tree, false, key, {}); });
}

auto WriteBatch::add(Tree tree, bool is_put, std::string_view key, std::string_view value)
    -> Result<void> {
  if (key.size() > kLongest || value.size() > kLongest) {
    return fail(ErrorCode::kLimitExceeded, "a batch takes keys and values of up to " +
                                               std::to_string(kLongest) + " bytes; this one has " +
                                               std::to_string(std::max(key.size(), value.size())));
  }
  const std::size_t before = bytes_.size();
  bytes_.resize(before + kHeadBytes + key.size() + value.size());
  auto* at = reinterpret_cast<std::byte*>(bytes_.data() + before);
  at[0] = std::byte{is_put};
  store32(at + 1, tree.id());
  store32(at + 5, static_cast<std::uint32_t>(key.size()));
  store32(at + 9, static_cast<std::uint32_t>(value.size()));
  if (!key.empty()) std::memcpy(at + kHeadBytes, key.data(), key.size());
  if (!value.empty()) std::memcpy(at + kHeadBytes + key.size(), value.data(), value.size());
  ++count_;
  return {};
}

void WriteBatch::clear() noexcept {
  bytes_.clear();
  count_ = 0;
}

bool WriteBatch::next(std::size_t& at, Change& change) const noexcept {
  if (at >= bytes_.size()) return false;
  const auto* head = reinterpret_cast<const std::byte*>(bytes_.data() + at);
  const std::string_view rest = std::string_view(bytes_).substr(at + kHeadBytes);
  const std::uint32_t key = load32(head + 5);
  const std::uint32_t value = load32(head + 9);
  change = {Tree(load32(head + 1)), head[0] != std::byte{0}, rest.substr(0, key),
            rest.substr(key, value)};
  at += kHeadBytes + key + std::size_t{value};
  return true;
}

}  // namespace holdfast
