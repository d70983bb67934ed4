// The simulated disk: a machine's files in memory, with a crash that may happen at any call and
// leaves anything a real one might. Deterministic from the seeds it is given.
//
// Fault model, by the numbers of docs/FAULT_MODEL.md, which says how the engine meets each and what
// shows it. Verdicts: survives · detects (an error that names the place) · refuses (to open, or to
// go on) · undecidable.
//   F1  An unsynced write is lost, by sectors of 512 or 4096 bytes (CrashPolicy): survives.
//   F2  Unsynced writes reach the medium in any order, across files too (DiskKind): survives.
//   F3  Torn at 512 bytes (sector_bytes): survives.
//   F4  Torn at 4096; the torn part old, zero or garbage (garbage_in_place): survives.
//   F5  A file grows; what lies there is zero, random or an old block of another place (garbage):
//       survives.
//   F6  Data is there, the size isn't: each is a unit of its own (CrashUnit): survives.
//   F7  Old records where new ones should be: what F5 leaves is drawn from other files: survives.
//   F8  A create, rename or remove without a directory sync is lost, each on its own; a rename
//       without replacing may leave both names (torn_renames); a file's sync doesn't make its name
//       durable: survives.
//   F9  A crash after growing or cutting a file: sizes go back too: survives.
//   F10 A sync fails; what it covered may or may not be on the medium for ever after, although
//   later
//       syncs succeed; the cache new, old, or the failure reported one sync late (SyncLoss).
//       Reading past the cache settles it: refuses; undecidable where it is reported late.
//   F11 A full disk, at a capacity or at any call (capacity_bytes, Fault::code): survives.
//   F12 A call fails, once or for ever, a read among them; sectors that can't be read
//       (make_unreadable): detects.
//   F13 A write ends half-way, then fails (Fault::Part): survives. Short transfers and EINTR are
//       hidden by the storage interface, so not here.
//   F14 Bits flip in a tree file (flip_bit): detects; survives where there is another copy.
//   F15 Bits flip in a log (flip_bit): refuses; undecidable for the last synced group.
//   F16 A write lands elsewhere, or elsewhere too (Effect::kMisdirect, kDuplicate): detects.
//   F17 A write is acknowledged and lost (Effect::kLose): detects.
//   F18 A read comes from elsewhere (Effect::kMisdirect): detects.
//   F19 A file is missing, empty, older, or another database's (drop_file, set_file): refuses;
//       undecidable where a whole set is another whole set.
//   F20 A crash during recovery, and during that one's (crash_at_change, any life): survives.
//   F21 A failure during recovery, checkpoint or close (F10 to F13, any life): refuses.
//   F22 The clock jumps (lab/sim_environment.h): survives.
//   F23 A file opened and locked twice (Storage's locks, one process): refuses.
//   F24 The process is killed, the machine lives: the cache survives, still unsynced, and what was
//       submitted completes (CrashPolicy::Kind::kProcessKill): survives.
//   F25 Hostile bytes (patch, set_file): detects.
//   F26 A bit flips in memory before the write: not modelled; undecidable.
//   A disk that lies, whose syncs answer success and keep nothing (DiskKind::kLying): detects, or
//   another whole state is shown (U5).
// A write submitted and not completed is covered by no sync. Not modelled: a write that damages its
// neighbours (U6); sparse files' space (a byte of size is a byte of space); directories of their
// own. The rule that no needed block is written again is watched over always; see sim_rule.h.
//
// Life of a run: reset(), a first life in which the engine opens and works, crash_at_call() or not,
// crash(), a second life. crash() makes every StorageFile of the life before stale: it must be
// destroyed before the SimDisk, and answers kIo meanwhile. Storage's functions are thread-safe.
// Everything else is the harness's, and must not run while a Storage call does.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/sync.h"
#include "engine/storage/storage.h"
#include "fuzz/lab/rng.h"
#include "fuzz/lab/sim_classes.h"
#include "fuzz/lab/sim_crash.h"
#include "fuzz/lab/sim_faults.h"
#include "fuzz/lab/sim_inode.h"
#include "fuzz/lab/sim_names.h"
#include "fuzz/lab/sim_rule.h"
#include "fuzz/lab/sim_sites.h"

namespace holdfast {

class SimFile;

class SimDisk final : public Storage {
 public:
  struct Options {
    std::uint64_t seed = 0;  // Of what faults leave to chance.
    bool reads_past_cache = true;
    DiskKind kind = DiskKind::kWeak;
    bool trace = false;
    std::uint64_t capacity_bytes = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t max_file_bytes = std::uint64_t{256} << 20;  // What the host can spare: kDiskFull.
  };

  SimDisk();
  explicit SimDisk(const Options& options);
  ~SimDisk() override;

