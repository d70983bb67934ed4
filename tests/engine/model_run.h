// A database and maps that should hold the same, changed and compared side by side.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/limits.h"
#include "tests/engine/engine_fixture.h"
#include "tests/engine/model_ops.h"

namespace holdfast::model {

struct State {
  std::array<Contents, kTrees> contents;
  std::array<Tree, kTrees> trees{};

  Contents& operator[](int t) { return contents[static_cast<std::size_t>(t)]; }
  const Contents& operator[](int t) const { return contents[static_cast<std::size_t>(t)]; }
};

// Runs operations on a database and on maps; throws where they differ.
class Run {
 public:
  Run(std::uint32_t page_size, bool long_keys) : page_size_(page_size), long_keys_(long_keys) {
    world_ = std::make_unique<MemoryWorld>();
    open();
    begin();
    for (int t = 1; t < kTrees; ++t)
      pending_.trees[t] = MUST(writer_->create_tree("tree " + numbered(t)));
    commit(Durability::kSync);
  }
  ~Run() { end_all(); }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  void apply(const Op& op) {
    switch (op.kind) {
      case Op::kPut: {
        const std::string key = key_of(op.key);
        const std::string value = value_of(op);
        if (ask(writer().put(pending_.trees[op.tree], key, value))) pending_[op.tree][key] = value;
        return;
      }
      case Op::kErase: {
        auto erased = writer().erase(pending_.trees[op.tree], key_of(op.key));
        if (!ask(erased)) return;
        check(*erased == (pending_[op.tree].erase(key_of(op.key)) != 0), "erase's answer");
        return;
      }
      case Op::kPutIf:
        return put_if(op);
      case Op::kBatch:
        return batch(op);
      case Op::kSweep:
        return sweep(op);
      case Op::kRange:
        return range(op);
      case Op::kDrop:
        return drop(op);
      case Op::kSavepoint:
        (void)writer();
        if (savepoints_.size() < 5) savepoints_.emplace_back(MUST(writer_->savepoint()), pending_);
        return;
      case Op::kRollBack:
        return roll_back(op);
      case Op::kRelease:
        return release(op);
      case Op::kScan:
        return scan(op);
      case Op::kCommit:
        return commit(static_cast<Durability>(op.size % 3));
      case Op::kAbort:
        return abort();
      case Op::kHold:
        held_.emplace_back(MUST(db_->begin_read()), committed_);
        if (held_.size() > 6) held_.erase(held_.begin());
        return;
      case Op::kLetGo:
        if (!held_.empty()) held_.erase(held_.begin() + op.key % static_cast<int>(held_.size()));
        return;
      case Op::kCheckpoint:
        return MUST(db_->checkpoint());
      case Op::kStep:
        for (int i = 0; i <= op.key % 8; ++i) MUST(db_->run_background());
        return;
      case Op::kReopen:
      case Op::kKill:
        return reopen(op.kind == Op::kKill);
    }
  }

  void check_all() {
    const ReadTransaction reader = MUST(db_->begin_read());
    compare(reader, committed_, "newest");
    for (const auto& [snapshot, state] : held_) compare(snapshot, state, "held");
    if (writer_) compare(*writer_, pending_, "own");
    const VerifyReport report = MUST(db_->verify());
    check(report.sound(), report.findings.empty()
                              ? ""
                              : report.findings[0].code + ": " + report.findings[0].detail);
  }

