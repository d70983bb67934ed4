// What the ops do, to the database and to the model alike; more of them in lab_changes.cc. Those
// that only look are in lab_looks.cc.
#include <algorithm>

#include "engine/base/limits.h"
#include "engine/file/meta_format.h"
#include "fuzz/lab/compare.h"
#include "fuzz/lab/lab_database.h"

namespace holdfast {
namespace {

using Kind = Op::Kind;

constexpr int kBackgroundMost = 10'000;  // Steps in a row; more would never end.

}  // namespace

void LabDatabase::apply(const Op& op) {
  if (!usable()) return;
  ++counters_.ops;
  if (story_ != nullptr) say(to_string(op));
  settled_ = settled_ && op.kind == Kind::kVerify;
  switch (op.kind) {
    case Kind::kPut:
    case Kind::kPutRun:
      put(op);
      break;
    case Kind::kPutStream:
      put_stream(op);
      break;
    case Kind::kBulkLoad:
      bulk_load(op);
      break;
    case Kind::kErase:
    case Kind::kEraseRun:
      erase(op);
      break;
    case Kind::kEraseRange:
      erase_range(op);
      break;
    case Kind::kPutIf:
      put_if(op);
      break;
    case Kind::kBatch:
      batch(op);
      break;
    case Kind::kCreateTree:
      create_tree(op);
      break;
    case Kind::kDropTree:
      drop_tree(op);
      break;
    case Kind::kRenameTree:
      rename_tree(op);
      break;
    case Kind::kSavepoint:
      savepoint();
      break;
    case Kind::kRollBack:
      roll_back(op.key);
      break;
    case Kind::kRelease:
      release(op.key);
      break;
    case Kind::kTooLong:
      put_too_long(op);
      break;
    case Kind::kCommit:
    case Kind::kCommitSync:
    case Kind::kCommitOs:
    case Kind::kCommitLazy:
    case Kind::kCommitAsync:
      commit(op.kind);
      break;
    case Kind::kBeside:
      beside_ = op;
      break;
    case Kind::kAbort:
      abort();
      break;
    case Kind::kSync:
      sync();
      break;
    case Kind::kSnapshot:
      snapshot();
      break;
    case Kind::kEndSnapshot:
      end_snapshot(op.key);
      break;
    case Kind::kCompare:
      compare_newest();
      break;
    case Kind::kCompareMine:
      compare_writer();
      break;
    case Kind::kCompareOld:
      compare_held(op.key);
      break;
    case Kind::kGet:
      get(op);
      break;
    case Kind::kCursor:
      move_cursor(op);
      break;
    case Kind::kGetMany:
      get_many(op);
      break;
    case Kind::kBackground:
      background(op.count);
      break;
    case Kind::kTime:
      clock_.advance(std::chrono::milliseconds(op.count));
      break;
    case Kind::kSetClock:
      // The least steps are a year, either way from 2023 on.
      clock_.set_wall_us(std::uint64_t{op.key} * 31'557'600'000'000 % 3'400'000'000'000'000);
      break;
    case Kind::kSettle:
      settle();
      break;
    case Kind::kCheckpoint:
      checkpoint();
      if (settled_ && usable()) verify(copies_whole_);
      break;
    case Kind::kCompact:
      compact();
      if (settled_ && usable()) verify(copies_whole_);
      break;
    case Kind::kKeep:
      keep();
      break;
    case Kind::kReleaseKept:
      release_kept(op.key);
      break;
    case Kind::kBackup:
      backup(op);
      break;
    case Kind::kVerify:
      verify(copies_whole_);
      break;
    case Kind::kWalk:
      walk(op);
      break;
    case Kind::kIntrude:
      intrude();
      break;
    case Kind::kReopen:
      close();
      if (!failure_ && !disk_.crashed()) open();
      break;
    case Kind::kKindCount:
      break;
  }
  note_durable();
  if (disk_.violation()) fail("the rule was broken: " + *disk_.violation());
}

bool LabDatabase::begin_write() {
  if (writer_) return true;
  auto begun = db_->begin_write();
  if (!begun) {
    (void)excused(begun.error(), "begin_write()");
    return false;
  }
  writer_.emplace(*std::move(begun));
  if (writer_->txn() != model_.newest() + 1) fail("the writer's number doesn't follow the newest");
  return true;
}

// A change that the database would not make: the transaction is over, or goes on from its last
// savepoint. True when that is legal.
bool LabDatabase::refused_change(const Error& error, const std::string& what) {
  bool legal = error.code() == ErrorCode::kLimitExceeded && error.place().txn.has_value();
  if (legal) {
    ++counters_.limits;
    say(what + ": " + error.to_string());
  } else {
    legal = excused(error, what);
  }
  if (legal && usable() && !savepoints_.empty()) {
    roll_back(static_cast<std::uint32_t>(savepoints_.size() - 1));
  } else {
    abort();
  }
  return legal;
}

Result<Tree> LabDatabase::tree_to_change(std::uint8_t tree) {
  if (tree == 0) return Tree{};
  return writer_->open_tree(tree_name(tree));
}

void LabDatabase::put(const Op& op) {
  const std::string name = tree_name(op.tree);
  if (!begin_write() || !model_.trees().contains(name)) return;
  const auto tree = tree_to_change(op.tree);
  if (!tree) return (void)refused_change(tree.error(), "open_tree()");
  for (std::uint32_t i = 0; i < op.count; ++i) {
    const std::string key = shape_.key((op.key + i) % shape_.key_count);
    const std::string value = value_of(op.bytes, ++stamp_);
    if (auto done = writer_->put(*tree, key, value); !done) {
      return (void)refused_change(done.error(), "put()");
    }
    model_.put(name, key, value);
    ++counters_.records;
  }
}

void LabDatabase::erase(const Op& op) {
  const std::string name = tree_name(op.tree);
  if (!begin_write() || !model_.trees().contains(name)) return;
  const auto tree = tree_to_change(op.tree);
  if (!tree) return (void)refused_change(tree.error(), "open_tree()");
  Rng rng(op.key);
  for (std::uint32_t i = 0; i < op.count; ++i) {
    const auto number = i == 0 || op.bytes != 0
                            ? op.key + i
                            : static_cast<std::uint32_t>(rng.below(shape_.key_count));
    const std::string key = shape_.key(number % shape_.key_count);
    const auto erased = writer_->erase(*tree, key);
    if (!erased) return (void)refused_change(erased.error(), "erase()");
    ++counters_.records;
    if (*erased != model_.erase(name, key)) {
      fail("erase() of " + show_bytes(key) + " answers " + (*erased ? "true" : "false"));
    }
  }
}

void LabDatabase::commit(Kind kind) {
  if (!writer_) return;
  const std::uint64_t txn = model_.newest() + 1;
  if (kind == Kind::kCommit) {
    auto token = writer_->commit();
    end_writer();
    committed(shape_.durability == Durability::kSync ? Kind::kCommitSync
              : shape_.durability == Durability::kOs ? Kind::kCommitOs
                                                     : Kind::kCommitLazy,
              txn, token);
    return note_background();
  }
  auto token = kind == Kind::kCommitSync   ? writer_->commit(Durability::kSync)
               : kind == Kind::kCommitOs   ? writer_->commit(Durability::kOs)
               : kind == Kind::kCommitLazy ? writer_->commit(Durability::kLazy)
                                           : writer_->commit_async();
  end_writer();
  committed(kind, txn, token);
  note_background();
}

// What came of the writer's changes, which the model has made already.
// Where another commit was made while it was synced, the model has it already.
void LabDatabase::committed(Kind kind, std::uint64_t txn, const Result<CommitToken>& token) {
  const bool noted = model_.newest() >= txn;
  if (!token) {
    const ErrorCode code = token.error().code();
    if (code == ErrorCode::kLimitExceeded) {
      ++counters_.limits;
    } else {
      (void)excused(token.error(), "commit()");
    }
    // Published and then not known to be durable, or not there at all: nothing else may be.
    if (noted) return;
    if (db_->stats().newest_txn >= txn) return model_.commit();
    return model_.abort();
  }
  if (*token != txn) {
    if (*token + 1 != txn) fail("commit() answers number " + std::to_string(*token));
    if (model_.changed()) fail("commit() says that nothing had changed");
    return model_.abort();
  }
  if (!noted) model_.commit();
  ++counters_.commits;
  copies_whole_ = true;
  returned_ = std::max(returned_, txn);
  if (kind == Kind::kCommitSync) {
    model_.promise(Model::Promise::kPowerLoss, txn);
    if (db_->stats().durable_txn < txn) fail("a synced commit isn't durable");
  }
  if (kind == Kind::kCommitOs) model_.promise(Model::Promise::kProcessDeath, txn);
}

void LabDatabase::end_writer() {
  writer_cursor_.reset();
  savepoints_.clear();
  writer_.reset();
}

void LabDatabase::abort() {
  end_writer();
  model_.abort();
}

void LabDatabase::sync() {
  const std::uint64_t newest = model_.newest();
  if (auto done = db_->sync(); !done) return (void)excused(done.error(), "sync()");
  model_.promise(Model::Promise::kPowerLoss, newest);
  if (db_->stats().durable_txn < newest) fail("sync() succeeded and left something undurable");
}

void LabDatabase::background(std::uint32_t steps) {
  for (std::uint32_t i = 0; i < steps; ++i) {
    auto did = db_->run_background();
    note_background();
    if (!did) return (void)excused(did.error(), "run_background()");
    if (!*did) return;
  }
}

void LabDatabase::settle() {
  int steps = 0;
  // What one round frees may be for the next to make durable, and that may free more.
  for (int round = 0, before = -1; round < 3 || steps != before; ++round) {
    clock_.advance(std::chrono::milliseconds(250));
    before = steps;
    for (; steps < kBackgroundMost; ++steps) {
      auto did = db_->run_background();
      note_background();
      if (!did) return (void)excused(did.error(), "run_background()");
      if (!*did) break;
    }
    if (steps == kBackgroundMost) return fail("background work doesn't end");
  }
  if (weather_ != Weather::kFair || disk_.crashed() || harm_ >= Harm::kTree) return;
  if (db_->stats().durable_txn != model_.newest()) {
    fail("the lazy interval has passed, and not everything is durable");
  }
}

void LabDatabase::checkpoint() {
  const std::uint64_t newest = model_.newest();
  if (auto done = db_->checkpoint(); !done) return (void)excused(done.error(), "checkpoint()");
  copies_whole_ = true;
  settled_ = !writer_ && unread() && model_.newest() == newest;
  if (db_->stats().checkpoint_txn < newest) fail("checkpoint() left something out");
}

// Not beside a writer of the same thread, which it would wait for.
void LabDatabase::compact() {
  if (writer_) return;
  const bool alone = !beside_;
  const auto report = db_->compact();
  note_background();
  if (!report) return (void)excused(report.error(), "compact()");
  copies_whole_ = true;
  settled_ = unread() && (alone || beside_);  // Or another commit came in between.
  if (!settled_ || !kept_.empty() || may_leak_ || weather_ != Weather::kFair ||
      harm_ != Harm::kNone || disk_.crashed())
    return;
  const std::uint64_t slots = (report->bytes_after - kHeaderRegionBytes) / db_->stats().page_size;
  const std::uint64_t used = slots - report->free_bytes / db_->stats().page_size;
  if (slots > used + used / 16 + 128)
    fail("compact() leaves " + std::to_string(slots - used) + " slots free beside " +
         std::to_string(used) + ": " + report->why);
}

}  // namespace holdfast
