#include "engine/batch_queue.h"

#include <algorithm>

#include "engine/base/boundary.h"
#include "engine/base/result.h"
#include "engine/database_impl.h"

namespace holdfast {
namespace {

constexpr std::size_t kGroupBytes = std::size_t{1} << 20;  // Of batches; the first always goes.

// Too much for one transaction together with those before it.
bool is_full(const Error& error) {
  return error.code() == ErrorCode::kLimitExceeded && error.place().txn.has_value();
}

Result<TxnNumber> number_of(Result<CommitToken> token) {
  return TxnNumber{TRY(std::move(token))};
}

}  // namespace

Result<TxnNumber> BatchQueue::write(const WriteBatch& batch, Time deadline) {
  Request self{batch, deadline, nullptr, false, {}, {}};
  wait_in_line(self);
  if (!self.outcome) lead(self);
  return *std::move(self.outcome);
}

// Of its own, for compilers that would warn of an address that is kept: nobody leaves write()
// before the queue has forgotten him.
[[gnu::noinline]] void BatchQueue::wait_in_line(Request& self) {
  MutexLock lock(mutex_);
  self.leads = first_ == nullptr;
  (self.leads ? first_ : last_->next) = &self;
  last_ = &self;
  self.wake.wait(lock, [&] { return self.leads || self.outcome; });
}

void BatchQueue::lead(Request& self) noexcept {
  Request* last = &self;
  const auto done = at_boundary([&] { return write_group(self, last); });
  for (Request* each = &self; !done; each = each->next) {
    if (!each->outcome) each->outcome.emplace(std::unexpected(done.error()));
    if (each == last) break;
  }
  finish(*last);
}

// Applies a group that begins with `first`, and says in `last` how far it went. An error is that of
// all who have no outcome yet.
Result<void> BatchQueue::write_group(Request& first, Request*& last) {
  const auto left = first.deadline - db_.now();
  WriteTransaction writer = TRY(db_.begin_write(std::max(
      std::chrono::duration_cast<std::chrono::milliseconds>(left), std::chrono::milliseconds(0))));
  Request* const end = &last_of_group();
  for (Request* each = &first;; each = each->next) {
    const auto applied = writer.apply(each->batch);
    if (!applied && each != &first && is_full(applied.error())) break;  // Leads the next group.
    last = each;
    if (!applied) each->outcome.emplace(std::unexpected(applied.error()));
    if (each == end) break;
  }
  Result<TxnNumber> committed = number_of(writer.commit(Durability::kLazy));
  // What doesn't go together may go one by one.
  const bool again = !committed && last != &first && !db_.poisoned();
  for (Request* each = &first;; each = each->next) {
    if (!each->outcome) each->outcome.emplace(again ? write_alone(*each) : committed);
    if (each == last) return {};
  }
}

BatchQueue::Request& BatchQueue::last_of_group() {
  MutexLock lock(mutex_);
  Request* last = first_;
  std::size_t bytes = last->batch.bytes();
  while (last->next != nullptr && bytes + last->next->batch.bytes() <= kGroupBytes) {
    last = last->next;
    bytes += last->batch.bytes();
  }
  return *last;
}

Result<TxnNumber> BatchQueue::write_alone(const Request& request) {
  WriteTransaction writer = TRY(db_.begin_write(db_.options().write_timeout));
  TRY(writer.apply(request.batch));
  return number_of(writer.commit(Durability::kLazy));
}

// Those up to `last` leave, and whoever is first then leads. Under the lock to the end: a thread
// that has its outcome takes its request along.
void BatchQueue::finish(Request& last) noexcept {
  MutexLock lock(mutex_);
  Request* each = first_;
  first_ = last.next;
  if (first_ == nullptr) last_ = nullptr;
  for (Request* const end = first_; each != end;) {
    Request* const next = each->next;
    each->wake.notify_one();
    each = next;
  }
  if (first_ != nullptr) {
    first_->leads = true;
    first_->wake.notify_one();
  }
}

}  // namespace holdfast
