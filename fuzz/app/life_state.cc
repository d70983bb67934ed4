#include "fuzz/app/life_state.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace holdfast::crashlab {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTick{2};
constexpr milliseconds kIdle{120};  // Long enough for a mark in the log.
constexpr std::uint64_t kStepsOfAPause = 64;

// A line of the trace: a number, what was called, and of what file.
bool only_looks(std::string_view line) {
  line.remove_prefix(std::min(line.find(' '), line.size() - 1) + 1);
  const std::string_view call = line.substr(0, line.find(' '));
  for (const SimCall each :
       {SimCall::kRead, SimCall::kReadPastCache, SimCall::kLook, SimCall::kSize, SimCall::kLock}) {
    if (call == sim_call_name(each)) return true;
  }
  return false;
}

const char* promise_of(Durability durability) {
  return durability == Durability::kOs ? " (unless power is lost)" : "";
}

}  // namespace

void LifeState::reset(std::uint64_t seed, bool drawn) {
  evidence_ = {};
  weak_.clear();
  seed_ = seed;
  number_ = 0;
  drawn_ = drawn;
  doubtful_ = false;
  db_ = nullptr;
}

void LifeState::become(const LifeState& other) {
  evidence_ = other.evidence_;
  weak_ = other.weak_;
  seed_ = other.seed_;
  number_ = other.number_;
  drawn_ = other.drawn_;
  doubtful_ = other.doubtful_;
  db_ = nullptr;
}

// Whatever opening found is on the medium now.
void LifeState::begin_life(Database& db) {
  weak_.clear();
  doubtful_ = false;
  rng_ = Rng(life_seed());
  time_rng_ = Rng(life_seed() + 1);
  ++number_;
  db_ = &db;
}

void LifeState::crashed(bool power_lost) {
  if (!power_lost && !doubtful_) return;
  for (auto at = weak_.rbegin(); at != weak_.rend(); ++at) {
    evidence_.acknowledged.erase(evidence_.acknowledged.begin() + static_cast<std::ptrdiff_t>(*at));
  }
  weak_.clear();
}

void LifeState::begin(std::string what) {
  if (over()) return;
  say("begins: " + what);
  evidence_.begun.push_back(std::move(what));
  tick();
}

void LifeState::acknowledge(std::string what, Durability durability) {
  if (over()) return;
  if (durability == Durability::kLazy) return tick();
  say("acknowledges: " + what + promise_of(durability));
  if (durability == Durability::kOs) weak_.push_back(evidence_.acknowledged.size());
  evidence_.acknowledged.push_back(std::move(what));
  tick();
}

void LifeState::pause(milliseconds time) {
  pass(time, kStepsOfAPause);
}

void LifeState::tick() {
  if (!drawn_) return pass(kTick, 1);
  const bool idle = time_rng_.chance(1, 8);
  pass(idle ? kIdle : kTick, time_rng_.below(idle ? 16 : 4));
}

// A failed step is the database's to tell, at its next call.
void LifeState::pass(milliseconds time, std::uint64_t steps) {
  if (over() || db_ == nullptr) return;
  clock_.advance(time);
  for (std::uint64_t i = 0; i < steps && db_->run_background().value_or(false); ++i) continue;
}

void LifeState::say(const std::string& line) {
  if (story_ == nullptr) return;
  tell_calls();
  story_->push_back(line);
}

// Without those that only look, unless one of them was made to fail.
void LifeState::tell_calls() {
  if (story_ == nullptr) return;
  const std::vector<std::string> calls = disk_.take_trace();
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const bool struck = i + 1 < calls.size() && calls[i + 1].starts_with("  ");
    if (struck || !only_looks(calls[i])) story_->push_back("    " + calls[i]);
  }
}

unsigned Life::number() const noexcept {
  return state_.number();
}
std::uint64_t Life::random(std::uint64_t n) {
  return state_.random(n);
}
void Life::begin(std::string what) {
  state_.begin(std::move(what));
}
void Life::acknowledge(std::string what, Durability durability) {
  state_.acknowledge(std::move(what), durability);
}
void Life::pause(std::chrono::milliseconds time) {
  state_.pause(time);
}
bool Life::over() const noexcept {
  return state_.over();
}

}  // namespace holdfast::crashlab
