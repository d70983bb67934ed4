// What backup and restore have in common: opening what is copied, and telling what was.
#pragma once

#include <string>

#include "holdfast/database.h"
#include "tools/args.h"
#include "tools/console.h"

namespace holdfast::tools {

// Read-only where that will do: a database that was closed. Else its log has to be folded in.
Step<Database> open_to_copy(const Arguments& args, Console& console);

// Says why nothing was made.
ExitCode explain_copy(const Error& error, const Arguments& args, Console& console);

// The lines that say what was copied: `kept` is the id under which it is, or 0.
std::string report_text(const BackupReport& report, const Arguments& args, std::uint64_t kept);

}  // namespace holdfast::tools
