#include "engine/backup_file.h"

#include <algorithm>

#include "engine/backup_stream.h"
#include "engine/base/bytes.h"
#include "engine/base/result.h"
#include "engine/file/meta_store.h"
#include "engine/new_file.h"

namespace holdfast {
namespace {

constexpr std::uint64_t kSyncEveryBytes = std::uint64_t{16} << 20;

}  // namespace

Result<void> FileCopy::take(Slot slot, std::span<const std::byte> page, bool) {
  TRY(file_.write(kHeaderRegionBytes + std::uint64_t{raw(slot) - 1} * page_size_, page));
  highest_ = std::max(highest_, raw(slot));
  bytes_ += page.size();
  unsynced_ += page.size();
  if (unsynced_ < kSyncEveryBytes) return {};
  unsynced_ = 0;
  return file_.sync();
}

Result<void> FileCopy::sync_pages(std::uint32_t highest) {
  const std::uint64_t end = kHeaderRegionBytes + std::uint64_t{highest} * page_size_;
  if (TRY(file_.size()) < end) TRY(file_.allocate(end - page_size_, page_size_));
  return file_.sync();
}

Result<void> FileCopy::write_metas(const Meta& state, std::uint32_t highest) {
  Meta meta = meta_of_copy(state);
  meta.slot_high_water = highest;
  MetaStore metas = MetaStore::blank(file_);
  TRY(metas.write(meta));
  return metas.write(meta);
}

Result<void> write_backup(const Environment& environment, const CopiedState& from,
                          const std::string& target, const BackupOptions& options,
                          BackupReport& report) {
  const auto write = [&](StorageFile& file) -> Result<void> {
    FileCopy copy(file);
    copy.begin(from.state.page_size);
    ProgressTeller teller(options.progress);
    teller.begin("backup", from.state.pages);
    TRY(hand_over_pages(from, copy, teller, options.findings_max, report));
    report.bytes = copy.bytes();
    TRY(copy.sync_pages(copy.highest()));
    return copy.write_metas(from.state, copy.highest());
  };
  return make_new_database(environment, target, from.file->path(), write);
}

Result<void> write_stream_file(const Environment& environment, const CopiedState& from,
                               const std::string& target, const BackupOptions& options,
                               BackupReport& report) {
  const auto write = [&](StorageFile& file) -> Result<void> {
    std::uint64_t at = 0;
    std::uint64_t synced = 0;
    const BackupSink sink = [&](std::string_view bytes) -> Result<void> {
      TRY(file.write(at, as_bytes(bytes)));
      at += bytes.size();
      if (at - synced < kSyncEveryBytes) return {};
      synced = at;
      return file.sync();
    };
    TRY(write_stream(environment, from, sink, options, report));
    return file.sync();
  };
  return make_new_file(environment, target, from.file->path(), write);
}

}  // namespace holdfast
