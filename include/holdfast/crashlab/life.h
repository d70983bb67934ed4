// What the crash lab and a workload tell each other: what was begun, what somebody outside was
// told, where time passes.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "holdfast/options.h"

namespace holdfast::crashlab {

/// What is known outside the database when it is checked: the caller's notes, from all lives of
/// this database, in the order in which they were made.
struct Evidence {
  std::vector<std::string> begun;
  /// Without those that the last crash may have taken: notes for Durability::kOs after a loss of
  /// power. All that stands here must be in the database.
  std::vector<std::string> acknowledged;
};

class LifeState;

/// One life of the program under test, from an opening to a close, a crash or a failure. Used by
/// the thread that runs the workload, while it runs.
class Life {
 public:
  /// 0 for the first, in which the database is made; then one more for each opening.
  [[nodiscard]] unsigned number() const noexcept;

  /// In [0, n); 0 for n == 0. The same in every run of the same seed: the only chance that a
  /// workload may leave anything to.
  [[nodiscard]] std::uint64_t random(std::uint64_t n);

  /// Something is about to be done: from here on it may be in the database.
  void begin(std::string what);

  /// Somebody outside the database has been told that it is done: from here on it must be there.
  /// With kOs it must survive the death of the process, but not a loss of power; kLazy promises
  /// nothing and isn't noted. Once the machine has stopped nobody hears it.
  void acknowledge(std::string what, Durability durability = Durability::kSync);

  /// Time passes, and the background work of that time is done. begin() and acknowledge() let a few
  /// milliseconds pass themselves; nothing else does.
  void pause(std::chrono::milliseconds time);

  /// True once the machine has stopped: every call fails, and a workload that tries again and again
  /// should end.
  [[nodiscard]] bool over() const noexcept;

 private:
  friend class LifeState;
  explicit Life(LifeState& state) : state_(state) {}
  LifeState& state_;
};

}  // namespace holdfast::crashlab
