// holdfast kept: the kept checkpoints, from which increments begin.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>
#include <optional>
#include <vector>

#include "tools/json_output.h"
#include "tools/opening.h"
#include "tools/owner_source.h"
#include "tools/verbs.h"
#include "tools/wording.h"

namespace holdfast::tools {
namespace {

std::string text_of(const KeptCheckpoint& kept) {
  const std::chrono::sys_time<std::chrono::microseconds> at{
      std::chrono::microseconds(kept.kept_at_us)};
  return fmt::format("{}\ttransaction {}, {}, kept {:%Y-%m-%d %H:%M:%S} UTC\n", kept.id, kept.txn,
                     counted(kept.pages, "page"),
                     fmt::gmtime(std::chrono::time_point_cast<std::chrono::seconds>(at)));
}

std::string json_of(const KeptCheckpoint& kept) {
  return JsonObject()
      .number("checkpoint", kept.id)
      .number("transaction", kept.txn)
      .number("pages", kept.pages)
      .number("kept_at_us", kept.kept_at_us)
      .line();
}

void write_list(const std::vector<KeptCheckpoint>& list, const Arguments& args, Console& console) {
  for (const KeptCheckpoint& kept : list)
    console.out().write(args.json ? json_of(kept) : text_of(kept));
}

// To release one it has to be opened for writing, which its owner does for nobody.
Step<Database> open_wanted(const Arguments& args, Console& console, std::optional<Error>& busy) {
  if (args.release_id) return open_to_write(args, console);
  auto database = try_to_read(args, args.accept_damaged_log);
  if (database) {
    note_damage(*database, console);
    return std::move(*database);
  }
  if (database.error().code() == ErrorCode::kBusy) {
    busy = database.error();
    return std::unexpected(ExitCode::kInUse);
  }
  return std::unexpected(explain_open_failure(database.error(), console));
}

ExitCode list_by_owner(const Arguments& args, const Error& busy, Console& console) {
  auto owner = reach_owner(args, busy, console);
  if (!owner) return owner.error();
  const auto list = console.check(kept_checkpoints(*owner));
  if (!list) return list.error();
  write_list(*list, args, console);
  return ExitCode::kDone;
}

}  // namespace

ExitCode run_kept(const Arguments& args, Console& console) {
  std::optional<Error> busy;
  auto database = open_wanted(args, console, busy);
  if (busy) return list_by_owner(args, *busy, console);
  if (!database) return database.error();
  if (args.release_id) {
    if (auto released = console.check(database->release_checkpoint(*args.release_id)); !released)
      return close(*database, released.error(), console);
  }
  const auto list = console.check(database->kept_checkpoints());
  if (!list) return close(*database, list.error(), console);
  write_list(*list, args, console);
  return close(*database, ExitCode::kDone, console);
}

}  // namespace holdfast::tools
