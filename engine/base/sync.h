// Atomics, mutexes, waits and threads: the only header that names them, so that the interleaving
// explorer (fuzz/explore) can put a scheduling point at each. All atomics are seq_cst unless a call
// says otherwise: ThreadSanitizer doesn't know fences.
#pragma once

#include <chrono>
#include <thread>

#ifdef HOLDFAST_EXPLORE

#include "engine/base/sync_explored.h"

#else

#include <atomic>
#include <condition_variable>
#include <mutex>

namespace holdfast {

template <class T>
using Atomic = std::atomic<T>;
using Mutex = std::mutex;
using MutexLock = std::unique_lock<std::mutex>;
using Condition = std::condition_variable;

// Lets others run, between tries of a short spin.
inline void yield_thread() noexcept {
  std::this_thread::yield();
}
inline void sleep_thread(std::chrono::microseconds time) {
  std::this_thread::sleep_for(time);
}

}  // namespace holdfast

#endif

namespace holdfast {

using Thread = std::thread;

}  // namespace holdfast
