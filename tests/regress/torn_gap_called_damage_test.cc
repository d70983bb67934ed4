// A power failure during a sync was called damage, and the database refused to open.
//
// Batches 1 and 2 share a block; the sync that covers both seals it. While that sync runs, batch 3
// is written to the next block (a commit with durability kOs does so). The power fails: of the
// first block only batch 1 got to the medium, of the next all did. Nobody was told that 2 or 3 is
// durable, so the log ends after 1. The reader skipped the zeros to the next block, found batch 3
// sound and not chained to batch 1, and row E1 took that for damage.
#include <gtest/gtest.h>

#include "fuzz/lab/sim_environment.h"
#include "recovery/scan.h"
#include "tests/regress/hooked_storage.h"
#include "wal/record.h"

namespace holdfast::testing {
namespace {

std::uint64_t append(LogWriter& log, std::uint64_t txn) {
  std::vector<std::vector<std::byte>> group(1);
  append_free(group[0], PageId{7}, 1);
  const std::uint64_t bytes = group[0].size();
  EXPECT_TRUE(log.reserve(bytes, 1).has_value());
  log.append(TxnNumber{txn}, std::move(group));
  return batch_bytes(bytes);
}

TEST(Regress, TornGapIsNoDamage) {
  HookedStorage storage;
  SimClock clock;
  LogConfig config;
  config.storage = &storage;
  config.clock = &clock;
  config.base_path = "dir/db";
  config.segment_bytes = 1 << 20;
  auto log = *LogWriter::start(config, EpochNumber{1}, Salt{}, {});
  const std::uint64_t first = append(*log, 1);
  append(*log, 2);
  bool hooked = false;
  storage.on_sync = [&](const std::string&) -> Result<void> {
    if (std::exchange(hooked, true)) return {};
    append(*log, 3);
    return log->write_through(TxnNumber{3});
  };
  ASSERT_TRUE(log->sync_through(TxnNumber{2}).has_value());

  HookedStorage after;
  storage.copy_to(after, "dir", "db");
  auto file = *after.open("dir/db.log-1-1", FileMode::kReadWrite);
  const std::vector<std::byte> zeros(kLogBlockBytes - first);
  ASSERT_TRUE(file->write(kSegmentBodyOffset + first, zeros).has_value());

  auto files = *LogFiles::open(after, "dir/db", Uuid{}, true);
  const LogStart start{log->first_segment(), {}, EpochNumber{1}, log->first_segment()};
  const auto outcome = scan_log(files, start);
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->log_end, LogEnd::kTorn) << outcome->damage_error().to_string();
  EXPECT_EQ(outcome->end.txn, TxnNumber{1});

  // Once something vouches for batch 2, its loss is damage as ever.
  append(*log, 4);
  ASSERT_TRUE(log->sync_through(TxnNumber{4}).has_value());
  HookedStorage later;
  storage.copy_to(later, "dir", "db");
  file = *later.open("dir/db.log-1-1", FileMode::kReadWrite);
  ASSERT_TRUE(file->write(kSegmentBodyOffset + first, zeros).has_value());
  files = *LogFiles::open(later, "dir/db", Uuid{}, true);
  const auto vouched = scan_log(files, start);
  ASSERT_TRUE(vouched.has_value());
  EXPECT_EQ(vouched->log_end, LogEnd::kDamaged);
}

}  // namespace
}  // namespace holdfast::testing
