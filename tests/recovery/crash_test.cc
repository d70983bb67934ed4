// Random work, a power cut at a random moment, recovery, and on: every transaction that was durable
// is there, in every epoch, and recovery never cries damage without cause.
#include <random>

#include "tests/recovery/scan_fixture.h"

namespace holdfast::testing {
namespace {

struct History {
  LogStart meta;              // What the meta says.
  std::uint64_t durable = 0;  // Acknowledged.
};

// What an engine does in one life. Ends without closing anything.
void live(LogEnv& env, std::mt19937_64& random, const LogOutcome& outcome, History& history) {
  const std::uint64_t segment_bytes = random() % 2 != 0 ? 64 << 10 : 1 << 20;
  const EpochNumber epoch{raw(outcome.highest_epoch_seen) + 1};
  auto log = env.start(raw(epoch), outcome.end, segment_bytes);
  log->adopt(outcome.segments);
  if (random() % 8 == 0) return;  // A crash before the meta that names it.
  history.meta.newest_epoch = epoch;
  history.meta.newest_epoch_segment = log->first_segment();
  if (random() % 8 == 0) return;  // An epoch of headers only.
  std::uint64_t txn = raw(outcome.end.txn);
  for (std::uint64_t steps = random() % 60; steps != 0; --steps) {
    switch (random() % 12) {
      case 0:
        ASSERT_TRUE(log->mark().has_value());
        break;
      case 1:
        ASSERT_TRUE(log->roll().has_value());
        break;
      case 2: {
        // A checkpoint.
        const LogPlace place = log->durable_position();
        history.meta.segment = place.segment;
        history.meta.at = place.end;
        ASSERT_TRUE(log->release_before(place).has_value());
        break;
      }
      case 3:
      case 4:
      case 5:
        ASSERT_TRUE(log->sync_through(TxnNumber{txn}).has_value());
        break;
      case 6:
        ASSERT_TRUE(log->write_through(TxnNumber{txn}).has_value());
        break;
      default: {
        const std::size_t filler = random() % 5 == 0 ? random() % 30'000 : random() % 300;
        ++txn;
        ASSERT_TRUE(
            put(*log, txn, filler, 1 + static_cast<std::uint32_t>(random() % 3)).has_value());
      }
    }
    history.durable = std::max(history.durable, raw(log->durable()));
  }
}

void run(std::uint64_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  LogEnv env;
  History history;
  LogOutcome outcome;  // Of a new database.
  {
    auto first = env.start(1, {});
    history.meta = start_of(*first);
  }
  outcome = *recover(*env.storage, history.meta);
  for (int crash = 0; crash < 8; ++crash) {
    live(env, random, outcome, history);
    ASSERT_TRUE(env.storage->violations.empty()) << env.storage->violations[0];
    const double keep[] = {0, 0.1, 0.5, 0.9, 1};
    env.storage = env.storage->crash(random(), keep[random() % 5]);
    auto recovered = recover(*env.storage, history.meta);
    ASSERT_TRUE(recovered.has_value()) << recovered.error().to_string();
    ASSERT_NE(recovered->log_end, LogEnd::kDamaged) << recovered->damage_error().to_string();
    ASSERT_GE(raw(recovered->end.txn), history.durable);
    const auto txns = redo_all(*env.storage, *recovered);
    if (!txns.empty()) {
      ASSERT_EQ(txns.front(), raw(history.meta.at.txn) + 1);
    }
    // A crash during recovery changes nothing: it wrote nothing.
    env.storage = env.storage->crash(random(), 0);
    const auto again = recover(*env.storage, history.meta);
    ASSERT_EQ(again->end, recovered->end);
    outcome = *recovered;
    history.durable = raw(outcome.end.txn);  // Recovery synced it.
  }
}

TEST(Crash, NothingAcknowledgedIsLost) {
  for (std::uint64_t seed = 1; seed <= 300 && !::testing::Test::HasFailure(); ++seed) run(seed);
}

}  // namespace
}  // namespace holdfast::testing
