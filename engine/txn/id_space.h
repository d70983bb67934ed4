// Which page ids may be given out: those never used, and those that nobody can see any more.
#pragma once

#include <cstdint>
#include <map>

#include "engine/base/sync.h"
#include "engine/base/types.h"
#include "engine/cache/page_cache.h"
#include "holdfast/error.h"

namespace holdfast {

// Thread-safe: the writer takes, the checkpoint gives back.
class IdSpace {
 public:
  // Ids from `high_water` on were never given out.
  void open(std::uint32_t high_water);
  void reset();

  // `count` consecutive ids. kLimitExceeded when the 32 bits are used up.
  Result<IdRun> take(std::uint32_t count);
  // Used by nobody, and not free already. Takes the list over, and no memory.
  void give_back(IdRuns&& runs) noexcept;

  // The same for one run that was taken and never used: where nothing was given out after it, it
  // counts as never given out.
  void give_back_unused(IdRuns&& run) noexcept;

  // The next stretch of free ids from `from` on, neither below nor beyond which one is free. Of 0
  // ids: there is none.
  IdRun free_run_from(std::uint32_t from);
  [[nodiscard]] std::uint32_t high_water() const;
  [[nodiscard]] std::uint64_t free_ids() const;
  // Whether so many are listed as free.
  [[nodiscard]] bool adds_up() const;

 private:
  void insert(IdRun run);

  mutable Mutex mutex_;
  std::map<std::uint32_t, std::uint32_t> runs_;  // First id -> count; never adjacent.
  IdRuns returned_;                              // Not in runs_ yet.
  std::uint32_t next_ = 1;
  std::uint64_t free_ = 0;
};

}  // namespace holdfast
