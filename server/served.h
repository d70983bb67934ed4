// What the server knows of the database that it serves.
#pragma once

#include <string>
#include <vector>

#include "holdfast/backup.h"
#include "holdfast/kept_checkpoint.h"
#include "holdfast/recovery_report.h"
#include "holdfast/stats.h"
#include "holdfast/transaction.h"
#include "holdfast/verify.h"

namespace holdfast {

// Thread-safe. Nothing here changes the database.
class Served {
 public:
  virtual ~Served() = default;
  // The newest durable state: nobody acts on what a crash could take back.
  virtual Result<ReadTransaction> read_durable() = 0;
  virtual Result<VerifyReport> verify(const VerifyOptions& options) = 0;
  virtual Result<BackupReport> backup(const BackupSink& sink, const BackupOptions& options) = 0;
  [[nodiscard]] virtual std::vector<KeptCheckpoint> kept_checkpoints() const = 0;
  [[nodiscard]] virtual Stats stats() const noexcept = 0;
  [[nodiscard]] virtual const RecoveryReport& recovery() const noexcept = 0;
  // Its path from the root, links followed.
  [[nodiscard]] virtual const std::string& file() const noexcept = 0;
};

}  // namespace holdfast
