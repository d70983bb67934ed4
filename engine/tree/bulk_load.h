// Records in ascending order, laid into full leaves from left to right.
//
// A leaf that is full is written once, to a run of pages of its own, and its parent is told: what
// an ordinary insert does for each record is done for each leaf. The inner nodes above are changed
// as any are, and split as the end of an ascending run does, full to the left. Long values go to a
// run beside. Nothing is read but the way down to the tree's last leaf.
//
// The leaf that was the tree's last stays as it is; a root that is a leaf moves into a page of its
// own (T6).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "engine/tree/descent.h"
#include "engine/tree/node_batch.h"
#include "engine/tree/page_source.h"
#include "engine/tree/tree.h"

namespace holdfast {

// After an error, the tree is half loaded: to be rolled back. Between two calls the sink may park
// what it likes; the tree may be read in between, but for leaves of the run that isn't joined yet,
// which is why nobody should.
class BulkLoader {
 public:
  // A leaf is full at `fill_percent` of its bytes, 50 to 100.
  BulkLoader(PageSink& sink, TreeRef tree, unsigned fill_percent);

  // kInvalidArgument: the key doesn't come after the one before, or after the tree's last.
  // kLimitExceeded: key or value.
  Result<void> add(std::string_view key, std::string_view value);
  // What is left. The loader is over.
  Result<void> finish();

  [[nodiscard]] std::uint64_t records() const { return records_; }
  // Of pages that are complete.
  [[nodiscard]] std::uint64_t pages() const { return pages_; }

 private:
  Result<void> begin();
  Result<void> check_order(std::string_view key) const;
  Result<void> close_leaf(std::string_view next_key);
  Result<void> hang_up(PageId leaf);
  Result<void> push_root_down();
  Result<std::string> value_run(std::string_view value);
  [[nodiscard]] std::size_t bytes() const;  // Of the leaf. It has a record.
  [[nodiscard]] std::size_t bytes_with(std::string_view key, std::size_t payload) const;

  PageSink& sink_;
  const TreeRef tree_;
  const std::size_t full_;
  bool begun_ = false;
  bool empty_ = false;     // The tree has no record but those of batch_.
  NodeBatch batch_;        // The leaf being filled.
  std::size_t plain_ = 0;  // Bytes of its entries, keys whole.
  std::string first_;      // Its first key, and its last, or the tree's last.
  std::string last_;
  std::string low_;  // What tells its keys from those before.
  std::unique_ptr<PageRun> leaves_;
  std::unique_ptr<PageRun> values_;
  std::uint32_t leaves_run_ = 0;  // Pages for which it was begun, and the other.
  std::uint32_t values_run_ = 0;
  std::uint32_t values_left_ = 0;  // Of those.
  std::uint64_t records_ = 0;
  std::uint64_t pages_ = 0;
};

}  // namespace holdfast
