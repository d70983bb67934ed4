// Which images of a crash are tried: all that are legal while they are few, else a plan of the
// telling ones. Every image has a number, from which it can be made again.
//
// Few means at most kImagesFull, counting for each unit kept or lost, and for a rename that may be
// torn also "both names". Beyond that: all kept, none, every prefix in the order of the calls,
// every single unit lost, every single one kept, every write torn into halves either way, every
// pair lost, and kImagesDrawn drawn ones. Where lost sectors may hold garbage, drawn images that
// do come on top of "all" too.
//
// That is a weak disk. On an ordered and an ext4-like one the images are fewer, since what is kept
// is kept in order up to a cut: cut_images.h. On a lying one, where all that was ever written may
// be lost, pairs are left out.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "fuzz/lab/cut_images.h"
#include "fuzz/lab/sim_crash.h"

namespace holdfast {

inline constexpr std::uint64_t kImagesFull = std::uint64_t{1} << 16;
inline constexpr std::uint64_t kImagesDrawn = 1000;
inline constexpr std::uint64_t kImagesGarbage = 64;
inline constexpr std::uint64_t kImagesNested = 200;  // At least, of each point inside a recovery.

class ImagePlan {
 public:
  // Keeps a copy of what it needs.
  explicit ImagePlan(const std::vector<CrashUnit>& units, DiskKind disk = DiskKind::kWeak);
  ImagePlan(const ImagePlan&) = delete;
  ImagePlan& operator=(const ImagePlan&) = delete;

  // All legal images of keeping and losing are among those of the plan.
  [[nodiscard]] bool full() const { return legal_ <= kImagesFull; }
  // How many there are, or kImagesFull + 1 for more.
  [[nodiscard]] std::uint64_t legal() const { return legal_; }
  [[nodiscard]] std::uint64_t size() const { return size_; }
  // Number `n` of the plan: a fate for each unit.
  void image(std::uint64_t n, std::vector<Fate>& fates) const;

  // The number of the i-th image when only `most` are tried: the first ones, then evenly spread.
  [[nodiscard]] std::uint64_t picked(std::uint64_t i, std::uint64_t most) const;
  [[nodiscard]] std::uint64_t picks(std::uint64_t most) const {
    return size_ < most ? size_ : most;
  }

 private:
  struct Half {
    std::size_t begin, middle, end;  // In order_.
  };
  void count_legal();
  void find_halves();
  void combination(std::uint64_t n, std::vector<Fate>& fates) const;
  bool family(std::uint64_t n, std::vector<Fate>& fates) const;
  void half(std::uint64_t n, std::vector<Fate>& fates) const;
  void pair(std::uint64_t n, std::vector<Fate>& fates) const;
  void drawn(std::uint64_t n, std::vector<Fate>& fates) const;

  std::vector<CrashUnit> units_;
  std::vector<std::size_t> order_;  // Of the units, by the calls that made them.
  std::vector<Half> halves_;
  std::optional<CutImages> cuts_;
  std::uint64_t pairs_ = 0;
  bool spoils_ = false;  // A lost sector may hold garbage.
  std::uint64_t legal_ = 1;
  std::uint64_t size_ = 0;
};

}  // namespace holdfast
