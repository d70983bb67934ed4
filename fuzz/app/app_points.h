// Every crash point of a subject's life, with the images that lab/images.h plans for it; and for
// one image of each, crashes in the life after.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fuzz/app/app_run.h"
#include "fuzz/lab/images.h"
#include "fuzz/lab/seen_images.h"

namespace holdfast::crashlab {

class AppPoints {
 public:
  explicit AppPoints(AppRun& run);

  // First whether a whole life goes well, twice the same way.
  std::optional<AppFound> whole_life();
  // After whole_life(): the storage calls that change something.
  [[nodiscard]] std::uint64_t changes() const { return changes_; }

  struct Limits {
    std::uint64_t from;  // Of the images of a moment; 0: the kill too.
    std::uint64_t images;
    bool later;  // Crashes in the life after, too.
  };
  std::optional<AppFound> at(std::uint64_t moment, const Limits& limits);

  // The same crashes again.
  std::optional<AppFound> replay(const PointPath& path, std::vector<std::string>* story);
  // Fewer losses of the last crash, and where that can be, an earlier moment.
  AppFound shrink(AppFound found);

 private:
  void play(AppStage& stage, std::uint64_t moment, std::vector<std::string>* story = nullptr);
  void go_on(AppStage& stage, const AppStage& from, std::uint64_t moment);
  bool try_image(AppStage& from, const ImagePlan& plan, std::uint64_t image, SeenImages& seen);
  void later(std::uint64_t moment, std::uint64_t image, const ImagePlan& plan);
  bool later_at(std::uint64_t moment, std::uint64_t images);
  void crash(AppStage& stage, const ImagePlan& plan, std::uint64_t image);
  void crash(AppStage& stage, std::uint64_t image, std::vector<std::string>* story);
  bool note(AppStage& stage);
  AppFound earlier(AppFound found);
  AppFound fewer_losses(AppFound found);

  AppRun& run_;
  std::uint64_t changes_ = 0;
  PointPath path_;
  std::optional<AppFound> found_;
  SeenImages seen_, seen_later_;
  std::vector<Fate> fates_;
  std::unique_ptr<AppStage> base_, branch_, parent_, middle_;
};

}  // namespace holdfast::crashlab
