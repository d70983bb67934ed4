// Atomics, mutexes, waits and threads: the only header that names them, so that an interleaving
// explorer can put a scheduling point at each. All atomics are seq_cst unless a call says
// otherwise: ThreadSanitizer doesn't know fences.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace holdfast {

template <class T>
using Atomic = std::atomic<T>;
using Mutex = std::mutex;
using MutexLock = std::unique_lock<std::mutex>;
using Condition = std::condition_variable;
using Thread = std::thread;

// Between tries of a short spin.
inline void spin_pause() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

}  // namespace holdfast
