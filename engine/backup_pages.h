// The one walk that every backup takes: the pages of a state, each verified, handed to whoever
// keeps them, a file or a stream.
//
// A page that isn't what was written is handed on as damaged, with a sentence in its place that no
// check takes for a page: reading it is kDamaged in the copy too.
#pragma once

#include <optional>
#include <span>

#include "engine/file/backup_format.h"
#include "engine/file/slot_space.h"
#include "engine/progress_teller.h"
#include "engine/storage/storage.h"
#include "holdfast/backup.h"

namespace holdfast {

struct CopiedState {
  StorageFile* file = nullptr;
  SlotSpace* slots = nullptr;
  Meta state;                    // Its map stays as it is meanwhile.
  std::uint64_t checkpoint = 0;  // Under which it is kept; 0: none.
  // Left out is what this older state, which stays as it is too, has in the same slots: there it
  // has the same content, since no slot of a kept map is ever written.
  std::optional<Meta> base;
  std::uint64_t base_checkpoint = 0;
};

class PageTaker {
 public:
  PageTaker() = default;
  PageTaker(const PageTaker&) = delete;
  PageTaker& operator=(const PageTaker&) = delete;
  virtual ~PageTaker() = default;
  virtual Result<void> take(Slot slot, std::span<const std::byte> page, bool damaged) = 0;
};

// What the meta of a copy says: the state, and nothing of a log.
Meta meta_of_copy(const Meta& state);

// Once through the pages; counts them, and notes what is damaged. kCancelled; kDamaged: an inner
// page of the map can't be read; what the taker answers.
Result<void> hand_over_pages(const CopiedState& from, PageTaker& to, ProgressTeller& teller,
                             std::uint64_t findings_max, BackupReport& report);

}  // namespace holdfast
