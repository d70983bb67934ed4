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
  returned_.clear();
  next_ = 1;
  free_ = 0;
}

Result<IdRun> IdSpace::take(std::uint32_t count) {
  MutexLock lock(mutex_);
  for (; !returned_.empty(); returned_.pop_front()) insert(returned_.front());
  int tried = 0;
  for (auto it = runs_.begin(); it != runs_.end() && tried < kRunsTried; ++it, ++tried) {
    const auto [first, length] = *it;
    if (length < count) continue;
    auto node = runs_.extract(it);
    if (length > count) {
      node.key() = first + count;
      node.mapped() = length - count;
      runs_.insert(std::move(node));
    }
    free_ -= count;
    return IdRun{PageId{first}, count};
  }
  if (count > kPageIdEnd - std::min(next_, kPageIdEnd))
    return fail(ErrorCode::kLimitExceeded, "the database has used all 2^32 page ids");
  const IdRun run{PageId{next_}, count};
  next_ += count;
  return run;
}

IdRun IdSpace::free_run_from(std::uint32_t from) {
  MutexLock lock(mutex_);
  for (; !returned_.empty(); returned_.pop_front()) insert(returned_.front());
  const auto at = runs_.lower_bound(from);
  if (at == runs_.end()) return {};
  return {PageId{at->first}, at->second};
}

void IdSpace::give_back(IdRuns&& runs) noexcept {
  MutexLock lock(mutex_);
  for (const IdRun& run : runs) free_ += run.count;
  returned_.splice(returned_.end(), runs);
}

void IdSpace::give_back_unused(IdRuns&& run) noexcept {
  {
    MutexLock lock(mutex_);
    const IdRun& unused = run.front();
    if (raw(unused.first) + unused.count == next_) {
      next_ = raw(unused.first);
      return run.clear();
    }
  }
  give_back(std::move(run));
}

void IdSpace::insert(IdRun run) {
  if (run.count == 0) return;
  const std::uint32_t first = raw(run.first);
  auto after = runs_.lower_bound(first);
  const bool joins_after = after != runs_.end() && first + run.count == after->first;
  auto before = after == runs_.begin() ? runs_.end() : std::prev(after);
  if (before != runs_.end() && before->first + before->second == first) {
    before->second += run.count + (joins_after ? after->second : 0);
    if (joins_after) runs_.erase(after);
  } else if (joins_after) {
    auto node = runs_.extract(after);
    node.key() = first;
    node.mapped() += run.count;
    runs_.insert(std::move(node));
  } else {
    runs_.emplace(first, run.count);
  }
}

std::uint32_t IdSpace::high_water() const {
  MutexLock lock(mutex_);
  return next_;
}

std::uint64_t IdSpace::free_ids() const {
  MutexLock lock(mutex_);
  return free_;
}

bool IdSpace::adds_up() const {
  MutexLock lock(mutex_);
  std::uint64_t listed = 0;
  for (const auto& [first, count] : runs_) listed += count;
  for (const IdRun& run : returned_) listed += run.count;
  return listed == free_;
}

}  // namespace holdfast
