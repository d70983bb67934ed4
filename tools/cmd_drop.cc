// holdfast drop: removes a tree with all its records.
#include "tools/json_output.h"
#include "tools/opening.h"
#include "tools/reclaiming.h"
#include "tools/verbs.h"

namespace holdfast::tools {
namespace {

// The records that the tree had.
Step<std::uint64_t> drop(Database& database, const Arguments& args, Console& console) {
  auto writer = console.check(database.begin_write());
  if (!writer) return std::unexpected(writer.error());
  const auto tree = console.check(writer->open_tree(*args.tree));
  if (!tree) return std::unexpected(tree.error());
  std::uint64_t records = 0;
  for (const TreeInfo& info : writer->trees().value_or(std::vector<TreeInfo>()))
    if (info.tree == *tree) records = info.records;
  if (auto done = console.check(writer->drop_tree(*tree)); !done)
    return std::unexpected(done.error());
  if (auto done = console.check(writer->commit()); !done) return std::unexpected(done.error());
  return records;
}

}  // namespace

ExitCode run_drop(const Arguments& args, Console& console) {
  auto database = open_to_write(args, console);
  if (!database) return database.error();
  const auto dropped = drop(*database, args, console);
  ExitCode code = dropped ? ExitCode::kDone : dropped.error();
  if (dropped) {
    const auto freed = reclaim(*database, console);
    if (!freed) code = freed.error();
  }
  code = close(*database, code, console);
  if (dropped && args.json) {
    console.out().write(JsonObject().bytes("name", *args.tree).number("records", *dropped).line());
  }
  return code;
}

}  // namespace holdfast::tools
