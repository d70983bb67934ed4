// Options from the command line, and what to say when opening fails.
#include "tools/opening.h"

#include <fmt/format.h>

namespace holdfast::tools {
namespace {

// kNotFound means the file, or where a file was to be made, its folder: exit code 3, not 1.
ExitCode explain(const Error& error, OpenMode mode, Console& console) {
  if (error.code() != ErrorCode::kNotFound) return console.fail(error);
  const char* hint = mode == OpenMode::kCreate
                         ? "Its folder must be there; only the file is created."
                         : "Only put, load and shell create a database.";
  return console.fail(error, ExitCode::kFailed, hint);
}

Step<Database> open(const Arguments& args, OpenMode mode, Console& console) {
  Options options;
  options.mode = mode;
  options.cache_bytes = args.cache_bytes;
  options.durability = args.durability;
  if (args.page_size) options.page_size = *args.page_size;
  auto database = Database::open(args.database, options);
  if (!database) return std::unexpected(explain(database.error(), mode, console));
  return std::move(*database);
}

}  // namespace

Result<Database> try_to_read(const Arguments& args, bool accept_damaged_log) {
  Options options;
  options.mode = OpenMode::kReadOnly;
  options.cache_bytes = args.cache_bytes;
  options.accept_damaged_log = accept_damaged_log;
  return Database::open(args.database, options);
}

Step<Database> open_to_read(const Arguments& args, Console& console) {
  auto database = try_to_read(args, args.accept_damaged_log);
  if (!database) return std::unexpected(explain_open_failure(database.error(), console));
  note_damage(*database, console);
  return std::move(*database);
}

Step<Database> open_to_write(const Arguments& args, Console& console) {
  return open(args, OpenMode::kReadWrite, console);
}

Step<Database> open_or_create(const Arguments& args, Console& console) {
  auto database = open(args, OpenMode::kCreate, console);
  if (database && args.page_size) {
    const std::uint32_t actual = database->stats().page_size;
    if (actual != *args.page_size) {
      console.say(fmt::format(
          "Note: {} has pages of {} bytes since its creation; --page-size changes nothing.",
          args.database, actual));
    }
  }
  return database;
}

ExitCode explain_open_failure(const Error& error, Console& console) {
  return explain(error, OpenMode::kReadOnly, console);
}

void note_damage(const Database& database, Console& console) {
  if (database.recovery().log_end != LogEnd::kDamaged) return;
  console.say("Note: the log is damaged, and what it lost is missing here. " +
              database.recovery().to_string());
}

void note_replay(const Database& database, Console& console) {
  const LogEnd end = database.recovery().log_end;
  if (end == LogEnd::kNoLog || end == LogEnd::kDamaged) return;
  console.say("Note: the database was not closed; its log was replayed in memory. " +
              database.recovery().to_string());
}

ExitCode close(Database& database, ExitCode code, Console& console) {
  auto closed = database.close();
  if (closed || code != ExitCode::kDone) return code;
  return console.fail(closed.error());
}

}  // namespace holdfast::tools
