// The four meta blocks as one durable variable: chosen at opening, replaced by generations.
//
// M1 A new generation goes to the pair that doesn't hold the newest good one, both copies, then one
//    sync, then both are read back from the medium. Only then does write() succeed.
// M2 After a failed write() nothing is known of either generation: the caller poisons the database.
// M3 Opening never writes; restore_copies() is for the first write of an opening, before any other:
//    what an opening could not see may need what it takes for free.
// A crash inside write() leaves the newest good generation untouched in its own pair.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/file/meta_format.h"
#include "engine/storage/storage.h"

namespace holdfast {

class MetaStore {
 public:
  // Chooses the newest good block. kNotADatabase when no block has the magic, kDamaged when some
  // have but none is sound, kUnsupportedFormat as decode_meta().
  static Result<MetaStore> open(StorageFile& file);
  // For a file that is being created: both pairs are free.
  static MetaStore blank(StorageFile& file) { return MetaStore(file); }

  [[nodiscard]] const Meta& meta() const { return meta_; }
  // That of the next write().
  [[nodiscard]] std::uint64_t next_generation() const { return meta_.generation + step_; }
  // Copies of the newest generation's pair that weren't good when it was opened.
  [[nodiscard]] unsigned bad_copies() const { return bad_copies_; }

  // Rewrites a bad copy of the newest pair, so that one more fault can't take it; and one of the
  // other pair that could not be read, so that no opening finds a newer generation there, whose
  // pages are written over by then.
  Result<void> restore_copies();
  // Makes `meta` the newest generation (its own generation field is set here).
  Result<void> write(Meta meta);

 private:
  explicit MetaStore(StorageFile& file) : file_(&file) {}
  Result<void> write_copies(const Meta& meta, std::span<const unsigned> copies);

  StorageFile* file_;
  Meta meta_;
  unsigned pair_ = 1;       // That of the newest generation; the first write goes to pair 0.
  std::uint64_t step_ = 1;  // From the newest generation to the next.
  unsigned bad_copies_ = 0;
  std::vector<unsigned> to_restore_;
  // Of the other pair: a copy that could not be read, and what the other one has.
  std::optional<std::pair<unsigned, Meta>> unread_;
};

}  // namespace holdfast
