// A cursor over one tree, both ways.
//
// It remembers the path of (page id, index) from the root and pins the leaf it stands in, so that
// steps within a leaf touch nothing else. In a write transaction it notices by the source's
// change_count() that the tree has changed and finds its key again: if the record is gone, next()
// goes to the one after, prev() to the one before. Without a pin it keeps copies and fetches the
// leaf anew at each step. A scan never answers keys out of order: that is kDamaged.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/limits.h"
#include "engine/tree/page_source.h"
#include "engine/tree/tree.h"

namespace holdfast {

// The source must outlive it. Moves answer whether it stands on a record; after an error it stands
// nowhere, as when new.
class TreeCursor {
 public:
  TreeCursor(PageSource& source, TreeRef tree) : source_(&source), tree_(tree) {}
  TreeCursor(TreeCursor&&) noexcept = default;
  TreeCursor& operator=(TreeCursor&&) noexcept = default;

  Result<bool> first();
  Result<bool> last();
  Result<bool> seek(std::string_view key);               // The first record at or after `key`.
  Result<bool> seek_exact(std::string_view key);         // Nowhere when there is none.
  Result<bool> seek_at_or_before(std::string_view key);  // The last record at or before `key`.
  Result<bool> next();  // From nowhere first(); stays off once it ran off an end.
  Result<bool> prev();  // From nowhere last(); likewise.

  [[nodiscard]] bool valid() const noexcept { return state_ == State::kOn; }
  // Need valid(). Good until the cursor moves or the transaction writes.
  [[nodiscard]] std::string_view key() const noexcept { return key_; }
  Result<std::string_view> value();

 private:
  enum class State : std::uint8_t { kNowhere, kOn, kOff };
  struct Step {
    PageId page;
    std::uint32_t index;
  };

  PageSource* source_;
  TreeRef tree_;
  State state_ = State::kNowhere;
  std::string key_;
};

}  // namespace holdfast
