// holdfast drop: removes a tree with all its records.
#include "tools/eraser.h"
#include "tools/json_output.h"
#include "tools/opening.h"
#include "tools/verbs.h"

namespace holdfast::tools {
namespace {

// In one transaction. The library's error, or the records that the tree had.
Result<std::uint64_t> drop_at_once(Database& database, Tree tree) {
  auto writer = database.begin_write();
  if (!writer) return std::unexpected(writer.error());
  const auto records = writer->count(tree);
  if (!records) return records;
  if (auto dropped = writer->drop_tree(tree); !dropped) return std::unexpected(dropped.error());
  if (auto token = writer->commit(); !token) return std::unexpected(token.error());
  return records;
}

Step<std::uint64_t> drop(Database& database, const Arguments& args, Console& console) {
  auto reader = console.check(database.begin_read());
  if (!reader) return std::unexpected(reader.error());
  const auto tree = console.check(reader->open_tree(*args.tree));
  if (!tree) return std::unexpected(tree.error());
  {
    const ReadTransaction ended = std::move(*reader);
  }  // It would keep what is freed from use.
  auto dropped = drop_at_once(database, *tree);
  if (dropped || dropped.error().code() != ErrorCode::kLimitExceeded) return console.check(dropped);
  // More than one transaction may free: the records go first.
  Eraser eraser(database, *tree, console);
  if (const ExitCode code = eraser.run("", std::nullopt); code != ExitCode::kDone)
    return std::unexpected(code);
  dropped = drop_at_once(database, *tree);
  if (!dropped) return console.check(dropped);
  return eraser.erased() + *dropped;
}

}  // namespace

ExitCode run_drop(const Arguments& args, Console& console) {
  auto database = open_to_write(args, console);
  if (!database) return database.error();
  const auto dropped = drop(*database, args, console);
  const ExitCode code = close(*database, dropped ? ExitCode::kDone : dropped.error(), console);
  if (dropped && args.json) {
    console.out().write(JsonObject().bytes("name", *args.tree).number("records", *dropped).line());
  }
  return code;
}

}  // namespace holdfast::tools
