#include "tools/kill_job/killer.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <utility>

#include "tools/kill_job/child.h"

namespace holdfast::kill_job {
namespace {

using SteadyClock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kLifeMax{1500};
constexpr milliseconds kEarlyLifeMax{60};
constexpr milliseconds kFirstAnswerMax{30000};

double seconds_since(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

bool wait_readable_until(int fd, SteadyClock::time_point until) {
  const auto left = std::chrono::ceil<milliseconds>(until - SteadyClock::now()).count();
  pollfd watched = {fd, POLLIN, 0};
  return left > 0 && poll(&watched, 1, static_cast<int>(left)) > 0;
}

// Takes what is in the pipe; false at its end.
bool take_messages(int pipe, Round& round) {
  Message messages[256];
  const ssize_t got = read(pipe, messages, sizeof messages);
  if (got <= 0) return false;
  for (std::size_t i = 0; i < static_cast<std::size_t>(got) / sizeof(Message); ++i) {
    if (messages[i].kind == Message::Kind::kBegun) {
      round.begun = std::max(round.begun, messages[i].transaction);
    } else {
      round.acknowledged.push_back(messages[i].transaction);
      round.token = std::max(round.token, messages[i].token);
    }
  }
  return true;
}

}  // namespace

Killer::Killer(std::string database, const History& history)
    : database_(std::move(database)), history_(history), random_(std::random_device{}()) {}

Round Killer::let_child_write(bool early) {
  Round round;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return round;
  const auto start = SteadyClock::now();
  const pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::close(ends[0]);
    run_child(database_, history_, ends[1]);
  }
  ::close(ends[1]);
  if (!early) wait_readable_until(ends[0], start + kFirstAnswerMax);
  const auto life_max = early ? kEarlyLifeMax : kLifeMax;
  const auto life = milliseconds(random_() % static_cast<std::uint64_t>(life_max.count()));
  const auto until = SteadyClock::now() + life;
  bool open = true;
  while (open && wait_readable_until(ends[0], until)) open = take_messages(ends[0], round);
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  round.seconds = seconds_since(start);
  round.killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  while (take_messages(ends[0], round)) continue;
  ::close(ends[0]);
  return round;
}

}  // namespace holdfast::kill_job
