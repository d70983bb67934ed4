// The main job: a child writes, the parent kills it, looks at what is left, and starts another.
#pragma once

#include <chrono>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "tools/kill_job/history.h"
#include "tools/kill_job/judge.h"

namespace holdfast::kill_job {

struct Plan {
  std::string directory;  // Where the database is made; must exist.
  std::string dbcheck;    // The program to run at the end; empty: none.
  std::string packages = "/var/lib/dpkg/status";
  std::uint64_t kills = 60;      // At least.
  std::uint64_t in_flight = 25;  // Of them with a commit or checkpoint under way.
  std::uint64_t kills_max = 200;
};

class Job {
 public:
  Job(Plan plan, History history);

  // True when nothing was lost and all figures were reached.
  bool run();

 private:
  struct Round {
    std::uint64_t begun = 0;                  // The highest transaction begun.
    std::vector<std::uint64_t> acknowledged;  // In the order in which they came.
    std::uint64_t token = 0;                  // The highest of theirs.
    bool killed = false;                      // By us, and not ended by itself.
    double seconds = 0;
  };

  Round let_child_write(bool early);
  bool take_messages(int pipe, Round& round);
  void account(const Round& round, const Verdict& verdict, bool read_only);
  void print_queries() const;
  bool run_dbcheck() const;
  bool print_summary(bool checked) const;

  Plan plan_;
  History history_;
  std::string database_;
  std::mt19937_64 random_;

  std::uint64_t kills_ = 0;
  std::uint64_t in_flight_ = 0;
  std::uint64_t commits_cut_ = 0;         // Kinds of what was in flight; a kill may count
  std::uint64_t commits_unanswered_ = 0;  // in several.
  std::uint64_t checkpoints_unfinished_ = 0;
  std::uint64_t acknowledged_ = 0;
  std::uint64_t lost_ = 0;
  std::uint64_t faults_ = 0;
  std::uint64_t transaction_ = 0;  // In the database at the last look.
  std::uint64_t pages_left_ = 0;   // Of an unfinished checkpoint, still there after that look.
  std::uint64_t records_ = 0;      // Compared, all looks together.
  std::uint64_t log_bytes_max_ = 0;
  double writing_seconds_ = 0;
  double open_seconds_max_ = 0;
};

}  // namespace holdfast::kill_job
