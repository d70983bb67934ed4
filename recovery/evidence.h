// What lies past the place where the log stops, and what it proves.
//
// Every batch, mark and segment header says what was durable when it was made. One that says more
// than was read proves that what is missing had been acknowledged (DR-C16). Segments of epochs
// before the one in which reading stopped prove nothing: a later epoch has accepted where they end.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "recovery/log_files.h"
#include "wal/log_reader.h"

namespace holdfast {

struct Evidence {
  Lsn durable_lsn{};          // The furthest that anything vouches for,
  TxnNumber durable_txn{};    // the transaction there,
  std::uint64_t wall_us = 0;  // when that was written,
  std::string file;           // and where.
  std::uint64_t offset = 0;
  std::uint64_t bytes_read = 0;

  void vouch(Lsn lsn, TxnNumber txn, std::uint64_t wall, const std::string& path, std::uint64_t at);
};

// Looks at the rest of file `stopped` from `offset` on, and at all of each file that isn't in
// `read` and whose epoch is at least that of `stopped`.
Result<Evidence> gather_evidence(const LogFiles& files, std::size_t stopped, std::uint64_t offset,
                                 const std::vector<bool>& read);

}  // namespace holdfast
