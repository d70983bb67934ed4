// holdfast kept: the kept checkpoints, from which increments begin.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>

#include "tools/json_output.h"
#include "tools/opening.h"
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

}  // namespace

ExitCode run_kept(const Arguments& args, Console& console) {
  auto database = args.release_id ? open_to_write(args, console) : open_to_read(args, console);
  if (!database) return database.error();
  if (args.release_id) {
    if (auto released = console.check(database->release_checkpoint(*args.release_id)); !released)
      return close(*database, released.error(), console);
  }
  const auto list = console.check(database->kept_checkpoints());
  if (!list) return close(*database, list.error(), console);
  for (const KeptCheckpoint& kept : *list)
    console.out().write(args.json ? json_of(kept) : text_of(kept));
  return close(*database, ExitCode::kDone, console);
}

}  // namespace holdfast::tools
