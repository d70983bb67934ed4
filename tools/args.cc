// The options of every verb, each declared once, with its help and an example.
#include "tools/args.h"

#include <CLI/CLI.hpp>
#include <vector>

#include "engine/base/limits.h"
#include "holdfast/database.h"
#include "tools/args_backup.h"
#include "tools/option_kinds.h"
#include "tools/text_bytes.h"

namespace holdfast::tools {
namespace {

constexpr const char* kExitCodes =
    "Exit codes: 0 done or sound, 1 key or tree not found, 2 usage, 3 could not be read or "
    "written,\n"
    "4 in use, 5 damage found, 130 interrupted.";
constexpr const char* kDashes = "\nWords that begin with - (and ++) go after --.";

class Parser {
 public:
  explicit Parser(CLI::App& app) : app_(app) {}

  Arguments take() { return std::move(args_); }

  // Turns the keys of the command line into bytes; a sentence when they can't be.
  std::optional<std::string> decode_keys() {
    if (!hex_) return std::nullopt;
    for (std::string* key :
         {&args_.key, args_.from ? &*args_.from : nullptr, args_.to ? &*args_.to : nullptr,
          args_.prefix ? &*args_.prefix : nullptr}) {
      if (key == nullptr) continue;
      auto bytes = from_hex(*key);
      if (!bytes)
        return "With --hex a key is pairs of hexadecimal digits; \"" + *key + "\" is not.";
      *key = std::move(*bytes);
    }
    return std::nullopt;
  }

  CLI::App* verb(Verb verb, const char* name, const char* what, const std::string& example) {
    CLI::App* sub = app_.add_subcommand(name, what);
    sub->footer("Example:\n  " + example + "\n\n" + kExitCodes + kDashes);
    sub->callback([this, verb] { args_.verb = verb; });
    database(sub);
    return sub;
  }

  void database(CLI::App* sub) {
    sub->add_option("DB", args_.database, "The database file")->required();
    cache(sub);
  }
  void cache(CLI::App* sub) {
    bytes_option(*sub, "--cache",
                 "Memory to use (cache_bytes), in bytes or as 8M, 2G; from 1M (default 64M)",
                 kMinCacheBytes, "1M", [this](std::uint64_t number) {
                   args_.cache_bytes = number;
                   args_.cache_given = true;
                 });
  }

  void json(CLI::App* sub, const char* what) { sub->add_flag("--json", args_.json, what); }
  void tree(CLI::App* sub) {
    sub->add_option("--tree", args_.tree, "The tree to use (default: the default tree)")
        ->type_name("NAME");
  }
  void hex(CLI::App* sub) {
    sub->add_flag("--hex", hex_, "Keys on the command line are hexadecimal");
  }
  void key(CLI::App* sub) {
    sub->add_option("KEY", args_.key, "The key")->required();
    hex(sub);
  }
  void creation(CLI::App* sub) {
    choice_option(
        *sub, "--page-size", "BYTES",
        "Bytes per page if the database is created now: 4096, 8192 (default), 16384 or 32768",
        args_.page_size, {{"4096", 4096}, {"8192", 8192}, {"16384", 16384}, {"32768", 32768}});
  }
  void durability(CLI::App* sub) {
    choice_option(
        *sub, "--durability", "LEVEL", "What a commit waits for: sync (default), os or lazy",
        args_.durability,
        {{"sync", Durability::kSync}, {"os", Durability::kOs}, {"lazy", Durability::kLazy}});
  }

  void damaged_log(CLI::App* sub) {
    sub->add_flag("--accept-damaged-log", args_.accept_damaged_log,
                  "If the log is damaged, read what was there before the damage");
  }

