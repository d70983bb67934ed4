#include "tools/source.h"

#include "tools/file_source.h"
#include "tools/opening.h"
#include "tools/owner_source.h"

namespace holdfast::tools {

Step<std::unique_ptr<Source>> open_source(const Arguments& args, Console& console,
                                          bool note_replay) {
  auto database = try_to_read(args, args.accept_damaged_log);
  if (!database && database.error().code() == ErrorCode::kBusy) {
    auto owner = reach_owner(args, database.error(), console);
    if (!owner) return std::unexpected(owner.error());
    return source_of(std::move(*owner));
  }
  if (!database) return std::unexpected(explain_open_failure(database.error(), console));
  note_damage(*database, console);
  if (note_replay) tools::note_replay(*database, console);
  auto reader = console.check(database->begin_read());
  if (!reader) return std::unexpected(reader.error());
  return source_of(std::move(*database), std::move(*reader));
}

}  // namespace holdfast::tools
