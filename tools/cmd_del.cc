// holdfast del: removes one record.
#include "tools/json_output.h"
#include "tools/opening.h"
#include "tools/verbs.h"

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

}  // namespace

ExitCode run_del(const Arguments& args, Console& console) {
  auto database = open_to_write(args, console);
  if (!database) return database.error();
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
