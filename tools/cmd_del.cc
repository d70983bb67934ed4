// holdfast del: removes one record, or those of a range.
#include <fmt/format.h>

#include "tools/eraser.h"
#include "tools/json_output.h"
#include "tools/opening.h"
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

Step<Tree> find_tree(Database& database, const Arguments& args, Console& console) {
  auto reader = console.check(database.begin_read());
  if (!reader) return std::unexpected(reader.error());
  return console.check(reader->open_tree(args.tree.value_or("")));
}

ExitCode del_range(Database& database, const Arguments& args, Console& console) {
  const auto tree = find_tree(database, args, console);
  if (!tree) return close(database, tree.error(), console);
  Eraser eraser(database, *tree, console);
  const ExitCode code = close(database, eraser.run(*args.from, args.to), console);
  if (args.json) {
    JsonObject answer;
    answer.number("records", eraser.erased()).number("commits", eraser.commits());
    console.out().write(answer.flag("complete", code == ExitCode::kDone).line());
  } else if (code == ExitCode::kDone) {
    console.out().write(fmt::format("{} erased in {}.\n", counted(eraser.erased(), "record"),
                                    counted(eraser.commits(), "commit")));
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
