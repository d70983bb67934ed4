// The kill job (tools/kill_job) for a while, on made-up records: a child writes, is killed, and
// what it left is compared with what this process knows that it was promised.
#include "fuzz/crashlab_torture.h"

#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "tools/interrupt.h"
#include "tools/json_output.h"
#include "tools/kill_job/packages.h"
#include "tools/kill_job/tally.h"
#include "tools/output.h"
#include "tools/progress_line.h"

namespace holdfast::crashlab {
namespace {

using kill_job::History;
using kill_job::Look;
using kill_job::Round;
using kill_job::Tally;
using tools::ExitCode;
using tools::JsonObject;
using Clock = std::chrono::steady_clock;

constexpr double kSecondsUnlessTold = 60;
constexpr const char* kNotShown =
    "A killed process leaves the machine running, with all that it handed to the operating system: "
    "this says nothing about a loss of power. `crashlab run` does, on a simulated disk; whether "
    "this disk keeps what it says it has synced, only a cut of its own power can tell.";

// A directory of our own, gone at the end unless it is kept.
class Place {
 public:
  explicit Place(const std::string& directory) : path_(directory + "/crashlab-torture-XXXXXX") {
    if (::mkdtemp(path_.data()) == nullptr) failure_ = errno;
  }
  ~Place() {
    std::error_code ignored;
    if (failure_ == 0 && !kept_) std::filesystem::remove_all(path_, ignored);
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  [[nodiscard]] int failure() const { return failure_; }
  [[nodiscard]] std::string database() const { return path_ + "/torture.holdfast"; }
  [[nodiscard]] const std::string& keep() {
    kept_ = true;
    return path_;
  }

 private:
  std::string path_;
  int failure_ = 0;
  bool kept_ = false;
};

class Torture {
 public:
  Torture(const Arguments& args, std::string database)
      : args_(args),
        database_(std::move(database)),
        history_(kill_job::sample_packages()),
        killer_(database_, history_) {}

  // False when the child can't do its work here.
  bool run() {
    const double most = args_.seconds;
    while (faults_.empty() && !tools::interrupted() && seconds() < most) {
      progress_.show(
          fmt::format("torture: {:.0f} s, {} kills, {} in flight, {} commits, {:.0f} s left",
                      seconds(), kills_, tally_.in_flight, tally_.acknowledged, most - seconds()));
      const bool early = kills_ % 8 == 5;
      const Round round = killer_.let_child_write(early);
      if (!round.killed) return false;
      ++kills_;
      if (early && ::access(database_.c_str(), F_OK) != 0) continue;  // Killed before it was made.
      look(round, kills_ % 4 == 0);
    }
    if (kills_ > 0 && faults_.empty()) look({}, false);
    progress_.wipe();
    return true;
  }

  [[nodiscard]] bool found() const { return !faults_.empty(); }

  [[nodiscard]] std::string text(const std::string& kept) const {
    std::string text;
    for (const std::string& fault : faults_) text += "FOUND: " + fault + "\n";
    text += fmt::format(
        "torture: {} kills in {:.1f} s, {} of them in flight (commits cut off {}, found but not "
        "yet "
        "answered {}, checkpoints unfinished {})\n"
        "  {} commits acknowledged, {} lost; {} records compared, {} faults\n"
        "  {:.0f} commits/s, slowest opening {:.3f} s, log at most {} KiB\n",
        kills_, seconds(), tally_.in_flight, tally_.commits_cut, tally_.commits_unanswered,
        tally_.checkpoints_unfinished, tally_.acknowledged, tally_.lost, tally_.records,
        tally_.faults, tally_.commits_per_second(), tally_.open_seconds_max,
        tally_.log_bytes_max >> 10);
    if (!kept.empty()) text += "The files are kept in " + kept + ".\n";
    text += found()
                ? "Verdict: something is wrong.\n"
                : "Verdict: nothing that was acknowledged was lost, and nothing else was there.\n";
    return text + kNotShown + "\n";
  }

  [[nodiscard]] std::string json(const std::string& kept) const {
    std::string lines;
    for (const std::string& fault : faults_) {
      lines += JsonObject().text("type", "found").text("what", fault).line();
    }
    JsonObject line;
    line.text("type", "summary").text("kind", "torture").number("found", faults_.size());
    line.number("kills", kills_).number("in_flight", tally_.in_flight);
    line.number("commits_cut", tally_.commits_cut);
    line.number("commits_unanswered", tally_.commits_unanswered);
    line.number("checkpoints_unfinished", tally_.checkpoints_unfinished);
    line.number("acknowledged", tally_.acknowledged).number("lost", tally_.lost);
    line.number("records_compared", tally_.records);
    line.real("commits_per_second", tally_.commits_per_second());
    line.real("slowest_opening_seconds", tally_.open_seconds_max);
    line.number("log_bytes_most", tally_.log_bytes_max);
    if (!kept.empty()) line.text("kept", kept);
    return lines + line.text("not_shown", kNotShown).real("seconds", seconds()).line();
  }

 private:
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(Clock::now() - begin_).count();
  }
  void look(const Round& round, bool read_only) {
    const Look look = tally_.add(round, kill_job::judge(database_, history_, read_only), read_only);
    for (const std::string& fault : look.faults) {
      faults_.push_back(fmt::format("after kill {}: {}", kills_, fault));
    }
  }

  const Arguments& args_;
  const std::string database_;
  const History history_;
  kill_job::Killer killer_;
  Tally tally_;
  tools::ProgressLine progress_;
  const Clock::time_point begin_ = Clock::now();
  std::uint64_t kills_ = 0;
  std::vector<std::string> faults_;
};

ExitCode say(const std::string& sentence) {
  tools::Output errors(2);
  errors.write("crashlab: " + sentence + "\n");
  errors.flush();
  return ExitCode::kFailed;
}

}  // namespace

ExitCode run_torture(const Arguments& given) {
  Arguments args = given;
  if (args.seconds > 1e9) args.seconds = kSecondsUnlessTold;
  Place place(args.directory);
  if (place.failure() != 0) {
    return say("Nothing can be made in " + args.directory + ": " +
               std::generic_category().message(place.failure()) + ".");
  }
  Torture torture(args, place.database());
  if (!torture.run()) {
    return say("A child ended by itself, for the reason that it gave above; there is no verdict.");
  }
  const std::string kept = torture.found() ? place.keep() : "";
  tools::Output out(1);
  out.write(args.json ? torture.json(kept) : torture.text(kept));
  if (!out.flush()) return ExitCode::kFailed;
  if (torture.found()) return ExitCode::kDamaged;
  return tools::interrupted() ? ExitCode::kInterrupted : ExitCode::kDone;
}

}  // namespace holdfast::crashlab
