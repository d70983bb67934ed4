// One database of an application on its simulated disk, through as many lives as it takes.
//
// A life: open, verify(), the subject's start, its check, its work, its check again, close. It ends
// early where the machine stops, where storage that was made to fail does, and at the first thing
// that nothing excuses: that is kept as text, and ends the matter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/base/environment.h"
#include "fuzz/app/life_state.h"
#include "fuzz/lab/lab_database.h"
#include "fuzz/lab/sim_disk.h"
#include "fuzz/lab/sim_environment.h"
#include "holdfast/crashlab/subject.h"

namespace holdfast::crashlab {

struct AppCounters {
  std::uint64_t lives = 0;
  std::uint64_t recoveries = 0;
  std::uint64_t checks = 0;
  void add(const AppCounters& more) {
    lives += more.lives;
    recoveries += more.recoveries;
    checks += more.checks;
  }
};

// Sizes that may differ from one opening to the next.
struct AppSizes {
  std::size_t cache_bytes;
  std::uint64_t checkpoint_log_bytes;
  std::uint64_t log_segment_bytes;
};

class AppStage {
 public:
  static constexpr const char* kPath = "db";

  // Outlived by the subject. `arena` is shared by stages of which one at a time has a database
  // open, and has room for the subject's cache.
  AppStage(const Subject& subject, std::span<std::byte> arena);
  ~AppStage();
  AppStage(const AppStage&) = delete;
  AppStage& operator=(const AppStage&) = delete;

  // An empty disk. `drawn`: how much time passes is left to chance.
  void reset(std::uint64_t seed, bool drawn = false);
  // The other as it stands between two lives, or at the moment at which its machine stopped.
  void become(const AppStage& other);

  void set_sizes(const AppSizes& sizes) { sizes_ = sizes; }
  void expect(Weather weather) { weather_ = weather; }
  // Something that storage had acknowledged is gone: from now on errors are answers.
  void harmed() { harmed_ = true; }

  enum class Until : std::uint8_t { kFirstCheck, kEnd };
  void live(Until until = Until::kEnd);
  // Tells what the crash was that ended the last life.
  void crashed(CrashPolicy::Kind kind);

  // Damage was named, as it should be: nothing more can come of this database.
  [[nodiscard]] bool given_up() const { return given_up_; }
  [[nodiscard]] const std::optional<std::string>& failure() const { return failure_; }
  void fail(const std::string& what);
  [[nodiscard]] const Evidence& evidence() const { return notes_.evidence(); }
  AppCounters take_counters() { return std::exchange(counters_, {}); }

  // Where to tell what happens, or nullptr; the disk's calls too, where it traces them.
  void tell(std::vector<std::string>* story) { notes_.tell(story); }
  void say(const std::string& line) { notes_.say(line); }

  SimDisk disk;

 private:
  struct Outcome {
    std::string complaint;  // Of a check, about data that could be read.
    std::optional<std::string> error;
  };
  [[nodiscard]] Options options();
  [[nodiscard]] bool usable() const;
  [[nodiscard]] bool excused() const;
  bool open();
  void verify(const char* when);
  bool start();
  void work();
  void check(const char* when);
  void close();
  void end();
  void judge(const std::string& what, const std::string& error);
  static Outcome guarded(const std::function<Outcome()>& call);

  const Subject& subject_;
  std::span<std::byte> arena_;
  SimClock clock_;
  SimRandom random_;
  Environment environment_;
  LifeState notes_;
  AppSizes sizes_;
  Weather weather_ = Weather::kFair;
  bool harmed_ = false;
  bool given_up_ = false;
  bool after_crash_ = false;
  bool committed_ = false;  // In this life: a meta copy that a crash tore has been mended.
  std::optional<Database> db_;
  std::optional<std::string> failure_;
  AppCounters counters_;
};

}  // namespace holdfast::crashlab
