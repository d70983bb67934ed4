// One database on the simulated disk with its model beside it: does ops to both, compares, and
// judges what comes back, through as many openings and crashes as it takes.
//
// Errors are legal when something excuses them: the machine has stopped, faults were injected, the
// disk was made full, or a limit was passed. Everything else is a failure, which is kept as text
// and ends the matter.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/base/environment.h"
#include "fuzz/lab/arena.h"
#include "fuzz/lab/harm.h"
#include "fuzz/lab/model.h"
#include "fuzz/lab/ops.h"
#include "fuzz/lab/sim_disk.h"
#include "fuzz/lab/sim_environment.h"
#include "holdfast/cursor.h"
#include "holdfast/database.h"

namespace holdfast {

// What errors are to be expected of storage.
enum class Weather : std::uint8_t {
  kFair,
  kFull,    // Growing may be refused; nothing else may come of it.
  kAstray,  // Reads may show what lies elsewhere: an error, never an answer.
  kFaulty,  // Any call may fail.
};

struct LabCounters {
  std::uint64_t ops = 0;
  std::uint64_t records = 0;  // Puts, erases, gets and steps of cursors in them, one by one.
  std::uint64_t commits = 0;
  std::uint64_t openings = 0;
  std::uint64_t recoveries = 0;  // Openings that found a log.
  std::uint64_t compared = 0;    // States compared in full.
  std::uint64_t limits = 0;      // Transactions refused with kLimitExceeded.
  std::uint64_t refusals = 0;    // Other excused errors while the machine ran.
};

class LabDatabase {
 public:
  static constexpr const char* kPath = "db";

  explicit LabDatabase(SimDisk& disk);
  ~LabDatabase();
  LabDatabase(const LabDatabase&) = delete;
  LabDatabase& operator=(const LabDatabase&) = delete;

  // A new database on a disk without one. The disk's watches are set here.
  void start(const Shape& shape, std::uint64_t seed);
  // The other's database as it lies on this disk, which has become a copy of the other's; closed.
  void become(const LabDatabase& other, std::uint64_t seed);

  // Opens, creating it at first, and compares everything.
  void open();
  // Read-only: compares with what a following open() must find as well.
  void look();
  void apply(const Op& op);
  // While the so-manieth read of the tree file from now on is under way, another thread does these:
  // changes and commits, with no writer open then.
  void meanwhile(std::uint64_t reads, std::vector<Op> ops);
  void close();
  // The process ends here: whatever it still calls fails. Afterwards nothing is open.
  void stop();
  // Tells what the crash was that ended the last life.
  void crashed(CrashPolicy::Kind kind);

  // `bad_slots`: how many of the tree file's slots failing writes may spoil, where that is known.
  void expect(Weather weather, std::optional<std::uint64_t> bad_slots = {}) {
    weather_ = weather;
    bad_slots_ = bad_slots;
  }
  // From now on something of the files is gone that storage had acknowledged.
  void harmed(Harm harm) { harm_ = std::max(harm_, harm); }
  // The disk may lie, now or later: any state there ever was may come back, and what the medium
  // needs nobody can know.
  void lied_to() {
    lied_to_ = true;
    keep_history();
    disk_.unwatch();
  }
  // The same, but that the medium's needs are known: from the start of a run in which an older file
  // may come back.
  void keep_history() { keeps_history_ = true; }
  // The next opening has its options from there. Keys stay as they are.
  void set_options(const Shape& shape) { shape_ = shape; }
  // For an open database that is neither poisoned nor on a stopped machine.
  [[nodiscard]] bool usable() const;
  [[nodiscard]] bool is_open() const { return db_.has_value(); }
  [[nodiscard]] const std::optional<std::string>& failure() const { return failure_; }
  [[nodiscard]] const Model& model() const { return model_; }
  // The transaction that the next opening must find at least; after crashed().
  [[nodiscard]] std::uint64_t least() const;
  // Whether the next opening must find a database.
  [[nodiscard]] bool created() const { return created_; }
  [[nodiscard]] const LabCounters& counters() const { return counters_; }
  [[nodiscard]] Database& database() { return *db_; }
  SimClock& clock() { return clock_; }
  // Where to tell what is done, or nullptr. Where the disk traces its calls, they are told with the
  // op that made them.
  void tell(std::vector<std::string>* story) {
    tell_calls();
    story_ = story;
  }

 private:
  struct OpenSavepoint {
    Savepoint savepoint;
    std::size_t in_model;
  };
  struct LabCursor {
    Cursor cursor;
    std::string tree;
    std::string key;  // Where it stands,
    bool on = false;  // if anywhere.
    std::string_view
        value;  // What it showed there: good until it moves, or its transaction writes.
  };
  struct Held {
    ReadTransaction reader;
    std::uint64_t txn;
    Model::Trees seen;  // Of its cursor, which ends first.
    std::optional<LabCursor> cursor;
    bool given_up = false;  // As it was told.
  };

  static constexpr std::size_t kCopyCache = kLabCacheTight;
  using State = std::shared_ptr<const Model::Trees>;
  using Chain = std::vector<std::shared_ptr<const std::string>>;  // A backup and its increments.

