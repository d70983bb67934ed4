// The open database: owns the file, cache, log and background work, and is the one place that sees
// trees, transactions, log and recovery together.
//
// Locks, in this order: the writer's gate, step_mutex_, checkpoint_mutex_, meta_mutex_, then those
// of cache, log and slots. background_mutex_ is taken alone.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/environment.h"
#include "engine/base/sync.h"
#include "engine/batch_queue.h"
#include "engine/cache/page_cache.h"
#include "engine/checkpoint.h"
#include "engine/file/meta_store.h"
#include "engine/file/page_map.h"
#include "engine/file/slot_space.h"
#include "engine/shrink.h"
#include "engine/storage/storage.h"
#include "engine/transaction_state.h"
#include "engine/txn/id_space.h"
#include "engine/txn/writer_gate.h"
#include "engine/watch.h"
#include "holdfast/database.h"
#include "recovery/scan.h"
#include "server/served.h"
#include "wal/log_writer.h"

namespace holdfast {

struct CopiedState;  // engine/backup_pages.h

inline constexpr std::chrono::milliseconds kRetryCheckpointAfter{1000};
inline constexpr std::uint64_t kPinnedIds = std::uint64_t{1} << 63;  // No generation is one.
inline constexpr std::chrono::milliseconds kDyingTurnMost{1000};     // Of a step that frees.

class DatabaseImpl final : public LogObserver, private Served {
 public:
  static Result<std::unique_ptr<DatabaseImpl>> open(const std::string& path,
                                                    const Options& options);
  ~DatabaseImpl() override;

  Result<ReadTransaction> begin_read(const ReadOptions& options);
  Result<ReadTransaction> begin_read_at(TxnNumber at_least);
  Result<WriteTransaction> begin_write(std::chrono::milliseconds timeout);
  Result<CommitToken> commit(WriteState& writer, Durability durability, bool wait);
  Result<CommitToken> write(const WriteBatch& batch, Durability durability);
  void writer_ended() noexcept;
  void writer_aborted() { aborts_.fetch_add(1, std::memory_order_relaxed); }
  void reader_began() { open_transactions_.fetch_add(1); }
  void reader_ended() { open_transactions_.fetch_sub(1); }
  Result<void> wait_durable(CommitToken token);
  Result<void> sync();
  Result<void> checkpoint();
  Result<bool> run_background();
  Result<std::uint64_t> reclaim(const ProgressFunction& progress);
  Result<CompactReport> compact(const CompactOptions& options);
  Result<KeptCheckpoint> keep_checkpoint();
  Result<void> release_checkpoint(std::uint64_t id);
  [[nodiscard]] std::vector<KeptCheckpoint> kept_checkpoints() const override;
  Result<BackupReport> backup(const std::string& path, const BackupOptions& options);
  Result<BackupReport> backup(const BackupSink& sink, const BackupOptions& options) override;
  // What is in the file of one that nobody writes to. kReadOnly: its log has more.
  [[nodiscard]] Result<Meta> state_at_rest() const;
  [[nodiscard]] bool is_read_only() const { return read_only_; }
  // A transaction has cut something off.
  void cut_off() {
    dying_waits_.store(0);
    dying_.store(true);
  }
  Result<VerifyReport> verify(const VerifyOptions& options) override;
  [[nodiscard]] Stats stats() const noexcept override;
  Result<std::shared_ptr<ServerState>> serve(const ServerOptions& options);
  Result<void> close();

  [[nodiscard]] const RecoveryReport& recovery() const noexcept override { return report_; }
  [[nodiscard]] const std::string& path() const { return given_path_; }
  [[nodiscard]] const Options& options() const { return options_; }
  // kInvalidArgument after close().
  [[nodiscard]] Result<void> must_be_open() const;
  // The error that froze this handle, if one did.
  [[nodiscard]] std::optional<Error> poisoned() const;
  [[nodiscard]] TxnNumber durable_txn() const { return cache_->durable(); }
  [[nodiscard]] std::chrono::steady_clock::time_point now() const {
    return environment_.clock->now();
  }

  // LogObserver
  void sync_begins(TxnNumber end) override { cache_->sync_begins(end); }
  void became_durable(TxnNumber txn) override { cache_->became_durable(txn); }
  void synced(std::chrono::steady_clock::duration took) override { watch_.synced(took); }

  [[nodiscard]] std::uint32_t& next_tree_id() { return next_tree_id_; }

 private:
  DatabaseImpl(const std::string& path, const Options& options);

  // open.cc
  Result<void> open_existing();
  Result<void> lock_file();
  Result<void> attach(const Meta& meta, TxnNumber txn, std::uint32_t id_high_water,
                      std::uint32_t slot_high_water);
  Result<void> read_log();
  Result<void> replay(const LogFiles& files, const LogOutcome& outcome);
  Result<void> check_lost_pages();
  Result<std::uint64_t> unfinished_pages(const Meta& meta) const;
  Result<void> check_no_stray_log(const LogFiles& files) const;
  Result<void> create_file();
  Result<bool> try_to_create();
  Result<void> write_first_state();

