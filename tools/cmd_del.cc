// holdfast del: removes one record, or those of a range.
#include <fmt/format.h>

#include "tools/json_output.h"
#include "tools/opening.h"
#include "tools/reclaiming.h"
#include "tools/verbs.h"
#include "tools/wording.h"

namespace holdfast::tools {
namespace {

// Whether there was such a record.
Step<bool> erase(Database& database, const Arguments& args, Console& console) {
  auto writer = console.check(database.begin_write());
  if (!writer) return std::unexpected(writer.error());
  auto tree = console.check(writer->open_tree(args.tree.value_or("")));
  if (!tree) return std::unexpected(tree.error());
  auto erased = console.check(writer->erase(*tree, args.key));
  if (!erased || !*erased) return erased;
  if (auto done = console.check(writer->commit()); !done) return std::unexpected(done.error());
  return true;
}

struct Erased {
  Tree tree;
  std::uint64_t before = 0;  // Records of it.
};

Step<Erased> erase_range(Database& database, const Arguments& args, Console& console) {
  auto writer = console.check(database.begin_write());
  if (!writer) return std::unexpected(writer.error());
  const auto tree = console.check(writer->open_tree(args.tree.value_or("")));
  if (!tree) return std::unexpected(tree.error());
  const auto before = console.check(writer->count(*tree));
  if (!before) return std::unexpected(before.error());
  if (auto done = console.check(writer->erase_range(*tree, args.from, args.to)); !done)
    return std::unexpected(done.error());
  if (auto done = console.check(writer->commit()); !done) return std::unexpected(done.error());
  return Erased{*tree, *before};
}

Step<std::uint64_t> count(Database& database, Tree tree, Console& console) {
  const auto reader = console.check(database.begin_read());
  if (!reader) return std::unexpected(reader.error());
  return console.check(reader->count(tree));
}

// Once the pages are free the count is at hand, so it tells how many records went.
ExitCode del_range(Database& database, const Arguments& args, Console& console) {
  const auto erased = erase_range(database, args, console);
  if (!erased) return close(database, erased.error(), console);
  const auto freed = reclaim(database, console);
  if (!freed) return close(database, freed.error(), console);
  const auto left = count(database, erased->tree, console);
  if (!left) return close(database, left.error(), console);
  const ExitCode code = close(database, ExitCode::kDone, console);
  const std::uint64_t records = erased->before - *left;
  if (args.json) {
    console.out().write(JsonObject().number("records", records).number("pages", *freed).line());
  } else if (code == ExitCode::kDone) {
    console.out().write(fmt::format("{} erased.\n", counted(records, "record")));
  }
  return code;
}

}  // namespace

ExitCode run_del(const Arguments& args, Console& console) {
  auto database = open_to_write(args, console);
  if (!database) return database.error();
  if (args.from) return del_range(*database, args, console);
  const auto erased = erase(*database, args, console);
  const ExitCode code = close(*database, erased ? ExitCode::kDone : erased.error(), console);
  if (!erased) return code;
  if (args.json) {
    console.out().write(JsonObject().bytes("key", args.key).flag("found", *erased).line());
  } else if (!*erased) {
    console.say("There is no such key.");
  }
  return *erased || code != ExitCode::kDone ? code : ExitCode::kNotFound;
}

}  // namespace holdfast::tools
