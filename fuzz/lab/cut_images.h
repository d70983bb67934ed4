// Which images of a crash are tried on a disk that keeps an order: up to a cut everything is kept
// that it keeps in order, after it nothing; what else there is at that cut is free.
//
// Ordered: all calls are in order, and the free ones are the sectors of the call at the cut. Ext4
// alike: sizes, names, and sectors past the durable size are in order; all other sectors are free.
//
// All images while they are at most kCutImagesFull; else at each cut: all free ones kept, none,
// every prefix of them, every single one lost, every single one kept; and kCutImagesDrawn drawn.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "fuzz/lab/sim_crash.h"

namespace holdfast {

inline constexpr std::uint64_t kCutImagesFull = std::uint64_t{1} << 16;
inline constexpr std::uint64_t kCutImagesDrawn = 1000;

class CutImages {
 public:
  // Outlived by the units.
  CutImages(const std::vector<CrashUnit>& units, DiskKind disk);

  // How many images are legal; some twice, where two cuts leave the same.
  [[nodiscard]] std::uint64_t legal() const { return legal_; }
  [[nodiscard]] std::uint64_t size() const { return size_; }
  void image(std::uint64_t n, std::vector<Fate>& fates) const;

 private:
  struct Cut {
    std::uint64_t call;             // What is in order is kept if its call comes before this one.
    std::vector<std::size_t> free;  // Of the units.
  };
  [[nodiscard]] std::uint64_t images_of(const Cut& cut) const;
  void cut_at(const Cut& cut, std::uint64_t n, std::vector<Fate>& fates) const;

  const std::vector<CrashUnit>& units_;
  DiskKind disk_;
  std::vector<Cut> cuts_;
  std::uint64_t legal_ = 0;
  std::uint64_t size_ = 0;
};

}  // namespace holdfast
