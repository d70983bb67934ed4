// Ctrl-C, SIGTERM and SIGHUP as a flag that loops look at, so that every command ends between two
// records or two commits and closes its database. The second one of a kind kills at once, which is
// safe too.
#pragma once

#include <chrono>

namespace holdfast::tools {

// Call once, first thing in main(). Also makes a closed pipe an error of write() (EPIPE) instead of
// a signal.
void watch_signals();

[[nodiscard]] bool interrupted() noexcept;

// Waits until `fd` can be read (or is at its end); false when Ctrl-C came first.
[[nodiscard]] bool wait_readable(int fd);
// The same for so long; false when it couldn't be read all the time, too.
[[nodiscard]] bool wait_readable(int fd, std::chrono::milliseconds most);

// Waits until `fd` takes bytes; false when Ctrl-C has come and it doesn't.
[[nodiscard]] bool wait_writable(int fd);

}  // namespace holdfast::tools
