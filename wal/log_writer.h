// The log of one opening: takes groups of batches, writes them in order, and makes them durable for
// many threads with one sync.
//
//   append() -> queue -> write_queue() -> written -> sync_step() -> durable
//   single writer        io mutex, OS has it         leader, no lock held while it syncs
//
// Promises (README.md, W1 to W10): groups reach the file in the order of their append; durable()
// only ever covers groups whose writes completed before a successful sync was submitted; a block
// that a submitted sync covers is never written again; the first failed write or sync poisons for
// ever. Locks, in the order in which they are taken: sync, io, queue. None is held while the
// observer is called, and only `sync_running_` (no lock) while a file is synced. A crash here
// leaves whole groups, then at most one group or batch that is torn or lacks its commit. What is
// thrown between taking groups from the queue and the end of their sync poisons as an error does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/environment.h"
#include "engine/base/sync.h"
#include "engine/storage/storage.h"
#include "wal/format.h"
#include "wal/segment.h"

namespace holdfast {

// Called from whichever thread syncs.
class LogObserver {
 public:
  virtual ~LogObserver() = default;
  // A sync that will make everything up to `end` durable is about to take its group. Announced ends
  // never go back; one may be announced and then fail. Called with the queue locked, so that
  // nothing is appended between choosing the end and telling of it: it may not block or call the
  // log.
  virtual void sync_begins(TxnNumber end) = 0;
  // Under no lock of the log. durable_position() says so already; durable() and those who wait for
  // it learn it afterwards.
  virtual void became_durable(TxnNumber txn) = 0;
  // One file was synced, or refused to be; under no lock.
  virtual void synced(std::chrono::steady_clock::duration /*took*/) {}
};

struct LogConfig {
  Storage* storage = nullptr;
  Clock* clock = nullptr;
  std::string base_path;
  Uuid uuid{};
  std::uint64_t segment_bytes = std::uint64_t{64} << 20;
  LogObserver* observer = nullptr;  // May be null.
  std::size_t write_bytes = std::size_t{1}
                            << 20;  // Written at once, or one batch where it is more.
};

// A segment file of an earlier opening, for release_before() and remove_all() to look after.
struct OldSegment {
  std::string path;
  SegmentRef ref;
  Lsn end{};  // Reading leaves it here; 0 for one that no longer matters.
  std::uint64_t bytes = 0;
};

class LogWriter {
 public:
  // Starts a new epoch continuing at `at`. On return the first segment is complete, has its name,
  // and the directory is synced: the caller now writes a meta that names it, and only then appends.
  static Result<std::unique_ptr<LogWriter>> start(const LogConfig& config, EpochNumber epoch,
                                                  const Salt& salt, const LogPosition& at);
  ~LogWriter() = default;  // Nothing may be waiting. Writes nothing: what is queued is lost.
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  [[nodiscard]] SegmentRef first_segment() const { return first_; }
  // Hands over what earlier openings left behind. Before anything is released.
  void adopt(std::vector<OldSegment> segments);

  // -- the single writer, which holds the engine's writer lock:

  // Room for one group before its first byte, replacing a reservation that wasn't used. kDiskFull
  // leaves everything as it was. kPoisoned after a failure of the log.
  Result<void> reserve(std::uint64_t payload_bytes, std::uint32_t batches);
  // Queues the group that reserve() made room for, in memory that was had then: it can't fail. Txn
  // numbers grow from call to call; each batch is at most kBatchPayloadMax.
  void append(TxnNumber txn, std::vector<std::vector<std::byte>> batches) noexcept;

  // -- any thread. Both answer at once when it is so already, even when poisoned since.

  // Everything up to `txn`, which must have been appended, is with the operating system.
  Result<void> write_through(TxnNumber txn);
  // Everything up to `txn`, which must have been appended, is durable.
  Result<void> sync_through(TxnNumber txn);

  [[nodiscard]] TxnNumber appended() const;
  [[nodiscard]] TxnNumber written() const { return written_txn_.load(); }
  [[nodiscard]] TxnNumber durable() const { return durable_txn_.load(); }
  using Durable = LogPlace;
  // The end of the newest durable group. At first: where the epoch continues, and its segment.
  [[nodiscard]] Durable durable_position() const;

  // Writes and syncs a batch that vouches for everything durable; nothing if one already does.
  Result<void> mark();
  // Makes a new segment current if the current one is more than a quarter full, or twice as large
  // as the new one where room is short, and syncs, so that durable_position() lies in the new one
  // and a checkpoint from there lets go of the old. kDiskFull leaves everything as it was.
  Result<void> roll(bool short_of_room = false);
  // Removes every segment that reading from `from` on doesn't need. Only once a meta that names
  // `from` or a later place is durable in both copies. The directory isn't synced: a segment that
  // comes back after a crash means nothing.
  Result<void> release_before(const LogPlace& from);
  // Removes all segments this writer knows and syncs the directory. Only after a clean close's
  // metas.
  Result<void> remove_all();

  // Poisons from outside (a failed meta write). The first error is kept.
  void freeze(const Error& error) noexcept;
  [[nodiscard]] std::optional<Error> poisoned() const;

