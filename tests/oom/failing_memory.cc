// See failing_memory.h.
#include "tests/oom/failing_memory.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace holdfast::testing {
namespace {

std::atomic<std::uint64_t> count{0};
std::atomic<std::uint64_t> first_failing{FailingMemory::kNever};
std::atomic<std::uint64_t> last_failing{FailingMemory::kNever};
std::atomic<std::uint64_t> others_every{0};
std::atomic<std::uint64_t> others_count{0};
thread_local bool tests_thread = false;
thread_local int depth = 0;

bool this_one_fails() {
  if (!tests_thread) {
    const std::uint64_t every = others_every.load();
    return every != 0 && ++others_count % every == 0;
  }
  if (depth == 0) return false;
  const std::uint64_t number = ++count;
  return number >= first_failing.load() && number <= last_failing.load();
}

void* allocate(std::size_t bytes, std::size_t alignment) {
  if (this_one_fails()) throw std::bad_alloc();
  const std::size_t whole = (bytes + alignment - 1) / alignment * alignment;
  void* memory = alignment <= __STDCPP_DEFAULT_NEW_ALIGNMENT__
                     ? std::malloc(bytes == 0 ? 1 : bytes)
                     : std::aligned_alloc(alignment, whole);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void FailingMemory::fail(std::uint64_t first, std::uint64_t last) {
  count.store(0);
  first_failing.store(first);
  last_failing.store(last);
}

bool FailingMemory::is_over() {
  return count.load() >= last_failing.load();
}

std::uint64_t FailingMemory::counted() {
  return count.load();
}

void FailingMemory::fail_in_other_threads(std::uint64_t nth) {
  others_every.store(nth);
}

void this_thread_is_the_tests() {
  tests_thread = true;
}

Counted::Counted() {
  ++depth;
}
Counted::~Counted() {
  --depth;
}

}  // namespace holdfast::testing

// The other forms of new and delete that the standard library has call these.
void* operator new(std::size_t bytes) {
  return holdfast::testing::allocate(bytes, 1);
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return holdfast::testing::allocate(bytes, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}
