// Makes a database file from a backup and the increments on it.
//
// Always a new file: an increment is never put into a copy that is there, so no crash can leave a
// mixture of two states (docs/decisions/0013). Each part is verified as it is read, and whether all
// together are the state that the last one names by a walk through the new file, before that gets
// its metas and its name.
#pragma once

#include <string>
#include <vector>

#include "engine/base/environment.h"
#include "holdfast/backup.h"

namespace holdfast {

Result<BackupReport> restore_parts(const std::vector<BackupPart>& parts, const std::string& path,
                                   const RestoreOptions& options);

}  // namespace holdfast