 private:
  static void check(bool right, const std::string& what) {
    if (!right) throw std::runtime_error(what);
  }
  std::string key_of(std::uint16_t n) const {
    if (!long_keys_) return n == 0 ? std::string() : std::string(n % 7, 'p') + numbered(n, 3);
    // Alike for most of their length, and as long as a key may be.
    return std::string(max_key_bytes(page_size_) - 3, static_cast<char>('a' + n % 3)) +
           numbered(n, 3);
  }
  std::string value_of(const Op& op) const {
    // Mostly small, some on both sides of the limit for a page, some of several pages.
    std::size_t bytes = op.size % 97;
    if (op.size % 5 == 0) bytes = max_inline_value_bytes(page_size_) - 2 + op.size % 4;
    if (op.size % 41 == 0) bytes = page_size_ * (1 + op.size % 5);
    std::string value(bytes, static_cast<char>('a' + op.size % 26));
    return value + std::to_string(op.size);
  }
  // What a transaction may answer: an error of the limit, which dooms it, up to a savepoint.
  template <class T>
  bool ask(const Result<T>& result) {
    if (result) return true;
    check(result.error().code() == ErrorCode::kLimitExceeded, result.error().to_string());
    if (savepoints_.empty()) {
      abort();
    } else {
      roll_back({});
    }
    return false;
  }
  void put_if(const Op& op) {
    const std::string key = key_of(op.key);
    const std::string value = value_of(op);
    const Tree tree = (void(writer()), pending_.trees[op.tree]);
    Contents& model = pending_[op.tree];
    const auto there = model.find(key);
    const bool existed = there != model.end();
    std::optional<std::string> expected;
    if (existed) expected = there->second;
    std::optional<std::string> desired = value;
    bool should = true;
    Result<bool> did = false;
    switch (op.size % 4) {
      case 0:
        should = !existed;
        did = writer_->insert(tree, key, value);
        break;
      case 1:
        should = existed;
        did = writer_->replace(tree, key, value);
        break;
      case 2:
        if (op.size % 3 == 0) desired.reset();
        did = writer_->compare_and_set(tree, key, expected, desired);
        break;
      default:
        should = false;
        expected = existed ? *expected + "x" : "x";
        did = writer_->compare_and_set(tree, key, expected, desired);
    }
    if (!ask(did)) return;
    check(*did == should, "a conditional put's answer");
    if (should && desired) model[key] = *desired;
    if (should && !desired) model.erase(key);
  }
  void batch(const Op& op) {
    (void)writer();
    WriteBatch recorded;
    std::vector<std::pair<std::string, std::string>> puts;
    for (int i = 0; i < op.size % 20; ++i)
      puts.emplace_back(key_of(static_cast<std::uint16_t>(op.key + i)), value_of(op));
    for (const auto& [key, value] : puts) MUST(recorded.put(pending_.trees[op.tree], key, value));
    MUST(recorded.erase(pending_.trees[op.tree], key_of(op.key)));
    const auto done = writer_->apply(recorded);
    if (!done) return check(done.error().code() == ErrorCode::kLimitExceeded, "a batch");
    for (const auto& [key, value] : puts) pending_[op.tree][key] = value;
    pending_[op.tree].erase(key_of(op.key));
  }
  void sweep(const Op& op) {
    (void)writer();
    const bool back = op.size % 2 == 0;
    std::optional<Cursor> cursor = MUST(writer_->cursor(pending_.trees[op.tree]));
    Contents& model = pending_[op.tree];
    std::string key = key_of(op.key);
    bool on = MUST(back ? cursor->seek_at_or_before(key) : cursor->seek(key));
    for (int i = 0; on && i < 20; ++i) {
      key = cursor->key();
      check(model.contains(key), "a sweeping cursor's key");
      if (i % 2 == 0) {
        const auto erased = cursor->erase();
        if (!erased) cursor.reset();
        if (!ask(erased)) return;
        check(*erased && model.erase(key) == 1, "a cursor's erase");
      }
      on = MUST(back ? cursor->prev() : cursor->next());
      const auto at = back ? model.lower_bound(key) : model.upper_bound(key);
      check(on == (back ? at != model.begin() : at != model.end()), "a sweeping cursor's answer");
      if (on) check(cursor->key() == (back ? std::prev(at) : at)->first, "where it goes on");
    }
  }
  void range(const Op& op) {
    (void)writer();
    std::string from = key_of(op.key);
    std::optional<std::string> to = key_of(static_cast<std::uint16_t>(op.size % 120));
    if (*to < from) std::swap(from, *to);
    if (op.size % 7 == 0) from.clear();
    if (op.size % 11 == 0) to.reset();
    if (!ask(writer_->erase_range(pending_.trees[op.tree], from, to))) return;
    Contents& model = pending_[op.tree];
    model.erase(model.lower_bound(from), to ? model.lower_bound(*to) : model.end());
  }
  void drop(const Op& op) {
    if (op.tree == 0) return;
    (void)writer();
    if (!ask(writer_->drop_tree(pending_.trees[op.tree]))) return;
    pending_[op.tree].clear();
    const auto made = writer_->create_tree("again");
    if (!made) pending_.trees[op.tree] = Tree{};
    if (!ask(made)) return;
    pending_.trees[op.tree] = *made;
    (void)ask(writer_->rename_tree(*made, "tree " + numbered(op.tree)));
  }
  void roll_back(const Op& op) {
    if (savepoints_.empty()) return;
    const std::size_t at = savepoints_.size() - 1 - op.key % savepoints_.size();
    MUST(savepoints_[at].first.rollback());
    pending_ = savepoints_[at].second;
    savepoints_.erase(savepoints_.begin() + static_cast<std::ptrdiff_t>(at + op.size % 2),
                      savepoints_.end());
  }
  void release(const Op& op) {
    if (savepoints_.empty()) return;
    const std::size_t at = savepoints_.size() - 1 - op.key % savepoints_.size();
    MUST(savepoints_[at].first.release());
    savepoints_.erase(savepoints_.begin() + static_cast<std::ptrdiff_t>(at), savepoints_.end());
  }
  WriteTransaction& writer() {
    if (!writer_) begin();
    return *writer_;
  }
  void begin() {
    writer_ = MUST(db_->begin_write());
    pending_ = committed_;
  }
  void commit(Durability durability) {
    if (!writer_) return;
    auto token = writer_->commit(durability);
    savepoints_.clear();
    writer_.reset();
    if (!token) {
      check(token.error().code() == ErrorCode::kLimitExceeded, token.error().to_string());
      return;
    }
    committed_ = pending_;
    if (durability == Durability::kLazy) {
      maybe_.push_back(committed_);
    } else {
      maybe_ = {committed_};
    }
  }
  void abort() {
    if (!writer_) return;
    savepoints_.clear();
    writer_->abort();
    writer_.reset();
  }
  void end_all() {
    abort();
    held_.clear();
    if (db_) MUST(db_->close());
    db_.reset();
  }
  void open() {
    Options options = world_->options();
    options.page_size = page_size_;
    options.cache_bytes = kMinCacheBytes;
    options.log_segment_bytes = kLogSegmentMin;
    options.checkpoint_log_bytes = 128 << 10;
    options.lazy_interval = std::chrono::hours(1);
    db_ = MUST(Database::open("db", options));
  }
  void reopen(bool kill) {
    if (!kill) {
      end_all();
      open();
      maybe_ = {committed_};
      return check_all();
    }
    auto after = std::make_unique<MemoryWorld>();
    after->put(world_->files());
    end_all();
    world_ = std::move(after);
    open();
    // A lazy commit may be gone, and those after it.
    const ReadTransaction reader = MUST(db_->begin_read());
    State found;
    for (int t = 0; t < kTrees; ++t) {
      found.trees[t] = MUST(reader.open_tree(t == 0 ? "" : "tree " + numbered(t)));
      found[t] = contents_of(reader, found.trees[t]);
    }
    check(std::any_of(maybe_.begin(), maybe_.end(),
                      [&](const State& state) { return state.contents == found.contents; }),
          "after a kill");
    committed_ = found;
    maybe_ = {found};
  }
  void scan(const Op& op) {
    const State& state = writer_ ? pending_ : committed_;
    const Contents& model = state[op.tree];
    std::optional<ReadTransaction> reader;
    if (!writer_) reader = MUST(db_->begin_read());
    const Reader& source = writer_ ? static_cast<const Reader&>(*writer_) : *reader;
    Cursor cursor = MUST(source.cursor(state.trees[op.tree]));
    const std::string key = key_of(op.key);
    auto at = model.lower_bound(key);
    bool on = MUST(cursor.seek(key));
    for (int step = 0; step < 12; ++step) {
      check(on == (at != model.end()), "a cursor's answer");
      if (!on) break;
      check(cursor.key() == at->first, "a cursor's key");
      check(MUST(cursor.value()) == at->second, "a cursor's value");
      if (op.size % 3 == 0) {
        if (at == model.begin()) {
          check(!MUST(cursor.prev()), "before the first");
          break;
        }
        --at;
        on = MUST(cursor.prev());
      } else {
        ++at;
        on = MUST(cursor.next());
      }
    }
    auto before = model.upper_bound(key);
    on = MUST(cursor.seek_at_or_before(key));
    check(on == (before != model.begin()), "at or before");
    if (on) check(cursor.key() == std::prev(before)->first, "at or before: key");
    auto got = MUST(source.get(state.trees[op.tree], key));
    check(got.has_value() == model.contains(key), "get");
  }
  void compare(const Reader& reader, const State& state, const std::string& who) {
    for (int t = 0; t < kTrees; ++t) {
      check(contents_of(reader, state.trees[t]) == state[t], who + ": contents");
      check(MUST(reader.count(state.trees[t])) == state[t].size(), who + ": count");
    }
  }

  const std::uint32_t page_size_;
  const bool long_keys_;
  std::unique_ptr<MemoryWorld> world_;
  std::optional<Database> db_;
  State committed_;
  State pending_;
  std::vector<State> maybe_;  // States that a kill may leave.
  std::optional<WriteTransaction> writer_;
  std::vector<std::pair<Savepoint, State>> savepoints_;
  std::vector<std::pair<ReadTransaction, State>> held_;
};

}  // namespace holdfast::model
