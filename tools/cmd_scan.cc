// holdfast scan: records of a range, forward or backward.
#include <cstdint>
#include <string>

#include "tools/interrupt.h"
#include "tools/json_output.h"
#include "tools/opening.h"
#include "tools/reading.h"
#include "tools/text_bytes.h"
#include "tools/verbs.h"

namespace holdfast::tools {
namespace {

// Half-open: keys from `from` up to, but without, `to`.
struct Range {
  std::string from;
  std::optional<std::string> to;

  [[nodiscard]] bool holds(std::string_view key) const { return key >= from && (!to || key < *to); }
};

// What --from, --to and --prefix have in common.
Range wanted_range(const Arguments& args) {
  Range range{args.from.value_or(""), args.to};
  if (args.prefix) {
    if (*args.prefix > range.from) range.from = *args.prefix;
    const auto end = prefix_end(*args.prefix);
    if (end && (!range.to || *end < *range.to)) range.to = end;
  }
  return range;
}

Result<bool> go_to_start(Cursor& cursor, const Range& range, bool reverse) {
  if (!reverse) return cursor.seek(range.from);
  if (!range.to) return cursor.last();
  auto on = cursor.seek_at_or_before(*range.to);
  if (on && *on && cursor.key() == *range.to) return cursor.prev();
  return on;
}

std::string line_of(std::string_view key, std::string_view value, const Arguments& args) {
  if (args.json) {
    JsonObject record;
    record.bytes("key", key);
    if (!args.keys_only) record.bytes("value", value);
    return record.line();
  }
  std::string line = escaped(key);
  if (!args.keys_only) {
    line += '\t';
    append_escaped(line, value);
  }
  return line + '\n';
}

}  // namespace

ExitCode run_scan(const Arguments& args, Console& console) {
  auto database = open_to_read(args, console);
  if (!database) return database.error();
  auto view = view_tree(*database, args, console);
  if (!view) return view.error();
  auto cursor = console.check(view->reader.cursor(view->tree));
  if (!cursor) return cursor.error();

  const Range range = wanted_range(args);
  std::uint64_t listed = 0;
  auto on = go_to_start(*cursor, range, args.reverse);
  while (on && *on && range.holds(cursor->key()) && (!args.limit || listed < *args.limit)) {
    if (interrupted()) return ExitCode::kInterrupted;
    std::string_view value;
    if (!args.keys_only) {
      auto read_value = console.check(cursor->value());
      if (!read_value) return read_value.error();
      value = *read_value;
    }
    if (!console.out().write(line_of(cursor->key(), value, args))) return ExitCode::kDone;
    ++listed;
    on = args.reverse ? cursor->prev() : cursor->next();
  }
  return on ? ExitCode::kDone : console.fail(on.error());
}

}  // namespace holdfast::tools
