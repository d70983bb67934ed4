#include "fuzz/lab/short_workloads.h"

#include <algorithm>
#include <array>
#include <utility>

namespace holdfast {
namespace {

using Kind = Op::Kind;

constexpr std::string_view kBeginnings[] = {"new", "old"};
constexpr std::string_view kWithKey = "pdlx";
constexpr std::string_view kWithout = "cakr";
constexpr std::uint32_t kSmall = 40;
constexpr std::uint32_t kLarge = 6000;

// In the order of use; by their bytes they are 0 < 1 < … < 4.
constexpr std::array<std::uint32_t, kShortKeys> kKeys = {3, 1, 4, 0, 2};

Op op_of(char letter, std::uint32_t key) {
  switch (letter) {
    case 'p':
      return {.kind = Kind::kPut, .key = key, .bytes = kSmall};
    case 'd':
      return {.kind = Kind::kErase, .key = key};
    case 'l':
      return {.kind = Kind::kPut, .key = key, .bytes = kLarge};
    case 'x':  // And all that follow.
      return {.kind = Kind::kEraseRange, .count = 0, .key = key};
    case 'c':
      return {.kind = Kind::kCommitSync};
    case 'a':
      return {.kind = Kind::kAbort};
    case 'k':
      return {.kind = Kind::kCheckpoint};
    default:
      return {.kind = Kind::kReopen};
  }
}

std::vector<Op> ops_of_beginning(std::string_view beginning) {
  if (beginning == "new") return {};
  std::vector<Op> ops = {
      {.kind = Kind::kPutRun, .count = kShortKeys, .key = 0, .bytes = kSmall},
      {.kind = Kind::kCommitSync},
      {.kind = Kind::kCheckpoint},
      {.kind = Kind::kPutRun, .count = kShortKeys, .key = 0, .bytes = kSmall},
      {.kind = Kind::kCommitSync},
  };
  return ops;
}

// Where each op begins in the letters of a name; nothing where they are wrong.
std::optional<std::vector<std::size_t>> ops_in(std::string_view letters) {
  std::vector<std::size_t> begins;
  for (std::size_t at = 0; at < letters.size(); ++at) {
    begins.push_back(at);
    if (kWithout.find(letters[at]) != kWithout.npos) continue;
    if (kWithKey.find(letters[at]) == kWithKey.npos || ++at == letters.size()) return std::nullopt;
    if (letters[at] < '1' || letters[at] >= static_cast<char>('1' + kShortKeys))
      return std::nullopt;
  }
  return begins;
}

std::optional<std::pair<std::string_view, std::string_view>> split(std::string_view name) {
  const std::size_t point = name.find('.');
  if (point == name.npos) return std::nullopt;
  const std::string_view beginning = name.substr(0, point);
  if (std::find(std::begin(kBeginnings), std::end(kBeginnings), beginning) == std::end(kBeginnings))
    return std::nullopt;
  return std::pair(beginning, name.substr(point + 1));
}

void append_all(const std::string& name, std::size_t ops_left, unsigned keys_used,
                std::vector<std::string>& names) {
  if (ops_left == 0) return names.push_back(name);
  for (const char letter : kWithKey) {
    for (unsigned key = 1; key <= std::min(keys_used + 1, kShortKeys); ++key) {
      append_all(name + letter + static_cast<char>('0' + key), ops_left - 1,
                 std::max(keys_used, key), names);
    }
  }
  for (const char letter : kWithout) append_all(name + letter, ops_left - 1, keys_used, names);
}

// Keys by their first use, as short_names() has them.
std::string with_keys_in_order(std::string letters) {
  std::string met;
  for (char& letter : letters) {
    if (letter < '1' || letter > '9') continue;
    std::size_t at = met.find(letter);
    if (at == met.npos) at = met.size(), met += letter;
    letter = static_cast<char>('1' + at);
  }
  return letters;
}

}  // namespace

const std::vector<std::string>& short_names() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> names;
    for (std::size_t length = 0; length <= kShortOps; ++length) {
      for (const std::string_view beginning : kBeginnings) {
        append_all(std::string(beginning) + ".", length, 0, names);
      }
    }
    return names;
  }();
  return all;
}

std::optional<Workload> short_workload(std::string_view name) {
  const auto parts = split(name);
  if (!parts) return std::nullopt;
  const auto& [beginning, letters] = *parts;
  const auto begins = ops_in(letters);
  if (!begins) return std::nullopt;
  Workload workload;
  workload.name = name;
  workload.about = "a short workload";
  workload.shape.key_count = kShortKeys;
  workload.shape.value_bytes_max = kLarge;
  workload.shape.checkpoint_log_bytes = std::uint64_t{1} << 20;
  workload.ops = ops_of_beginning(beginning);
  for (const std::size_t at : *begins) {
    const bool keyed = kWithKey.find(letters[at]) != kWithKey.npos;
    workload.ops.push_back(
        op_of(letters[at], keyed ? kKeys[static_cast<unsigned>(letters[at + 1] - '1')] : 0));
  }
  return workload;
}

std::size_t ops_before(std::string_view name) {
  const auto parts = split(name);
  return parts ? ops_of_beginning(parts->first).size() : 0;
}

std::vector<std::string> shorter_names(std::string_view name) {
  const auto parts = split(name);
  if (!parts) return {};
  const auto& [beginning, letters] = *parts;
  const auto begins = ops_in(letters);
  if (!begins) return {};
  std::vector<std::string> names;
  for (std::size_t i = 0; i < begins->size(); ++i) {
    const std::size_t end = i + 1 < begins->size() ? (*begins)[i + 1] : letters.size();
    std::string left(letters.substr(0, (*begins)[i]));
    left += letters.substr(end);
    names.push_back(std::string(beginning) + "." + with_keys_in_order(std::move(left)));
  }
  return names;
}

}  // namespace holdfast
