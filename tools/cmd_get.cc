// holdfast get: one value, byte for byte, a piece at a time.
#include <string>

#include "tools/json_output.h"
#include "tools/source.h"
#include "tools/verbs.h"

namespace holdfast::tools {
namespace {

// A JSON string has to be known as a whole, and looked at for what isn't UTF-8.
ExitCode write_json(Source& source, const Arguments& args, Console& console) {
  std::string value;
  auto found =
      console.check(source.get(args.tree.value_or(""), args.key, [&](std::string_view piece) {
        value += piece;
        return true;
      }));
  if (!found) return found.error();
  JsonObject answer;
  answer.bytes("key", args.key).flag("found", *found);
  if (*found) answer.bytes("value", value);
  console.out().write(answer.line());
  return *found ? ExitCode::kDone : ExitCode::kNotFound;
}

}  // namespace

ExitCode run_get(const Arguments& args, Console& console) {
  auto source = open_source(args, console);
  if (!source) return source.error();
  if (args.json) return write_json(**source, args, console);
  auto found = console.check(
      (*source)->get(args.tree.value_or(""), args.key,
                     [&console](std::string_view piece) { return console.out().write(piece); }));
  if (!found) return found.error();
  return *found ? ExitCode::kDone : console.fail(ExitCode::kNotFound, "There is no such key.");
}

}  // namespace holdfast::tools
