// holdfast log: what lies in the log beside a database.
#include "tools/verbs.h"

namespace holdfast::tools {

ExitCode run_log(const Arguments&, Console& console) {
  return console.fail(ExitCode::kFailed, "Listing the log is not possible yet.");
}

}  // namespace holdfast::tools
