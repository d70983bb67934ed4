// The handler sets a flag and writes to a pipe. The pipe ends a poll() that had already begun, so
// there is no moment at which a Ctrl-C is overlooked; SA_RESTART keeps the engine's own calls
// whole.
#include "tools/interrupt.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace holdfast::tools {
namespace {

volatile std::sig_atomic_t interrupt_seen = 0;
int wake_pipe[2] = {-1, -1};

void on_interrupt(int) {
  const int saved_errno = errno;
  interrupt_seen = 1;
  if (write(wake_pipe[1], "!", 1) < 0) {
    // The pipe is full: whoever polls it wakes anyway.
  }
  errno = saved_errno;
}

}  // namespace

void watch_signals() {
  if (pipe2(wake_pipe, O_CLOEXEC | O_NONBLOCK) != 0) wake_pipe[0] = wake_pipe[1] = -1;
  struct sigaction ignore_pipe = {};
  ignore_pipe.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignore_pipe, nullptr);

  struct sigaction note = {};
  note.sa_handler = on_interrupt;
  note.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction current = {};
    sigaction(signal, nullptr, &current);
    // Ignored: started in the background of a script, or by nohup.
    if (current.sa_handler != SIG_IGN) sigaction(signal, &note, nullptr);
  }
}

bool interrupted() noexcept {
  return interrupt_seen != 0;
}

bool wait_readable(int fd) {
  while (!interrupted()) {
    pollfd watched[2] = {{fd, POLLIN, 0}, {wake_pipe[0], POLLIN, 0}};
    const int ready = poll(watched, 2, -1);
    if (ready < 0 && errno != EINTR) return true;  // Let read() report what is wrong with fd.
    if (ready > 0 && watched[0].revents != 0) return !interrupted();
  }
  return false;
}

bool wait_readable(int fd, std::chrono::milliseconds most) {
  const auto end = std::chrono::steady_clock::now() + most;
  while (!interrupted()) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    pollfd watched[2] = {{fd, POLLIN, 0}, {wake_pipe[0], POLLIN, 0}};
    const int ready = poll(watched, 2, left.count() > 0 ? static_cast<int>(left.count()) : 0);
    if (ready < 0 && errno != EINTR) return true;
    if (ready > 0 && watched[0].revents != 0) return !interrupted();
    if (left.count() <= 0) return false;
  }
  return false;
}

bool wait_writable(int fd) {
  for (;;) {
    pollfd watched[2] = {{fd, POLLOUT, 0}, {wake_pipe[0], POLLIN, 0}};
    const bool stop = interrupted();
    const int ready = poll(watched, 2, stop ? 0 : -1);
    if (ready < 0 && errno != EINTR) return true;  // Let write() report what is wrong with fd.
    if (ready > 0 && watched[0].revents != 0) return true;
    if (stop) return false;
  }
}

}  // namespace holdfast::tools
