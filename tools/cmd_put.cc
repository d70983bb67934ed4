// holdfast put: one record, one transaction.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "tools/interrupt.h"
#include "tools/json_output.h"
#include "tools/opening.h"
#include "tools/verbs.h"

namespace holdfast::tools {
namespace {

// A value of up to this size gets the cache it needs unasked; a larger one needs --cache.
constexpr std::size_t kValueBytesUnasked = std::size_t{256} << 20;

// A transaction may change some 7/16 of the cache, and the page table takes a little.
constexpr std::size_t cache_for(std::size_t value_bytes) {
  return value_bytes / 2 * 5 + (std::size_t{8} << 20);
}

// All of standard input, up to what a transaction can hold anyway.
Step<std::string> read_value(const Arguments& args, Console& console) {
  const std::size_t most = args.cache_given ? args.cache_bytes : kValueBytesUnasked;
  std::string value;
  char piece[1 << 16];
  for (;;) {
    if (!wait_readable(0)) return std::unexpected(ExitCode::kInterrupted);
    const ssize_t got = read(0, piece, sizeof piece);
    if (got == 0) return value;
    if (got < 0) {
      if (errno == EINTR || errno == EAGAIN) continue;
      return std::unexpected(
          console.fail(ExitCode::kFailed,
                       fmt::format("Standard input could not be read: {}.", std::strerror(errno))));
    }
    value.append(piece, static_cast<std::size_t>(got));
    if (value.size() > most) {
      return std::unexpected(console.fail(
          ExitCode::kUsage, fmt::format("The value has more than {} bytes; give two and a half "
                                        "times its size with --cache.",
                                        most)));
    }
  }
}

Step<CommitToken> put(Database& database, const Arguments& args, std::string_view value,
                      Console& console) {
  auto writer = console.check(database.begin_write());
  if (!writer) return std::unexpected(writer.error());
  Tree tree;
  if (args.tree && !args.tree->empty()) {
    auto named = console.check(writer->open_or_create_tree(*args.tree));
    if (!named) return std::unexpected(named.error());
    tree = *named;
  }
  if (auto done = console.check(writer->put(tree, args.key, value)); !done) {
    return std::unexpected(done.error());
  }
  return console.check(writer->commit());
}

}  // namespace

ExitCode run_put(const Arguments& given, Console& console) {
  Arguments args = given;
  // Read first: a value that comes slowly must not keep the database locked.
  std::string value = args.value;
  if (args.value_from_input) {
    auto read_in = read_value(args, console);
    if (!read_in) return read_in.error();
    value = std::move(*read_in);
  }
  if (!args.cache_given) args.cache_bytes = std::max(args.cache_bytes, cache_for(value.size()));
  auto database = open_or_create(args, console);
  if (!database) return database.error();
  const auto txn = put(*database, args, value, console);
  const ExitCode code = close(*database, txn ? ExitCode::kDone : txn.error(), console);
  if (txn && args.json) {
    console.out().write(JsonObject().bytes("key", args.key).number("transaction", *txn).line());
  }
  return code;
}

}  // namespace holdfast::tools