  Options options(OpenMode mode);
  void judge_opening(const Database& db, bool read_only);
  bool begin_write();
  Result<Tree> tree_to_change(std::uint8_t tree);
  void put(const Op& op);
  void put_stream(const Op& op);
  void bulk_load(const Op& op);
  void erase(const Op& op);
  void erase_range(const Op& op);
  void create_tree(const Op& op);
  void put_if(const Op& op);
  void batch(const Op& op);
  void drop_tree(const Op& op);
  void rename_tree(const Op& op);
  void savepoint();
  void roll_back(std::uint32_t number);
  void release(std::uint32_t number);
  void get_many(const Op& op);
  void put_too_long(const Op& op);
  void commit(Op::Kind kind);
  void committed(Op::Kind kind, std::uint64_t txn, const Result<CommitToken>& token);
  void during_sync(const std::string& path);
  void during_read(const std::string& path);
  [[nodiscard]] bool may_commit_beside() const;
  bool put_beside(WriteTransaction& writer, const Op& op);
  void move_cursor(const Op& op);
  // What refused it. A move ends where the model's does, or is a failure.
  std::optional<Error> move_cursor(std::optional<LabCursor>& place, const Reader& reader, Tree tree,
                                   const std::string& name, const Model::Records& records,
                                   const Op& op);
  std::optional<Error> judge_cursor(LabCursor& place, const Model::Records& records);
  void judge_view(const Held& held);
  void end_writer();
  void abort();
  void sync();
  void snapshot();
  void end_snapshot(std::uint32_t number);
  void compare_newest();
  void compare_writer();
  void compare_held(std::uint32_t number);
  // As excused(), where the reader may have been given up.
  bool excused_for(Held& held, const Error& error, const std::string& what);
  [[nodiscard]] bool unread() const;
  void compare_frozen();
  void get(const Op& op);
  void background(std::uint32_t steps);
  void settle();
  void checkpoint();
  void compact();
  void keep();
  void release_kept(std::uint32_t number);
  void judge_kept();
  void backup(const Op& op);
  Chain choose_base(const Op& op, BackupOptions& options);
  std::shared_ptr<const std::string> back_up(const Op& op, const BackupOptions& options,
                                             std::uint64_t txn);
  void back_up_to_file(const BackupOptions& options, std::uint64_t txn, const State& expected);
  bool restore(const Chain& chain);
  void restore_refused(const Chain& chain, ErrorCode code, const char* what);
  void restore_broken(const Op& op, Chain chain);
  void judge_report(const BackupReport& report, std::uint64_t txn, const char* what);
  void judge_restored(std::optional<std::uint64_t> txn);
  [[nodiscard]] bool restored_is_there() const;
  bool remove_restored();
  void expect_none(const char* what);
  void verify(bool copies_too);
  void walk(const Op& op);
  void intrude();
  void judge_leaks(const VerifyReport& report);
  void judge_size();

  void compare_with(const Reader& reader, const Model::Trees& expected, const std::string& what);
  void note_durable();
  void note_background();
  void fail(const std::string& what);
  // True when `error` is excused; otherwise it is a failure.
  bool excused(const Error& error, const std::string& what);
  bool refused_change(const Error& error, const std::string& what);
  // Below the op before: the storage calls that it made.
  void say(const std::string& line) {
    if (story_ == nullptr) return;
    tell_calls();
    story_->push_back(line);
  }
  void tell_calls();

  SimDisk& disk_;
  SimClock clock_;
  SimRandom random_;
  Environment environment_;
  const Arena arena_;
  const Arena copy_arena_{kCopyCache};  // For what was restored.
  Shape shape_;
  Model model_;
  Rng rng_;
  Weather weather_ = Weather::kFair;
  std::optional<std::uint64_t> bad_slots_;
  bool created_ = false;     // For good: the name is durable.
  bool opened_ = false;      // In this life.
  bool doubtful_ = false;    // Storage failed since the last opening: the cache may show too much.
  bool exact_ = true;        // The next opening must find exactly the newest state.
  std::uint64_t floor_ = 0;  // What the next opening must find at least.
  Harm harm_ = Harm::kNone;
  bool lied_to_ = false;
  bool keeps_history_ = false;
  bool may_leak_ = false;
  bool cuts_ = false;                      // A range was erased.
  std::uint64_t synced_ = 1;               // The newest durable transaction,
  std::uint64_t vouched_ = 1;              // and one that something written later says was durable.
  bool settled_ = false;                   // Nothing happened since the last checkpoint.
  std::optional<std::uint64_t> lost_ids_;  // That this opening didn't find.
  bool poisoned_ = false;
  bool copies_whole_ = false;   // Something was committed since opening: bad copies were mended.
  std::uint64_t returned_ = 0;  // The last commit that returned success in this opening.
  std::uint64_t stamp_ = 0;
  std::uint64_t widest_cache_ = 0;  // Of all openings.
  std::optional<Database> db_;
  std::optional<WriteTransaction> writer_;
  std::optional<LabCursor> writer_cursor_;
  std::optional<Op> beside_;  // To be done during the next sync.
  std::vector<Op> meanwhile_;
  std::uint64_t reads_left_ = 0;  // Until those.
  std::vector<OpenSavepoint> savepoints_;
  std::vector<Held> held_;
  std::vector<KeptCheckpoint> kept_;            // That must be listed,
  bool one_more_kept_ = false;                  // and one that was being kept when all ended,
  std::uint64_t one_less_kept_ = 0;             // but for this one, which was being released.
  std::map<std::uint64_t, State> kept_states_;  // By id, of those of kept_ of which it is known.
  State one_more_state_;                        // Of the one that was being kept.
  std::map<std::uint64_t, Chain> chains_;       // By id, what makes up that kept one.
  State restored_state_;                        // That of the file that was being restored,
  bool removed_ = true;                         // which is gone again, durably.
  std::optional<std::string> failure_;
  LabCounters counters_;
  std::vector<std::string>* story_ = nullptr;
};

}  // namespace holdfast
