#include "engine/txn/id_space.h"

#include <algorithm>
#include <iterator>

#include "engine/base/limits.h"
#include "engine/base/result.h"

namespace holdfast {
namespace {

constexpr int kRunsTried = 64;  // A search for a run of ids gives up and takes new ones.

}  // namespace

void IdSpace::open(std::uint32_t high_water) {
  MutexLock lock(mutex_);
  next_ = std::max(next_, high_water);
}

void IdSpace::reset() {
  MutexLock lock(mutex_);
  runs_.clear();
  next_ = 1;
  free_ = 0;
}

Result<IdRun> IdSpace::take(std::uint32_t count) {
  MutexLock lock(mutex_);
  int tried = 0;
  for (auto it = runs_.begin(); it != runs_.end() && tried < kRunsTried; ++it, ++tried) {
    const auto [first, length] = *it;
    if (length < count) continue;
    runs_.erase(it);
    if (length > count) runs_[first + count] = length - count;
    free_ -= count;
    return IdRun{PageId{first}, count};
  }
  if (count > kPageIdEnd - std::min(next_, kPageIdEnd))
    return fail(ErrorCode::kLimitExceeded, "the database has used all 2^32 page ids");
  const IdRun run{PageId{next_}, count};
  next_ += count;
  return run;
}

void IdSpace::give_back(std::span<const IdRun> runs) {
  MutexLock lock(mutex_);
  for (const IdRun& run : runs) insert(run);
}

void IdSpace::insert(IdRun run) {
  if (run.count == 0) return;
  free_ += run.count;
  std::uint32_t first = raw(run.first);
  std::uint32_t count = run.count;
  auto after = runs_.lower_bound(first);
  if (after != runs_.end() && first + count == after->first) {
    count += after->second;
    after = runs_.erase(after);
  }
  if (after != runs_.begin()) {
    auto before = std::prev(after);
    if (before->first + before->second == first) {
      before->second += count;
      return;
    }
  }
  runs_[first] = count;
}

std::uint32_t IdSpace::high_water() const {
  MutexLock lock(mutex_);
  return next_;
}

std::uint64_t IdSpace::free_ids() const {
  MutexLock lock(mutex_);
  return free_;
}

}  // namespace holdfast
