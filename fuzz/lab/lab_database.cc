// Openings, ends and judgements. What the ops do is in lab_ops.cc and lab_looks.cc.
#include "fuzz/lab/lab_database.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/base/bytes.h"
#include "engine/base/limits.h"
#include "engine/file/meta_format.h"
#include "fuzz/lab/compare.h"
#include "fuzz/lab/needed_ranges.h"
#include "wal/format.h"

namespace holdfast {
namespace {

// As docs/FORMAT.md has it: pieces, up to the last of them.
std::uint64_t hint_bytes(std::span<const std::byte> hint) {
  constexpr std::size_t kHead = 72;
  std::size_t at = 0;
  while (hint.size() - at >= kHead && std::memcmp(&hint[at + 8], "HOFFREE1", 8) == 0) {
    const bool last = load32(&hint[at + 52]) == 1;
    at += kHead + 8 * (std::size_t{load32(&hint[at + 56])} + load32(&hint[at + 60]));
    if (last || at > hint.size()) break;
  }
  return at;
}

// The log of a database whose creation a crash took away: for all that can be known, its owner was
// moved and will come back.
bool is_strangers_log(const SimDisk& disk, const std::string& path) {
  const auto log = disk.cached_bytes(path);
  const auto file = disk.cached_bytes(LabDatabase::kPath);
  if (log.size() < kLogBlockBytes || file.size() < kHeaderRegionBytes) return false;
  const auto header = decode_segment_header(log.first(kLogBlockBytes));
  const auto meta = decode_meta(file.first<kMetaBytes>());
  return header && meta && header->uuid != meta->uuid;
}

}  // namespace

LabDatabase::LabDatabase(SimDisk& disk)
    : disk_(disk), environment_{&disk, &clock_, &random_}, arena_(kLabCacheMax) {
  disk_.during_syncs([this](const std::string& path) { during_sync(path); });
  disk_.during_reads([this](const std::string& path) { during_read(path); });
}

LabDatabase::~LabDatabase() {
  stop();
  disk_.during_syncs({});
  disk_.during_reads({});
}

void LabDatabase::start(const Shape& shape, std::uint64_t seed) {
  stop();
  shape_ = shape;
  model_.reset();
  rng_ = Rng(seed);
  random_.reset(seed + 1);
  clock_.reset();
  weather_ = Weather::kFair;
  created_ = opened_ = doubtful_ = poisoned_ = copies_whole_ = may_leak_ = false;
  exact_ = true;
  floor_ = returned_ = stamp_ = widest_cache_ = 0;
  harm_ = Harm::kNone;
  lied_to_ = keeps_history_ = cuts_ = false;
  synced_ = vouched_ = 1;
  beside_.reset();
  reads_left_ = 0;
  kept_.clear();
  kept_states_.clear();
  chains_.clear();
  restored_state_.reset();
  removed_ = true;
  one_more_kept_ = false;
  one_less_kept_ = 0;
  failure_.reset();
  counters_ = {};
  watch_needed_ranges(disk_, kPath);
}

void LabDatabase::become(const LabDatabase& other, std::uint64_t seed) {
  stop();
  beside_.reset();
  reads_left_ = 0;
  shape_ = other.shape_;
  model_ = other.model_;
  model_.abort();
  rng_ = Rng(seed);
  random_.reset(seed + 1);
  clock_.become(other.clock_);
  weather_ = other.weather_;
  created_ = other.created_;
  opened_ = other.opened_;
  doubtful_ = other.doubtful_;
  poisoned_ = false;
  exact_ = other.exact_;
  floor_ = other.floor_;
  harm_ = other.harm_;
  lied_to_ = other.lied_to_;
  may_leak_ = other.may_leak_;
  keeps_history_ = other.keeps_history_;
  cuts_ = other.cuts_;
  synced_ = other.synced_;
  kept_ = other.kept_;
  kept_states_ = other.kept_states_;
  one_more_state_ = other.one_more_state_;
  chains_ = other.chains_;
  restored_state_ = other.restored_state_;
  removed_ = other.removed_;
  one_more_kept_ = other.one_more_kept_;
  one_less_kept_ = other.one_less_kept_;
  vouched_ = other.vouched_;
  stamp_ = other.stamp_;
  widest_cache_ = other.widest_cache_;
  failure_ = other.failure_;
  counters_ = {};
  watch_needed_ranges(disk_, kPath);
  if (lied_to_) disk_.unwatch();
}

Options LabDatabase::options(OpenMode mode) {
  Options options;
  options.mode = mode;
  options.cache_bytes = shape_.cache_bytes;
  options.page_size = created_ ? shape_.asked_page_size : shape_.page_size;
  options.durability = shape_.durability;
  options.checkpoint_log_bytes = shape_.checkpoint_log_bytes;
  options.log_segment_bytes = shape_.segment_bytes;
  options.background = Background::kHost;
  options.old_snapshots = shape_.old_snapshots;
  options.arena = arena_.bytes();
  if (shape_.frames != 0)
    options.arena = options.arena.first(std::size_t{shape_.frames} * shape_.page_size);
  options.environment = &environment_;
  return options;
}

bool LabDatabase::usable() const {
  return db_ && !failure_ && !poisoned_ && !disk_.crashed();
}

std::uint64_t LabDatabase::least() const {
  const std::uint64_t least = std::max<std::uint64_t>(1, exact_ ? model_.newest() : floor_);
  if (harm_ == Harm::kLies) return 1;
  return harm_ == Harm::kLog ? std::min(least, vouched_) : least;
}

void LabDatabase::open() {
  if (failure_ || db_) return;
  judge_restored({});
  if (failure_) return;
  const OpenMode mode = created_ ? OpenMode::kReadWrite : OpenMode::kCreate;
  auto opened = Database::open(kPath, options(mode));
  if (!opened && opened.error().code() == ErrorCode::kLimitExceeded &&
      (shape_.cache_bytes < widest_cache_ || shape_.frames != 0)) {
    // A transaction that was made in a larger cache: as it says, a larger one opens it.
    say("open(): " + opened.error().to_string());
    ++counters_.limits;
    shape_.cache_bytes = widest_cache_;
    shape_.frames = 0;
    opened = Database::open(kPath, options(mode));
  }
  widest_cache_ = std::max(widest_cache_, shape_.cache_bytes);
  if (!opened) {
    (void)excused(opened.error(), "open()");
    return;
  }
  db_.emplace(*std::move(opened));
  // A file whose creator died before the directory was synced may go until something is committed.
  created_ = created_ || db_->recovery().created;
  opened_ = true;
  doubtful_ = false;
  poisoned_ = copies_whole_ = settled_ = false;
  lost_ids_.reset();
  ++counters_.openings;
  if (db_->recovery().log_end != LogEnd::kNoLog) ++counters_.recoveries;
  say("opened: " + db_->recovery().to_string());
  judge_opening(*db_, false);
  judge_kept();
  if (failure_) return;
  returned_ = model_.newest();
  exact_ = false;
  compare_newest();
}

void LabDatabase::look() {
  if (failure_ || db_ || !created_) return;
  auto opened = Database::open(kPath, options(OpenMode::kReadOnly));
  if (!opened) {
    // Read-only opening can't checkpoint between groups.
    if (opened.error().code() == ErrorCode::kLimitExceeded) return;
    (void)excused(opened.error(), "open() read-only");
    return;
  }
  say("opened read-only: " + opened->recovery().to_string());
  judge_opening(*opened, true);
  if (failure_) return;
  const std::uint64_t found = opened->stats().newest_txn;
  auto reader = opened->begin_read();
  if (!reader) {
    (void)excused(reader.error(), "begin_read() read-only");
    return;
  }
  compare_with(*reader, model_.as_of(found), "read-only, state " + std::to_string(found));
  // Nothing happens in between: the next opening finds it too. But what a failed sync left only in
  // the cache, a reader that may not write can't tell from what is on the medium.
  if (doubtful_ || harm_ != Harm::kNone) return;
  exact_ = false;
  floor_ = std::max(floor_, found);
}

// Which state came back: the floor and the model's newest are the bounds.
void LabDatabase::judge_opening(const Database& db, bool read_only) {
  const std::uint64_t found = db.stats().newest_txn;
  if (found < least() || found > model_.newest()) {
    fail("the state that opens is the one after transaction " + std::to_string(found) +
         "; promised was " + std::to_string(least()) + ", the newest begun was " +
         std::to_string(model_.newest()) + " (" + db.recovery().to_string() + ")");
    return;
  }
  if (db.recovery().recovered_txn != found) {
    fail("the report says state " + std::to_string(db.recovery().recovered_txn) + ", it is " +
         std::to_string(found));
  }
  if (read_only) return;
  model_.rewind(found);
  synced_ = found;
  vouched_ = std::min(vouched_, found);
}

void LabDatabase::close() {
  if (!db_) return;
  beside_.reset();
  reads_left_ = 0;
  abort();
  if (poisoned_ && !disk_.crashed()) compare_frozen();
  held_.clear();
  const bool was_poisoned = poisoned_;
  const bool wrote = returned_ > 1 && copies_whole_;
  const std::uint64_t changes = disk_.changes();
  auto closed = db_->close();
  note_background();
  db_.reset();
  say(closed ? "closed" : "closed: " + closed.error().to_string());
  if (was_poisoned && !disk_.crashed() && disk_.changes() != changes) {
    fail("close() of a poisoned database changed something on disk");
  }
  if (closed && was_poisoned) fail("close() of a poisoned database says all is well");
  if (!closed) {
    if (!was_poisoned) (void)excused(closed.error(), "close()");
    floor_ = model_.promised(weather_ == Weather::kFaulty ? Model::Promise::kPowerLoss
                                                          : Model::Promise::kProcessDeath);
    exact_ = false;
    doubtful_ = weather_ == Weather::kFaulty;
    return;
  }
  exact_ = true;
  model_.promise(Model::Promise::kPowerLoss, model_.newest());
  if (copies_whole_) synced_ = vouched_ = model_.newest();  // Else the log is still there.
  // A log file whose headers are gone may be anybody's.
  if (!wrote || weather_ != Weather::kFair || harm_ >= Harm::kLog) return;
  for (const std::string& path : disk_.paths()) {
    if (path != kPath && path.find(".new-") == path.npos && !is_strangers_log(disk_, path)) {
      fail("a closed database should be one file, but there is " + path);
    }
  }
  if (harm_ == Harm::kNone) judge_size();
}

// What nobody has a slot for is not there: the file ends with its last used one, or with a hint of
// what is free before it.
void LabDatabase::judge_size() {
  const auto file = disk_.cached_bytes(kPath);
  std::optional<Meta> newest;
  for (unsigned copy = 0; copy < kMetaCopies; ++copy) {
    const auto meta = decode_meta(file.subspan(meta_offset(copy)).first<kMetaBytes>());
    if (meta && (!newest || meta->generation > newest->generation)) newest = *meta;
  }
  if (!newest) return fail("a closed database has no meta");
  const std::uint64_t end =
      kHeaderRegionBytes + std::uint64_t{newest->slot_high_water} * newest->page_size;
  // Of one that failed a part may stay, where cutting it off failed too.
  const std::uint64_t hint = file.size() < end ? 0 : hint_bytes(file.subspan(end));
  if (file.size() != end + hint && (weather_ == Weather::kFair || hint == 0)) {
    fail("something leaks: a closed database has " + std::to_string(file.size()) +
         " bytes, and its last slot ends at " + std::to_string(end));
  }
}

void LabDatabase::stop() {
  if (!db_) return;
  if (poisoned_ && !disk_.crashed()) {
    close();
    return;
  }
  if (!disk_.crashed()) disk_.crash_at_call(1);
  end_writer();
  held_.clear();
  db_.reset();
  model_.abort();
}

void LabDatabase::crashed(CrashPolicy::Kind kind) {
  model_.abort();
  const bool killed = kind == CrashPolicy::Kind::kProcessKill && weather_ != Weather::kFaulty;
  const auto promise = killed ? Model::Promise::kProcessDeath : Model::Promise::kPowerLoss;
  // Without an opening in between nothing was added to what the last crash left promised; what
  // close() left is still exactly that.
  const std::uint64_t promised = model_.promised(promise);
  floor_ = opened_ ? promised : std::min(floor_, promised);
  created_ = created_ || model_.promised(Model::Promise::kPowerLoss) > 1;
  opened_ = false;
  doubtful_ = doubtful_ || weather_ == Weather::kFaulty;
  if (disk_.violation()) fail("the rule was broken: " + *disk_.violation());
}

void LabDatabase::compare_with(const Reader& reader, const Model::Trees& expected,
                               const std::string& what) {
  auto difference = compare(reader, expected, cuts_, rng_);
  if (!difference) {
    (void)excused(difference.error(), what);
    return;
  }
  ++counters_.compared;
  if (*difference) fail(what + ": " + **difference);
}

// A frozen database shows its last durable state to whoever wasn't told of a later one.
void LabDatabase::compare_frozen() {
  auto reader = db_->begin_read();
  if (!reader) return (void)excused(reader.error(), "begin_read() of a frozen database");
  const std::uint64_t txn = reader->txn();
  if (txn > db_->stats().durable_txn) fail("a frozen database shows what isn't durable");
  if (txn >= model_.oldest())
    compare_with(*reader, model_.as_of(txn), "frozen at " + std::to_string(txn));
}

// What frees pages does so in transactions of its own, that change nothing to be seen.
void LabDatabase::note_background() {
  while (model_.newest() < db_->stats().newest_txn) model_.commit();
}

void LabDatabase::note_durable() {
  if (!db_ || failure_) return;
  const Stats stats = db_->stats();
  if (stats.newest_txn != model_.newest()) {
    fail("the database's newest transaction is " + std::to_string(stats.newest_txn) +
         ", the model's " + std::to_string(model_.newest()));
  }
  if (!disk_.crashed()) {
    model_.promise(Model::Promise::kPowerLoss, stats.durable_txn);
    // Whatever made it durable says what was before.
    if (stats.durable_txn > synced_) vouched_ = std::exchange(synced_, stats.durable_txn);
  }
  std::uint64_t oldest = std::min(model_.promised(Model::Promise::kPowerLoss), vouched_);
  for (const Held& held : held_) oldest = std::min(oldest, held.txn);
  if (!keeps_history_) model_.forget_before(oldest);
}

void LabDatabase::tell_calls() {
  if (story_ == nullptr) return;
  for (const std::string& call : disk_.take_trace()) story_->push_back("    " + call);
}

void LabDatabase::fail(const std::string& what) {
  if (failure_) return;
  failure_ = what;
  say("FAILED: " + what);
}

bool LabDatabase::excused(const Error& error, const std::string& what) {
  say(what + ": " + error.to_string());
  const ErrorCode code = error.code();
  if (disk_.crashed()) return true;
  if (code == ErrorCode::kPoisoned) poisoned_ = true;
  ++counters_.refusals;
  const bool damage = code == ErrorCode::kDamaged || code == ErrorCode::kIo;
  if (harm_ >= Harm::kTree && (damage || code == ErrorCode::kPoisoned)) return true;
  // Of what is kept twice one copy has rotted, and the other couldn't be read.
  if (weather_ == Weather::kFaulty && harm_ == Harm::kScar && damage) return true;
  const bool none = code == ErrorCode::kNotFound || code == ErrorCode::kNotADatabase;
  if (harm_ >= Harm::kFile && none) return true;
  if (weather_ == Weather::kAstray && (damage || code == ErrorCode::kPoisoned)) return true;
  const bool io = code == ErrorCode::kIo || code == ErrorCode::kPoisoned;
  if (weather_ == Weather::kFaulty && (io || code == ErrorCode::kDiskFull)) return true;
  if (weather_ == Weather::kFull && code == ErrorCode::kDiskFull) return true;
  fail(what + " failed without cause: " + error.to_string());
  return false;
}

}  // namespace holdfast
