// What the public interface tells (counters, findings, errors) as items, and back: the names that
// the wire format and --json share.
#pragma once

#include "holdfast/backup.h"
#include "holdfast/kept_checkpoint.h"
#include "holdfast/recovery_report.h"
#include "holdfast/stats.h"
#include "holdfast/transaction.h"
#include "holdfast/verify.h"
#include "server/items.h"

namespace holdfast::wire {

// Everything about a database as a whole. `of_opening`: what is counted from its opening on, too,
// and who reads it now; of one that was opened a moment ago that says nothing.
Item database_item(const std::string& file, const Stats& stats, const RecoveryReport& recovery,
                   bool of_opening);
Item tree_item(const TreeInfo& tree);
TreeInfo tree_of(const Item& item);

Item finding_item(const Finding& finding);
Finding finding_of(const Item& item);
// A tree of a check, and all that is neither a tree nor a finding.
Item checked_tree_item(const TreeSummary& tree);
TreeSummary checked_tree_of(const Item& item);
Item summary_item(const VerifyReport& report);
void read_summary(const Item& item, VerifyReport& report);

Item backup_item(const BackupReport& report);
void read_backup(const Item& item, BackupReport& report);
Item kept_item(const KeptCheckpoint& kept);
KeptCheckpoint kept_of(const Item& item);

Item error_item(const Error& error);
Error error_of(const Item& item);

}  // namespace holdfast::wire
