// holdfast rename: gives a tree another name.
#include "tools/json_output.h"
#include "tools/opening.h"
#include "tools/verbs.h"

namespace holdfast::tools {
namespace {

Step<void> rename(Database& database, const Arguments& args, Console& console) {
  auto writer = console.check(database.begin_write());
  if (!writer) return std::unexpected(writer.error());
  const auto tree = console.check(writer->open_tree(*args.tree));
  if (!tree) return std::unexpected(tree.error());
  if (auto done = console.check(writer->rename_tree(*tree, args.new_name)); !done) return done;
  if (auto token = console.check(writer->commit()); !token) return std::unexpected(token.error());
  return {};
}

}  // namespace

ExitCode run_rename(const Arguments& args, Console& console) {
  auto database = open_to_write(args, console);
  if (!database) return database.error();
  const auto done = rename(*database, args, console);
  const ExitCode code = close(*database, done ? ExitCode::kDone : done.error(), console);
  if (done && args.json) {
    console.out().write(
        JsonObject().bytes("name", args.new_name).bytes("before", *args.tree).line());
  }
  return code;
}

}  // namespace holdfast::tools
