// holdfast stat: what is in the database and how large it is on disk.
#include <fmt/format.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "tools/json_output.h"
#include "tools/opening.h"
#include "tools/text_bytes.h"
#include "tools/verbs.h"
#include "tools/wording.h"

namespace holdfast::tools {
namespace {

struct Figure {
  std::string_view name;  // In JSON; in text with spaces for underscores.
  std::uint64_t value;
};

// Counters since opening say nothing here, where the database was opened a moment ago.
std::vector<Figure> figures(const Stats& stats) {
  return {{"page_size", stats.page_size},
          {"newest_txn", stats.newest_txn},
          {"durable_txn", stats.durable_txn},
          {"checkpoint_txn", stats.checkpoint_txn},
          {"pages", stats.pages},
          {"file_bytes", stats.file_bytes},
          {"free_bytes", stats.free_bytes},
          {"kept_checkpoints", stats.kept_checkpoints},
          {"kept_bytes", stats.kept_bytes},
          {"log_file_bytes", stats.log_file_bytes},
          {"cache_budget_bytes", stats.cache_budget_bytes},
          {"cache_frame_bytes", stats.cache_frame_bytes},
          {"table_bytes", stats.table_bytes}};
}

void write_json(const Database& database, const std::vector<TreeInfo>& trees, Output& out) {
  JsonObject object;
  object.text("file", database.path());
  for (const Figure& figure : figures(database.stats())) object.number(figure.name, figure.value);
  const RecoveryReport& report = database.recovery();
  object.text("log_end", log_end_name(report.log_end)).number("generation", report.generation);
  object.number("transactions_replayed", report.transactions_replayed);
  std::vector<JsonObject> list;
  for (const TreeInfo& info : trees) {
    JsonObject entry;
    entry.bytes("name", info.name).number("id", info.tree.id()).number("records", info.records);
    list.push_back(std::move(entry));
  }
  out.write(object.list("trees", list).line());
}

void write_text(const Database& database, const std::vector<TreeInfo>& trees, Output& out) {
  out.write(fmt::format("{:<20} {}\n", "file", database.path()));
  for (const Figure& figure : figures(database.stats())) {
    std::string name(figure.name);
    for (char& c : name) c = c == '_' ? ' ' : c;
    out.write(fmt::format("{:<20} {}\n", name, figure.value));
  }
  const RecoveryReport& report = database.recovery();
  out.write(fmt::format("{:<20} {}\n", "generation", report.generation));
  out.write(fmt::format("{:<20} {}\n", "log end", log_end_name(report.log_end)));
  for (const TreeInfo& info : trees) {
    const std::string name = info.name.empty() ? "default tree" : "tree " + escaped(info.name);
    out.write(fmt::format("{:<20} {}\n", name, counted(info.records, "record")));
  }
}

}  // namespace

ExitCode run_stat(const Arguments& args, Console& console) {
  auto database = open_to_read(args, console);
  if (!database) return database.error();
  note_replay(*database, console);
  auto reader = console.check(database->begin_read());
  if (!reader) return reader.error();
  auto trees = console.check(reader->trees());
  if (!trees) return trees.error();
  if (args.json) {
    write_json(*database, *trees, console.out());
  } else {
    write_text(*database, *trees, console.out());
  }
  return ExitCode::kDone;
}

}  // namespace holdfast::tools
