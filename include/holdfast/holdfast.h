// Holdfast: an embeddable, ordered, transactional key-value store that proves it keeps your data.
//
// The one header to include. Start with Database::open in database.h; docs/TUTORIAL.md walks
// through it.
#pragma once

#include "holdfast/backup.h"
#include "holdfast/cursor.h"
#include "holdfast/database.h"
#include "holdfast/error.h"
#include "holdfast/events.h"
#include "holdfast/kept_checkpoint.h"
#include "holdfast/options.h"
#include "holdfast/progress.h"
#include "holdfast/recovery_report.h"
#include "holdfast/savepoint.h"
#include "holdfast/server.h"
#include "holdfast/stats.h"
#include "holdfast/transaction.h"
#include "holdfast/tree.h"
#include "holdfast/value.h"
#include "holdfast/verify.h"
#include "holdfast/write_batch.h"
