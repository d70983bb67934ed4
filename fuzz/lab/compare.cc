#include "fuzz/lab/compare.h"

#include <iterator>
#include <utility>
#include <vector>

#include "engine/base/result.h"

namespace holdfast {
namespace {

using Difference = std::optional<std::string>;

std::string where(std::string_view tree, std::string_view key) {
  return "tree '" + std::string(tree) + "', key " + show_bytes(key) + ": ";
}

Result<Difference> compare_forward(const Reader& reader, Tree tree, std::string_view name,
                                   const Model::Records& expected) {
  Cursor cursor = TRY(reader.cursor(tree));
  auto want = expected.begin();
  for (bool on = TRY(cursor.first()); on; on = TRY(cursor.next()), ++want) {
    if (want == expected.end() || cursor.key() != want->first) {
      return where(name, cursor.key()) + "the scan shows it where the model has " +
             (want == expected.end() ? "the end" : show_bytes(want->first));
    }
    const std::string_view value = TRY(cursor.value());
    if (value != want->second) {
      return where(name, want->first) + "the scan shows " + show_bytes(value) +
             " where the model has " + show_bytes(want->second);
    }
  }
  if (want != expected.end()) return where(name, want->first) + "missing from the scan";
  return Difference();
}

Result<Difference> compare_backward(const Reader& reader, Tree tree, std::string_view name,
                                    const Model::Records& expected) {
  Cursor cursor = TRY(reader.cursor(tree));
  auto want = expected.rbegin();
  for (bool on = TRY(cursor.last()); on; on = TRY(cursor.prev()), ++want) {
    if (want == expected.rend() || cursor.key() != want->first) {
      return where(name, cursor.key()) + "the scan backwards shows it where the model has " +
             (want == expected.rend() ? "the beginning" : show_bytes(want->first));
    }
  }
  if (want != expected.rend()) return where(name, want->first) + "missing from the scan backwards";
  return Difference();
}

Result<Difference> compare_gets(const Reader& reader, Tree tree, std::string_view name,
                                const Model::Records& expected, Rng& rng) {
  const std::uint64_t step = 1 + expected.size() / 4;
  std::uint64_t next = rng.below(step);
  std::uint64_t at = 0;
  for (const auto& [key, value] : expected) {
    if (at++ != next) continue;
    next += 1 + rng.below(2 * step);
    const auto got = TRY(reader.get(tree, key));
    if (!got) return where(name, key) + "get() finds nothing";
    if (*got != value) {
      return where(name, key) + "get() gives " + show_bytes(*got) + " where the model has " +
             show_bytes(value);
    }
    const std::string other = key.substr(0, key.size() / 2) + "~";
    if (TRY(reader.contains(tree, other)) != expected.contains(other)) {
      return where(name, other) + "contains() is wrong";
    }
  }
  return Difference();
}

// Of all of the tree, and of a range between two of its keys.
Result<Difference> compare_estimates(const Reader& reader, Tree tree, std::string_view name,
                                     const Model::Records& expected, bool cuts, Rng& rng) {
  const RangeEstimate all = TRY(reader.estimate(tree, std::nullopt, std::nullopt));
  if (cuts ? all.exact && all.records != expected.size() : all.records != expected.size())
    return where(name, "") + "the estimate of all is wrong";
  if (expected.size() < 2) return Difference();
  const auto from =
      std::next(expected.begin(), static_cast<std::ptrdiff_t>(rng.below(expected.size() - 1)));
  const auto to = std::next(from, static_cast<std::ptrdiff_t>(rng.below(static_cast<std::uint64_t>(
                                      std::distance(from, expected.end())))));
  const RangeEstimate some = TRY(reader.estimate(tree, from->first, to->first));
  std::uint64_t bytes = 0;
  for (auto each = from; each != to; ++each) bytes += each->first.size() + each->second.size();
  const auto count = static_cast<std::uint64_t>(std::distance(from, to));
  if ((!cuts && some.records > expected.size()) ||
      (some.exact && (some.records != count || some.bytes != bytes))) {
    return where(name, from->first) + "the estimate up to " + show_bytes(to->first) + " is " +
           std::to_string(some.records) + " records, " + std::to_string(some.bytes) +
           " bytes where the model has " + std::to_string(count) + ", " + std::to_string(bytes);
  }
  return Difference();
}

Result<Difference> compare_names(const Reader& reader, const Model::Trees& expected) {
  const std::vector<TreeInfo> found = TRY(reader.trees());
  auto want = expected.begin();
  for (const TreeInfo& info : found) {
    if (want == expected.end() || info.name != want->first) {
      return "there is a tree '" + info.name + "' where the model has " +
             (want == expected.end() ? std::string("no more") : "'" + want->first + "'");
    }
    // Where that isn't known, count() below says why.
    if (info.records_exact && info.records != want->second.size()) {
      return "tree '" + info.name + "' counts " + std::to_string(info.records) +
             " records where the model has " + std::to_string(want->second.size());
    }
    ++want;
  }
  if (want != expected.end()) return "tree '" + want->first + "' is missing";
  return Difference();
}

}  // namespace

Result<Difference> compare(const Reader& reader, const Model::Trees& expected, bool cuts,
                           Rng& rng) {
  if (Difference found = TRY(compare_names(reader, expected))) return found;
  const bool backward = rng.chance(1, 2);
  for (const auto& [name, records] : expected) {
    const Tree tree = TRY(reader.open_tree(name));
    if (Difference found = TRY(compare_forward(reader, tree, name, records))) return found;
    if (backward) {
      if (Difference found = TRY(compare_backward(reader, tree, name, records))) return found;
    }
    if (Difference found = TRY(compare_gets(reader, tree, name, records, rng))) return found;
    if (Difference found = TRY(compare_estimates(reader, tree, name, records, cuts, rng)))
      return found;
    if (const std::uint64_t count = TRY(reader.count(tree)); count != records.size()) {
      return "tree '" + name + "' counts " + std::to_string(count) +
             " records where the model has " + std::to_string(records.size());
    }
  }
  return Difference();
}

std::string show_bytes(std::string_view bytes) {
  constexpr std::size_t kShown = 24;
  std::string text = "'";
  for (const char c : bytes.substr(0, kShown)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && byte != '\\') {
      text += c;
    } else {
      text += '\\';
      text += "0123456789abcdef"[byte >> 4];
      text += "0123456789abcdef"[byte & 15];
    }
  }
  text += bytes.size() > kShown ? "' …" : "'";
  return text + " (" + std::to_string(bytes.size()) + " bytes)";
}

}  // namespace holdfast
