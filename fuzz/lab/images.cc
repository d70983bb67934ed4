#include "fuzz/lab/images.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace holdfast {
namespace {

constexpr std::uint64_t kFirst = 16;  // Of a plan cut short: taken before the even spread begins.

bool may_tear(const CrashUnit& unit) {
  return unit.kind == CrashUnit::Kind::kName && unit.extends;
}

std::uint64_t fates_of(const CrashUnit& unit) {
  return may_tear(unit) ? 3 : 2;
}

}  // namespace

ImagePlan::ImagePlan(const std::vector<CrashUnit>& units, DiskKind disk)
    : units_(units), order_(units.size()) {
  if (disk == DiskKind::kOrdered || disk == DiskKind::kExt4Like) {
    cuts_.emplace(units_, disk);
    legal_ = std::min(cuts_->legal(), kImagesFull + 1);
    size_ = cuts_->size();
    return;
  }
  std::iota(order_.begin(), order_.end(), std::size_t{0});
  std::sort(order_.begin(), order_.end(), [this](std::size_t a, std::size_t b) {
    return std::pair(units_[a].call, a) < std::pair(units_[b].call, b);
  });
  for (const CrashUnit& unit : units_) {
    spoils_ = spoils_ || (unit.extends && unit.kind == CrashUnit::Kind::kSector);
  }
  count_legal();
  if (full()) {
    size_ = legal_ + (spoils_ ? kImagesGarbage : 0);
    return;
  }
  find_halves();
  const std::uint64_t n = units_.size();
  pairs_ = disk == DiskKind::kLying ? 0 : n * (n - 1) / 2;
  size_ = 2 + (n - 1) + n + n + halves_.size() * 2 + pairs_ + kImagesDrawn;
}

void ImagePlan::count_legal() {
  for (const CrashUnit& unit : units_) {
    legal_ *= fates_of(unit);
    if (legal_ > kImagesFull) {
      legal_ = kImagesFull + 1;
      return;
    }
  }
}

// Runs of sectors that one call wrote.
void ImagePlan::find_halves() {
  for (std::size_t begin = 0; begin < order_.size();) {
    const auto belongs = [&](std::size_t at) {
      const CrashUnit& unit = units_[order_[at]];
      return unit.kind == CrashUnit::Kind::kSector && unit.call == units_[order_[begin]].call;
    };
    std::size_t end = begin;
    while (end < order_.size() && belongs(end)) ++end;
    if (end - begin > 1) halves_.push_back({begin, begin + (end - begin) / 2, end});
    begin = std::max(end, begin + 1);
  }
}

void ImagePlan::image(std::uint64_t n, std::vector<Fate>& fates) const {
  if (cuts_) return cuts_->image(n, fates);
  fates.assign(units_.size(), Fate::kKept);
  if (full() && n < legal_) return combination(n, fates);
  if (full()) return drawn(n - legal_, fates);
  if (!family(n, fates)) drawn(n, fates);
}

// The digits of n, one for each unit: 0 keeps it.
void ImagePlan::combination(std::uint64_t n, std::vector<Fate>& fates) const {
  constexpr Fate kFates[] = {Fate::kKept, Fate::kLost, Fate::kTorn};
  for (const std::size_t at : order_) {
    fates[at] = kFates[n % fates_of(units_[at])];
    n /= fates_of(units_[at]);
  }
}

// False when n lies behind all families.
bool ImagePlan::family(std::uint64_t n, std::vector<Fate>& fates) const {
  const std::uint64_t count = units_.size();
  const auto lose_from = [&](std::size_t at) {
    for (; at < count; ++at) fates[order_[at]] = Fate::kLost;
  };
  if (n == 0) return true;
  if (n == 1) return lose_from(0), true;
  n -= 2;
  if (n < count - 1) return lose_from(n + 1), true;
  n -= count - 1;
  if (n < count) return fates[order_[n]] = Fate::kLost, true;
  n -= count;
  if (n < count) {
    lose_from(0);
    fates[order_[n]] = Fate::kKept;
    return true;
  }
  n -= count;
  if (n < halves_.size() * 2) return half(n, fates), true;
  n -= halves_.size() * 2;
  if (n < pairs_) return pair(n, fates), true;
  return false;
}

// Everything before the write, one half of it, nothing after.
void ImagePlan::half(std::uint64_t n, std::vector<Fate>& fates) const {
  const Half& torn = halves_[n / 2];
  const std::size_t lost = n % 2 == 0 ? torn.middle : torn.begin;
  const std::size_t kept = n % 2 == 0 ? torn.end : torn.middle;
  for (std::size_t at = lost; at < kept; ++at) fates[order_[at]] = Fate::kLost;
  for (std::size_t at = torn.end; at < order_.size(); ++at) fates[order_[at]] = Fate::kLost;
}

void ImagePlan::pair(std::uint64_t n, std::vector<Fate>& fates) const {
  std::uint64_t first = 0;
  for (std::uint64_t left = units_.size() - 1; n >= left; --left, ++first) n -= left;
  fates[order_[first]] = Fate::kLost;
  fates[order_[first + 1 + n]] = Fate::kLost;
}

void ImagePlan::drawn(std::uint64_t n, std::vector<Fate>& fates) const {
  Rng rng(n);
  CrashPolicy policy;
  if (n % 8 == 7) policy.kind = CrashPolicy::Kind::kExt4Like;
  decide_fates(policy, units_, rng, fates);
}

std::uint64_t ImagePlan::picked(std::uint64_t i, std::uint64_t most) const {
  if (size_ <= most || i < kFirst) return i;
  // The last pick is the plan's last image.
  return kFirst + (i - kFirst) * (size_ - 1 - kFirst) / (most - 1 - kFirst);
}

}  // namespace holdfast
