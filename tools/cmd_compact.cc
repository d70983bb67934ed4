// holdfast compact: makes the file as small as what it holds, with a line of progress.
#include <fmt/format.h>

#include "tools/json_output.h"
#include "tools/opening.h"
#include "tools/progress_line.h"
#include "tools/verbs.h"
#include "tools/wording.h"

namespace holdfast::tools {
namespace {

const char* name_of(CompactEnd end) {
  switch (end) {
    case CompactEnd::kDone:
      return "done";
    case CompactEnd::kKeptCheckpoint:
      return "kept_checkpoint";
    case CompactEnd::kOldVersions:
      return "old_versions";
    case CompactEnd::kDamage:
      return "damage";
    case CompactEnd::kWriters:
      return "writers";
  }
  return "?";
}

std::string json_of(const CompactReport& report) {
  JsonObject line;
  line.number("bytes_before", report.bytes_before).number("bytes_after", report.bytes_after);
  line.number("free_bytes", report.free_bytes).number("pages_moved", report.pages_moved);
  line.text("end", name_of(report.end)).text("why", report.why);
  return line.real("seconds", report.seconds).line();
}

std::string text_of(const CompactReport& report) {
  std::string text = fmt::format(
      "{} before, {} now; {} moved, in {:.2f} s.\n", counted(report.bytes_before, "byte"),
      counted(report.bytes_after, "byte"), counted(report.pages_moved, "page"), report.seconds);
  if (report.end == CompactEnd::kDone) return text;
  return text + "It can't be smaller: " + report.why + ".\n";
}

Result<CompactReport> compact(Database& database, const Arguments& args) {
  ProgressLine line;
  CompactOptions options;
  options.bytes_per_second = args.bytes_per_second;
  options.progress = shown_on(line);
  return database.compact(options);
}

}  // namespace

ExitCode run_compact(const Arguments& args, Console& console) {
  auto database = open_to_write(args, console);
  if (!database) return database.error();
  const auto report = compact(*database, args);
  ExitCode code = ExitCode::kDone;
  if (!report) {
    code = report.error().code() == ErrorCode::kCancelled
               ? console.fail(ExitCode::kInterrupted,
                              "Interrupted. What was moved stays moved; the rest can follow later.")
               : console.fail(report.error());
  }
  code = close(*database, code, console);
  if (report) console.out().write(args.json ? json_of(*report) : text_of(*report));
  return code;
}

}  // namespace holdfast::tools
