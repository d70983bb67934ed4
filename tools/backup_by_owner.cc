#include "tools/backup_by_owner.h"

#include "tools/backup_words.h"
#include "tools/interrupt.h"
#include "tools/owner_source.h"
#include "tools/progress_line.h"

namespace holdfast::tools {
namespace {

// The stream as it comes.
Result<BackupReport> pass_on(Owner& owner, const BackupOptions& wanted, Console& console) {
  ProgressLine line;
  const ProgressFunction progress = shown_on(line);
  auto backup = OwnerBackup::begin(owner, wanted, progress);
  if (!backup) return std::unexpected(backup.error());
  std::string buffer(std::size_t{1} << 16, '\0');
  for (;;) {
    const auto got = backup->read(buffer);
    if (!got) return std::unexpected(got.error());
    if (*got == 0) break;
    console.out().write(std::string_view(buffer).substr(0, *got));
    if (auto out = delivered(console.out()); !out) return std::unexpected(out.error());
  }
  console.out().flush();
  if (auto out = delivered(console.out()); !out) return std::unexpected(out.error());
  return backup->report();
}

// A database made of the stream, by what makes one of any backup.
Result<BackupReport> restore_into(const std::string& path, Owner& owner,
                                  const BackupOptions& wanted) {
  const ProgressFunction unless_interrupted = [](const Progress&) { return !interrupted(); };
  auto backup = OwnerBackup::begin(owner, wanted, unless_interrupted);
  if (!backup) return std::unexpected(backup.error());
  ProgressLine line;
  RestoreOptions options;
  options.progress = shown_on(line);
  const auto restored = Database::restore(
      {{owner.name(), [&backup](std::span<char> buffer) { return backup->read(buffer); }}}, path,
      options);
  if (!restored) return std::unexpected(restored.error());
  auto report = backup->report();
  if (report) report->bytes = restored->bytes;
  return report;
}

}  // namespace

ExitCode backup_by_owner(const Arguments& given, const Error& busy, Console& console) {
  Arguments args = given;
  auto owner = reach_owner(args, busy, console);
  if (!owner) return owner.error();
  const auto kept = console.check(kept_checkpoints(*owner));
  if (!kept) return kept.error();
  if (auto resolved = resolve(args, *kept, console); !resolved) return resolved.error();
  if (args.since != 0 && !to_output(args)) {
    return console.fail(ExitCode::kUsage,
                        "Of a database in use an increment goes to standard output: give - as TO, "
                        "and send that to a file.");
  }
  BackupOptions wanted;
  wanted.checkpoint = args.checkpoint;
  wanted.since = args.since;
  const auto report = to_output(args) ? pass_on(*owner, wanted, console)
                                      : restore_into(args.copy_to, *owner, wanted);
  if (!report) return explain_copy(report.error(), args, console);
  write_report(*report, args, console);
  return report->sound() ? ExitCode::kDone : ExitCode::kDamaged;
}

}  // namespace holdfast::tools
