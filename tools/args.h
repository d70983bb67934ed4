// The command line of both programs as plain data. args.cc and args_backup.cc alone include the
// parsing library, which is slow to compile; what they share of it is in option_kinds.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "holdfast/options.h"
#include "tools/exit_code.h"

namespace holdfast::tools {

enum class Verb {
  kPut,
  kGet,
  kDel,
  kDrop,
  kRename,
  kBackup,
  kRestore,
  kKept,
  kCompact,
  kScan,
  kLoad,
  kDump,
  kStat,
  kCheck,
  kTrees,
  kLog,
  kShell
};

enum class TextFormat { kByteValue, kPrint, kTsv };

// Which program dump's output is for.
enum class DumpTarget { kBerkeley, kLmdb };

struct Arguments {
  Verb verb = Verb::kGet;
  std::string database;
  std::optional<std::string> tree;  // Absent: the default tree.
  std::size_t cache_bytes = std::size_t{64} << 20;
  bool cache_given = false;
  std::optional<std::uint32_t> page_size;
  Durability durability = Durability::kSync;
  bool json = false;
  bool accept_damaged_log = false;

  std::string key;
  std::string value;
  std::string new_name;  // rename
  std::string copy_to;   // backup, restore: the file that is made; "-": standard output.

  // restore: what is put together, in this order; "-": standard input.
  std::vector<std::string> parts;
  std::uint64_t checkpoint = 0;  // backup: the kept one to copy; 0: the newest state.
  std::uint64_t since = 0;       // backup: what the increment is based on; 0: none,
  bool since_last = false;       // or the newest kept one.
  bool keep = false;             // backup: what is backed up stays, for the next increment.
  std::optional<std::uint64_t> release_id;  // backup, kept: that one goes afterwards.
  bool release_since = false;               // backup: the base does.
  std::uint64_t bytes_per_second = 0;       // compact; 0: no limit.
  bool value_from_input = false;
  std::string value_file;  // Empty: none.

  std::optional<std::string> from;
  std::optional<std::string> to;
  std::optional<std::string> prefix;
  std::optional<std::uint64_t> limit;
  bool reverse = false;
  bool keys_only = false;

  std::string input = "-";  // load: a file, or "-" for standard input.
  std::uint64_t commit_every = 10000;
  bool atomic = false;
  bool sorted = false;

  bool all = false;
  TextFormat format = TextFormat::kByteValue;
  DumpTarget target = DumpTarget::kBerkeley;
};

// Why there are no arguments to act on: text was asked for (help, version) or they are wrong.
struct ParseStop {
  ExitCode code = ExitCode::kUsage;
  std::string output;   // For standard output.
  std::string message;  // A sentence for standard error; may be empty.
};

std::expected<Arguments, ParseStop> parse_holdfast(int argc, const char* const* argv);
// dbcheck DB: the arguments of verb check.
std::expected<Arguments, ParseStop> parse_dbcheck(int argc, const char* const* argv);

}  // namespace holdfast::tools
