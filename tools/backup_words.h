// What backup and restore have in common: opening what is copied, and telling what was.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "holdfast/database.h"
#include "tools/args.h"
#include "tools/console.h"

namespace holdfast::tools {

// Read-only where that will do: a database that was closed. Else its log has to be folded in.
// Where it is in use and `busy` isn't null, nothing is said, and the error is there.
Step<Database> open_to_copy(const Arguments& args, Console& console,
                            std::optional<Error>* busy = nullptr);

inline bool to_output(const Arguments& args) {
  return args.copy_to == "-";
}
// Words for kept checkpoints become ids, and each must be there.
Step<void> resolve(Arguments& args, const std::vector<KeptCheckpoint>& kept, Console& console);
// What became of standard output: an error, or nothing.
Result<void> delivered(Output& out);
// To standard output, or to standard error where the backup is there.
void write_report(const BackupReport& report, const Arguments& args, Console& console);

// Says why nothing was made.
ExitCode explain_copy(const Error& error, const Arguments& args, Console& console);

// The lines that say what was copied.
std::string report_text(const BackupReport& report, const Arguments& args);

}  // namespace holdfast::tools
