// What lies behind ValueWriter and ValueReader.
//
// A stream of a few bytes is kept in memory and stored like any value when it is finished. One that
// grows beyond that goes to a run of pages of its own, of which the transaction knows nothing
// before finish(): so giving it up, or what befalls it, leaves no trace there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/transaction_state.h"
#include "engine/tree/overflow.h"

namespace holdfast {

class ValueStream {
 public:
  ValueStream(TreeId tree, std::string_view key, std::optional<std::uint64_t> size)
      : tree_(tree), key_(key), size_(size) {}

  [[nodiscard]] std::uint64_t bytes() const { return run_ ? run_->bytes() : few_.size(); }
  // An error leaves it unusable.
  Result<void> append(WriteView& view, std::string_view bytes);
  // kInvalidArgument when it isn't as long as was said.
  [[nodiscard]] Result<void> complete() const;

  [[nodiscard]] TreeId tree() const { return tree_; }
  [[nodiscard]] const std::string& key() const { return key_; }
  // Where it is: here while it is short.
  [[nodiscard]] const std::string* few() const { return run_ ? nullptr : &few_; }
  [[nodiscard]] OverflowWriter& run() { return *run_; }

 private:
  TreeId tree_;
  std::string key_;
  std::optional<std::uint64_t> size_;
  std::string few_;
  std::optional<OverflowWriter> run_;
};

class ValueReadState {
 public:
  ValueReadState(ReadState& reader, TreeRef tree, std::string_view key, FoundValue value)
      : reader_(reader), tree_(tree), key_(key), value_(std::move(value)) {}
  [[nodiscard]] std::uint64_t size() const { return value_.bytes(); }
  Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> into);

 private:
  Result<void> still_there();

  ReadState& reader_;
  TreeRef tree_;
  std::string key_;
  FoundValue value_;
  std::uint64_t changes_ = reader_.source().change_count();
};

}  // namespace holdfast
