// A database file that is being made: under a temporary name until it is complete and durable, so
// that no crash leaves half a one, and never in the place of another file.
#pragma once

#include <functional>
#include <string>

#include "engine/base/environment.h"
#include "engine/storage/storage.h"

namespace holdfast {

// NAME.new-HEX
std::string temporary_name(const std::string& path, Random& random);

// Files of this name that makers which died left behind. One under way is locked, and stays. Names
// that we don't give are somebody's.
void remove_stale(Storage& storage, const std::string& path);

// kDamaged where a log with transactions lies beside a database that isn't there: someone moved or
// removed one of the two. No crash leaves that, since the file's name is durable before a batch is
// written.
Result<void> refuse_beside_a_log(Storage& storage, const std::string& path);

// Makes the file `target`: `write` fills it, and leaves it synced, before it gets its name.
// kAlreadyExists where there is one; then, and after any other error, it is as it was. Nobody may
// read it who may not read the file `original`; where that is empty the process's umask says who.
Result<void> make_new_file(const Environment& environment, const std::string& target,
                           const std::string& original,
                           const std::function<Result<void>(StorageFile&)>& write);
// The same for a database: refuse_beside_a_log() too.
Result<void> make_new_database(const Environment& environment, const std::string& target,
                               const std::string& original,
                               const std::function<Result<void>(StorageFile&)>& write);

}  // namespace holdfast
