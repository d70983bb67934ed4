// holdfast backup and holdfast restore: a verified copy of a database, or of a backup, as a new
// file.
#include <fmt/format.h>

#include "tools/finding_text.h"
#include "tools/interrupt.h"
#include "tools/json_output.h"
#include "tools/opening.h"
#include "tools/progress_line.h"
#include "tools/verbs.h"
#include "tools/wording.h"

namespace holdfast::tools {
namespace {

// Read-only where that will do: a database that was closed. Else its log has to be folded in.
Step<Database> open_source(const Arguments& args, Console& console) {
  auto database = open_to_read(args, console);
  if (!database || database->recovery().log_end == LogEnd::kNoLog) return database;
  if (auto closed = console.check(database->close()); !closed)
    return std::unexpected(closed.error());
  return open_to_write(args, console);
}

Result<BackupReport> copy(Database& database, const Arguments& args) {
  ProgressLine line;
  BackupOptions options;
  options.progress = shown_on(line);
  return database.backup(args.copy_to, options);
}

// A missing folder is a file that can't be written, not a key that isn't there.
ExitCode explain(const Error& error, const Arguments& args, Console& console) {
  if (error.code() == ErrorCode::kNotFound)
    return console.fail(error, ExitCode::kFailed, "Its folder must be there.");
  if (error.code() == ErrorCode::kCancelled)
    return console.fail(ExitCode::kInterrupted, "Interrupted. " + args.copy_to + " was not made.");
  return console.fail(error);
}

std::string json_of(const BackupReport& report, const Arguments& args) {
  JsonObject line;
  line.text("type", "summary").text("to", args.copy_to).flag("sound", report.sound());
  line.number("findings", report.findings_total).number("transaction", report.txn);
  line.number("pages", report.pages).number("bytes", report.bytes);
  return line.real("seconds", report.seconds).line();
}

std::string text_of(const BackupReport& report, const Arguments& args) {
  std::string text = fmt::format("{}: {}, {}, as of transaction {}, in {:.2f} s.\n", args.copy_to,
                                 counted(report.pages, "page"), counted(report.bytes, "byte"),
                                 report.txn, report.seconds);
  if (report.sound()) return text;
  return text + fmt::format("Damaged: {} of the original, above; the copy has the rest.\n",
                            counted(report.findings_total, "page"));
}

}  // namespace

ExitCode run_backup(const Arguments& args, Console& console) {
  auto database = open_source(args, console);
  if (!database) return database.error();
  const auto report = copy(*database, args);
  const ExitCode code =
      close(*database, report ? ExitCode::kDone : explain(report.error(), args, console), console);
  if (!report) return code;
  for (const Finding& finding : report->findings)
    console.out().write(args.json ? json_of(finding) : text_of(finding));
  console.out().write(args.json ? json_of(*report, args) : text_of(*report, args));
  return code == ExitCode::kDone && !report->sound() ? ExitCode::kDamaged : code;
}

}  // namespace holdfast::tools
