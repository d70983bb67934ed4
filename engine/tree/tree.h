// A tree of records in key order: reading and changing one record, making a tree, erasing a range.
//
// A tree is named by its id and its root's page id; both stay the same for its life. Every function
// brackets itself with a guard of the source. Keys compare bytewise; the empty key is a key.
//
// Errors of all: kDamaged (with page and tree), and whatever the source answers (kIo, kPoisoned,
// kLimitExceeded, kDiskFull). After an error of a function that changes the tree, other than
// kLimitExceeded for its key or value, the tree may be half changed: the transaction is doomed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/types.h"
#include "engine/tree/overflow.h"
#include "engine/tree/page_source.h"
#include "holdfast/error.h"

namespace holdfast {

struct TreeRef {
  TreeId id;
  PageId root;
};

// A new, empty tree; answers its root.
Result<PageId> tree_create(PageSink& sink, TreeId id);

// The value of `key`, copied into `value`; false when there is no such key (`value` is untouched).
Result<bool> tree_get(PageSource& source, TreeRef tree, std::string_view key, std::string& value);

// Reads no overflow pages.
Result<bool> tree_contains(PageSource& source, TreeRef tree, std::string_view key);

enum class PutMode : std::uint8_t { kUpsert, kInsertOnly, kReplaceOnly };

struct PutOutcome {
  bool existed;  // A record with this key was there before.
  bool stored;   // The record is there now with this value; false when the mode forbade it.
};

// `key` and `value` may not point into the tree's pages. A key or value over its limit is
// kLimitExceeded and changes nothing.
Result<PutOutcome> tree_put(PageSink& sink, TreeRef tree, std::string_view key,
                            std::string_view value, PutMode mode = PutMode::kUpsert);

// The same for a value that stands in a run already, which is the record's from here on.
Result<PutOutcome> tree_put_run(PageSink& sink, TreeRef tree, std::string_view key,
                                const OverflowStub& run);

// Where a record's value is: in its leaf, then here, or in a run.
struct FoundValue {
  std::string inlined;
  OverflowStub run;  // Of no pages: none.
  [[nodiscard]] std::uint64_t bytes() const { return run.pages != 0 ? run.bytes : inlined.size(); }
  friend bool operator==(const FoundValue&, const FoundValue&) = default;
};
// Nothing: there is no such key. Reads no overflow pages.
Result<std::optional<FoundValue>> tree_find_value(PageSource& source, TreeRef tree,
                                                  std::string_view key);

// kLimitExceeded where no record may have this key, or a value of so many bytes.
Result<void> check_limits(const PageSource& source, TreeRef tree, std::string_view key,
                          std::uint64_t value_bytes);

// False when there was no such key.
Result<bool> tree_erase(PageSink& sink, TreeRef tree, std::string_view key);

struct SwapOutcome {
  bool existed;  // As in PutOutcome.
  bool matched;  // What was there was what was expected, and is now what was desired.
};

// Nothing expected: no record; nothing desired: none from now on. Where it doesn't match, nothing
// changes. Reads a long value page by page, and only if its length is right.
Result<SwapOutcome> tree_compare_and_set(PageSink& sink, TreeRef tree, std::string_view key,
                                         std::optional<std::string_view> expected,
                                         std::optional<std::string_view> desired);

// Removes the records at or after `from` and before `to`, or all that follow, in time that doesn't
// grow with their number: subtrees that lie wholly within are cut off unread. Answers how many
// records it removed beside those.
Result<std::uint64_t> tree_erase_range(PageSink& sink, TreeRef tree, std::string_view from,
                                       std::optional<std::string_view> to);

}  // namespace holdfast
