// Kept checkpoints: states of the whole database that stay readable, for backups, until released.
#pragma once

#include <cstdint>

namespace holdfast {

struct KeptCheckpoint {
  std::uint64_t id = 0;     ///< What release_checkpoint() and backup() want; never given out twice.
  std::uint64_t txn = 0;    ///< The last transaction in it.
  std::uint64_t pages = 0;  ///< Pages that trees had then.
  std::uint64_t kept_at_us = 0;  ///< Wall clock, microseconds since 1970; for people.
};

}  // namespace holdfast
