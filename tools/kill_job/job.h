// The main job: a child writes, the parent kills it, looks at what is left, and starts another.
#pragma once

#include <cstdint>
#include <string>

#include "tools/kill_job/history.h"
#include "tools/kill_job/tally.h"

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
  void account(const Round& round, const Verdict& verdict, bool read_only);
  void print_queries() const;
  bool run_dbcheck() const;
  bool print_summary(bool checked) const;

  Plan plan_;
  History history_;
  std::string database_;
  Killer killer_;
  Tally tally_;
  std::uint64_t kills_ = 0;
};

}  // namespace holdfast::kill_job