  void add_put() {
    CLI::App* sub =
        verb(Verb::kPut, "put", "Store a value; creates the database and the tree",
             "holdfast put fruit.db apple red\n  holdfast put fruit.db photo --file a.jpg");
    key(sub);
    CLI::Option* value =
        sub->add_option("VALUE", args_.value, "The value; - reads it from standard input");
    CLI::Option* file = sub->add_option("--file", args_.value_file, "Read the value from this file")
                            ->type_name("PATH")
                            ->check(CLI::Validator(
                                [](const std::string& path) {
                                  return path.empty()
                                             ? std::string("a path has at least one character")
                                             : std::string();
                                },
                                "", ""))
                            ->excludes(value);
    sub->parse_complete_callback([this, value, file] {
      if (value->count() + file->count() == 0) throw CLI::RequiredError("VALUE or --file PATH");
      args_.value_from_input = args_.value == "-";
    });
    tree(sub);
    creation(sub);
    durability(sub);
    json(sub, "Answer with one JSON object");
  }
  void add_get() {
    CLI::App* sub = verb(Verb::kGet, "get", "Write a value's exact bytes to standard output",
                         "holdfast get fruit.db apple");
    key(sub);
    tree(sub);
    damaged_log(sub);
    json(sub, "Answer with one JSON object");
  }
  void add_del() {
    CLI::App* sub = verb(Verb::kDel, "del", "Remove a record, or those of a range",
                         "holdfast del fruit.db apple\n  holdfast del fruit.db --range a b");
    CLI::Option* one = sub->add_option("KEY", args_.key, "The key");
    hex(sub);
    CLI::Option* range =
        sub->add_option_function<std::vector<std::string>>(
               "--range",
               [this](const std::vector<std::string>& keys) {
                 args_.from = keys[0];
                 if (!keys[1].empty()) args_.to = keys[1];
               },
               "All keys from FROM on and before TO; an empty TO is the end of the tree")
            ->type_name("FROM TO")
            ->expected(2)
            ->excludes(one);
    sub->parse_complete_callback([one, range] {
      if (one->count() + range->count() == 0) throw CLI::RequiredError("KEY or --range FROM TO");
    });
    tree(sub);
    durability(sub);
    json(sub, "Answer with one JSON object");
  }
  void add_drop() {
    CLI::App* sub = verb(Verb::kDrop, "drop", "Remove a tree with all its records",
                         "holdfast drop fruit.db citrus");
    sub->add_option("NAME", args_.tree, "The tree; the default tree can't be dropped")->required();
    durability(sub);
    json(sub, "Answer with one JSON object");
  }
  void add_backup() {
    CLI::App* sub = verb(Verb::kBackup, "backup",
                         "Copy a database, or what changed, to a file; each page verified",
                         "holdfast backup fruit.db /backups/fruit-sunday.db --keep\n"
                         "  holdfast backup fruit.db /backups/fruit-monday.inc --since last --keep "
                         "--release since\n"
                         "  holdfast backup fruit.db - | zstd > fruit.backup.zst");
    add_backup_words(*sub, args_);
    json(sub, "Write the report, and what is damaged, as JSON");
  }
  void add_restore() {
    CLI::App* sub = app_.add_subcommand(
        "restore", "Make a database from a backup and the increments on it, all verified");
    sub->footer(std::string("Example:\n  holdfast restore fruit-sunday.db fruit-monday.inc "
                            "fruit.db\n  zstd -d < fruit.backup.zst | holdfast restore - "
                            "fruit.db\n\n") +
                kExitCodes + kDashes);
    sub->callback([this] { args_.verb = Verb::kRestore; });
    cache(sub);
    add_restore_words(*sub, args_);
    json(sub, "Write the report, and what is damaged, as JSON");
  }
  void add_kept() {
    CLI::App* sub = verb(Verb::kKept, "kept", "List the kept checkpoints, or release one",
                         "holdfast kept fruit.db");
    add_kept_words(*sub, args_);
    json(sub, "A JSON object a checkpoint");
  }
  void add_compact() {
    CLI::App* sub = verb(Verb::kCompact, "compact", "Make the file as small as its contents",
                         "holdfast compact fruit.db --rate 50M");
    bytes_option(*sub, "--rate",
                 "Move no more than this each second, in bytes or as 50M (default: no limit)", 1,
                 "1 byte", [this](std::uint64_t number) { args_.bytes_per_second = number; });
    json(sub, "Answer with one JSON object");
  }
  void add_rename() {
    CLI::App* sub = verb(Verb::kRename, "rename", "Give a tree another name",
                         "holdfast rename fruit.db citrus lemons");
    sub->add_option("NAME", args_.tree, "The tree; the default tree has no name")->required();
    sub->add_option("NEW", args_.new_name, "The name it shall have")->required();
    durability(sub);
    json(sub, "Answer with one JSON object");
  }
  void add_scan() {
    CLI::App* sub =
        verb(Verb::kScan, "scan", "List records in key order, one a line: key TAB value",
             "holdfast scan fruit.db --prefix app --limit 10");
    tree(sub);
    sub->add_option("--from", args_.from, "The first key to list, or the next after it")
        ->type_name("KEY");
    sub->add_option("--to", args_.to, "Stop before this key")->type_name("KEY");
    sub->add_option("--prefix", args_.prefix, "Only keys that begin so")->type_name("KEY");
    count_option(*sub, "--limit", "At most this many records (default: all)", 0,
                 [this](std::uint64_t records) { args_.limit = records; });
    sub->add_flag("--reverse", args_.reverse, "From the last to the first");
    sub->add_flag("--keys-only", args_.keys_only, "Leave the values out");
    hex(sub);
    damaged_log(sub);
    json(sub, "One JSON object a line; bytes that aren't UTF-8 as key_hex, value_hex");
  }
  void add_load() {
    CLI::App* sub =
        verb(Verb::kLoad, "load", "Load records from a dump or from key TAB value lines",
             "holdfast load fruit.db fruit.tsv\n  db5.3_dump old.db | holdfast load new.db");
    sub->add_option("FILE", args_.input, "What to load; - or nothing: standard input");
    tree(sub);
    count_option(*sub, "--commit-every", "Records per commit (default 10000)", 1,
                 [this](std::uint64_t records) { args_.commit_every = records; });
    sub->add_flag("--atomic", args_.atomic, "All or nothing: one transaction");
    sub->add_flag("--sorted", args_.sorted,
                  "Keys ascend, after all that the tree has: full pages, in one transaction");
    sub->parse_complete_callback([this] { args_.atomic = args_.atomic || args_.sorted; });
    creation(sub);
    durability(sub);
    json(sub, "Answer with one JSON object");
  }
  void add_dump() {
    CLI::App* sub =
        verb(Verb::kDump, "dump", "Write all records as text, to load here or elsewhere",
             "holdfast dump fruit.db > fruit.dump\n"
             "  holdfast dump fruit.db --for lmdb | mdb_load -n fruit.mdb");
    CLI::Option* all = sub->add_flag("--all", args_.all, "All trees, the default tree first");
    sub->add_option("--tree", args_.tree, "The tree to dump (default: the default tree)")
        ->type_name("NAME")
        ->excludes(all);
    choice_option(*sub, "--format", "FORMAT", "bytevalue (default), print or tsv", args_.format,
                  {{"bytevalue", TextFormat::kByteValue},
                   {"print", TextFormat::kPrint},
                   {"tsv", TextFormat::kTsv}});
    choice_option(*sub, "--for", "PROGRAM", "Who will load it: bdb (default) or lmdb", args_.target,
                  {{"bdb", DumpTarget::kBerkeley}, {"lmdb", DumpTarget::kLmdb}});
    damaged_log(sub);
  }
  void add_others() {
    CLI::App* stat =
        verb(Verb::kStat, "stat", "Show sizes and counters", "holdfast stat fruit.db --json");
    damaged_log(stat);
    json(stat, "One JSON object");
    json(verb(Verb::kCheck, "check", "Check everything there is; changes nothing",
              "holdfast check fruit.db"),
         "A JSON object a finding, and one at the end");
    CLI::App* trees =
        verb(Verb::kTrees, "trees", "List the trees and their records", "holdfast trees fruit.db");
    damaged_log(trees);
    json(trees, "A JSON object a tree");
    json(verb(Verb::kLog, "log", "List the log's files and batches; changes nothing",
              "holdfast log fruit.db"),
         "A JSON object a segment or batch");
    creation(verb(Verb::kShell, "shell", "Read Lychee statements, one a line",
                  "echo 'INSERT(1,2)' | holdfast shell fruit.db\n\n"
                  "Statements: INSERT(k,v)  READ(k)  UPDATE(k,v)  DELETE(k)  PRINT  EXIT"));
  }