  // An empty disk, with the buffers of the old one; nothing else of it remains, watches neither.
  void reset(const Options& options);
  // The state of `other`, whose open files stay its own: for trying several crashes of one moment.
  // Watches, faults, the crash point and the trace are not taken over and are cleared here, but for
  // the watches.
  void become(const SimDisk& other);

  // --- Storage ---
  Result<std::unique_ptr<StorageFile>> open(const std::string& path, FileMode mode) override;
  Result<std::unique_ptr<StorageFile>> create_like(const std::string& path,
                                                   const std::string& original,
                                                   Rights rights) override;
  Result<bool> exists(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& directory,
                                        const std::string& prefix) override;
  Result<void> rename(const std::string& from, const std::string& to, bool replace) override;
  Result<void> remove(const std::string& path) override;
  Result<void> sync_directory(const std::string& directory) override;
  void submit(std::span<IoRequest> requests) override;
  void complete(std::span<IoRequest> requests) override;

  // --- Crash points ---
  // Calls since reset(), all kinds; and those that a crash can tell apart (creating, writing,
  // syncing …). Only path() and reads_past_cache() don't count.
  [[nodiscard]] std::uint64_t calls() const { return calls_; }
  [[nodiscard]] std::uint64_t changes() const { return changes_; }
  // Of the changes, those that aren't syncs: without one of them, a crash leaves nothing that a
  // crash before wouldn't have left.
  [[nodiscard]] std::uint64_t alterations() const { return alterations_; }
  // Another one after each crash.
  [[nodiscard]] std::uint64_t life() const { return life_; }
  // From the n-th call on (1: the next) every call fails and does nothing; with `takes_effect` the
  // n-th itself still does its work before it fails.
  void crash_at_call(std::uint64_t n, bool takes_effect = false);
  // The same, counting changes only.
  void crash_at_change(std::uint64_t n, bool takes_effect = false);
  [[nodiscard]] bool crashed() const { return crashed_; }

  // --- Crashes: all end the life of every open file and lift the crash point ---
  void crash(const CrashPolicy& policy, std::uint64_t seed);
  // What a crash now would decide on. A second look without a call in between gives the same list.
  // Sectors whose fate makes no difference are left out.
  const std::vector<CrashUnit>& crash_units(std::uint32_t sector_bytes = 512);
  // The crash that gives each of crash_units() its fate; those beyond the end of `fates` are lost.
  void crash_with(std::uint32_t sector_bytes, std::span<const Fate> fates, std::uint64_t seed = 0);
  // Bit i of the mask keeps unit i.
  void crash_keeping(std::uint32_t sector_bytes, std::uint64_t mask);
  // "write 512 to 1024 of db (call 17)"
  [[nodiscard]] std::string describe(const CrashUnit& unit) const;

  // --- Faults ---
  void inject(const Fault& fault) { faults_.add(fault); }
  void clear_faults() { faults_.clear(); }
  [[nodiscard]] bool may_refuse_room() const { return faults_.may_refuse_room(); }
  // Every call and every fault is noted there from now on; nullptr: nowhere. A reset() and a
  // become() leave that as it is.
  void note_sites(SimSites* sites) { sites_ = sites; }
  // Called in the middle of every sync of a file: what it does then is not covered by that sync. It
  // may use the disk as another thread would, but for what has to wait for the sync.
  void during_syncs(std::function<void(const std::string& path)> run) {
    during_syncs_ = std::move(run);
  }
  // The same in front of every read of a file.
  void during_reads(std::function<void(const std::string& path)> run) {
    during_reads_ = std::move(run);
  }
  // The same for classes of the fault model, those that the disk itself can tell.
  void note_classes(FaultClasses* classes) { classes_ = classes; }
  [[nodiscard]] DiskKind kind() const { return options_.kind; }
  // What was synced before stays so.
  void turn_into(DiskKind kind) { options_.kind = kind; }
  void set_capacity(std::uint64_t bytes) { options_.capacity_bytes = bytes; }
  // Reads that touch the range fail until make_readable(); a crash doesn't heal it.
  void make_unreadable(const std::string& path, std::uint64_t offset, std::uint64_t length);
  void make_readable(const std::string& path);

  // --- The medium, seen and changed from outside; by the names that programs see ---
  // Empty where there is no such file; good until the next call of anything.
  [[nodiscard]] std::span<const std::byte> durable_bytes(const std::string& path) const;
  [[nodiscard]] std::span<const std::byte> cached_bytes(const std::string& path) const;
  [[nodiscard]] std::vector<std::string> paths() const;  // Sorted.
  enum class Where : std::uint8_t { kMedium, kMediumAndCache };
  // Past the end of the file nothing happens.
  void flip_bit(const std::string& path, std::uint64_t bit, Where where = Where::kMediumAndCache);
  void patch(const std::string& path, std::uint64_t offset, std::span<const std::byte> bytes,
             Where where = Where::kMediumAndCache);
  // The whole file, which is made if need be, durable with its name.
  void set_file(const std::string& path, std::span<const std::byte> bytes);
  // Gone at once and durably, as if someone had deleted it while nobody looked.
  void drop_file(const std::string& path);
  // xxh3-128 of all durable names and bytes: two equal hashes are the same image.
  [[nodiscard]] std::array<std::uint64_t, 2> durable_hash() const;

