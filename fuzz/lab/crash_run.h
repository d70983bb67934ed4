// One run: a database lives several lives, each ended by a crash, a failure of its storage or a
// clean close, and is compared with the model at every turn.
//
// Where a crash strikes is drawn before the life's opening, so recoveries are crashed too, and the
// recoveries from those. The same choices give the same run.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "fuzz/lab/choices.h"
#include "fuzz/lab/lab_database.h"
#include "fuzz/lab/sim_disk.h"
#include "fuzz/lab/swarm.h"

namespace holdfast {

class CrashRun {
 public:
  struct Totals {
    std::uint64_t runs = 0;
    std::uint64_t lives = 0;
    std::uint64_t crashes = 0;
    LabCounters counters;
    FaultClasses classes;
    void add(const Totals& more);
    [[nodiscard]] std::string to_string() const;
  };

  // `lying`: on a disk whose syncs keep nothing.
  explicit CrashRun(bool lying = false);

  // What went wrong, in words, or nothing.
  std::optional<std::string> run(std::uint64_t seed);
  std::optional<std::string> run(std::span<const std::byte> bytes);
  // The run of that seed again, as a story: ops, storage calls, what each opening found.
  std::string story_of(std::uint64_t seed);
  std::string story_of(std::span<const std::byte> bytes);

  [[nodiscard]] const Totals& totals() const { return totals_; }
  Totals take_totals() { return std::exchange(totals_, {}); }

 private:
  std::optional<std::string> run(Choices& choices, std::vector<std::string>* story);
  void live(Choices& choices);
  void plan_trouble(Choices& choices);
  void plan_fault(Choices& choices);
  void plan_betrayal(Choices& choices);
  void plan_astray(Choices& choices);
  void plan_little_room(Choices& choices);
  void plan_options(Choices& choices);
  CrashPolicy draw_policy(Choices& choices) const;
  void harm(Choices& choices, bool at_rest);
  void remember(Choices& choices);
  void open();
  void apply(const Op& op);
  [[nodiscard]] std::uint64_t failures() const;
  void fill();
  void tidy();
  void end_life(Choices& choices);
  void last_life();
  void count();

  SimDisk disk_;
  LabDatabase database_;
  const bool lying_;
  Swarm swarm_;
  Shape shape_;
  Weather weather_ = Weather::kFair;
  std::optional<std::uint64_t> bad_slots_;
  bool harmed_ = false;  // Once in a run.
  bool fills_ = false;   // With many pages, in the first life that comes so far.
  bool keeps_older_ = false;
  Files older_;  // Of some time before.
  std::vector<std::string>* story_ = nullptr;
  Totals totals_;
};

const char* policy_name(CrashPolicy::Kind kind);

}  // namespace holdfast
