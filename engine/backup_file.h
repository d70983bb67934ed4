// Writes a copy of one state of a database as a database file of its own.
//
// Each page goes to the slot that it has in the original, so the copy's map is the original's, page
// for page, with the checks that stand in it. The meta is new: no log, no epoch, no kept
// checkpoints, and the same uuid, which is the tag in every page. So a log of the original that
// lies beside the copy is of a later epoch, and opening refuses it instead of believing either.
//
// A page that isn't what was written is left out, and a sentence stands in its slot that no check
// takes for a page: reading it is kDamaged in the copy too.
// A crash, an error or a cancellation leaves no file of the wanted name; only a crash leaves one of
// the temporary name.
#pragma once

#include <string>

#include "engine/base/environment.h"
#include "engine/file/meta_format.h"
#include "engine/file/slot_space.h"
#include "engine/progress_teller.h"
#include "engine/storage/storage.h"
#include "holdfast/backup.h"

namespace holdfast {

struct BackupSource {
  StorageFile* file = nullptr;
  SlotSpace* slots = nullptr;
  Meta state;  // Its map stays as it is meanwhile.
};

// kAlreadyExists, kDiskFull, kIo, kCancelled; kDamaged: an inner page of the map can't be read.
Result<void> write_backup(const Environment& environment, const BackupSource& source,
                          const std::string& target, const BackupOptions& options,
                          BackupReport& report);

}  // namespace holdfast
