#include "tools/backup_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "tools/finding_text.h"
#include "tools/json_output.h"
#include "tools/opening.h"
#include "tools/wording.h"

namespace holdfast::tools {
namespace {

std::string name_of_copy(const Arguments& args) {
  return args.copy_to == "-" ? "standard output" : args.copy_to;
}

std::string listed(const std::vector<KeptCheckpoint>& kept) {
  std::string ids;
  for (const KeptCheckpoint& each : kept)
    ids += (ids.empty() ? "" : ", ") + std::to_string(each.id);
  return ids;
}

std::string json_summary(const BackupReport& report, const Arguments& args) {
  JsonObject line;
  line.text("type", "summary").text("to", args.copy_to).flag("sound", report.sound());
  line.number("findings", report.findings_total).number("transaction", report.txn);
  line.number("pages", report.pages).number("bytes", report.bytes);
  if (args.since != 0) line.number("since", args.since);
  if (report.kept != 0) line.number("checkpoint", report.kept);
  return line.real("seconds", report.seconds).line();
}

std::string text_summary(const BackupReport& report, const Arguments& args) {
  std::string text = fmt::format(
      "{}: {}, {}, as of transaction {}{}, in {:.2f} s.\n", name_of_copy(args),
      counted(report.pages, "page"), counted(report.bytes, "byte"), report.txn,
      args.since == 0 ? "" : fmt::format(", since checkpoint {}", args.since), report.seconds);
  if (report.kept != 0)
    text += fmt::format("Kept as checkpoint {}: --since {} makes the next increment.\n",
                        report.kept, report.kept);
  if (report.sound()) return text;
  text += fmt::format("Damaged: {} of the original, above; the copy has the rest.\n",
                      counted(report.findings_total, "page"));
  if (args.since == 0) return text;
  return text + fmt::format("Checkpoint {} stays kept: the next increment begins there again.\n",
                            args.since);
}

}  // namespace

Step<Database> open_to_copy(const Arguments& args, Console& console, std::optional<Error>* busy) {
  auto database = try_to_read(args, args.accept_damaged_log);
  if (!database && busy != nullptr && database.error().code() == ErrorCode::kBusy) {
    *busy = database.error();
    return std::unexpected(ExitCode::kInUse);
  }
  if (!database) return std::unexpected(explain_open_failure(database.error(), console));
  note_damage(*database, console);
  if (database->recovery().log_end == LogEnd::kNoLog) return std::move(*database);
  if (auto closed = console.check(database->close()); !closed)
    return std::unexpected(closed.error());
  return open_to_write(args, console);
}

Step<void> resolve(Arguments& args, const std::vector<KeptCheckpoint>& kept, Console& console) {
  if (args.since_last) {
    if (kept.empty()) {
      return std::unexpected(console.fail(
          ExitCode::kNotFound,
          "No checkpoint is kept, so there is nothing to begin at: make a whole backup with "
          "--keep first."));
    }
    if (kept.size() > 1) {
      return std::unexpected(
          console.fail(ExitCode::kUsage,
                       fmt::format("Checkpoints {} are kept, and --since last can't tell which of "
                                   "them the last backup is of: give its id, or release the others "
                                   "(holdfast kept --release).",
                                   listed(kept))));
    }
    args.since = kept.back().id;
  }
  if (args.release_since) {
    if (args.since == 0)
      return std::unexpected(
          console.fail(ExitCode::kUsage, "--release since goes with --since; give an id."));
    args.release_id = args.since;
  }
  const std::string those = listed(kept);
  for (const std::uint64_t id : {args.since, args.checkpoint, args.release_id.value_or(0)}) {
    if (id == 0 || std::ranges::find(kept, id, &KeptCheckpoint::id) != kept.end()) continue;
    return std::unexpected(console.fail(
        ExitCode::kNotFound, fmt::format("No checkpoint {} is kept; {}.", id,
                                         those.empty() ? "there are none" : "there are " + those)));
  }
  return {};
}

Result<void> delivered(Output& out) {
  if (out.ok()) return {};
  if (out.gave_up())
    return std::unexpected(Error(ErrorCode::kCancelled, "nobody took the backup in time"));
  return std::unexpected(Error(
      ErrorCode::kIo, fmt::format("the backup could not be written to standard output ({}), and "
                                  "what is there of it can't be restored",
                                  std::strerror(out.error()))));
}

void write_report(const BackupReport& report, const Arguments& args, Console& console) {
  const std::string text = report_text(report, args);
  if (!to_output(args)) {
    console.out().write(text);
    return;
  }
  Output errors(2);
  errors.write(text);
  errors.flush();
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

std::string report_text(const BackupReport& report, const Arguments& args) {
  std::string text;
  for (const Finding& finding : report.findings)
    text += args.json ? json_of(finding) : text_of(finding);
  return text + (args.json ? json_summary(report, args) : text_summary(report, args));
}

}  // namespace holdfast::tools
