// A database on a simulated disk for several threads, which writes two keys together and must never
// be seen with one of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/environment.h"
#include "fuzz/explore/explorer.h"
#include "fuzz/lab/sim_disk.h"
#include "fuzz/lab/sim_environment.h"
#include "holdfast/holdfast.h"

namespace holdfast::explore {

// The database's state n is what transaction n wrote: keys "a" and "b" have the value n, in
// decimal.
class DatabaseScenario : public Scenario {
 public:
  // One state is durable. `frames_bytes`: memory for frames, where that is to be less than the
  // cache.
  explicit DatabaseScenario(const Options& options = {},
                            std::size_t frames_bytes = std::numeric_limits<std::size_t>::max());

  // What is left is sound, is one state, and has what was promised; so has what a power cut right
  // after each durable answer would have left; and all of it opens again.
  std::string judge() override;

 protected:
  Database& database() { return *database_; }
  // Commits the next state. kSync: a power cut right after the answer is tried by judge().
  void commit(Durability durability);
  // Reads both keys, which must agree; answers the state.
  std::uint64_t read_state(const Reader& reader);
  // A state, once seen or promised, isn't undone for whoever asks later.
  void read_and_expect_at_least(std::uint64_t n);
  // State n is durable as of now, or so it was said: judge() tries a power cut here.
  void promised(std::uint64_t n);
  [[nodiscard]] std::uint64_t acknowledged() const { return acknowledged_; }
  void fault(const std::string& what);
  template <class T>
  bool good(const Result<T>& result, const char* what) {
    if (!result) fault(std::string(what) + ": " + result.error().to_string());
    return result.has_value();
  }

 private:
  Options options_on(SimDisk& disk);
  void open();
  std::string judge_files();
  void judge_database(Database& database, std::uint64_t at_least, const char* when);

  SimClock clock_;
  SimRandom random_{1};
  Environment environment_;
  Options options_;
  std::unique_ptr<SimDisk> disk_;
  std::unique_ptr<Database> database_;
  std::uint64_t acknowledged_ = 0;
  std::vector<std::pair<std::uint64_t, std::unique_ptr<SimDisk>>> power_cuts_;
  std::string fault_;
};

}  // namespace holdfast::explore
