// A copy as a database file of its own, or a stream as a file.
//
// Each page goes to the slot that it has in the original, so the copy's map is the original's, page
// for page, with the checks that stand in it. The meta is new: no log, no epoch, no kept
// checkpoints, and the same uuid, which is the tag in every page. So a log of the original that
// lies beside the copy is of a later epoch, and opening refuses it instead of believing either.
//
// A crash, an error or a cancellation leaves no file of the wanted name; only a crash leaves one of
// the temporary name.
#pragma once

#include <string>

#include "engine/backup_pages.h"
#include "engine/base/environment.h"

namespace holdfast {

// The pages of a copy, in their slots.
class FileCopy final : public PageTaker {
 public:
  explicit FileCopy(StorageFile& file) : file_(file) {}

  void begin(std::uint32_t page_size) { page_size_ = page_size; }
  Result<void> take(Slot slot, std::span<const std::byte> page, bool damaged) override;
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  [[nodiscard]] std::uint32_t highest() const { return highest_; }
  // All pages are durable, and the file reaches to the end of slot `highest`.
  Result<void> sync_pages(std::uint32_t highest);
  // Both pairs have it, with that slot as the highest: from here on it is a database.
  Result<void> write_metas(const Meta& state, std::uint32_t highest);

 private:
  StorageFile& file_;
  std::uint32_t page_size_ = 0;
  std::uint32_t highest_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t unsynced_ = 0;
};

// kAlreadyExists, kDiskFull, kIo, kCancelled; kDamaged: an inner page of the map can't be read.
Result<void> write_backup(const Environment& environment, const CopiedState& from,
                          const std::string& target, const BackupOptions& options,
                          BackupReport& report);
// The same as a stream.
Result<void> write_stream_file(const Environment& environment, const CopiedState& from,
                               const std::string& target, const BackupOptions& options,
                               BackupReport& report);

}  // namespace holdfast
