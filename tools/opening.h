// Opening and closing a database the way commands do it.
#pragma once

#include "holdfast/database.h"
#include "tools/args.h"
#include "tools/console.h"

namespace holdfast::tools {

// For reading: writes nothing, not even when a log has to be replayed. A missing file is a failure.
Step<Database> open_to_read(const Arguments& args, Console& console);
// The same, with nothing said of what goes wrong.
Result<Database> try_to_read(const Arguments& args, bool accept_damaged_log);
// For changing records of a database that exists.
Step<Database> open_to_write(const Arguments& args, Console& console);
// The same, and creates the file where there is none.
Step<Database> open_or_create(const Arguments& args, Console& console);

// What opening for reading answered, as an exit code: here kNotFound means the file.
ExitCode explain_open_failure(const Error& error, Console& console);

// Says on standard error that the log is damaged, if it is.
void note_damage(const Database& database, Console& console);
// Says on standard error that a log was replayed, if one was and is sound.
void note_replay(const Database& database, Console& console);

// Folds the log in. Gives `code` back, or the failure to close if it was kDone.
ExitCode close(Database& database, ExitCode code, Console& console);

}  // namespace holdfast::tools
