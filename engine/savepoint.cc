// Savepoints: the public handle, and what a transaction brings back beside its pages.
#include "holdfast/savepoint.h"

#include <utility>

#include "engine/base/boundary.h"
#include "engine/base/result.h"
#include "engine/database_impl.h"
#include "engine/transaction_state.h"

namespace holdfast {
namespace {

std::unexpected<Error> over() {
  return fail(ErrorCode::kInvalidArgument,
              "the savepoint is no more: it was released, an earlier one took it along, or its "
              "transaction has ended");
}

}  // namespace

Result<std::uint64_t> WriteState::begin_savepoint() {
  TRY(usable());
  if (savepoints_.size() == savepoints_.capacity()) savepoints_.reserve(2 * savepoints_.size() + 4);
  SavepointMark mark{savepoints_made_ + 1, records_};
  view_.begin_savepoint();
  savepoints_.push_back(std::move(mark));  // Has its place: from here on nothing fails.
  return ++savepoints_made_;
}

WriteState::SavepointMark* WriteState::find_savepoint(std::uint64_t number) noexcept {
  if (ended_) return nullptr;
  for (SavepointMark& mark : savepoints_) {
    if (mark.number == number) return &mark;
  }
  return nullptr;
}

Result<void> WriteState::release_savepoint(std::uint64_t number) {
  if (find_savepoint(number) == nullptr) return over();
  TRY(usable());
  while (find_savepoint(number) != nullptr) {
    view_.release_savepoint();
    savepoints_.pop_back();
  }
  return {};
}

Result<void> WriteState::roll_back_to(std::uint64_t number) {
  const SavepointMark* mark = find_savepoint(number);
  if (mark == nullptr) return over();
  auto records = mark->records;  // It may be rolled back to again. The last thing that can fail.
  while (savepoints_.back().number != number) {
    view_.end_savepoint();
    savepoints_.pop_back();
  }
  view_.roll_back();
  rolled_back(std::move(records));
  return {};
}

void WriteState::end_savepoint(std::uint64_t number) noexcept {
  while (SavepointMark* mark = find_savepoint(number)) {
    const bool last = mark == &savepoints_.back();
    view_.end_savepoint();
    if (last) rolled_back(std::move(mark->records));
    savepoints_.pop_back();
  }
}

void WriteState::rolled_back(std::map<TreeId, std::int64_t>&& records) noexcept {
  records_ = std::move(records);
  doomed_.reset();
  trees_changed();
}

std::shared_ptr<WriteState*> WriteState::anchor() {
  if (anchor_ == nullptr) anchor_ = std::make_shared<WriteState*>(this);
  return anchor_;
}

Savepoint::Savepoint(std::shared_ptr<WriteState*> owner, std::uint64_t number) noexcept
    : owner_(std::move(owner)), number_(number) {}
Savepoint::Savepoint(Savepoint&& other) noexcept = default;
Savepoint& Savepoint::operator=(Savepoint&& other) noexcept {
  if (this != &other) {
    end();
    owner_ = std::move(other.owner_);
    number_ = other.number_;
  }
  return *this;
}
Savepoint::~Savepoint() {
  end();
}

void Savepoint::end() noexcept {
  if (owner_ != nullptr && *owner_ != nullptr) (*owner_)->end_savepoint(number_);
}

Result<void> Savepoint::release() {
  return at_boundary([&]() -> Result<void> {
    if (owner_ == nullptr || *owner_ == nullptr) return over();
    return (*owner_)->release_savepoint(number_);
  });
}

Result<void> Savepoint::rollback() {
  return at_boundary([&]() -> Result<void> {
    if (owner_ == nullptr || *owner_ == nullptr) return over();
    return (*owner_)->roll_back_to(number_);
  });
}

}  // namespace holdfast
