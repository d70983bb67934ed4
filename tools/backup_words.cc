#include "tools/backup_words.h"

#include <fmt/format.h>

#include "tools/finding_text.h"
#include "tools/json_output.h"
#include "tools/opening.h"
#include "tools/wording.h"

namespace holdfast::tools {
namespace {

std::string name_of_copy(const Arguments& args) {
  return args.copy_to == "-" ? "standard output" : args.copy_to;
}

std::string json_summary(const BackupReport& report, const Arguments& args, std::uint64_t kept) {
  JsonObject line;
  line.text("type", "summary").text("to", args.copy_to).flag("sound", report.sound());
  line.number("findings", report.findings_total).number("transaction", report.txn);
  line.number("pages", report.pages).number("bytes", report.bytes);
  if (args.since != 0) line.number("since", args.since);
  if (kept != 0) line.number("checkpoint", kept);
  return line.real("seconds", report.seconds).line();
}

std::string text_summary(const BackupReport& report, const Arguments& args, std::uint64_t kept) {
  std::string text = fmt::format(
      "{}: {}, {}, as of transaction {}{}, in {:.2f} s.\n", name_of_copy(args),
      counted(report.pages, "page"), counted(report.bytes, "byte"), report.txn,
      args.since == 0 ? "" : fmt::format(", since checkpoint {}", args.since), report.seconds);
  if (kept != 0)
    text +=
        fmt::format("Kept as checkpoint {}: --since {} makes the next increment.\n", kept, kept);
  if (report.sound()) return text;
  return text + fmt::format("Damaged: {} of the original, above; the copy has the rest.\n",
                            counted(report.findings_total, "page"));
}

}  // namespace

Step<Database> open_to_copy(const Arguments& args, Console& console) {
  auto database = open_to_read(args, console);
  if (!database || database->recovery().log_end == LogEnd::kNoLog) return database;
  if (auto closed = console.check(database->close()); !closed)
    return std::unexpected(closed.error());
  return open_to_write(args, console);
}

ExitCode explain_copy(const Error& error, const Arguments& args, Console& console) {
  // A missing folder is a file that can't be written, not a key that isn't there.
  if (error.code() == ErrorCode::kNotFound)
    return console.fail(error, ExitCode::kFailed, "It, or its folder, must be there.");
  if (error.code() == ErrorCode::kCancelled)
    return console.fail(ExitCode::kInterrupted,
                        "Interrupted. " + name_of_copy(args) +
                            (args.copy_to == "-" ? " has no whole backup." : " was not made."));
  return console.fail(error);
}

std::string report_text(const BackupReport& report, const Arguments& args, std::uint64_t kept) {
  std::string text;
  for (const Finding& finding : report.findings)
    text += args.json ? json_of(finding) : text_of(finding);
  return text + (args.json ? json_summary(report, args, kept) : text_summary(report, args, kept));
}

}  // namespace holdfast::tools
