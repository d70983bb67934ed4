#include "tools/reclaiming.h"

#include "tools/progress_line.h"

namespace holdfast::tools {

Step<std::uint64_t> reclaim(Database& database, Console& console) {
  Result<std::uint64_t> freed = 0;
  {
    ProgressLine line;
    freed = database.reclaim(shown_on(line));
  }
  if (freed || freed.error().code() != ErrorCode::kCancelled) return console.check(freed);
  return std::unexpected(console.fail(ExitCode::kInterrupted,
                                      "Interrupted. The records are gone; what is left of their "
                                      "pages is freed while the database is written to."));
}

}  // namespace holdfast::tools
