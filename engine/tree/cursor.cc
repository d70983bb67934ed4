#include "engine/tree/cursor.h"

#include <algorithm>
#include <array>

#include "engine/base/result.h"

namespace holdfast {
namespace {

std::unexpected<Error> bad_record(TreeRef tree, PageId page) {
  return damaged(tree.id, page, "leaf's record is damaged");
}

std::unexpected<Error> erased() {
  return fail(ErrorCode::kNotFound, "the record that the cursor stands on was erased");
}

}  // namespace

// Every public move ends here.
Result<bool> TreeCursor::go(Result<bool> outcome) {
  state_ = !outcome ? State::kNowhere : *outcome ? State::kOn : State::kOff;
  if (state_ != State::kOn) pin_.reset();
  return outcome;
}

Result<bool> TreeCursor::first() {
  return go(edge(Direction::kForward));
}
Result<bool> TreeCursor::last() {
  return go(edge(Direction::kBackward));
}

Result<bool> TreeCursor::seek(std::string_view key) {
  const PageGuard guard(*source_);
  const Result<bool> found = locate(key);
  if (!found) return go(found);
  return go(settle(path_.back().index, Direction::kForward));
}

Result<bool> TreeCursor::seek_exact(std::string_view key) {
  const PageGuard guard(*source_);
  const Result<bool> found = locate(key);
  if (!found || !*found) return go(found);
  return go(settle(path_.back().index, Direction::kForward));
}

Result<bool> TreeCursor::seek_at_or_before(std::string_view key) {
  const PageGuard guard(*source_);
  const Result<bool> found = locate(key);
  if (!found) return go(found);
  return go(settle(std::int64_t{path_.back().index} - (*found ? 0 : 1), Direction::kBackward));
}

Result<bool> TreeCursor::next() {
  if (state_ == State::kNowhere) return first();
  if (state_ == State::kOff) return false;
  if (pin_ && !changed() && path_.back().index + 1 < leaf_.count()) {
    return go(stand(path_.back().index + 1, Direction::kForward));
  }
  return go(step(Direction::kForward));
}

Result<bool> TreeCursor::prev() {
  if (state_ == State::kNowhere) return last();
  if (state_ == State::kOff) return false;
  if (pin_ && !changed() && path_.back().index > 0) {
    return go(stand(path_.back().index - 1, Direction::kBackward));
  }
  return go(step(Direction::kBackward));
}

Result<std::string_view> TreeCursor::value() {
  if (changed()) {
    if (!TRY(tree_get(*source_, tree_, key_, value_))) return erased();
    return value_;
  }
  if (overflow_) {
    const PageGuard guard(*source_);
    const OverflowStub run = TRY(stub());
    TRY(read_overflow(*source_, tree_.id, run, value_));
    return value_;
  }
  return pin_ ? payload_ : std::string_view(value_);
}

Result<FoundValue> TreeCursor::find_value() {
  if (changed()) {
    auto found = TRY(tree_find_value(*source_, tree_, key_));
    if (!found) return erased();
    return *std::move(found);
  }
  FoundValue found;
  if (overflow_) {
    found.run = TRY(stub());
  } else {
    found.inlined = pin_ ? payload_ : std::string_view(value_);
  }
  return found;
}

Result<std::uint64_t> TreeCursor::value_bytes() {
  if (changed()) return TRY(find_value()).bytes();
  if (overflow_) return TRY(stub()).bytes;
  return pin_ ? payload_.size() : value_.size();
}

Result<OverflowStub> TreeCursor::stub() const {
  OverflowStub stub;
  if (!OverflowStub::decode(stub_, source_->page_size(), stub))
    return bad_record(tree_, path_.back().page);
  return stub;
}

Result<bool> TreeCursor::edge(Direction direction) {
  const PageGuard guard(*source_);
  has_limit_ = false;
  leaves_in_a_row_ = 0;
  path_.depth = 1;
  path_.steps[0] = {tree_.root, 0};
  const NodeView root = TRY(visit(*source_, tree_, tree_.root));
  TRY(down(root, direction));
  if (leaf_.count() == 0) return false;
  return stand(direction == Direction::kForward ? 0 : leaf_.count() - 1, direction);
}

// To the leaf where `key` belongs; its index is that of the first record at or after it. True when
// that record has this very key.
Result<bool> TreeCursor::locate(std::string_view key) {
  spare_.assign(key);
  key_.swap(spare_);
  leaves_in_a_row_ = 0;
  const NodeView leaf = TRY(descend(*source_, tree_, key_, path_));
  NodePlace place;
  if (!leaf.lower_bound(key_, place)) return bad_record(tree_, leaf.id());
  path_.back().index = place.index;
  has_limit_ = false;
  TRY(hold());
  return place.found;
}

// One record on, by way of other leaves or of the key if need be.
Result<bool> TreeCursor::step(Direction direction) {
  const PageGuard guard(*source_);
  std::int64_t from = path_.back().index;
  bool on_record = true;
  if (changed()) {
    const std::string key = key_;
    const std::uint32_t leaves = leaves_in_a_row_;
    on_record = TRY(locate(key));
    leaves_in_a_row_ = leaves;
    from = path_.back().index;
  } else if (!pin_) {
    TRY(hold());
  }
  const std::int64_t to = direction == Direction::kBackward ? from - 1
                          : on_record                       ? from + 1
                                                            : from;
  has_limit_ = on_record;
  return settle(to, direction);
}

Result<bool> TreeCursor::settle(std::int64_t index, Direction direction) {
  if (index < 0 || index >= leaf_.count()) {
    has_limit_ = true;
    return climb(direction);
  }
  return stand(static_cast<std::uint32_t>(index), direction);
}

// To the neighbouring leaf, by the path.
Result<bool> TreeCursor::climb(Direction direction) {
  const bool forward = direction == Direction::kForward;
  for (std::uint32_t depth = path_.depth - 1; depth-- > 0;) {
    const auto [page, index] = path_.steps[depth];
    NodeView node = TRY(visit(*source_, tree_, page));
    if (forward ? index + 1 >= node.count() : index == 0) continue;
    path_.depth = depth + 1;
    const std::uint32_t next = forward ? index + 1 : index - 1;
    if (node.level() == 1) node = TRY(read_ahead(node, next, direction));
    const NodeView child = TRY(visit_child(*source_, tree_, node, next, path_));
    TRY(down(child, direction));
    // Only a lone root may be empty; a chain of empty leaves could otherwise go on for ever.
    if (leaf_.count() == 0) return damaged(tree_.id, leaf_.id(), "leaf is empty");
    return stand(forward ? 0 : leaf_.count() - 1, direction);
  }
  return false;
}

// The leaf at `index` is next. Where it would have to be waited for, so would those after it.
Result<NodeView> TreeCursor::read_ahead(NodeView parent, std::uint32_t index, Direction direction) {
  leaves_in_a_row_ = heading_ == direction ? leaves_in_a_row_ + 1 : 1;
  heading_ = direction;
  std::array<PageId, 2 * kFetchMost> leaves;  // The second half is for the time after.
  if (!parent.child(index, leaves[0]) || source_->at_hand(leaves[0])) return parent;
  const std::uint32_t there = direction == Direction::kForward ? parent.count() - index : index + 1;
  // Twice as many as were walked: whoever wants but a few records has few read in vain.
  const std::uint32_t wanted = std::min({2 * leaves_in_a_row_, 2 * kFetchMost, there});
  std::uint32_t count = 1;
  while (count < wanted) {
    if (!parent.child(direction == Direction::kForward ? index + count : index - count,
                      leaves[count]))
      break;
    ++count;
  }
  const PageId page = parent.id();
  source_->fetch(std::span(leaves).first(count));
  return visit(*source_, tree_, page);
}

Result<void> TreeCursor::down(NodeView node, Direction direction) {
  while (!node.leaf()) {
    const std::uint32_t index = direction == Direction::kForward ? 0 : node.count() - 1;
    node = TRY(visit_child(*source_, tree_, node, index, path_));
  }
  return hold();
}

// Makes leaf_ the path's last page, pinned if that can be had.
Result<void> TreeCursor::hold() {
  const PageId id = path_.back().page;
  change_ = source_->change_count();
  pin_.reset();
  auto pin = source_->pin(id);
  if (!pin) return in_tree(tree_.id, pin.error());
  pin_ = *std::move(pin);
  const std::byte* page = pin_ ? pin_.page() : TRY(page_of(*source_, tree_.id, id));
  if (const char* wrong = NodeView::open(page, source_->page_size(), tree_.id, leaf_)) {
    return damaged(tree_.id, id, wrong);
  }
  if (!leaf_.leaf()) return damaged(tree_.id, id, "page is not a leaf");
  return {};
}

Result<bool> TreeCursor::stand(std::uint32_t index, Direction direction) {
  Record record;
  if (!leaf_.record(index, record)) return bad_record(tree_, leaf_.id());
  spare_.assign(leaf_.prefix());
  spare_.append(record.suffix);
  if (has_limit_ && (direction == Direction::kForward ? spare_ <= key_ : spare_ >= key_)) {
    return damaged(tree_.id, leaf_.id(), "leaf's keys are out of order");
  }
  key_.swap(spare_);
  has_limit_ = true;
  path_.back().index = index;
  overflow_ = record.overflow;
  payload_ = record.payload;
  if (overflow_) {
    stub_.assign(payload_);
  } else if (!pin_) {
    value_.assign(payload_);
  }
  return true;
}

}  // namespace holdfast
