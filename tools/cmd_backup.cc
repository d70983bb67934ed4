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

Result<BackupReport> copy(Database& database, const Arguments& args, Console& console) {
  ProgressLine line;
  BackupOptions options;
  options.checkpoint = args.checkpoint;
  options.since = args.since;
  options.keep = args.keep;
  if (args.keep) options.release = args.release_id.value_or(0);
  options.progress = shown_on(line);
  if (!to_output(args)) return database.backup(args.copy_to, options);
  return database.backup(
      [&](std::string_view bytes) {
        console.out().write(bytes);
        console.out().flush();  // What isn't delivered is nothing to keep a checkpoint for.
        return delivered(console.out());
      },
      options);
}

// Without --keep: the base goes when what follows it is there. An increment that lacks something
// is followed by another from the same base, which may find it.
ExitCode settle(Database& database, const BackupReport& report, const Arguments& args,
                Console& console) {
  const bool whole_one = args.since == 0;
  if (args.keep || !args.release_id || !(report.sound() || whole_one)) return ExitCode::kDone;
  const auto released = database.release_checkpoint(*args.release_id);
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
  const auto report = copy(*database, args, console);
  ExitCode code = report ? settle(*database, *report, args, console)
                         : explain_copy(report.error(), args, console);
  code = close(*database, code, console);
  if (!report) return code;
  write_report(*report, args, console);
  return code == ExitCode::kDone && !report->sound() ? ExitCode::kDamaged : code;
}

}  // namespace holdfast::tools
