#include "engine/txn/writer_gate.h"

#include <algorithm>

namespace holdfast {
namespace {

// Turns of a waiter before it sleeps, 0.3 to 1 us each where nobody else wants the core.
constexpr int kYields = 100;
// Longer waits would overflow the clock; nobody sees the end of this one.
constexpr std::chrono::milliseconds kLongestWait = std::chrono::hours(24) * 3650;

}  // namespace

bool WriterGate::enter(std::chrono::milliseconds timeout) {
  Waiter self;
  {
    MutexLock lock(mutex_);
    if (!taken_) {
      taken_ = true;
      return true;
    }
    waiting_.push_back(&self);
  }
  for (int i = 0; i < kYields && !self.granted.load(); ++i) yield_thread();
  MutexLock lock(mutex_);
  const auto wait = std::min(timeout, kLongestWait);
  if (self.wake.wait_for(lock, wait, [&] { return self.granted.load(); })) return true;
  waiting_.erase(std::find(waiting_.begin(), waiting_.end(), &self));
  return false;
}

bool WriterGate::try_enter() {
  MutexLock lock(mutex_);
  if (taken_) return false;
  taken_ = true;
  return true;
}

void WriterGate::leave() {
  MutexLock lock(mutex_);
  if (waiting_.empty()) {
    taken_ = false;
    return;
  }
  Waiter* next = waiting_.front();
  waiting_.pop_front();
  next->granted.store(true);
  next->wake.notify_one();  // Under the lock: the waiter's object ends once it may take it.
}

}  // namespace holdfast
