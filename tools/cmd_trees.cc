// holdfast trees: names and record counts.
#include <fmt/format.h>

#include "tools/json_output.h"
#include "tools/source.h"
#include "tools/text_bytes.h"
#include "tools/verbs.h"

namespace holdfast::tools {

ExitCode run_trees(const Arguments& args, Console& console) {
  auto source = open_source(args, console);
  if (!source) return source.error();
  auto trees = console.check((*source)->trees());
  if (!trees) return trees.error();

  for (const TreeInfo& info : *trees) {
    if (args.json) {
      JsonObject line;
      line.bytes("name", info.name).number("id", info.tree.id()).number("records", info.records);
      if (!info.records_exact) line.flag("records_exact", false);
      console.out().write(line.line());
    } else {
      const std::string name = info.name.empty() ? "(default)" : escaped(info.name);
      console.out().write(fmt::format("{}\t{}\n", name, info.records));
    }
  }
  return ExitCode::kDone;
}

}  // namespace holdfast::tools
