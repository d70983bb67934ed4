#include "fuzz/lab/cut_images.h"

#include <algorithm>
#include <limits>

namespace holdfast {
namespace {

constexpr std::size_t kFreeMost = 40;  // Beyond that their subsets aren't counted.

bool in_order(const CrashUnit& unit) {
  return unit.kind == CrashUnit::Kind::kSize || unit.kind == CrashUnit::Kind::kName || unit.extends;
}

}  // namespace

CutImages::CutImages(const std::vector<CrashUnit>& units, DiskKind disk)
    : units_(units), disk_(disk) {
  std::vector<std::uint64_t> calls;
  std::vector<std::size_t> others;
  for (std::size_t i = 0; i < units.size(); ++i) {
    if (disk == DiskKind::kOrdered || in_order(units[i])) {
      calls.push_back(units[i].call);
    } else {
      others.push_back(i);
    }
  }
  std::sort(calls.begin(), calls.end());
  calls.erase(std::unique(calls.begin(), calls.end()), calls.end());
  // After all of them: of an ordered disk, everything is kept then.
  calls.push_back(std::numeric_limits<std::uint64_t>::max());
  for (const std::uint64_t call : calls) {
    Cut cut{.call = call, .free = others};
    for (std::size_t i = 0; disk == DiskKind::kOrdered && i < units.size(); ++i) {
      if (units[i].call == call) cut.free.push_back(i);
    }
    cuts_.push_back(std::move(cut));
  }
  for (const Cut& cut : cuts_) legal_ += std::uint64_t{1} << std::min(cut.free.size(), kFreeMost);
  for (const Cut& cut : cuts_) size_ += images_of(cut);
  if (legal_ > kCutImagesFull) size_ += kCutImagesDrawn;
}

std::uint64_t CutImages::images_of(const Cut& cut) const {
  const std::uint64_t free = cut.free.size();
  if (legal_ <= kCutImagesFull) return std::uint64_t{1} << free;
  return free == 0 ? 1 : 2 + (free - 1) + free + free;
}

void CutImages::image(std::uint64_t n, std::vector<Fate>& fates) const {
  for (const Cut& cut : cuts_) {
    if (n < images_of(cut)) return cut_at(cut, n, fates);
    n -= images_of(cut);
  }
  Rng rng(n);
  CrashPolicy policy;
  policy.kind =
      disk_ == DiskKind::kOrdered ? CrashPolicy::Kind::kOrdered : CrashPolicy::Kind::kExt4Like;
  decide_fates(policy, units_, rng, fates);
}

void CutImages::cut_at(const Cut& cut, std::uint64_t n, std::vector<Fate>& fates) const {
  fates.assign(units_.size(), Fate::kLost);
  for (std::size_t i = 0; i < units_.size(); ++i) {
    const bool ordered = disk_ == DiskKind::kOrdered || in_order(units_[i]);
    if (ordered && units_[i].call < cut.call) fates[i] = Fate::kKept;
  }
  const std::uint64_t free = cut.free.size();
  const auto keep = [&](std::uint64_t from, std::uint64_t to) {
    for (; from < to; ++from) fates[cut.free[from]] = Fate::kKept;
  };
  if (legal_ <= kCutImagesFull) {
    for (std::uint64_t i = 0; i < free; ++i) {
      if ((n >> i & 1) == 0) keep(i, i + 1);
    }
    return;
  }
  if (n == 0) return keep(0, free);
  if (n == 1) return;
  n -= 2;
  if (n < free - 1) return keep(0, n + 1);
  n -= free - 1;
  if (n < free) {
    keep(0, n);
    return keep(n + 1, free);
  }
  n -= free;
  keep(n, n + 1);
}

}  // namespace holdfast
