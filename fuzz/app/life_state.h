// Behind crashlab::Life: the notes that a workload makes, and the time that passes with them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "fuzz/lab/rng.h"
#include "fuzz/lab/sim_disk.h"
#include "fuzz/lab/sim_environment.h"
#include "holdfast/crashlab/life.h"
#include "holdfast/database.h"

namespace holdfast::crashlab {

class LifeState {
 public:
  LifeState(SimDisk& disk, SimClock& clock) : disk_(disk), clock_(clock) {}

  void reset(std::uint64_t seed, bool drawn);
  void become(const LifeState& other);

  // Of one life. `db` until end_life().
  void begin_life(Database& db);
  void end_life() { db_ = nullptr; }
  // A seed of its own for each life.
  [[nodiscard]] std::uint64_t life_seed() const { return seed_ + number_ * 0x9e3779b97f4a7c15; }
  void crashed(bool power_lost);
  // Storage failed in this life: what the operating system was handed may be gone with the process.
  void doubt() { doubtful_ = true; }

  [[nodiscard]] const Evidence& evidence() const { return evidence_; }
  Life& life() { return life_; }

  [[nodiscard]] unsigned number() const { return number_ == 0 ? 0 : number_ - 1; }
  std::uint64_t random(std::uint64_t n) { return rng_.below(n); }
  void begin(std::string what);
  void acknowledge(std::string what, Durability durability);
  void pause(std::chrono::milliseconds time);
  [[nodiscard]] bool over() const { return disk_.crashed(); }

  void tell(std::vector<std::string>* story) {
    tell_calls();
    story_ = story;
  }
  // Below the line before: the storage calls since then.
  void say(const std::string& line);

 private:
  void pass(std::chrono::milliseconds time, std::uint64_t steps);
  void tick();
  void tell_calls();

  SimDisk& disk_;
  SimClock& clock_;
  Life life_{*this};
  Evidence evidence_;
  std::vector<std::size_t> weak_;  // Of the acknowledged: those that a loss of power may take.
  std::uint64_t seed_ = 0;
  unsigned number_ = 0;  // Of lives begun.
  bool drawn_ = false;   // How much time passes is left to chance.
  bool doubtful_ = false;
  Rng rng_;       // The workload's.
  Rng time_rng_;  // Ours.
  Database* db_ = nullptr;
  std::vector<std::string>* story_ = nullptr;
};

}  // namespace holdfast::crashlab
