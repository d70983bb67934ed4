// What the engine takes from outside: storage, time, randomness. Injected, so that a simulation
// repeats itself from a seed.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace holdfast {

class Storage;  // engine/storage/storage.h

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  // For waits, intervals and durations; never goes back.
  virtual std::chrono::steady_clock::time_point now() = 0;
  // Microseconds since 1970, for people to read; correctness never depends on it.
  virtual std::uint64_t wall_us() = 0;
};

// Thread-safe. Makes uuids and salts; must not repeat itself across openings of a database.
class Random {
 public:
  virtual ~Random() = default;
  virtual std::array<std::byte, 16> bytes16() = 0;
};

struct Environment {
  Storage* storage = nullptr;
  Clock* clock = nullptr;
  Random* random = nullptr;
};

// The real ones: POSIX files, the system's clocks, getrandom. Lives as long as the process.
Environment& system_environment();

}  // namespace holdfast