  void add_check_only() {
    args_.verb = Verb::kCheck;
    database(&app_);
    json(&app_, "A JSON object a finding, and one at the end");
  }

 private:
  CLI::App& app_;
  Arguments args_;
  bool hex_ = false;
};

// About words that fit nowhere, when something else is missing: most often it was meant by them.
std::string surplus_words(const CLI::App& app) {
  std::string text;
  for (const std::string& word : app.remaining(true)) {
    text += "; \"" + word + "\" is not known here";
    if (word.starts_with('-')) text += " (words that begin with - go after --)";
  }
  return text;
}

std::expected<Arguments, ParseStop> parse(CLI::App& app, Parser& parser, int argc,
                                          const char* const* argv) {
  app.set_version_flag("--version", app.get_name() + " " + version());
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success&) {
    for (const CLI::App* sub : app.get_subcommands()) {
      return std::unexpected(ParseStop{ExitCode::kDone, sub->help(app.get_name()), ""});
    }
    const bool version_asked = app.get_version_ptr()->count() > 0;
    return std::unexpected(
        ParseStop{ExitCode::kDone, version_asked ? app.version() + "\n" : app.help(), ""});
  } catch (const CLI::RequiredError& error) {
    const bool no_verb = !app.get_subcommands([](CLI::App*) { return true; }).empty() &&
                         app.get_subcommands().empty();
    const std::string what = no_verb ? "A verb is required, put or get for example" : error.what();
    return std::unexpected(ParseStop{
        ExitCode::kUsage, "", what + surplus_words(app) + "; --help shows what is possible"});
  } catch (const CLI::ParseError& error) {
    return std::unexpected(ParseStop{
        ExitCode::kUsage, "", std::string(error.what()) + "; --help shows what is possible"});
  }
  if (auto wrong = parser.decode_keys()) {
    return std::unexpected(ParseStop{ExitCode::kUsage, "", *wrong});
  }
  return parser.take();
}

}  // namespace

