#include "recovery/log_check.h"

#include "engine/base/result.h"

namespace holdfast {

Result<LogCheck> check_log(Storage& storage, const std::string& base_path, const Uuid& uuid,
                           const LogStart& start, const LogPosition& durable) {
  LogFiles files = TRY(LogFiles::open(storage, base_path, uuid, false));
  LogCheck check;
  auto scanned = scan_log(files, start);
  if (!scanned) {
    if (scanned.error().code() != ErrorCode::kDamaged) return std::unexpected(scanned.error());
    LogDamage missing;
    missing.place = scanned.error().place();
    missing.reason = scanned.error().message();
    check.damage.push_back(std::move(missing));
    return check;
  }
  check.bytes_checked = scanned->log_bytes_read;
  check.groups = scanned->groups;
  check.notes = scanned->notes;
  if (scanned->end.lsn >= durable.lsn) return check;
  LogDamage found = scanned->damage.value_or(LogDamage{});
  if (found.reason.empty()) {
    found.reason = "the log ends at transaction " + std::to_string(raw(scanned->end.txn)) +
                   ", and transaction " + std::to_string(raw(durable.txn)) + " was durable";
    if (!scanned->stretches.empty()) {
      found.place.file = files.sound()[scanned->stretches.back().file].path;
    }
  }
  check.damage.push_back(std::move(found));
  return check;
}

}  // namespace holdfast
