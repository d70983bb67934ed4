// Recovery's second pass: applies the committed groups that scan_log() accepted, as a writer would.
//
// Knows neither trees nor transactions: pages are bytes that a target supplies. Streams: memory is
// one group's largest batch, whatever the log's size. Writes nothing itself.
#pragma once

#include <cstdint>
#include <span>

#include "recovery/scan.h"

namespace holdfast {

// Where redo puts what it reads. Calls come in log order; an error stops redo and is handed back.
class RedoTarget {
 public:
  virtual ~RedoTarget() = default;
  // The newest version of the page so far, verified, private to recovery to change in place.
  virtual Result<std::span<std::byte>> base(PageId id) = 0;
  // A page of zeros that needs no base; replaces whatever was there.
  virtual Result<std::span<std::byte>> blank(PageId id) = 0;
  virtual Result<void> place(PageId id, Slot slot, std::uint64_t check, TxnNumber txn) = 0;
  virtual Result<void> free(PageId first, std::uint32_t count, TxnNumber txn) = 0;
  // `page` can't be read, so what the log does to it has nothing to build on. Either `why` comes
  // back and redo stops, or edits of the page are skipped until blank() or place() replaces it.
  virtual Result<void> lose(PageId page, const Error& why) = 0;
  [[nodiscard]] virtual bool is_lost(PageId page) const = 0;
  // After each whole group. May checkpoint: reading from this place on finds the rest.
  virtual Result<void> committed(const LogPlace& at) = 0;
};

// kDamaged when an edit list's base isn't the version the target has, or a record makes no sense.
Result<void> redo_log(const LogFiles& files, const LogOutcome& outcome, RedoTarget& target);

// One group's payload on its own: what a checked build replays against a commit's own pages.
Result<void> redo_payload(std::span<const std::byte> payload, TxnNumber txn, RedoTarget& target);

}  // namespace holdfast
