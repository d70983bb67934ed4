// sync.h's types as the interleaving explorer needs them: one thread runs at a time, and before
// each access that others may see the explorer decides who goes on. Memory is sequentially
// consistent here, whatever order a call names: what weaker orders allow is ThreadSanitizer's.
//
// The functions in namespace explore are the explorer's (fuzz/explore/scheduler.cc). Outside a run
// they do nothing, and whoever would have to wait there ends the program.
#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <utility>

namespace holdfast {

namespace explore {

enum class Access : unsigned char { kRead, kWrite };

// A scheduling point: the calling thread is about to touch `object`.
void before_access(const void* object, Access access);
// The caller sleeps until wake_all() or wake_one() of the same object. With `may_time_out` also
// when nobody else can run; answers whether it was woken.
bool sleep_on(const void* object, bool may_time_out);
void wake_all(const void* object);
void wake_one(const void* object);
// Others run first, if any can.
void yield();

}  // namespace explore

// Relaxed accesses are counts and hints, which carry no protocol: no scheduling points.
template <class T>
class Atomic {
 public:
  Atomic() noexcept : value_() {}
  constexpr Atomic(T value) noexcept : value_(value) {}
  Atomic(const Atomic&) = delete;
  Atomic& operator=(const Atomic&) = delete;

  T load(std::memory_order order = std::memory_order_seq_cst) const {
    touch(explore::Access::kRead, order);
    return value_;
  }
  void store(T value, std::memory_order order = std::memory_order_seq_cst) {
    touch(explore::Access::kWrite, order);
    value_ = value;
  }
  T exchange(T value, std::memory_order order = std::memory_order_seq_cst) {
    touch(explore::Access::kWrite, order);
    return std::exchange(value_, value);
  }
  bool compare_exchange_strong(T& expected, T wanted) {
    touch(explore::Access::kWrite, std::memory_order_seq_cst);
    if (value_ != expected) {
      expected = value_;
      return false;
    }
    value_ = wanted;
    return true;
  }
  bool compare_exchange_weak(T& expected, T wanted) {
    return compare_exchange_strong(expected, wanted);
  }
  T fetch_add(T by, std::memory_order order = std::memory_order_seq_cst) {
    touch(explore::Access::kWrite, order);
    return std::exchange(value_, static_cast<T>(value_ + by));
  }
  T fetch_sub(T by, std::memory_order order = std::memory_order_seq_cst) {
    touch(explore::Access::kWrite, order);
    return std::exchange(value_, static_cast<T>(value_ - by));
  }
  T operator++() { return static_cast<T>(fetch_add(1) + 1); }
  T operator+=(T by) { return static_cast<T>(fetch_add(by) + by); }
  T operator=(T value) {
    store(value);
    return value;
  }
  operator T() const { return load(); }

 private:
  void touch(explore::Access access, std::memory_order order) const {
    if (order != std::memory_order_relaxed) explore::before_access(this, access);
  }
  T value_;
};

class Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;
  void lock() {
    explore::before_access(this, explore::Access::kWrite);
    while (locked_) explore::sleep_on(this, false);
    locked_ = true;
  }
  bool try_lock() {
    explore::before_access(this, explore::Access::kWrite);
    return !std::exchange(locked_, true);
  }
  // No scheduling point: who waits for the lock could do nothing else in between.
  void unlock() {
    locked_ = false;
    explore::wake_all(this);
  }

 private:
  bool locked_ = false;
};

using MutexLock = std::unique_lock<Mutex>;

class Condition {
 public:
  Condition() = default;
  Condition(const Condition&) = delete;
  Condition& operator=(const Condition&) = delete;
  void wait(MutexLock& lock) { (void)wait_once(lock, false); }
  template <class Predicate>
  void wait(MutexLock& lock, Predicate done) {
    while (!done()) wait(lock);
  }
  // Time passes when nobody can do anything else.
  template <class Duration, class Predicate>
  bool wait_for(MutexLock& lock, const Duration&, Predicate done) {
    while (!done()) {
      if (!wait_once(lock, true)) return done();
    }
    return true;
  }
  void notify_one() {
    explore::before_access(this, explore::Access::kWrite);
    explore::wake_one(this);
  }
  void notify_all() {
    explore::before_access(this, explore::Access::kWrite);
    explore::wake_all(this);
  }

 private:
  bool wait_once(MutexLock& lock, bool may_time_out) {
    explore::before_access(this, explore::Access::kWrite);
    lock.unlock();
    const bool woken = explore::sleep_on(this, may_time_out);
    lock.lock();
    return woken;
  }
};

inline void yield_thread() {
  explore::yield();
}
inline void sleep_thread(std::chrono::microseconds) {
  explore::yield();
}

}  // namespace holdfast
