// holdfast get: one value, byte for byte, a piece at a time.
#include <span>
#include <string>

#include "tools/interrupt.h"
#include "tools/json_output.h"
#include "tools/opening.h"
#include "tools/reading.h"
#include "tools/verbs.h"

namespace holdfast::tools {

namespace {

ExitCode write_out(const ValueReader& value, Console& console) {
  std::string piece(std::size_t{1} << 18, '\0');
  for (std::uint64_t at = 0; at < value.size();) {
    if (interrupted()) return ExitCode::kInterrupted;
    auto got = console.check(value.read(at, std::as_writable_bytes(std::span(piece))));
    if (!got) return got.error();
    if (!console.out().write(std::string_view(piece).substr(0, *got))) break;
    at += *got;
  }
  return ExitCode::kDone;
}

}  // namespace

ExitCode run_get(const Arguments& args, Console& console) {
  auto database = open_to_read(args, console);
  if (!database) return database.error();
  auto view = view_tree(*database, args, console);
  if (!view) return view.error();
  // A JSON string has to be known as a whole, and looked at for what isn't UTF-8.
  if (args.json) {
    auto value = console.check(view->reader.get(view->tree, args.key));
    if (!value) return value.error();
    JsonObject answer;
    answer.bytes("key", args.key).flag("found", value->has_value());
    if (*value) answer.bytes("value", **value);
    console.out().write(answer.line());
    return *value ? ExitCode::kDone : ExitCode::kNotFound;
  }
  auto value = console.check(view->reader.open_value(view->tree, args.key));
  if (!value) return value.error();
  if (!*value) return console.fail(ExitCode::kNotFound, "There is no such key.");
  return write_out(**value, console);
}

}  // namespace holdfast::tools