  // free_space.cc
  Result<void> scan_free_space(bool now);
  bool believe_free_hint();
  void leave_free_hint();
  bool has_free_hint_to_give(const Meta& meta);
  Result<void> write_free_hint(const Meta& meta);

  // commit.cc
  Result<bool> log_and_publish(WriteView& view);
  Result<void> start_epoch();
  [[nodiscard]] std::size_t log_share() const;
  Result<void> sync_placed();
  Result<void> reserve_slots(std::uint32_t count, SlotSpace::Use use);
  Result<void> with_room_for_log(bool only_frees, const std::function<Result<void>()>& attempt);
  Result<bool> lend_room_to_log(std::uint32_t most);
  Result<bool> shrink_for_room(bool whatever_is_free);
  Result<CommitToken> finish_commit(TxnNumber txn, Durability durability, bool wait);
  Result<void> make_room(std::uint32_t frames);
  bool give_up_a_snapshot();
  void help_checkpoint(const LogWriter& log);
  void poison(const Error& error) noexcept;

  // background.cc
  Result<void> start_background();
  void stop_background();
  void background_loop();
  void wake_background();
  [[nodiscard]] bool checkpoint_due() const;
  Result<bool> background_step();
  Result<bool> step_checkpoint();  // Under checkpoint_mutex_.
  Result<void> run_checkpoint();   // Likewise; to the end.
  Result<void> restore_meta_copies();
  void checkpoint_published();
  Result<void> write_checkpoint_meta(const Checkpoint& checkpoint);
  Result<void> prepare_log_for_checkpoint();

  // dying_work.cc
  bool enter_gate(std::chrono::milliseconds timeout);
  [[nodiscard]] std::uint32_t pages_per_step() const;
  [[nodiscard]] bool too_much_freed() const;
  [[nodiscard]] bool checkpoint_frees() const;
  Result<std::optional<std::uint64_t>> dying_step(std::chrono::milliseconds wait);
  Result<std::optional<std::uint64_t>> free_dying();
  Result<std::optional<DyingPart>> next_to_free(PageSource& source);
  Result<bool> dying_background_step();
  void free_dying_at_close();
  void help_freeing() noexcept;

  // kept.cc
  [[nodiscard]] Result<void> may_change_file() const;
  Result<void> write_kept(const Meta& list);
  void note_kept(const Meta& meta);
  void scan_kept();
  Result<std::vector<std::uint64_t>> checkpoint_to_keep();
  [[nodiscard]] Result<void> may_keep_one_more() const;
  Result<KeptCheckpoint> add_to_list(const Meta& state, std::uint32_t highest_slot,
                                     std::uint64_t goes,
                                     const std::function<void(std::uint64_t id)>& note_slots);
  Result<void> take_off_list(Meta& meta, std::uint64_t id);
  friend class KeptReading;
  friend class NewestPinned;

  // backup.cc
  Result<void> may_keep(std::uint64_t goes);
  Result<BackupReport> backup(
      const BackupOptions& options,
      const std::function<Result<void>(const CopiedState&, BackupReport&)>& copy);

  // serve.cc
  Result<ReadTransaction> read_durable() override;
  [[nodiscard]] const std::string& file() const noexcept override { return path_; }
  void stop_serving() noexcept;

  // close.cc
  Result<void> fold_log_in();
  Result<void> fold_old_log_in();
  Result<void> say_there_is_no_log();
  [[nodiscard]] bool log_beside() const;
  Result<void> remove_log();
  void remove_leftovers();

  // shrink.cc
  [[nodiscard]] std::uint64_t least_slots() const;
  [[nodiscard]] bool much_too_large() const;
  bool shrink_due();
  void begin_shrink(Shrink::By by, std::uint32_t spare);
  void next_round();
  void end_shrink();
  [[nodiscard]] bool has_more_to_move() const;
  Result<bool> shrink_step();
  void pace_shrink(std::uint64_t pages, std::uint64_t bytes_per_second);
  Result<bool> cut_some();
  Result<bool> shrink_background_step();
  [[nodiscard]] bool waits_to_move() const;
  Result<void> move_tail_down();
  friend class Compaction;

  const std::string given_path_;
  std::string path_;  // The same file from anywhere: Storage::real_path().
  Options options_;
  Environment environment_;
  Watch watch_;
  RecoveryReport report_;
  bool read_only_ = false;
  bool closed_ = false;
  bool redo_done_ = false;
  bool scan_given_up_ = false;  // Free space of before this opening stays unused.
  std::unique_ptr<StorageFile> file_;

  mutable Mutex meta_mutex_;
  std::optional<MetaStore> meta_;
  std::map<std::uint64_t, std::uint32_t> kept_readers_;  // By id; under meta_mutex_.
  std::uint64_t pins_ = 0;                               // Likewise.
  Atomic<std::uint64_t> releasing_{0};
  Atomic<std::uint32_t> kept_count_{0};

  std::unique_ptr<SlotSpace> slots_;
  std::unique_ptr<PageMap> map_;
  std::unique_ptr<PageCache> cache_;
  IdSpace ids_;
  WriterGate gate_;
  BatchQueue batches_{*this};
  std::uint32_t next_tree_id_ = 0;  // The writer's.
  std::uint32_t opened_id_high_water_ = 0;

