#include "engine/backup_file.h"

#include <algorithm>
#include <cstring>

#include "engine/base/boundary.h"
#include "engine/base/result.h"
#include "engine/file/map_walk.h"
#include "engine/file/meta_store.h"
#include "engine/new_file.h"

namespace holdfast {
namespace {

constexpr std::uint64_t kSyncEveryBytes = std::uint64_t{16} << 20;

ErrorPlace place_of(const std::string& path) {
  return {.file = path, .offset = {}, .page = {}, .tree = {}, .txn = {}};
}

// What the copy's meta says: the state, and nothing of a log.
Meta meta_of_copy(const Meta& state) {
  Meta meta;
  meta.page_size = state.page_size;
  meta.compatible = state.compatible;
  meta.read_only_compatible = state.read_only_compatible;
  meta.uuid = state.uuid;
  meta.creator = state.creator;
  meta.txn = state.txn;
  meta.map_root = state.map_root;
  meta.map_height = state.map_height;
  meta.id_high_water = state.id_high_water;
  meta.slot_high_water = state.slot_high_water;
  meta.pages = state.pages;
  return meta;
}

class Copy {
 public:
  Copy(const BackupSource& source, StorageFile& target, const BackupOptions& options,
       BackupReport& report)
      : source_(source), target_(target), options_(options), report_(report) {}

  Result<void> write() {
    const Meta& state = source_.state;
    PageMap map(*source_.file, *source_.slots, state.page_size, state.tag());
    TRY(map.open(state));
    teller_.begin("backup", state.pages);
    TRY(walk_map(*source_.file, map,
                 {.skip = [](Slot) { return false; },
                  .visit = [this](const StoredPage& page) { return put(page); }}));
    if (!teller_.tell()) return ProgressTeller::cancelled("backup()");
    const std::uint64_t end = kHeaderRegionBytes + std::uint64_t{highest_} * state.page_size;
    if (TRY(target_.size()) < end) TRY(target_.allocate(end - state.page_size, state.page_size));
    TRY(target_.sync());
    Meta meta = meta_of_copy(state);
    meta.slot_high_water = highest_;
    MetaStore metas = MetaStore::blank(target_);
    TRY(metas.write(meta));
    TRY(metas.write(meta));
    report_.txn = raw(meta.txn);
    return {};
  }

 private:
  Result<void> put(const StoredPage& page) {
    if (!teller_.step()) return ProgressTeller::cancelled("backup()");
    if (page.damage) note(page);
    std::span<const std::byte> bytes = page.bytes;
    if (bytes.empty()) bytes = left_out(page);
    TRY(target_.write(page.offset, bytes));
    highest_ = std::max(highest_, raw(page.slot));
    ++report_.pages;
    report_.bytes += bytes.size();
    unsynced_ += bytes.size();
    if (unsynced_ < kSyncEveryBytes) return {};
    unsynced_ = 0;
    return target_.sync();
  }

  std::span<const std::byte> left_out(const StoredPage& page) {
    buffer_.assign(source_.state.page_size, std::byte{0});
    const std::string text = "Holdfast left this page out of a backup, since it was damaged: " +
                             page.damage->to_string();
    std::memcpy(buffer_.data() + 8, text.data(), std::min(text.size(), buffer_.size() - 8));
    return buffer_;
  }

  void note(const StoredPage& page) {
    ++report_.findings_total;
    if (report_.findings.size() >= options_.findings_max) return;
    const ErrorPlace& place = page.damage->place();
    report_.findings.push_back({page.of_map ? "map_page_check" : "page_check",
                                page.damage->message(), place.file, place.offset, place.page,
                                place.tree, place.txn});
  }

  const BackupSource& source_;
  StorageFile& target_;
  const BackupOptions& options_;
  BackupReport& report_;
  ProgressTeller teller_{options_.progress};
  std::uint32_t highest_ = 0;
  std::uint64_t unsynced_ = 0;
  std::vector<std::byte> buffer_;
};

}  // namespace

Result<void> write_backup(const Environment& environment, const BackupSource& source,
                          const std::string& target, const BackupOptions& options,
                          BackupReport& report) {
  Storage& storage = *environment.storage;
  const auto taken = [&] {
    return fail(ErrorCode::kAlreadyExists,
                "there is a file of this name already, and a backup replaces none; choose another",
                place_of(target));
  };
  if (TRY(storage.exists(target))) return taken();
  TRY(refuse_beside_a_log(storage, target));
  remove_stale(storage, target);
  const std::string temporary = temporary_name(target, *environment.random);
  auto file = TRY(storage.open(temporary, FileMode::kCreateNew));
  auto done = at_boundary([&]() -> Result<void> {
    TRY(file->lock(LockMode::kExclusive));
    TRY(Copy(source, *file, options, report).write());
    return storage.rename(temporary, target, false);
  });
  file.reset();
  if (done) return storage.sync_directory(directory_of(target));
  // What it left only takes space; the next backup to this name tries again.
  (void)at_boundary([&] { return storage.remove(temporary); });
  if (done.error().code() == ErrorCode::kAlreadyExists) return taken();
  return done;
}

}  // namespace holdfast