  // -- figures
  [[nodiscard]] std::uint64_t bytes_since(Lsn lsn) const;  // Log written or queued past `lsn`.
  [[nodiscard]] std::uint64_t buffered_bytes() const;      // Memory that queue and buffers hold.
  [[nodiscard]] std::uint64_t queued_bytes() const;        // Of groups that aren't written yet.
  [[nodiscard]] std::uint64_t file_bytes() const;          // Size of all segment files known.
  [[nodiscard]] std::uint64_t written_bytes() const { return written_bytes_.load(); }  // By groups.
  [[nodiscard]] std::uint64_t sync_count() const { return sync_count_.load(); }
  [[nodiscard]] std::uint64_t segment_count() const;

 private:
  struct Group {
    TxnNumber txn{};
    std::vector<std::vector<std::byte>> batches;
    std::uint64_t room = 0;
    std::uint64_t bytes = 0;
  };
  using Groups = std::list<Group>;
  struct SyncWork;

  explicit LogWriter(LogConfig config) : config_(std::move(config)) {}

  // log_queue.cc; with the io mutex held.
  Result<void> write_queue();
  Result<void> write_taken(TxnNumber watched);
  Result<void> write_group(const Group& group);
  Result<void> put_batch(std::uint32_t flags, TxnNumber txn, std::span<const std::byte> payload);
  Result<void> write_buffer();
  BatchHeader next_header(std::uint32_t flags, TxnNumber txn);
  [[nodiscard]] LogPlace place_here(TxnNumber txn) const;
  void publish_written(std::uint64_t room_done, const std::optional<LogPlace>& watched);

  // log_space.cc; with the io mutex held.
  Result<void> make_room(std::uint64_t room);
  Result<void> extend_to(std::uint64_t end);
  Result<void> zero_ahead();
  Result<void> roll_segment(std::uint64_t extra_room);
  Result<void> start_successor(std::uint64_t extra_room);
  void continue_in(std::unique_ptr<Segment> successor, TxnNumber txn);
  void publish_space();

  // log_sync.cc
  void lead(MutexLock& lock);
  void gather_group();
  void expect_next_group(std::uint64_t seen);
  Result<void> sync_step(bool with_mark);
  Result<void> sync_group(bool with_mark);
  Result<void> sync_alone(bool with_mark);
  Result<void> prepare_sync(bool with_mark, SyncWork& work);
  void seal_for(const StorageFile& file);
  Result<void> put_mark();
  Result<void> finish_sync(TxnNumber end, const SyncWork& work);

  Error poison(const Error& error) noexcept;

  const LogConfig config_;
  Groups next_;       // The writer's: at most one, for append().
  SegmentRef first_;  // Its epoch and salt are those of every segment.

  Mutex sync_mutex_;  // Guards who leads.
  Condition sync_done_;
  bool sync_running_ = false;
  // Whoever leads has these to itself:
  std::uint64_t expected_groups_ = 0;  // To be served by the next sync; see gather_group().
  std::uint32_t smaller_groups_ = 0;   // Served since one as large.

  mutable Mutex io_mutex_;  // Guards the end of the file and everything about segments.
  std::vector<std::unique_ptr<Segment>> segments_;  // Of this epoch; the last is current.
  std::vector<OldSegment> old_;
  std::uint64_t position_ = 0;   // File offset in the current segment of the next batch.
  std::uint64_t allocated_ = 0;  // Space is had up to here,
  std::uint64_t zeroed_ = 0;     // and was written with zeros up to here.
  std::uint64_t chain_ = 0;
  std::uint64_t next_number_ = 1;  // For names.
  std::uint64_t wall_us_ = 0;
  LogPlace durable_known_;         // durable_place_ when the queue was taken.
  std::vector<std::byte> buffer_;  // Bytes that belong right before position_.
  Groups taken_;

  mutable Mutex queue_mutex_;  // Guards the hand-over between threads; never held across I/O.
  Groups queue_;
  std::uint64_t base_ = 0;         // position_ rounded up to a block.
  std::uint64_t limit_ = 0;        // Up to here reserve() may promise.
  std::uint64_t queued_room_ = 0;  // Promised to groups that aren't written yet.
  std::uint64_t reserved_ = 0;     // Promised to the group that comes next.
  std::uint64_t reserved_bytes_ = 0;
  std::uint64_t queued_bytes_ = 0;
  std::uint64_t buffer_bytes_ = 0;  // What buffer_ takes.
  Lsn end_lsn_{};                   // Of position_.
  TxnNumber appended_{};
  TxnNumber watched_{};                    // The end that was announced last,
  std::optional<LogPlace> watched_place_;  // and where it is, once written.
  LogPlace written_place_;
  LogPlace durable_place_;
  TxnNumber marked_{};  // Vouched for by a mark or a segment's header.
  std::optional<Error> poison_;

  Atomic<TxnNumber> written_txn_{TxnNumber{0}};
  Atomic<TxnNumber> durable_txn_{TxnNumber{0}};
  Atomic<std::uint64_t> appended_groups_{0};
  Atomic<std::uint64_t> waiting_{0};  // Threads in sync_through(), while theirs isn't durable.
  Atomic<std::uint64_t> announced_groups_{0};  // appended_groups_ when the last sync began.
  Atomic<std::uint64_t> written_bytes_{0};
  Atomic<std::uint64_t> sync_count_{0};
};

}  // namespace holdfast
