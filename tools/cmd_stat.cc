// holdfast stat: what is in the database, how large it is, and of one that is open in another
// process, what has happened there since.
#include <fmt/format.h>

#include <string>
#include <vector>

#include "holdfast/stats.h"
#include "tools/json_output.h"
#include "tools/source.h"
#include "tools/text_bytes.h"
#include "tools/verbs.h"
#include "tools/wording.h"

namespace holdfast::tools {
namespace {

// The field that is a list: how many syncs took how long, by powers of two.
constexpr std::string_view kTimes = "log_sync_times";

LatencyHistogram times_in(const wire::Item& database) {
  LatencyHistogram times;
  std::size_t at = 0;
  for (const wire::Field& field : database.fields) {
    if (field.name == kTimes && at < times.counts.size()) times.counts[at++] = field.number;
  }
  return times;
}

void write_json(const Source::Summary& summary, Output& out) {
  JsonObject object;
  std::vector<std::uint64_t> times;
  for (const wire::Field& field : summary.database.fields) {
    if (field.name == kTimes) {
      times.push_back(field.number);
    } else if (field.text) {
      object.text(field.name, *field.text);
    } else {
      object.number(field.name, field.number);
    }
  }
  if (!times.empty()) object.numbers(kTimes, times);
  std::vector<JsonObject> list;
  for (const TreeInfo& info : summary.trees) {
    JsonObject entry;
    entry.bytes("name", info.name).number("id", info.tree.id()).number("records", info.records);
    if (!info.records_exact) entry.flag("records_exact", false);
    list.push_back(std::move(entry));
  }
  out.write(object.list("trees", list).line());
}

std::string times_text(const LatencyHistogram& times) {
  return fmt::format("half below {} us, 99 of 100 below {} us, all below {} us\n", times.below(0.5),
                     times.below(0.99), times.below(1));
}

void write_text(const Source::Summary& summary, Output& out) {
  for (const wire::Field& field : summary.database.fields) {
    if (field.name == kTimes) continue;
    std::string name = field.name;
    for (char& c : name) c = c == '_' ? ' ' : c;
    out.write(
        fmt::format("{:<22} {}\n", name, field.text ? *field.text : std::to_string(field.number)));
  }
  const LatencyHistogram times = times_in(summary.database);
  if (times.total() != 0) out.write(fmt::format("{:<22} {}", "log sync times", times_text(times)));
  for (const TreeInfo& info : summary.trees) {
    const std::string name = info.name.empty() ? "default tree" : "tree " + escaped(info.name);
    out.write(fmt::format("{:<22} {}{}\n", name, info.records_exact ? "" : "at most ",
                          counted(info.records, "record")));
  }
}

}  // namespace

ExitCode run_stat(const Arguments& args, Console& console) {
  auto source = open_source(args, console, true);
  if (!source) return source.error();
  auto summary = console.check((*source)->summary());
  if (!summary) return summary.error();
  if (args.json) {
    write_json(*summary, console.out());
  } else {
    write_text(*summary, console.out());
  }
  return ExitCode::kDone;
}

}  // namespace holdfast::tools