  // --- The rule ---
  void watch(const std::string& path, NeededRanges needed);
  void unwatch();  // All of them.
  [[nodiscard]] const std::optional<std::string>& violation() const { return rule_.violation(); }
  void clear_violation() { rule_.clear_violation(); }

  // --- The story: one line per call, when Options::trace is set ---
  void trace_calls(bool on) { options_.trace = on; }
  [[nodiscard]] const std::vector<std::string>& trace() const { return trace_; }
  std::vector<std::string> take_trace() { return std::exchange(trace_, {}); }

 private:
  friend class SimFile;

  // What befalls a call. `act`: it does its work; `error`: what it then answers.
  struct Gate {
    bool act = true;
    std::optional<Error> error;
    std::optional<Fault> fault;
  };
  Result<std::unique_ptr<StorageFile>> open_for(const std::string& path, FileMode mode);
  Gate enter(SimCall call, const std::string& path, bool change, std::uint64_t offset = 0,
             std::uint64_t length = 0);
  void note(SimCall call, const std::string& path, std::uint64_t offset, std::uint64_t length);
  Error failure(ErrorCode code, SimCall call, const std::string& path, std::uint64_t offset) const;
  void met(FaultClass which) const {
    if (classes_ != nullptr) classes_->met(which);
  }
  void note_strike(const Fault& fault, SimCall call) const;
  void note_crash(std::uint32_t sector_bytes) const;

  // SimFile's calls, the lock held.
  Result<std::size_t> read(SimFile& file, SimCall call, std::uint64_t offset,
                           std::span<std::byte> buffer);
  Result<void> write(SimFile& file, std::uint64_t offset, std::span<const std::byte> bytes,
                     bool in_flight);
  Result<void> allocate(SimFile& file, std::uint64_t offset, std::uint64_t length);
  Result<void> truncate(SimFile& file, std::uint64_t size);
  Result<void> sync(SimFile& file, MutexLock& guard);
  Result<std::uint64_t> size(SimFile& file);
  Result<void> lock(SimFile& file, LockMode mode);
  void close(SimFile& file);
  Result<SimInode*> alive(SimFile& file);

  std::size_t part_of(const Fault& fault, std::size_t bytes);
  void apply_write_fault(SimOp& op, const SimInode& inode, const Fault& fault) const;
  Result<void> may_grow(const SimInode& inode, std::uint64_t size, SimCall call,
                        const std::string& path) const;
  Result<void> fail_sync(SimInode& inode, const Gate& gate);
  std::uint32_t take_inode(const std::string& path);
  void name_changed(std::uint32_t inode, const std::string& path);
  void collect_inodes();
  void list_all_units(std::uint32_t sector_bytes, bool skip_unchanged);
  void crash_by_fates(std::uint32_t sector_bytes, Rng& rng);
  void bury(SimInode& inode);
  void start_new_life();
  SimInode* find_inode(const std::string& path) const;
  std::span<const std::byte> stale_bytes(std::uint32_t besides, Rng& rng) const;

  Mutex mutex_;
  Options options_;
  Rng rng_;
  std::vector<std::unique_ptr<SimInode>> inodes_;
  std::vector<std::byte> graveyard_;  // What the last log that is gone has left in its blocks.
  SimNames names_;
  SimRule rule_;
  FaultPlan faults_;
  SimSites* sites_ = nullptr;
  FaultClasses* classes_ = nullptr;
  std::function<void(const std::string&)> during_syncs_;
  std::function<void(const std::string&)> during_reads_;
  const void* caller_ = nullptr;  // Of the call under way.
  std::uint64_t life_ = 0;        // Files opened in another one are stale.
  std::uint64_t calls_ = 0;
  std::uint64_t changes_ = 0;
  std::uint64_t alterations_ = 0;
  std::uint64_t crash_call_ = 0;    // 0: none.
  std::uint64_t crash_change_ = 0;  // 0: none.
  bool crash_takes_effect_ = false;
  bool crashed_ = false;
  struct InFlight {
    const IoRequest* request;
    std::uint32_t inode;
    std::uint64_t call;
  };
  std::vector<InFlight> in_flight_;
  std::vector<CrashUnit> units_;  // Scratch, kept for its memory.
  std::vector<Fate> fates_;
  std::vector<std::string> trace_;
};

}  // namespace holdfast
