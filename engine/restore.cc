#include "engine/restore.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <map>
#include <set>
#include <utility>

#include "engine/backup_file.h"
#include "engine/backup_stream.h"
#include "engine/base/bytes.h"
#include "engine/base/result.h"
#include "engine/file/map_walk.h"
#include "engine/file/meta_store.h"
#include "engine/new_file.h"

namespace holdfast {
namespace {

ErrorPlace place_of(const std::string& path) {
  return {.file = path, .offset = {}, .page = {}, .tree = {}, .txn = {}};
}

std::string named(std::uint64_t txn, std::uint64_t root_check, std::uint64_t checkpoint) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text = "transaction " + std::to_string(txn) + " (root ";
  for (int shift = 60; shift >= 0; shift -= 4) text += kDigits[root_check >> shift & 15];
  return text + (checkpoint == 0 ? ")" : ", kept as " + std::to_string(checkpoint) + ")");
}

// A part that is a file, read forwards.
BackupSource reading(StorageFile& file) {
  return [&file, at = std::uint64_t{0}](std::span<char> buffer) mutable -> Result<std::size_t> {
    const std::size_t bytes =
        TRY(file.read(at, {reinterpret_cast<std::byte*>(buffer.data()), buffer.size()}));
    at += bytes;
    return bytes;
  };
}

// Copies what the parts bring, and remembers what of it can't be relied on.
class Marked final : public PageTaker {
 public:
  explicit Marked(FileCopy& copy) : copy_(copy) {}

  Result<void> take(Slot slot, std::span<const std::byte> page, bool damaged) override {
    damaged ? (void)damaged_.insert(slot) : (void)damaged_.erase(slot);
    brought_damage_ |= damaged;
    brought_[raw(slot) / kSlots][raw(slot) % kSlots] = true;
    return copy_.take(slot, page, damaged);
  }
  // What a damaged map page leads to wasn't seen, and is in the part only by chance: then all that
  // older parts brought may be out of date, and pages may be missing.
  void end_part() {
    if (brought_damage_) newest_.clear();
    for (const auto& [at, slots] : brought_) newest_[at] |= slots;
    doubtful_ |= std::exchange(brought_damage_, false);
    brought_.clear();
  }
  [[nodiscard]] bool came_damaged(Slot slot) const { return damaged_.contains(slot); }
  [[nodiscard]] bool may_be_missing(Slot slot) const {
    if (!doubtful_) return false;
    const auto found = newest_.find(raw(slot) / kSlots);
    return found == newest_.end() || !found->second[raw(slot) % kSlots];
  }

 private:
  static constexpr std::uint32_t kSlots = 4096;
  using Slots = std::map<std::uint32_t, std::bitset<kSlots>>;

  FileCopy& copy_;
  std::set<Slot> damaged_;
  Slots brought_;  // By the part that is being read.
  Slots newest_;   // Brought by the last part with damage, or after it.
  bool brought_damage_ = false;
  bool doubtful_ = false;
};

class Restoration {
 public:
  Restoration(const Environment& environment, StorageFile& target, const RestoreOptions& options,
              BackupReport& report)
      : environment_(environment),
        target_(target),
        options_(options),
        report_(report),
        copy_(target),
        marked_(copy_) {}

  Result<void> add(const BackupPart& part) {
    TRY(take(part));
    marked_.end_part();
    return {};
  }

  // Nothing is missing but what came as damaged: the file is that state.
  Result<void> finish() {
    const Meta& state = *state_;
    TRY(copy_.sync_pages(copy_.highest()));
    SlotSpace slots(target_, state.page_size);
    PageMap map(target_, slots, state.page_size, state.tag());
    TRY(map.open(state));
    teller_.begin("verify", state.pages);
    report_.findings.clear();
    report_.findings_total = 0;
    std::uint32_t highest = 0;
    TRY(walk_map(target_, map,
                 {.skip = [](Slot) { return false; },
                  .visit = [&](const StoredPage& page) -> Result<void> {
                    if (!teller_.step()) return ProgressTeller::cancelled("restore()");
                    highest = std::max(highest, raw(page.slot));
                    return page.damage ? judge(page) : Result<void>();
                  }}));
    if (!teller_.tell()) return ProgressTeller::cancelled("restore()");
    TRY(target_.truncate(kHeaderRegionBytes + std::uint64_t{highest} * state.page_size));
    TRY(copy_.write_metas(state, highest));
    report_.txn = raw(state.txn);
    report_.bytes = copy_.bytes();
    return {};
  }

 private:
  Result<void> take(const BackupPart& part) {
    if (part.source) {
      StreamReader reader(part.source, part.path.empty() ? "the stream" : part.path);
      return add_stream(reader, part.path.empty() ? "the stream" : part.path);
    }
    auto file = TRY(environment_.storage->open(part.path, FileMode::kReadOnly));
    TRY(file->lock(LockMode::kShared));
    std::array<std::byte, 8> magic{};
    const std::size_t bytes = TRY(file->read(0, magic));
    if (bytes == magic.size() && load64(magic.data()) == kStreamMagic) {
      StreamReader reader(reading(*file), part.path);
      return add_stream(reader, part.path);
    }
    return add_database(*file);
  }

