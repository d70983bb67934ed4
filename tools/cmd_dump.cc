// holdfast dump: one tree or all of them, as of one moment, as text.
#include <fmt/format.h>

#include <string>
#include <vector>

#include "tools/interrupt.h"
#include "tools/opening.h"
#include "tools/record_writer.h"
#include "tools/text_bytes.h"
#include "tools/verbs.h"

namespace holdfast::tools {
namespace {

constexpr std::size_t kLmdbKeyBytesMax = 511;

// Address space, not memory or disk: room for half-filled pages and a page per long value.
std::uint64_t lmdb_map_bytes(const Stats& stats) {
  constexpr std::uint64_t kMebibyte = std::uint64_t{1} << 20;
  const std::uint64_t bytes = stats.pages * stats.page_size * 4 + 16 * kMebibyte;
  return bytes / kMebibyte * kMebibyte;
}

Step<std::vector<TreeInfo>> wanted_trees(const ReadTransaction& reader, const Arguments& args,
                                         Console& console) {
  if (args.all) return console.check(reader.trees());
  auto tree = console.check(reader.open_tree(args.tree.value_or("")));
  if (!tree) return std::unexpected(tree.error());
  return std::vector<TreeInfo>{{args.tree.value_or(""), *tree, 0}};
}

// A sentence about the first thing that LMDB won't take, or nothing. Looked for before a byte is
// written: a loader that meets it half way has already changed its database.
Step<std::string> lmdb_objection(const ReadTransaction& reader, const std::vector<TreeInfo>& trees,
                                 Console& console) {
  for (const TreeInfo& info : trees) {
    if (info.name.find_first_of(std::string_view("\n\0", 2)) != std::string::npos) {
      return fmt::format("LMDB's dump format can't hold the tree name {}.", escaped(info.name));
    }
    if (trees.size() > 1 && !info.name.empty()) {
      auto taken = console.check(reader.contains(info.name));
      if (!taken) return std::unexpected(taken.error());
      if (*taken) {
        return fmt::format(
            "LMDB keeps its trees' names among the default tree's keys, and {} is "
            "both: dump the trees one by one, with --tree.",
            escaped(info.name));
      }
    }
    auto cursor = console.check(reader.cursor(info.tree));
    if (!cursor) return std::unexpected(cursor.error());
    auto on = cursor->first();
    for (; on && *on; on = cursor->next()) {
      if (interrupted()) return std::unexpected(ExitCode::kInterrupted);
      if (cursor->key().empty()) {
        return "LMDB refuses empty keys, and there is a record with one: delete it, or dump with "
               "--format tsv.";
      }
      if (cursor->key().size() > kLmdbKeyBytesMax) {
        return fmt::format("LMDB refuses keys of more than {} bytes, and there is one of {}: {}…",
                           kLmdbKeyBytesMax, cursor->key().size(),
                           escaped(cursor->key().substr(0, 40)));
      }
    }
    if (!on) return std::unexpected(console.fail(on.error()));
  }
  return "";
}

// False when the reader of our output has gone.
Step<bool> dump_records(const ReadTransaction& reader, Tree tree, RecordWriter& writer,
                        Console& console) {
  auto cursor = console.check(reader.cursor(tree));
  if (!cursor) return std::unexpected(cursor.error());
  auto on = cursor->first();
  for (; on && *on; on = cursor->next()) {
    if (interrupted()) return std::unexpected(ExitCode::kInterrupted);
    auto value = console.check(cursor->value());
    if (!value) return std::unexpected(value.error());
    if (!writer.record(cursor->key(), *value)) return false;
  }
  if (!on) return std::unexpected(console.fail(on.error()));
  return true;
}

}  // namespace

ExitCode run_dump(const Arguments& args, Console& console) {
  auto database = open_to_read(args, console);
  if (!database) return database.error();
  auto reader = console.check(database->begin_read());
  if (!reader) return reader.error();
  auto trees = wanted_trees(*reader, args, console);
  if (!trees) return trees.error();

  std::optional<std::uint64_t> map_bytes;
  if (args.target == DumpTarget::kLmdb) {
    auto objection = lmdb_objection(*reader, *trees, console);
    if (!objection) return objection.error();
    if (!objection->empty()) return console.fail(ExitCode::kFailed, *objection);
    map_bytes = lmdb_map_bytes(database->stats());
  }
  RecordWriter writer(console.out(), args.format, map_bytes);
  for (const TreeInfo& info : *trees) {
    // A single tree goes out without its name: it is to be loaded wherever the reader likes.
    if (!writer.begin(args.all ? info.name : "")) return ExitCode::kDone;
    auto dumped = dump_records(*reader, info.tree, writer, console);
    if (!dumped) return dumped.error();
    if (!*dumped || !writer.end()) return ExitCode::kDone;
  }
  return ExitCode::kDone;
}

}  // namespace holdfast::tools