std::expected<Arguments, ParseStop> parse_holdfast(int argc, const char* const* argv) {
  CLI::App app("An ordered key-value database in one file, from the command line.", "holdfast");
  app.require_subcommand(1);
  app.footer(std::string("holdfast VERB --help shows a verb's words and options.\n\n") +
             kExitCodes + kDashes);
  Parser parser(app);
  parser.add_put();
  parser.add_get();
  parser.add_del();
  parser.add_drop();
  parser.add_rename();
  parser.add_backup();
  parser.add_restore();
  parser.add_kept();
  parser.add_compact();
  parser.add_scan();
  parser.add_load();
  parser.add_dump();
  parser.add_others();
  auto parsed = parse(app, parser, argc, argv);
  if (parsed && parsed->verb == Verb::kDump && parsed->format == TextFormat::kTsv &&
      (parsed->all || parsed->target == DumpTarget::kLmdb)) {
    return std::unexpected(ParseStop{ExitCode::kUsage, "",
                                     "tsv has no room for tree names or LMDB's header: leave out "
                                     "--format tsv, or dump one tree."});
  }
  return parsed;
}

std::expected<Arguments, ParseStop> parse_dbcheck(int argc, const char* const* argv) {
  CLI::App app("Checks a Holdfast database from end to end and changes nothing.", "dbcheck");
  Parser parser(app);
  app.footer(std::string("Example:\n  dbcheck fruit.db\n\n") + kExitCodes);
  parser.add_check_only();
  return parse(app, parser, argc, argv);
}

}  // namespace holdfast::tools
