// holdfast dump: one tree or all of them, as of one moment, as text.
#include <fmt/format.h>

#include <string>
#include <vector>

#include "tools/record_writer.h"
#include "tools/source.h"
#include "tools/text_bytes.h"
#include "tools/verbs.h"

namespace holdfast::tools {
namespace {

constexpr std::size_t kLmdbKeyBytesMax = 511;

// Address space, not memory or disk: room for half-filled pages and a page per long value.
std::uint64_t lmdb_map_bytes(const wire::Item& database) {
  constexpr std::uint64_t kMebibyte = std::uint64_t{1} << 20;
  const std::uint64_t bytes =
      database.number_of("pages") * database.number_of("page_size") * 4 + 16 * kMebibyte;
  return bytes / kMebibyte * kMebibyte;
}

Step<std::vector<TreeInfo>> wanted_trees(Source& source, const Arguments& args, Console& console) {
  if (args.all) return console.check(source.trees());
  const std::string name = args.tree.value_or("");
  if (auto found = console.check(source.find_tree(name)); !found)
    return std::unexpected(found.error());
  return std::vector<TreeInfo>{{name, Tree{}, 0}};
}

// Looks at keys until there is one that LMDB won't take, and says what is wrong with that.
class LmdbKeys final : public RecordSink {
 public:
  bool begin(std::string_view key, std::uint64_t) override {
    if (key.empty()) {
      objection_ =
          "LMDB refuses empty keys, and there is a record with one: delete it, or dump with "
          "--format tsv.";
    } else if (key.size() > kLmdbKeyBytesMax) {
      objection_ =
          fmt::format("LMDB refuses keys of more than {} bytes, and there is one of {}: {}…",
                      kLmdbKeyBytesMax, key.size(), escaped(key.substr(0, 40)));
    }
    return objection_.empty();
  }
  bool value(std::string_view) override { return true; }
  bool end() override { return true; }
  [[nodiscard]] const std::string& objection() const { return objection_; }

 private:
  std::string objection_;
};

// A sentence about the first thing that LMDB won't take, or nothing. Looked for before a byte is
// written: a loader that meets it half way has already changed its database.
Step<std::string> lmdb_objection(Source& source, const std::vector<TreeInfo>& trees,
                                 Console& console) {
  LmdbKeys keys;
  for (const TreeInfo& info : trees) {
    if (info.name.find_first_of(std::string_view("\n\0", 2)) != std::string::npos) {
      return fmt::format("LMDB's dump format can't hold the tree name {}.", escaped(info.name));
    }
    if (trees.size() > 1 && !info.name.empty()) {
      auto taken = console.check(source.contains("", info.name));
      if (!taken) return std::unexpected(taken.error());
      if (*taken) {
        return fmt::format(
            "LMDB keeps its trees' names among the default tree's keys, and {} is "
            "both: dump the trees one by one, with --tree.",
            escaped(info.name));
      }
    }
    Range all;
    all.keys_only = true;
    if (auto looked = console.check(source.scan(info.name, all, keys)); !looked)
      return std::unexpected(looked.error());
    if (!keys.objection().empty()) return keys.objection();
  }
  return "";
}

class DumpedRecords final : public RecordSink {
 public:
  explicit DumpedRecords(RecordWriter& writer) : writer_(writer) {}
  bool begin(std::string_view key, std::uint64_t) override { return writer_.key(key); }
  bool value(std::string_view piece) override { return writer_.value(piece); }
  bool end() override { return writer_.end_record(); }

 private:
  RecordWriter& writer_;
};

}  // namespace

ExitCode run_dump(const Arguments& args, Console& console) {
  auto source = open_source(args, console);
  if (!source) return source.error();
  auto trees = wanted_trees(**source, args, console);
  if (!trees) return trees.error();

  std::optional<std::uint64_t> map_bytes;
  if (args.target == DumpTarget::kLmdb) {
    auto objection = lmdb_objection(**source, *trees, console);
    if (!objection) return objection.error();
    if (!objection->empty()) return console.fail(ExitCode::kFailed, *objection);
    auto summary = console.check((*source)->summary());
    if (!summary) return summary.error();
    map_bytes = lmdb_map_bytes(summary->database);
  }
  RecordWriter writer(console.out(), args.format, map_bytes);
  DumpedRecords records(writer);
  for (const TreeInfo& info : *trees) {
    // A single tree goes out without its name: it is to be loaded wherever the reader likes.
    if (!writer.begin(args.all ? info.name : "")) return ExitCode::kDone;
    auto dumped = console.check((*source)->scan(info.name, Range{}, records));
    if (!dumped) return dumped.error();
    if (!writer.end()) return ExitCode::kDone;
  }
  return ExitCode::kDone;
}

}  // namespace holdfast::tools
