// Recorded batches of several threads, applied by one of them as one transaction.
//
// Whoever finds no one at it leads: waits for the writer's turn, takes the batches that have come
// meanwhile, applies each as a whole or not at all, and publishes them together. So n threads cost
// one transaction, and a batch that is refused takes no other along. Each thread then waits for its
// own durability, and the next leader begins before that.
#pragma once

#include <chrono>
#include <optional>

#include "engine/base/sync.h"
#include "engine/base/types.h"
#include "holdfast/error.h"
#include "holdfast/write_batch.h"

namespace holdfast {

class DatabaseImpl;

class BatchQueue {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit BatchQueue(DatabaseImpl& db) : db_(db) {}
  BatchQueue(const BatchQueue&) = delete;
  BatchQueue& operator=(const BatchQueue&) = delete;

  // Answers the transaction that has it, published and not waited for. Waits for the writer's turn
  // until `deadline`: kTimedOut.
  Result<TxnNumber> write(const WriteBatch& batch, Time deadline);

 private:
  // In the frame of the thread that waits for it, and in the queue until it has an outcome.
  struct Request {
    const WriteBatch& batch;
    Time deadline;
    Request* next = nullptr;
    bool leads = false;
    std::optional<Result<TxnNumber>> outcome;
    Condition wake;
  };

  void wait_in_line(Request& self);
  void lead(Request& self) noexcept;
  Request& last_of_group();
  Result<void> write_group(Request& first, Request*& last);
  Result<TxnNumber> write_alone(const Request& request);
  void finish(Request& last) noexcept;

  DatabaseImpl& db_;
  Mutex mutex_;
  Request* first_ = nullptr;  // Leads, or the queue is empty.
  Request* last_ = nullptr;
};

}  // namespace holdfast