  Result<void> add_database(StorageFile& file) {
    const MetaStore metas = TRY(MetaStore::open(file));
    const Meta& meta = metas.meta();
    if (state_) {
      return fail(ErrorCode::kInvalidArgument,
                  "this is a whole database; only the first part is one, and increments follow",
                  place_of(file.path()));
    }
    if (meta.log_beside) {
      return fail(ErrorCode::kInvalidArgument,
                  "this database was opened for writing and not closed, and what its log says is "
                  "not in it; back it up, or take a backup that nobody wrote to",
                  place_of(file.path()));
    }
    begin(meta);
    SlotSpace slots(file, meta.page_size);
    teller_.begin("restore", meta.pages);
    return hand_over_pages({.file = &file, .slots = &slots, .state = meta, .base = {}}, marked_,
                           teller_, options_.findings_max, report_);
  }

  Result<void> add_stream(StreamReader& reader, const std::string& name) {
    const StreamHead head = TRY(reader.head());
    TRY(fits(head, name));
    begin(head.state);
    teller_.begin("restore", head.base ? 0 : head.state.pages);
    while (const auto page = TRY(reader.next())) {
      if (!teller_.step()) return ProgressTeller::cancelled("restore()");
      ++report_.pages;
      TRY(marked_.take(page->slot, page->bytes, page->damaged));
    }
    return {};
  }

  void begin(const Meta& state) {
    state_ = state;
    copy_.begin(state.page_size);
  }

  // An increment belongs on one state and on no other.
  Result<void> fits(const StreamHead& head, const std::string& name) const {
    const auto refuse = [&](const std::string& what) {
      return fail(ErrorCode::kInvalidArgument, what, place_of(name));
    };
    if (!state_ && head.base) {
      return refuse("this is an increment on " +
                    named(raw(head.base->txn), head.base->map_root.check, head.base->checkpoint) +
                    "; give a backup of that before it");
    }
    if (!state_) return {};
    if (!head.base)
      return refuse("this is a whole backup; only the first part is one, and increments follow");
    if (head.state.uuid != state_->uuid || head.state.page_size != state_->page_size)
      return refuse("this is an increment of another database");
    if (head.base->is(*state_)) return {};
    return refuse("this is an increment on " +
                  named(raw(head.base->txn), head.base->map_root.check, head.base->checkpoint) +
                  ", and the parts before it make up " +
                  named(raw(state_->txn), state_->map_root.check, 0) +
                  "; give, in the order in which they were made, a backup that nobody wrote to and "
                  "all increments since");
  }

  // Damage that came with the parts stays, and so does what they lack for it; any other means that
  // they don't belong together.
  Result<void> judge(const StoredPage& page) {
    const bool came = marked_.came_damaged(page.slot);
    if (!came && !marked_.may_be_missing(page.slot)) {
      if (page.damage->code() == ErrorCode::kIo) return std::unexpected(*page.damage);
      return fail(ErrorCode::kDamaged,
                  "the parts don't make up the state that they say, or the new file doesn't keep "
                  "what is written to it: " +
                      page.damage->message(),
                  page.damage->place());
    }
    ++report_.findings_total;
    if (report_.findings.size() >= options_.findings_max) return {};
    const ErrorPlace& place = page.damage->place();
    report_.findings.push_back({page.of_map ? "map_page_check" : "page_check",
                                came ? "damaged in the original already"
                                     : "in none of the parts, since the page map could not be read "
                                       "when they were made",
                                {},
                                place.offset,
                                place.page,
                                place.tree,
                                place.txn});
    return {};
  }

  const Environment& environment_;
  StorageFile& target_;
  const RestoreOptions& options_;
  BackupReport& report_;
  ProgressTeller teller_{options_.progress};
  FileCopy copy_;
  Marked marked_;
  std::optional<Meta> state_;  // What the parts so far make up.
};

}  // namespace

Result<BackupReport> restore_parts(const std::vector<BackupPart>& parts, const std::string& path,
                                   const RestoreOptions& options) {
  if (parts.empty()) return fail(ErrorCode::kInvalidArgument, "there is nothing to restore from");
  if (path.empty() || path.find('\0') != path.npos)
    return fail(ErrorCode::kInvalidArgument, "the path of the new database is empty, or no path");
  const Environment& environment =
      options.environment != nullptr ? *options.environment : system_environment();
  const auto begun = environment.clock->now();
  const std::string target = TRY(environment.storage->real_path(path));
  BackupReport report;
  const std::string original = parts[0].source ? "" : parts[0].path;
  auto made =
      make_new_database(environment, target, original, [&](StorageFile& file) -> Result<void> {
        Restoration restoration(environment, file, options, report);
        for (const BackupPart& part : parts) TRY(restoration.add(part));
        return restoration.finish();
      });
  TRY(std::move(made));
  report.seconds = std::chrono::duration<double>(environment.clock->now() - begun).count();
  return report;
}

}  // namespace holdfast
