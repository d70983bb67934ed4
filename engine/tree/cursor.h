// A cursor over one tree, both ways.
//
// It remembers the path of (page id, index) from the root and pins the leaf it stands in, so that
// steps within a leaf touch nothing else. In a write transaction it notices by the source's
// change_count() that the tree has changed and finds its key again: if the record is gone, next()
// goes to the one after, prev() to the one before. Without a pin it keeps copies and fetches the
// leaf anew at each step. A scan never answers keys out of order: that is kDamaged.
//
// The longer it walks one way, the more of the leaves ahead are read at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/tree/descent.h"
#include "engine/tree/node_view.h"
#include "engine/tree/overflow.h"
#include "engine/tree/page_source.h"
#include "engine/tree/tree.h"

namespace holdfast {

// The source must outlive it. Moves answer whether it stands on a record; one that finds none
// leaves it off the records, where next() and prev() answer false until it is sought anew. After an
// error it stands nowhere, as when new.
class TreeCursor {
 public:
  TreeCursor(PageSource& source, TreeRef tree) : source_(&source), tree_(tree) {}
  TreeCursor(TreeCursor&&) noexcept = default;
  TreeCursor& operator=(TreeCursor&&) noexcept = default;

  Result<bool> first();
  Result<bool> last();
  Result<bool> seek(std::string_view key);  // The first record at or after `key`.
  Result<bool> seek_exact(std::string_view key);
  Result<bool> seek_at_or_before(std::string_view key);  // The last record at or before `key`.
  Result<bool> next();  // From nowhere first(); stays off once it ran off an end.
  Result<bool> prev();  // From nowhere last(); likewise.

  [[nodiscard]] bool valid() const noexcept { return state_ == State::kOn; }
  // Need valid(). Good until the cursor moves or the transaction writes.
  [[nodiscard]] std::string_view key() const noexcept { return key_; }
  // After a move that was cut short.
  void stand_nowhere() noexcept {
    state_ = State::kNowhere;
    pin_.reset();
  }
  // kNotFound when the transaction has erased the record meanwhile.
  Result<std::string_view> value();
  // Where the value is, and how long. Reads no overflow pages.
  Result<FoundValue> find_value();
  Result<std::uint64_t> value_bytes();

 private:
  enum class State : std::uint8_t { kNowhere, kOn, kOff };
  enum class Direction : std::uint8_t { kForward, kBackward };

  Result<bool> go(Result<bool> outcome);
  Result<bool> edge(Direction direction);
  Result<bool> locate(std::string_view key);
  Result<bool> step(Direction direction);
  Result<bool> settle(std::int64_t index, Direction direction);
  Result<bool> climb(Direction direction);
  Result<bool> stand(std::uint32_t index, Direction direction);
  Result<void> down(NodeView node, Direction direction);
  Result<NodeView> read_ahead(NodeView parent, std::uint32_t index, Direction direction);
  Result<void> hold();
  [[nodiscard]] Result<OverflowStub> stub() const;
  [[nodiscard]] bool changed() const { return source_->change_count() != change_; }

  PageSource* source_;
  TreeRef tree_;
  State state_ = State::kNowhere;
  bool has_limit_ = false;    // key_ is what the next record must lie beyond.
  bool overflow_ = false;     // The value is a stub.
  std::uint64_t change_ = 0;  // The source's count when the leaf was fetched.
  std::uint32_t leaves_in_a_row_ = 0;
  Direction heading_ = Direction::kForward;  // Of those.
  Path path_;
  NodeView leaf_;  // In pin_, or good within the guard only.
  PagePin pin_;
  std::string key_;
  std::string spare_;         // The next key, before it becomes key_.
  std::string_view payload_;  // In pin_.
  std::string value_;         // A copy where there is no pin; an overflow value.
  std::string stub_;
};

}  // namespace holdfast
