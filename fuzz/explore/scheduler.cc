#include "fuzz/explore/scheduler.h"

#include <sys/mman.h>
#include <ucontext.h>

#include <cstdlib>
#include <exception>
#include <memory>

namespace holdfast::explore {
namespace {

constexpr std::size_t kStackBytes = std::size_t{512} << 10;
constexpr std::size_t kStepsMax = 2'000'000;  // Beyond, nobody gets anywhere.

enum class State : std::uint8_t { kReady, kAsleep, kEnded };

struct Fiber {
  ucontext_t context;
  void* stack = nullptr;
  State state = State::kReady;
  bool yielded = false;          // Asked to let others go first.
  bool may_time_out = false;     // While asleep.
  bool woken = false;            // How it came out of its sleep.
  const void* object = nullptr;  // What it sleeps on.
};

class Scheduler {
 public:
  Scheduler(const std::vector<std::function<void()>>& threads,
            const std::function<std::uint32_t(const Choice&)>& choose)
      : threads_(threads), choose_(choose), fibers_(threads.size()) {}

  Run run();
  void before_access(const void* object, Access access);
  bool sleep_on(const void* object, bool may_time_out);
  void wake(const void* object, bool all);
  void yield();

 private:
  static void enter();  // A fiber's first function.
  void start(std::uint32_t fiber);
  void list_ready(bool willing_only);
  void next_or_end();
  void switch_to(std::uint32_t fiber);
  void give_up(std::string fault);

  const std::vector<std::function<void()>>& threads_;
  const std::function<std::uint32_t(const Choice&)>& choose_;
  std::vector<Fiber> fibers_;
  std::vector<std::uint32_t> ready_;  // Others than the current one.
  std::uint32_t current_ = 0;
  ucontext_t caller_;
  Run run_;
};

Scheduler* running = nullptr;
std::vector<void*> free_stacks;

void* take_stack() {
  if (!free_stacks.empty()) {
    void* stack = free_stacks.back();
    free_stacks.pop_back();
    return stack;
  }
  void* stack = mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (stack == MAP_FAILED) std::abort();
  return stack;
}

void Scheduler::enter() {
  Scheduler& self = *running;
  try {
    self.threads_[self.current_]();
  } catch (const std::exception& e) {
    self.give_up("thread " + std::to_string(self.current_) + " threw: " + e.what());
  }
  self.fibers_[self.current_].state = State::kEnded;
  self.next_or_end();
}

void Scheduler::start(std::uint32_t fiber) {
  Fiber& made = fibers_[fiber];
  made.stack = take_stack();
  getcontext(&made.context);
  made.context.uc_stack.ss_sp = made.stack;
  made.context.uc_stack.ss_size = kStackBytes;
  made.context.uc_link = nullptr;
  makecontext(&made.context, &Scheduler::enter, 0);
}

Run Scheduler::run() {
  running = this;
  for (std::uint32_t i = 0; i < fibers_.size(); ++i) start(i);
  list_ready(false);
  ready_.insert(ready_.begin(), 0);
  current_ = choose_({static_cast<std::uint32_t>(ready_.size()), false, 0});
  swapcontext(&caller_, &fibers_[current_].context);
  running = nullptr;
  // After a fault somebody may stand on it for ever.
  if (run_.fault.empty()) {
    for (Fiber& fiber : fibers_) free_stacks.push_back(fiber.stack);
  }
  return std::move(run_);
}

// Round from the current one on, so that nobody waits for ever.
void Scheduler::list_ready(bool willing_only) {
  ready_.clear();
  for (std::uint32_t i = 1; i < fibers_.size(); ++i) {
    const std::uint32_t other = (current_ + i) % static_cast<std::uint32_t>(fibers_.size());
    const Fiber& fiber = fibers_[other];
    if (fiber.state == State::kReady && !(willing_only && fiber.yielded)) ready_.push_back(other);
  }
}

void Scheduler::switch_to(std::uint32_t fiber) {
  const std::uint32_t before = std::exchange(current_, fiber);
  fibers_[fiber].yielded = false;
  swapcontext(&fibers_[before].context, &fibers_[fiber].context);
}

void Scheduler::give_up(std::string fault) {
  run_.fault = std::move(fault);
  swapcontext(&fibers_[current_].context, &caller_);
}

// The current thread can't go on.
void Scheduler::next_or_end() {
  list_ready(false);
  if (ready_.empty()) {
    for (std::uint32_t i = 0; i < fibers_.size(); ++i) {
      if (fibers_[i].state == State::kAsleep && fibers_[i].may_time_out) {
        fibers_[i].state = State::kReady;
        if (i == current_) return;
        return switch_to(i);
      }
    }
    for (std::uint32_t i = 0; i < fibers_.size(); ++i) {
      if (fibers_[i].state == State::kAsleep)
        return give_up("deadlock: thread " + std::to_string(i) + " waits, and nobody can wake it");
    }
    swapcontext(&fibers_[current_].context, &caller_);
    return;
  }
  const auto options = static_cast<std::uint32_t>(ready_.size());
  switch_to(ready_[options == 1 ? 0 : choose_({options, false, 0})]);
}

void Scheduler::before_access(const void* object, Access access) {
  if (run_.steps.size() >= kStepsMax) give_up("no end after two million steps");
  list_ready(false);
  if (!ready_.empty()) {
    const auto options = static_cast<std::uint32_t>(ready_.size() + 1);
    const std::uint32_t taken = choose_({options, true, run_.steps.size()});
    if (taken != 0) switch_to(ready_[taken - 1]);
  }
  run_.steps.push_back({current_, access, object});
}

bool Scheduler::sleep_on(const void* object, bool may_time_out) {
  Fiber& self = fibers_[current_];
  self.state = State::kAsleep;
  self.object = object;
  self.may_time_out = may_time_out;
  self.woken = false;
  next_or_end();
  return self.woken;
}

void Scheduler::wake(const void* object, bool all) {
  for (Fiber& fiber : fibers_) {
    if (fiber.state != State::kAsleep || fiber.object != object) continue;
    fiber.state = State::kReady;
    fiber.woken = true;
    if (!all) return;
  }
}

void Scheduler::yield() {
  if (run_.steps.size() >= kStepsMax) give_up("no end after two million steps");
  fibers_[current_].yielded = true;
  list_ready(true);
  if (ready_.empty()) {
    for (Fiber& fiber : fibers_) fiber.yielded = false;
    fibers_[current_].yielded = true;
    list_ready(true);
  }
  run_.steps.push_back({current_, Access::kRead, nullptr});
  if (ready_.empty()) return;
  const auto options = static_cast<std::uint32_t>(ready_.size());
  switch_to(ready_[options == 1 ? 0 : choose_({options, false, 0})]);
}

}  // namespace

void before_access(const void* object, Access access) {
  if (running != nullptr) running->before_access(object, access);
}

bool sleep_on(const void* object, bool may_time_out) {
  if (running != nullptr) return running->sleep_on(object, may_time_out);
  if (!may_time_out) std::abort();  // Nobody is there to wake the only thread.
  return false;
}

void wake_all(const void* object) {
  if (running != nullptr) running->wake(object, true);
}

void wake_one(const void* object) {
  if (running != nullptr) running->wake(object, false);
}

void yield() {
  if (running != nullptr) running->yield();
}

Run run_threads(const std::vector<std::function<void()>>& threads,
                const std::function<std::uint32_t(const Choice&)>& choose) {
  return Scheduler(threads, choose).run();
}

}  // namespace holdfast::explore
