// holdfast check, and all of dbcheck: everything verify() looks at, and whether the database opens.
#include <fmt/format.h>

#include "tools/finding_text.h"
#include "tools/json_output.h"
#include "tools/opening.h"
#include "tools/owner_source.h"
#include "tools/progress_line.h"
#include "tools/text_bytes.h"
#include "tools/verbs.h"
#include "tools/wording.h"

namespace holdfast::tools {
namespace {

void write_finding(const Finding& finding, const Arguments& args, Output& out) {
  out.write(args.json ? json_of(finding) : text_of(finding));
}

std::string json_summary(const VerifyReport& report) {
  std::vector<JsonObject> trees;
  for (const TreeSummary& tree : report.trees) {
    JsonObject entry;
    entry.bytes("name", tree.name).number("id", tree.id).number("records", tree.records);
    entry.number("pages", tree.pages).number("overflow_pages", tree.overflow_pages);
    entry.number("height", tree.height).number("bytes_used", tree.bytes_used);
    trees.push_back(std::move(entry));
  }
  JsonObject line;
  line.text("type", "summary").flag("sound", report.sound());
  line.number("findings", report.findings_total).number("records", report.records);
  line.number("pages", report.pages_checked).number("map_pages", report.map_pages_checked);
  line.number("dying_pages", report.dying_pages);
  line.number("slots_free", report.slots_free).number("log_bytes", report.log_bytes_checked);
  return line.real("seconds", report.seconds).list("trees", trees).line();
}

std::string text_summary(const VerifyReport& report) {
  std::string text;
  for (const TreeSummary& tree : report.trees) {
    const std::string name = tree.name.empty() ? "default tree" : "tree " + escaped(tree.name);
    text += fmt::format("{}: {}, {}, {}, {}\n", name, counted(tree.records, "record"),
                        counted(tree.pages, "page"), counted(tree.overflow_pages, "overflow page"),
                        counted(tree.height, "level"));
  }
  if (report.dying_pages != 0) {
    text += fmt::format("cut off and to be freed: {}\n", counted(report.dying_pages, "page"));
  }
  if (report.findings_total > report.findings.size()) {
    text += fmt::format("Not listed: {} more.\n", report.findings_total - report.findings.size());
  }
  const std::string verdict =
      report.sound() ? "Sound" : "Damaged, " + counted(report.findings_total, "finding");
  return text + fmt::format("{}: {}, {}, {} checked in {:.2f} s.\n", verdict,
                            counted(report.pages_checked, "page"),
                            counted(report.map_pages_checked, "map page"),
                            counted(report.log_bytes_checked, "log byte"), report.seconds);
}

// The damage that kept the database from opening, as a finding like those of verify().
Finding finding_of(const Error& error) {
  const ErrorPlace& place = error.place();
  return Finding{"open_refused", error.message(), place.file, place.offset,
                 place.page,     place.tree,      place.txn};
}

template <class Checked>
Result<VerifyReport> verify_with_progress(Checked&& check) {
  ProgressLine line;
  VerifyOptions options;
  options.progress = shown_on(line);
  return check(options);
}

ExitCode write_report(const VerifyReport& report, const Arguments& args, Console& console) {
  console.out().write(args.json ? json_summary(report) : text_summary(report));
  return report.sound() ? ExitCode::kDone : ExitCode::kDamaged;
}

// Another process has it open, and checks it itself.
ExitCode check_by_owner(const Arguments& args, const Error& busy, Console& console) {
  auto owner = reach_owner(args, busy, console);
  if (!owner) return owner.error();
  auto checked = console.check(verify_with_progress(
      [&owner](const VerifyOptions& options) { return verify(*owner, options); }));
  if (!checked) return checked.error();
  for (const Finding& finding : checked->findings) write_finding(finding, args, console.out());
  return write_report(*checked, args, console);
}

}  // namespace

ExitCode run_check(const Arguments& args, Console& console) {
  VerifyReport report;
  auto database = try_to_read(args, false);
  if (!database && database.error().code() == ErrorCode::kDamaged) {
    const Finding refused = finding_of(database.error());
    write_finding(refused, args, console.out());
    report.findings.push_back(refused);
    report.findings_total = 1;
    database = try_to_read(args, true);  // A damaged log doesn't keep the rest from being checked.
  }
  if (!database && report.sound() && database.error().code() == ErrorCode::kBusy)
    return check_by_owner(args, database.error(), console);
  if (!database && database.error().code() != ErrorCode::kDamaged) {
    const ExitCode code = explain_open_failure(database.error(), console);
    return report.sound() ? code : ExitCode::kDamaged;
  }
  if (database) {
    note_replay(*database, console);
    auto checked = console.check(verify_with_progress(
        [&database](const VerifyOptions& options) { return database->verify(options); }));
    if (!checked) return checked.error();
    for (const Finding& finding : checked->findings) write_finding(finding, args, console.out());
    checked->findings.insert(checked->findings.end(), report.findings.begin(),
                             report.findings.end());
    checked->findings_total += report.findings_total;
    report = std::move(*checked);
  }
  return write_report(report, args, console);
}

}  // namespace holdfast::tools
