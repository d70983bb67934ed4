#include "engine/value_stream.h"

#include <algorithm>
#include <cstring>

#include "engine/base/limits.h"
#include "engine/base/result.h"
#include "engine/database_impl.h"
#include "holdfast/value.h"

namespace holdfast {
namespace {

std::unexpected<Error> stream_over() {
  return fail(ErrorCode::kInvalidArgument,
              "the value's stream is no more: it was finished, an error ended it, or its "
              "transaction has ended");
}

}  // namespace

Result<void> ValueStream::append(WriteView& view, std::string_view bytes) {
  const std::uint64_t after = this->bytes() + bytes.size();
  const ErrorPlace place{.file = {}, .offset = {}, .page = {}, .tree = raw(tree_), .txn = {}};
  if (size_ && after > *size_) {
    return fail(ErrorCode::kInvalidArgument,
                "the value was to have " + std::to_string(*size_) + " bytes, and gets " +
                    std::to_string(after),
                place);
  }
  if (after > kMaxValueBytes) {
    return fail(ErrorCode::kLimitExceeded,
                "the value would have " + std::to_string(after) + " bytes; the limit is " +
                    std::to_string(kMaxValueBytes),
                place);
  }
  if (!run_ && !view.writes_once(size_.value_or(after))) {
    few_.append(bytes);
    return {};
  }
  if (!run_) {
    run_.emplace(TRY(OverflowWriter::begin(view, tree_, size_.value_or(kMaxValueBytes))));
    TRY(run_->append(few_));
    std::string().swap(few_);
  }
  return run_->append(bytes);
}

Result<void> ValueStream::complete() const {
  if (!size_ || bytes() == *size_) return {};
  return fail(ErrorCode::kInvalidArgument,
              "the value was to have " + std::to_string(*size_) + " bytes, and has " +
                  std::to_string(bytes()),
              {.file = {}, .offset = {}, .page = {}, .tree = raw(tree_), .txn = {}});
}

Result<std::uint64_t> WriteState::begin_stream(Tree tree, std::string_view key,
                                               std::optional<std::uint64_t> size) {
  TRY(usable());
  view_.note_growth();
  const TreeRef ref = TRY(resolve(tree));
  TRY(check_limits(view_, ref, key, size.value_or(0)));
  auto stream = std::make_unique<ValueStream>(ref.id, key, size);
  streams_.emplace(streams_made_ + 1, std::move(stream));
  return ++streams_made_;
}

ValueStream* WriteState::find_stream(std::uint64_t number) noexcept {
  const auto found = streams_.find(number);
  return found == streams_.end() ? nullptr : found->second.get();
}

void WriteState::end_stream(std::uint64_t number) noexcept {
  streams_.erase(number);
}

Result<void> WriteState::append_to_stream(std::uint64_t number, std::string_view bytes) {
  ValueStream* stream = find_stream(number);
  if (stream == nullptr) return stream_over();
  auto done = at_boundary([&]() -> Result<void> {
    TRY(usable());
    return stream->append(view_, bytes);
  });
  if (!done) end_stream(number);
  return done;
}

Result<void> WriteState::finish_stream(std::uint64_t number) {
  const auto node = streams_.extract(number);
  if (node.empty()) return stream_over();
  ValueStream& stream = *node.mapped();
  TRY(usable());
  TRY(stream.complete());
  return change([&]() -> Result<void> {
    const Tree tree(raw(stream.tree()));
    if (const std::string* few = stream.few()) {
      (void)TRY(put(tree, stream.key(), *few, PutMode::kUpsert));
      return {};
    }
    const TreeRef ref = TRY(resolve(tree));
    TRY(view_.make_room_for_change());
    const OverflowStub run = TRY(stream.run().finish());
    const PutOutcome outcome = TRY(tree_put_run(view_, ref, stream.key(), run));
    note_records(ref.id, outcome.existed ? 0 : 1);
    return list_cuts();
  });
}

Result<void> WriteState::no_streams() const {
  if (streams_.empty()) return {};
  return fail(ErrorCode::kInvalidArgument,
              "the transaction has " + std::to_string(streams_.size()) +
                  " values that were begun with put_stream(): finish() each, or destroy it");
}

Result<std::size_t> ValueReadState::read(std::uint64_t offset, std::span<std::byte> into) {
  TRY(reader_.usable());
  TRY(still_there());
  if (value_.run.pages != 0)
    return read_overflow_at(reader_.source(), tree_.id, value_.run, offset, into);
  if (offset >= value_.inlined.size()) return 0;
  const std::string_view part =
      std::string_view(value_.inlined).substr(static_cast<std::size_t>(offset), into.size());
  std::memcpy(into.data(), part.data(), part.size());
  return part.size();
}

// In a write transaction others may have changed the record, or dropped its tree.
Result<void> ValueReadState::still_there() {
  if (changes_ == reader_.source().change_count()) return {};
  const TreeRef tree = TRY(reader_.resolve(Tree(raw(tree_.id))));
  const auto now = TRY(tree_find_value(reader_.source(), tree, key_));
  if (!now || !(*now == value_)) {
    return fail(ErrorCode::kNotFound,
                "the transaction has replaced or erased the value since it was opened",
                {.file = {}, .offset = {}, .page = {}, .tree = raw(tree_.id), .txn = {}});
  }
  changes_ = reader_.source().change_count();
  return {};
}

ValueReader::ValueReader(std::unique_ptr<ValueReadState> state) noexcept
    : state_(std::move(state)) {}
ValueReader::ValueReader(ValueReader&& other) noexcept = default;
ValueReader& ValueReader::operator=(ValueReader&& other) noexcept = default;
ValueReader::~ValueReader() = default;

std::uint64_t ValueReader::size() const noexcept {
  return state_->size();
}

Result<std::size_t> ValueReader::read(std::uint64_t offset, std::span<std::byte> into) const {
  return at_boundary([&] { return state_->read(offset, into); });
}

ValueWriter::ValueWriter(std::shared_ptr<WriteState*> owner, std::uint64_t number) noexcept
    : owner_(std::move(owner)), number_(number) {}
ValueWriter::ValueWriter(ValueWriter&& other) noexcept = default;
ValueWriter& ValueWriter::operator=(ValueWriter&& other) noexcept {
  if (this != &other) {
    end();
    owner_ = std::move(other.owner_);
    number_ = other.number_;
  }
  return *this;
}
ValueWriter::~ValueWriter() {
  end();
}

void ValueWriter::end() noexcept {
  if (owner_ != nullptr && *owner_ != nullptr) (*owner_)->end_stream(number_);
}

Result<void> ValueWriter::append(std::span<const std::byte> bytes) {
  return at_boundary([&]() -> Result<void> {
    if (owner_ == nullptr || *owner_ == nullptr) return stream_over();
    return (*owner_)->append_to_stream(number_, as_view(bytes.data(), bytes.size()));
  });
}

std::uint64_t ValueWriter::size() const noexcept {
  if (owner_ == nullptr || *owner_ == nullptr) return 0;
  const ValueStream* stream = (*owner_)->find_stream(number_);
  return stream == nullptr ? 0 : stream->bytes();
}

Result<void> ValueWriter::finish() {
  return at_boundary([&]() -> Result<void> {
    if (owner_ == nullptr || *owner_ == nullptr) return stream_over();
    return (*owner_)->finish_stream(number_);
  });
}

}  // namespace holdfast
