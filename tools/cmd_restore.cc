// holdfast restore: a database from a backup and the increments on it.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "engine/base/bytes.h"
#include "engine/file/meta_format.h"
#include "tools/backup_words.h"
#include "tools/copy_rights.h"
#include "tools/interrupt.h"
#include "tools/opening.h"
#include "tools/progress_line.h"
#include "tools/verbs.h"

namespace holdfast::tools {
namespace {

Result<std::size_t> read_input(std::span<char> buffer) {
  for (;;) {
    if (!wait_readable(0))
      return std::unexpected(Error(ErrorCode::kCancelled, "standard input was waited for"));
    const ssize_t got = ::read(0, buffer.data(), buffer.size());
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno == EINTR || errno == EAGAIN) continue;
    return std::unexpected(Error(
        ErrorCode::kIo, fmt::format("standard input could not be read: {}", std::strerror(errno))));
  }
}

bool is_database(const std::string& path) {
  std::array<char, 8> magic{};
  std::ifstream(path, std::ios::binary).read(magic.data(), magic.size());
  return load64(reinterpret_cast<const std::byte*>(magic.data())) == kMetaMagic;
}

// One that was opened since is still a backup of itself: it is copied as backup copies.
ExitCode copy_database(const Arguments& args, Console& console) {
  auto database = open_to_copy(args, console);
  if (!database) return database.error();
  ProgressLine line;
  BackupOptions options;
  options.progress = shown_on(line);
  const auto report = database->backup(args.copy_to, options);
  line.wipe();
  const ExitCode code = close(
      *database, report ? ExitCode::kDone : explain_copy(report.error(), args, console), console);
  if (!report) return code;
  console.out().write(report_text(*report, args));
  return code == ExitCode::kDone && !report->sound() ? ExitCode::kDamaged : code;
}

}  // namespace

ExitCode run_restore(const Arguments& args, Console& console) {
  const auto inputs = std::ranges::count(args.parts, "-");
  if (inputs > 1)
    return console.fail(ExitCode::kUsage, "Standard input has one part; give the others as files.");
  if (args.copy_to == "-")
    return console.fail(ExitCode::kUsage, "A database can't be made on standard output.");
  if (inputs > 0 && isatty(0) == 1) {
    return console.fail(ExitCode::kUsage,
                        "Nobody types a backup: send standard input from a file or a pipe.");
  }
  make_files_as_private_as(args.parts);
  if (inputs == 0 && args.parts.size() == 1 && is_database(args.parts[0]))
    return copy_database(args, console);
  std::vector<BackupPart> parts;
  for (const std::string& path : args.parts) {
    if (path == "-") {
      parts.push_back({"standard input", read_input});
    } else {
      parts.push_back({path, {}});
    }
  }
  ProgressLine line;
  RestoreOptions options;
  options.progress = shown_on(line);
  const auto report = Database::restore(parts, args.copy_to, options);
  line.wipe();
  if (!report) return explain_copy(report.error(), args, console);
  console.out().write(report_text(*report, args));
  return report->sound() ? ExitCode::kDone : ExitCode::kDamaged;
}

}  // namespace holdfast::tools
