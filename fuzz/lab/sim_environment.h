// Time that moves only when told to, and randomness that comes from a seed.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>

#include "engine/base/environment.h"
#include "engine/base/sync.h"
#include "fuzz/lab/rng.h"

namespace holdfast {

class SimClock final : public Clock {
 public:
  // As new; and as another stands.
  void reset() { become(SimClock()); }
  void become(const SimClock& other) {
    steady_ns_ = other.steady_ns_.load();
    wall_us_ = other.wall_us_.load();
  }
  std::chrono::steady_clock::time_point now() override {
    return std::chrono::steady_clock::time_point(std::chrono::nanoseconds(steady_ns_.load()));
  }
  std::uint64_t wall_us() override { return wall_us_.load(); }

  // Both clocks go on.
  void advance(std::chrono::nanoseconds by) {
    steady_ns_ += by.count();
    wall_us_ += static_cast<std::uint64_t>(by.count() / 1000);
  }
  // Someone sets the wall clock: no correctness may come of it.
  void set_wall_us(std::uint64_t wall_us) { wall_us_ = wall_us; }

 private:
  Atomic<std::int64_t> steady_ns_{1'000'000'000};
  Atomic<std::uint64_t> wall_us_{1'700'000'000'000'000};
};

// Gives the same sequence for the same seed, and never the same value twice in one life.
class SimRandom final : public Random {
 public:
  explicit SimRandom(std::uint64_t seed = 0) : rng_(seed) {}
  void reset(std::uint64_t seed) {
    MutexLock guard(mutex_);
    rng_ = Rng(seed);
  }
  std::array<std::byte, 16> bytes16() override {
    MutexLock guard(mutex_);
    std::array<std::byte, 16> bytes;
    rng_.fill(bytes);
    return bytes;
  }

 private:
  Mutex mutex_;
  Rng rng_;
};

}  // namespace holdfast
