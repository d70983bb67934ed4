// holdfast load: records from a file or standard input.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "tools/json_output.h"
#include "tools/line_reader.h"
#include "tools/loader.h"
#include "tools/opening.h"
#include "tools/record_reader.h"
#include "tools/verbs.h"
#include "tools/wording.h"

namespace holdfast::tools {
namespace {

// Escapes triple a byte at most; a key and value that fill the cache could not be committed.
std::size_t line_limit(const Arguments& args) {
  return args.cache_bytes * 3 + (1 << 16);
}

ExitCode load(int input, const Arguments& args, Console& console) {
  LineReader lines(input, line_limit(args));
  // Looked at before the database is opened, so that a wrong file creates nothing.
  auto records = open_records(lines);
  if (!records) {
    return console.fail(records.error().code, source_of(args) + records.error().sentence);
  }

  auto database = open_or_create(args, console);
  if (!database) return database.error();
  Loader loader(*database, args, console);
  const ExitCode code = close(*database, loader.run(**records), console);
  if (args.json) {
    JsonObject answer;
    answer.number("records", loader.committed()).number("commits", loader.commits());
    console.out().write(answer.flag("complete", code == ExitCode::kDone).line());
  } else if (code == ExitCode::kDone) {
    console.out().write(fmt::format("{} loaded in {}.\n", counted(loader.committed(), "record"),
                                    counted(loader.commits(), "commit")));
  }
  return code;
}

}  // namespace

ExitCode run_load(const Arguments& args, Console& console) {
  if (args.input == "-") return load(0, args, console);
  const int input = open(args.input.c_str(), O_RDONLY | O_CLOEXEC);
  if (input < 0) {
    return console.fail(ExitCode::kFailed, fmt::format("{} could not be opened: {}.", args.input,
                                                       std::strerror(errno)));
  }
  const ExitCode code = load(input, args, console);
  ::close(input);
  return code;
}

}  // namespace holdfast::tools
