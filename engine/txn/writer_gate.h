// One writer at a time, first come first served, with a deadline instead of an endless wait.
#pragma once

#include <chrono>
#include <deque>

#include "engine/base/sync.h"

namespace holdfast {

class WriterGate {
 public:
  // False when the time is over. A waiter spins a little, then sleeps: a hand-over by a wake-up
  // alone would cap the rate at one transaction per 5 to 10 µs.
  bool enter(std::chrono::milliseconds timeout);
  // The same without waiting.
  bool try_enter();
  void leave();

 private:
  struct Waiter {
    Atomic<bool> granted{false};
    Condition wake;
  };
  Mutex mutex_;
  bool taken_ = false;
  std::deque<Waiter*> waiting_;
};

// A turn that enter() has given, on its way to the transaction that will own it.
class WriterTurn {
 public:
  explicit WriterTurn(WriterGate& gate) : gate_(&gate) {}
  ~WriterTurn() {
    if (gate_ != nullptr) gate_->leave();
  }
  WriterTurn(const WriterTurn&) = delete;
  WriterTurn& operator=(const WriterTurn&) = delete;
  void keep() { gate_ = nullptr; }

 private:
  WriterGate* gate_;
};

}  // namespace holdfast
