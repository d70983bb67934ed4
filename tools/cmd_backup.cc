// holdfast backup: a verified copy of a database, or of what changed in it, as a new file or as a
// stream.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "tools/backup_words.h"
#include "tools/interrupt.h"
#include "tools/opening.h"
#include "tools/progress_line.h"
#include "tools/verbs.h"

namespace holdfast::tools {
namespace {

bool to_output(const Arguments& args) {
  return args.copy_to == "-";
}

// Words for kept checkpoints become ids, and each must be there.
Step<void> resolve(Arguments& args, const Database& database, Console& console) {
  const auto kept = console.check(database.kept_checkpoints());
  if (!kept) return std::unexpected(kept.error());
  if (args.since_last) {
    if (kept->empty()) {
      return std::unexpected(console.fail(
          ExitCode::kNotFound,
          "No checkpoint is kept, so there is nothing to begin at: make a whole backup with "
          "--keep first."));
    }
    args.since = kept->back().id;
  }
  if (args.release_since) {
    if (args.since == 0)
      return std::unexpected(
          console.fail(ExitCode::kUsage, "--release since goes with --since; give an id."));
    args.release_id = args.since;
  }
  std::string those;
  for (const KeptCheckpoint& each : *kept)
    those += (those.empty() ? "" : ", ") + std::to_string(each.id);
  for (const std::uint64_t id : {args.since, args.checkpoint, args.release_id.value_or(0)}) {
    if (id == 0 || std::ranges::find(*kept, id, &KeptCheckpoint::id) != kept->end()) continue;
    return std::unexpected(console.fail(
        ExitCode::kNotFound, fmt::format("No checkpoint {} is kept; {}.", id,
                                         those.empty() ? "there are none" : "there are " + those)));
  }
  return {};
}

// A sentence about standard output, or nothing.
Result<void> delivered(Output& out) {
  if (out.ok()) return {};
  if (out.gave_up())
    return std::unexpected(Error(ErrorCode::kCancelled, "nobody took the backup in time"));
  return std::unexpected(Error(
      ErrorCode::kIo, fmt::format("the backup could not be written to standard output ({}), and "
                                  "what is there of it can't be restored",
                                  std::strerror(out.error()))));
}

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

// The base goes only when what follows it is there, and what was kept for nothing goes too.
ExitCode settle(Database& database, bool made, std::uint64_t kept, const Arguments& args,
                Console& console) {
  const std::uint64_t goes = made ? args.release_id.value_or(0) : kept;
  if (goes == 0) return ExitCode::kDone;
  const auto released = database.release_checkpoint(goes);
  return released ? ExitCode::kDone : console.fail(released.error());
}

ExitCode refuse(const Arguments& args, Console& console) {
  if (!to_output(args)) return ExitCode::kDone;
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
  const bool changes = args.keep || args.release_id || args.release_since;
  auto database = changes ? open_to_write(args, console) : open_to_copy(args, console);
  if (!database) return database.error();
  if (auto resolved = resolve(args, *database, console); !resolved)
    return close(*database, resolved.error(), console);
  std::uint64_t kept = 0;
  if (args.keep) {
    const auto checkpoint = console.check(database->keep_checkpoint());
    if (!checkpoint) return close(*database, checkpoint.error(), console);
    kept = checkpoint->id;
  }
  const auto report = copy(*database, args, kept, console);
  ExitCode code = report ? ExitCode::kDone : explain_copy(report.error(), args, console);
  const ExitCode settled = settle(*database, report.has_value(), kept, args, console);
  code = close(*database, code == ExitCode::kDone ? settled : code, console);
  if (!report) return code;
  Output errors(2);
  Output& out = to_output(args) ? errors : console.out();
  out.write(report_text(*report, args, kept));
  if (to_output(args)) errors.flush();
  return code == ExitCode::kDone && !report->sound() ? ExitCode::kDamaged : code;
}

}  // namespace holdfast::tools
