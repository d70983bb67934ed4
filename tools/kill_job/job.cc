// What was acknowledged stands in the parent's memory, which no kill touches; `lost` is counted
// from that list alone.
#include "tools/kill_job/job.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
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

}  // namespace

Job::Job(Plan plan, History history)
    : plan_(std::move(plan)),
      history_(std::move(history)),
      database_(plan_.directory + "/packages.holdfast"),
      random_(std::random_device{}()) {}

// Takes what is in the pipe; false at its end.
bool Job::take_messages(int pipe, Round& round) {
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

Job::Round Job::let_child_write(bool early) {
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
  // An early kill falls anywhere from the start on, recovery included; the others are counted from
  // the first answer.
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

void Job::account(const Round& round, const Verdict& verdict, bool read_only) {
  // A child that began nothing, or pages that the look before saw too, speak of an earlier kill.
  const bool wrote = round.begun != 0;
  const bool cut = wrote && verdict.commit_cut;
  // The report has a commit whose call had not returned.
  const bool unanswered = !round.acknowledged.empty() && verdict.recovered_txn > round.token;
  const bool checkpoint =
      wrote && verdict.checkpoint_pages != 0 && verdict.checkpoint_pages != pages_left_;
  const bool in_flight = cut || unanswered || checkpoint;
  pages_left_ = read_only ? verdict.checkpoint_pages : 0;
  in_flight_ += in_flight ? 1 : 0;
  commits_cut_ += cut ? 1 : 0;
  commits_unanswered_ += unanswered ? 1 : 0;
  checkpoints_unfinished_ += checkpoint ? 1 : 0;
  acknowledged_ += round.acknowledged.size();
  writing_seconds_ += round.seconds;
  open_seconds_max_ = std::max(open_seconds_max_, verdict.open_seconds);
  log_bytes_max_ = std::max(log_bytes_max_, verdict.log_bytes);
  records_ += verdict.records;

  std::vector<std::string> faults = verdict.faults;
  std::uint64_t lost = 0;
  for (const std::uint64_t n : round.acknowledged) lost += n > verdict.transaction ? 1 : 0;
  if (lost != 0) faults.push_back(fmt::format("LOST: {} acknowledged transactions.", lost));
  if (verdict.transaction < transaction_) {
    lost += transaction_ - verdict.transaction;
    faults.push_back(fmt::format("LOST: an earlier look had seen transaction {}.", transaction_));
  }
  if (verdict.transaction > std::max(round.begun, transaction_)) {
    faults.push_back("There are transactions that were never begun.");
  }
  lost_ += lost;
  faults_ += faults.size();
  transaction_ = verdict.transaction;

  const std::uint64_t newest =
      round.acknowledged.empty()
          ? 0
          : *std::max_element(round.acknowledged.begin(), round.acknowledged.end());
  std::vector<const char*> kinds;
  if (cut) kinds.push_back("commit cut off");
  if (unanswered) kinds.push_back("commit not yet answered");
  if (checkpoint) kinds.push_back("checkpoint");
  fmt::print("{}{}{}: {} acknowledged up to {}, begun up to {}; found {}, {} records compared\n",
             round.killed ? fmt::format("kill {}", kills_) : "at the end",
             in_flight ? fmt::format(", in flight ({})", fmt::join(kinds, ", ")) : "",
             read_only ? ", looked at read-only" : "", round.acknowledged.size(), newest,
             round.begun, verdict.transaction, verdict.records);
  if (!verdict.report.empty()) fmt::print("  {}\n", verdict.report);
  for (const std::string& fault : faults) fmt::print("  FAULT: {}\n", fault);
  std::fflush(stdout);
}

bool Job::run() {
  const auto start = SteadyClock::now();
  while ((kills_ < plan_.kills || in_flight_ < plan_.in_flight) && kills_ < plan_.kills_max) {
    const bool early = kills_ % 8 == 5;
    const Round round = let_child_write(early);
    if (!round.killed) {
      fmt::print("The child ended by itself; the job can't go on.\n");
      return false;
    }
    ++kills_;
    if (early && access(database_.c_str(), F_OK) != 0) continue;  // Killed before it was made.
    const bool read_only = kills_ % 4 == 0;
    const Verdict verdict = judge(database_, history_, read_only);
    account(round, verdict, read_only);
    if (!verdict.opened) return false;
  }
  const Verdict last = judge(database_, history_, false);
  account(Round{}, last, false);
  const bool checked = run_dbcheck();
  print_queries();
  fmt::print("\nThe job took {:.0f} s.\n", seconds_since(start));
  return print_summary(checked);
}

}  // namespace holdfast::kill_job
