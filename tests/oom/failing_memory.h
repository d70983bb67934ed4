// A memory that fails on demand: replaces the global operator new of the program it is linked into.
//
// Allocations are counted, and fail, only in threads and stretches of code that say so: what the
// test itself allocates is left alone.
#pragma once

#include <cstdint>

namespace holdfast::testing {

class FailingMemory {
 public:
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};

  // From now on allocations `first` to `last` of those counted fail; counting begins at 1.
  static void fail(std::uint64_t first, std::uint64_t last);
  static void never_fail() { fail(kNever, kNever); }
  // Whether the last that should fail has failed.
  static bool is_over();
  // Since fail().
  static std::uint64_t counted();
  // Of threads that the library starts: every `nth` fails; 0: none.
  static void fail_in_other_threads(std::uint64_t nth);
};

// This thread is one of the test's: what it allocates counts only within a Counted.
void this_thread_is_the_tests();

class Counted {
 public:
  Counted();
  ~Counted();
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
};

}  // namespace holdfast::testing
