// Lets children write to a database, each until it is killed, and keeps what they were promised:
// in the memory of this process, which no kill touches.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "tools/kill_job/history.h"

namespace holdfast::kill_job {

// One child's life.
struct Round {
  std::uint64_t begun = 0;                  // The highest transaction begun.
  std::vector<std::uint64_t> acknowledged;  // In the order in which they came.
  std::uint64_t token = 0;                  // The highest of theirs.
  bool killed = false;                      // By us, and not ended by itself.
  double seconds = 0;
};

class Killer {
 public:
  // Outlived by the history. There must be no other thread when a child is made.
  Killer(std::string database, const History& history);

  // An early kill falls anywhere from the child's start on, recovery included; the others are
  // counted from its first answer.
  Round let_child_write(bool early);

 private:
  std::string database_;
  const History& history_;
  std::mt19937_64 random_;
};

}  // namespace holdfast::kill_job
