// Waits for any of many descriptors, or for another thread's word: an epoll set with an eventfd.
//
// A forked child has copies of the descriptors, which keep what is registered alive: so everything
// is taken out before it is closed.
#pragma once

#include <sys/epoll.h>

#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

#include "holdfast/error.h"
#include "server/descriptor.h"

namespace holdfast {

class Poller {
 public:
  static Result<Poller> make();

  // `tag` comes back with what happens to it.
  Result<void> add(int descriptor, std::uint32_t events, std::uint64_t tag);
  void change(int descriptor, std::uint32_t events, std::uint64_t tag) noexcept;
  void remove(int descriptor) noexcept;

  // What has happened, or nothing at `until`. kForEver: without an end.
  static constexpr auto kForEver = std::chrono::steady_clock::time_point::max();
  std::span<const epoll_event> wait(std::chrono::steady_clock::time_point now,
                                    std::chrono::steady_clock::time_point until);
  // Ends a wait, this one or the next. Any thread.
  void wake() noexcept;

  [[nodiscard]] int descriptor() const noexcept { return set_.get(); }

 private:
  Poller() : events_(64) {}

  Descriptor set_;
  Descriptor bell_;
  std::vector<epoll_event> events_;
};

}  // namespace holdfast
