// holdfast get: one value, byte for byte.
#include "tools/json_output.h"
#include "tools/opening.h"
#include "tools/reading.h"
#include "tools/verbs.h"

namespace holdfast::tools {

ExitCode run_get(const Arguments& args, Console& console) {
  auto database = open_to_read(args, console);
  if (!database) return database.error();
  auto view = view_tree(*database, args, console);
  if (!view) return view.error();
  auto value = console.check(view->reader.get(view->tree, args.key));
  if (!value) return value.error();

  if (args.json) {
    JsonObject answer;
    answer.bytes("key", args.key).flag("found", value->has_value());
    if (*value) answer.bytes("value", **value);
    console.out().write(answer.line());
    return *value ? ExitCode::kDone : ExitCode::kNotFound;
  }
  if (!*value) return console.fail(ExitCode::kNotFound, "There is no such key.");
  console.out().write(**value);
  return ExitCode::kDone;
}

}  // namespace holdfast::tools
