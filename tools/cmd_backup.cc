// holdfast backup: a verified copy of a database, or of what changed in it, as a new file or as a
// stream.
#include <unistd.h>

#include <optional>

#include "tools/backup_by_owner.h"
#include "tools/backup_words.h"
#include "tools/copy_rights.h"
#include "tools/interrupt.h"
#include "tools/opening.h"
#include "tools/progress_line.h"
#include "tools/verbs.h"

namespace holdfast::tools {
namespace {

Result<BackupReport> copy(Database& database, const Arguments& args, std::uint64_t kept,
                          Console& console) {
  ProgressLine line;
  BackupOptions options;
  options.checkpoint = kept != 0 ? kept : args.checkpoint;
  options.since = args.since;
  options.progress = shown_on(line);
  if (!to_output(args)) return database.backup(args.copy_to, options);
  auto report = database.backup(
      [&](std::string_view bytes) {
        console.out().write(bytes);
        return delivered(console.out());
      },
      options);
  console.out().flush();
  if (report) {
    if (auto whole = delivered(console.out()); !whole) return std::unexpected(whole.error());
  }
  return report;
}

// Whether the next increment can begin at what was copied. On an increment that lacks something
// none should: the next one, from the same base, may find it.
bool carries_on(const Result<BackupReport>& report, const Arguments& args) {
  if (!report) return false;
  return report->sound() || (args.since == 0 && !args.release_id);
}

// The base goes only when what follows it is there, and what was kept for nothing goes too.
ExitCode settle(Database& database, bool carries_on, std::uint64_t kept, const Arguments& args,
                Console& console) {
  const std::uint64_t goes = carries_on ? args.release_id.value_or(0) : kept;
  if (goes == 0) return ExitCode::kDone;
  const auto released = database.release_checkpoint(goes);
  return released ? ExitCode::kDone : console.fail(released.error());
}

ExitCode refuse(const Arguments& args, Console& console) {
  if (!to_output(args)) return ExitCode::kDone;
  if (args.release_id || args.release_since) {
    return console.fail(
        ExitCode::kUsage,
        "What goes through a pipe isn't safe yet when the backup ends, so --release "
        "has no place here: release with kept --release once it is.");
  }
  if (args.json) {
    return console.fail(ExitCode::kUsage,
                        "--json has no place in standard output, where the backup goes.");
  }
  if (isatty(1) != 1) return ExitCode::kDone;
  return console.fail(ExitCode::kUsage,
                      "A backup is nothing for a terminal: send standard output to a file or a "
                      "pipe.");
}

}  // namespace

ExitCode run_backup(const Arguments& given, Console& console) {
  if (const ExitCode refused = refuse(given, console); refused != ExitCode::kDone) return refused;
  Arguments args = given;
  make_files_as_private_as({args.database});
  const bool changes = args.keep || args.release_id || args.release_since;
  std::optional<Error> busy;
  auto database = changes ? open_to_write(args, console) : open_to_copy(args, console, &busy);
  if (busy) return backup_by_owner(args, *busy, console);
  if (!database) return database.error();
  const auto list = console.check(database->kept_checkpoints());
  if (!list) return close(*database, list.error(), console);
  if (auto resolved = resolve(args, *list, console); !resolved)
    return close(*database, resolved.error(), console);
  std::uint64_t kept = 0;
  if (args.keep) {
    const auto checkpoint = console.check(database->keep_checkpoint());
    if (!checkpoint) return close(*database, checkpoint.error(), console);
    kept = checkpoint->id;
  }
  const auto report = copy(*database, args, kept, console);
  ExitCode code = report ? ExitCode::kDone : explain_copy(report.error(), args, console);
  const bool goes_on = carries_on(report, args);
  const ExitCode settled = settle(*database, goes_on, kept, args, console);
  code = close(*database, code == ExitCode::kDone ? settled : code, console);
  if (!report) return code;
  write_report(*report, args, goes_on ? kept : 0, console);
  return code == ExitCode::kDone && !report->sound() ? ExitCode::kDamaged : code;
}

}  // namespace holdfast::tools
