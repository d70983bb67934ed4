// libFuzzer: bytes are two log files, in the sparse form of fuzz/lab/file_image.h. Recovery reads
// them, redoes what it accepts, checks and dumps them. Whatever they hold, redo finds the groups
// that the scan has counted, one after the other, and nothing else.
//
// The mutator mends checksums and chains, so that changed bytes are believed; one time in eight it
// leaves them.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/storage/memory_storage.h"
#include "fuzz/image_mutator.h"
#include "recovery/log_check.h"
#include "recovery/log_dump.h"
#include "recovery/redo.h"

namespace {

using namespace holdfast;

constexpr std::uint64_t kMaxFileBytes = std::uint64_t{4} << 20;

// Pages as redo leaves them; those that it never wrote are zero.
class Pages final : public RedoTarget {
 public:
  Result<std::span<std::byte>> base(PageId id) override { return std::span(page(id)); }
  Result<std::span<std::byte>> blank(PageId id) override {
    std::ranges::fill(page(id), std::byte{0});
    return std::span(page(id));
  }
  Result<void> place(PageId, Slot, std::uint64_t, TxnNumber) override { return {}; }
  Result<void> free(PageId, std::uint32_t, TxnNumber) override { return {}; }
  Result<void> lose(PageId, const Error& why) override { return std::unexpected(why); }
  bool is_lost(PageId) const override { return false; }
  Result<void> committed(const LogPlace& at) override {
    if (groups_ > 0 && raw(at.end.txn) <= last_) std::abort();  // Numbers grow.
    last_ = raw(at.end.txn);
    ++groups_;
    return {};
  }
  [[nodiscard]] std::uint64_t groups() const { return groups_; }

 private:
  static constexpr std::size_t kPagesMost = 64;  // Then they share one.
  std::vector<std::byte>& page(PageId id) {
    const std::uint32_t key = pages_.size() < kPagesMost || pages_.contains(raw(id)) ? raw(id) : 0;
    return pages_.try_emplace(key, 4096).first->second;
  }

  std::map<std::uint32_t, std::vector<std::byte>> pages_;
  std::uint64_t groups_ = 0, last_ = 0;
};

void place(Storage& storage, const std::string& path, const std::vector<std::byte>& bytes) {
  if (bytes.empty()) return;
  auto file = storage.open(path, FileMode::kCreateNew);
  if (file) (void)(*file)->write(0, bytes);
}

Uuid uuid_in(const std::vector<std::byte>& segment) {
  Uuid uuid{};
  if (segment.size() >= segment_at::kUuid + sizeof uuid) {
    std::memcpy(&uuid, segment.data() + segment_at::kUuid, sizeof uuid);
  }
  return uuid;
}

// As if a meta named the first file, at its start.
LogStart start_at(const SegmentHeader& header) {
  return {header.ref, {header.ref.start, header.chain, header.txn}, header.ref.epoch, header.ref};
}

void recover(Storage& storage, const Uuid& uuid) {
  auto files = LogFiles::open(storage, "db", uuid, true);
  if (!files || !files->sync() || files->sound().empty()) return;
  const LogStart start = start_at(files->sound().front().header);
  const auto outcome = scan_log(*files, start);
  if (!outcome) return;
  RecoveryReport report;
  outcome->fill(report);
  (void)report.to_string();
  if (outcome->damage) (void)outcome->damage_error().to_string();
  Pages pages;
  const auto done = redo_log(*files, *outcome, pages);
  if (done && pages.groups() != outcome->groups) std::abort();
  (void)check_log(storage, "db", uuid, start, outcome->end);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const FileImage image = image_of(data, size);
  MemoryStorage storage(kMaxFileBytes);
  place(storage, "db.log-1-1", image.log);
  place(storage, "db.log-1-2", image.tree);
  const Uuid uuid = uuid_in(image.log);
  recover(storage, uuid);
  LogDumpTarget target;
  target.segment = [](const DumpedSegment&) {};
  target.batch = [](const DumpedBatch&) {};
  (void)dump_log(storage, "db", uuid, target);
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned seed) {
  return mutate_image(data, size, max_size, seed, [](FileImage& image) {
    mend_log(image.log);
    mend_log(image.tree);
  });
}
