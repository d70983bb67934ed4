// Every crash point of a workload: at each moment every image of the plan (lab/images.h), and
// inside the recovery of each image every moment again.
//
// After each crash the oracle: the state is the model's after a whole number of transactions, of
// which none is missing that was promised and none appears that was not begun; verify() is clean;
// the next transaction commits. Each distinct image is recovered once; where it comes up again, at
// another moment, what it came back with is compared with what that moment promises.
//
// Inside recoveries: opening writes nothing as a rule, so a crash within it leaves what was there
// before. Where that holds it is only counted; where it doesn't, and after every kill, each moment
// of the opening is tried with kImagesNested images. The first commit, checkpoint and close after
// an opening are tried the same way for some images of each moment (PointLimits::nested), and one
// in PointLimits::deeper_every of those recoveries crashes a third time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fuzz/lab/images.h"
#include "fuzz/lab/seen_images.h"
#include "fuzz/lab/stage.h"

namespace holdfast {

// The way to one recovery: a moment and an image for each crash before it.
struct PointPath {
  static constexpr std::uint64_t kKill = ~std::uint64_t{0};  // The process died, the machine not.
  struct Step {
    std::uint64_t moment;  // Of the workload; then of what is done after the recovery before.
    std::uint64_t image;   // Its number in the plan.
  };
  std::vector<Step> steps;
};

struct PointFailure {
  PointPath path;
  std::string what;
};

struct PointLimits {
  std::uint64_t images = ~std::uint64_t{0};  // Of each moment; more are picked from evenly.
  bool inside = true;                        // Crashes inside recoveries too.
  std::uint64_t nested = 1;                  // Images of a moment that are gone on with,
  std::uint64_t nested_every = 1;            // at every so-manieth moment.
  std::uint64_t nested_images = kImagesNested;
  std::uint64_t deeper_every = 64;
};

struct PointCounts {
  std::uint64_t moments = 0;
  std::uint64_t points = 0;       // Before and after each change.
  std::uint64_t points_full = 0;  // Those at which every legal image was tried.
  std::uint64_t images = 0;       // At the workload's own moments.
  std::uint64_t quiet = 0;        // Recoveries that altered nothing, whose every point is the same.
  std::uint64_t nested_points = 0;
  std::uint64_t nested_images = 0;
  std::uint64_t nested_distinct = 0;
  std::uint64_t deeper_images = 0;  // Third crashes.
  std::uint64_t recovered = 0;      // States opened, compared and gone on with, on all levels.

  void add(const PointCounts& more);
};

class CrashPoints {
 public:
  // What workers share: images of this workload that were recovered, and images of any workload
  // whose opening writes, which were nested into.
  struct Shared {
    SeenImages recovered;
    SeenImages* nested;
  };
  // Both outlive this.
  CrashPoints(const Workload& workload, Shared& shared, const PointLimits& limits);
  // Asked now and then; ends a moment half-way by saying no.
  void ask(std::function<bool()> go_on) { go_on_ = std::move(go_on); }

  // One moment of the workload; from 0 to changes_of().
  std::optional<PointFailure> run(std::uint64_t moment);
  // The same crashes again, with a story of them.
  std::optional<std::string> replay(const PointPath& path, std::vector<std::string>* story);

  [[nodiscard]] const PointCounts& counts() const { return counts_; }
  PointCounts take_counts() { return std::exchange(counts_, {}); }

 private:
  bool look_at_moment(std::uint64_t moment);
  void try_images(std::uint64_t moment);
  void try_image(std::uint64_t image);
  std::uint64_t recover(Stage& stage, bool killed);
  void nest(std::uint64_t image, std::uint64_t moments);
  bool nest_at(std::uint64_t moment);
  void nest_image(std::uint64_t image);
  void deeper(std::uint64_t image, std::uint64_t seed);
  void fail(const std::string& what);
  bool done();

  const Workload& workload_;
  Shared& shared_;
  PointLimits limits_;
  std::function<bool()> go_on_;
  PointCounts counts_;
  PointPath path_;
  std::optional<PointFailure> failure_;
  bool stopped_ = false;
  std::uint64_t newest_untold_ = 0;
  std::uint64_t opening_changes_ = 0;  // Of the recovery just done.
  bool opening_altered_ = false;
  std::vector<Fate> fates_;
  SeenImages nested_seen_;
  std::unique_ptr<ImagePlan> plan_, nested_plan_;
  Stage base_, branch_, parent_, middle_, leaf_;
};

// The crash of a step: image `image` of what lies on the stage's disk. What becomes of each unit
// goes into the story.
void crash_by_plan(Stage& stage, std::uint64_t image, std::vector<std::string>* story = nullptr);

}  // namespace holdfast
