#include "server/poller.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "engine/base/result.h"
#include "engine/storage/posix_error.h"
#include "engine/storage/uninterrupted.h"

namespace holdfast {
namespace {

constexpr std::uint64_t kBell = UINT64_MAX;

}  // namespace

Result<Poller> Poller::make() {
  Poller made;
  made.set_ = Descriptor(::epoll_create1(EPOLL_CLOEXEC));
  if (made.set_) made.bell_ = Descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!made.bell_)
    return std::unexpected(os_error(errno, "could not make a descriptor to wait with", {}));
  TRY(made.add(made.bell_.get(), EPOLLIN, kBell));
  return made;
}

Result<void> Poller::add(int descriptor, std::uint32_t events, std::uint64_t tag) {
  epoll_event wanted = {.events = events, .data = {.u64 = tag}};
  if (::epoll_ctl(set_.get(), EPOLL_CTL_ADD, descriptor, &wanted) == 0) return {};
  return std::unexpected(os_error(errno, "could not wait for a socket", {}));
}

void Poller::change(int descriptor, std::uint32_t events, std::uint64_t tag) noexcept {
  epoll_event wanted = {.events = events, .data = {.u64 = tag}};
  (void)::epoll_ctl(set_.get(), EPOLL_CTL_MOD, descriptor, &wanted);
}

void Poller::remove(int descriptor) noexcept {
  (void)::epoll_ctl(set_.get(), EPOLL_CTL_DEL, descriptor, nullptr);
}

std::span<const epoll_event> Poller::wait(std::chrono::steady_clock::time_point now,
                                          std::chrono::steady_clock::time_point until) {
  int millis = -1;
  if (until != kForEver) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(std::max(until, now) - now);
    millis = static_cast<int>(std::min<std::int64_t>(left.count(), INT_MAX));
  }
  int count = ::epoll_wait(set_.get(), events_.data(), static_cast<int>(events_.size()), millis);
  count = std::max(count, 0);  // EINTR: nothing has happened.
  const auto rung = std::ranges::find(events_.begin(), events_.begin() + count, kBell,
                                      [](const epoll_event& event) { return event.data.u64; });
  if (rung != events_.begin() + count) {
    std::uint64_t times = 0;
    (void)uninterrupted([&] { return ::read(bell_.get(), &times, sizeof times); });
    *rung = events_[static_cast<std::size_t>(--count)];
  }
  return std::span(events_).first(static_cast<std::size_t>(count));
}

void Poller::wake() noexcept {
  const std::uint64_t once = 1;
  (void)uninterrupted([&] { return ::write(bell_.get(), &once, sizeof once); });
}

}  // namespace holdfast