  LogPlace opened_place_;                   // Where the log that was found ends.
  std::vector<OldSegment> old_segments_;    // Until a log of this opening has them.
  Atomic<std::uint64_t> old_log_bytes_{0};  // Of theirs.
  std::vector<std::string> leftover_files_;
  EpochNumber highest_epoch_{};
  std::unique_ptr<LogWriter> log_owner_;
  Atomic<LogWriter*> log_{nullptr};  // Set once, by the first commit.
  Atomic<bool> wrote_{false};        // This opening changed the file: close() folds the log in.

  Atomic<std::uint64_t> last_returned_{0};  // Newest txn whose commit() has returned.
  Atomic<std::uint32_t> open_transactions_{0};
  Atomic<std::uint64_t> commits_{0};
  Atomic<std::uint64_t> aborts_{0};
  Atomic<std::uint64_t> checkpoints_{0};
  Atomic<std::uint64_t> pages_written_{0};
  Atomic<std::uint64_t> checkpoint_txn_{0};
  Atomic<std::uint64_t> checkpoint_lsn_{0};
  Atomic<bool> recovered_{false};  // A log was found, and no checkpoint has let go of it.

  Atomic<bool> dying_{true};               // There may be something: the catalog knows.
  Atomic<std::uint64_t> dying_waits_{0};   // The oldest cut that snapshots keep from being freed.
  Atomic<std::uint64_t> dying_txn_{0};     // The last transaction that freed some.
  Atomic<std::uint64_t> dying_credit_{0};  // Pages that those who add some are to free.
  Atomic<std::uint64_t> dying_turns_{0};   // Odd while it has the writer's turn.
  Atomic<std::chrono::steady_clock::time_point> dying_retry_at_{};

  mutable Mutex poison_mutex_;
  Atomic<bool> is_poisoned_{false};
  std::optional<Error> poison_;

  Mutex checkpoint_mutex_;
  std::unique_ptr<Checkpoint> checkpoint_;                    // Under way, by steps.
  Atomic<std::chrono::steady_clock::time_point> retry_at_{};  // After a failed checkpoint.
  std::optional<Shrink> shrink_;                              // Likewise; its lock is the same.
  std::optional<std::chrono::steady_clock::time_point> large_since_;
  std::chrono::steady_clock::time_point shrink_retry_at_{};
  Atomic<bool> shrinking_{false};
  Atomic<bool> short_of_room_{false};  // The disk was full of late.
  Mutex compact_mutex_;                // One compacts at a time.

  Mutex serving_mutex_;
  std::shared_ptr<ServerState> serving_;

  Mutex background_mutex_;
  Condition background_wake_;
  Thread background_;
  bool stop_ = false;
  bool woken_ = false;
  Atomic<bool> background_sleeps_{false};
  Mutex step_mutex_;                     // A host may drive steps from several threads.
  Atomic<std::uint64_t> marked_txn_{0};  // A mark vouches for it, or nothing was written since.
  std::chrono::steady_clock::time_point last_seen_change_{};
  std::uint64_t last_seen_txn_ = 0;
  std::chrono::steady_clock::time_point unsynced_since_{};
};

// While there is one, that kept checkpoint isn't released.
class KeptReading {
 public:
  // kNotFound
  static Result<KeptReading> begin(DatabaseImpl& db, std::uint64_t id);
  KeptReading(KeptReading&& other) noexcept
      : db_(std::exchange(other.db_, nullptr)), meta_(std::move(other.meta_)), id_(other.id_) {}
  KeptReading& operator=(KeptReading&&) = delete;
  ~KeptReading();
  // Its map, in a meta of the database.
  [[nodiscard]] const Meta& meta() const { return meta_; }

 private:
  KeptReading(DatabaseImpl& db, Meta meta, std::uint64_t id)
      : db_(&db), meta_(std::move(meta)), id_(id) {}
  DatabaseImpl* db_;
  Meta meta_;
  std::uint64_t id_;
};

// The newest state, in a checkpoint that stays for as long as this does; a crash forgets it.
class NewestPinned {
 public:
  // Errors as of Database::keep_checkpoint().
  static Result<NewestPinned> begin(DatabaseImpl& db);
  NewestPinned(NewestPinned&& other) noexcept
      : db_(std::exchange(other.db_, nullptr)),
        meta_(std::move(other.meta_)),
        id_(other.id_),
        highest_slot_(other.highest_slot_) {}
  NewestPinned& operator=(NewestPinned&&) = delete;
  ~NewestPinned();
  [[nodiscard]] const Meta& meta() const { return meta_; }
  // Lists it as kept, and no longer the one of id `goes`, unless that is 0. Once.
  Result<KeptCheckpoint> keep(std::uint64_t goes);

 private:
  explicit NewestPinned(DatabaseImpl& db) : db_(&db) {}
  DatabaseImpl* db_;
  Meta meta_;
  std::uint64_t id_ = 0;
  std::uint32_t highest_slot_ = 0;
};

}  // namespace holdfast
