// The workload, its model, and what must be there afterwards.
#include "tests/oom/oom_run.h"

#include <algorithm>

namespace holdfast::testing {
namespace {

std::string value_of(int n) {
  return numbered(static_cast<std::uint64_t>(n)) + std::string(90 + n % 7, 'v');
}

}  // namespace

void OomRun::note(const Error& error) {
  ++errors_;
  if (error.code() == ErrorCode::kPoisoned) poisoned_ = true;
  if (error.code() == ErrorCode::kPoisoned || error.code() == ErrorCode::kOutOfMemory) return;
  ADD_FAILURE() << error_code_name(error.code()) << ": " << error.to_string();
}

// --- The workload.

void OomRun::workload() {
  open(first_);
  if (db_) {
    populate();
    change_under_a_reader();
    abort_one();
    roll_back_and_go_on();
    release_a_savepoint();
    (void)call([&] { return db_->checkpoint(); });
    EXPECT_EQ(db_->stats().open_snapshots, 0U) << "the checkpoint's own";
    commit_without_waiting();
    all_or_nothing();
    write_a_batch();
    work_in_background();
    look_around();
    expect_no_leaks();
    kill();
    open(second_);
  }
  if (db_) {
    expect_one_of(*db_, first_may_be_);
    change_under_a_reader();
    look_around();
    expect_no_leaks();
    close();
  }
}

void OomRun::open(MemoryWorld& world) {
  world_ = &world;
  poisoned_ = false;
  Options options = world.options();
  options.environment->clock = &clock_;
  options.page_size = 4096;
  options.cache_bytes = 1 << 20;
  options.arena = frames_;
  options.log_segment_bytes = 64 << 10;
  options.lazy_interval = std::chrono::milliseconds(1);
  const std::string path = kPath;
  // An opening that failed has let go of everything: the next one may succeed.
  for (int tries = 0; tries < 2 && !db_; ++tries) {
    auto opened = call([&] { return Database::open(path, options); });
    if (opened) db_ = std::move(*opened);
    if (!opened && FailingMemory::is_over()) {
      for (const auto& [name, bytes] : world.files())
        EXPECT_EQ(name.find(".new-"), name.npos) << "left behind by an opening: " << name;
    }
  }
}

void OomRun::populate() {
  transact([](Draft& draft) {
    draft.tree("left");
    draft.tree("right");
    for (int n = 0; n < 50; ++n) draft.put("", numbered(n * 37 % 50), value_of(n));
    for (int n = 0; n < 10; ++n) draft.put("left", numbered(n), value_of(n * 3));
    draft.put("right", "large", std::string(20'000, 'L'));
    draft.expect_state();
  });
}

void OomRun::change_under_a_reader() {
  auto reader = call([&] { return db_->begin_read(); });
  const State before = history_.back();
  for (int round = 0; round < 2; ++round) {
    transact([round](Draft& draft) {
      draft.tree("left");
      draft.tree("right");
      draft.tree("made " + std::to_string(round));
      for (int n = round; n < 50; n += 6) draft.put("", numbered(n), value_of(n + round));
      for (int n = 0; n < 40; n += 9) draft.erase("", numbered(n));
      draft.put("left", "more", value_of(round));
      draft.put("right", "large", std::string(9'000 + 5'000 * round, 'M'));
    });
  }
  if (reader) expect_state(*reader, before);
}

void OomRun::abort_one() {
  auto writer = call([&] { return db_->begin_write(); });
  if (!writer) return;
  Draft draft{*this, *writer, history_.back(), false};
  draft.tree("never seen");
  draft.put("never seen", "large", std::string(12'000, 'N'));
  for (int n = 100; n < 130; ++n) draft.put("", numbered(n), value_of(n));
  const Counted counted;
  writer->abort();
}

void OomRun::commit_without_waiting() {
  transact([](Draft& draft) { draft.put("", "lazy", value_of(1)); }, Durability::kLazy);
  if (call([&] { return db_->sync(); })) history_ = {history_.back()};
  transact([](Draft& draft) { draft.put("", "async", value_of(2)); }, Durability::kSync, false);
  transact([](Draft& draft) { draft.put("", "system", value_of(3)); }, Durability::kOs);
}

void OomRun::work_in_background() {
  for (int step = 0; step < 12; ++step) (void)call([&] { return db_->run_background(); });
  (void)call([&] { return db_->reclaim(); });
}

void OomRun::look_around() {
  const State& state = history_.back();
  {
    auto reader = call([&] { return db_->begin_read(); });
    if (!reader) return;
    expect_state(*reader, state);
    look_for_many(*reader, state.at(""));
    for (const std::string key : {"lazy", "async", "nothing"}) {
      const auto found = state.at("").find(key);
      const bool there = found != state.at("").end();
      std::string value;
      const auto got = call([&] { return reader->get_into(Tree{}, key, value); });
      if (got && *got) {
        EXPECT_TRUE(there && value == found->second) << key;
      }
      if (got) {
        EXPECT_EQ(*got, there) << key;
      }
      const auto contains = call([&] { return reader->contains(key); });
      if (contains) {
        EXPECT_EQ(*contains, there) << key;
      }
      const auto alone = call([&] { return db_->get(key); });
      if (alone) {
        EXPECT_EQ(alone->has_value(), there) << key;
      }
    }
  }
  const auto report = call([&] { return db_->verify(); });
  if (!report) return;
  for (const Finding& finding : report->findings) {
    // One bad copy of the meta is what a write cut short leaves, and the next write mends.
    if (finding.code != "meta_copy") ADD_FAILURE() << finding.code << ": " << finding.detail;
  }
}

void OomRun::kill() {
  // What the first database does after this moment is another story, with an end of its own.
  second_.put(first_.files());
  {
    const Counted counted;
    db_.reset();
  }
  first_may_be_ = may_be_there();
}

void OomRun::close() {
  (void)call([&] { return db_->close(); });
  const Counted counted;
  db_.reset();
}

// --- Write transactions.

void OomRun::Draft::tree(const std::string& name) {
  if (failed) return;
  const auto made = run.call([&] { return writer.open_or_create_tree(name); });
  failed = !made.has_value();
  if (failed) return;
  trees[name] = *made;
  state[name];
}

void OomRun::Draft::put(const std::string& tree, const std::string& key, const std::string& value) {
  if (failed) return;
  failed = doomed = !run.call([&] { return writer.put(trees.at(tree), key, value); });
  if (failed) {
    // It may be half through: nothing more is taken, and nothing of it is committed.
    EXPECT_FALSE(run.call([&] { return writer.put(trees.at(tree), key, value); }));
  } else {
    state[tree][key] = value;
  }
}

void OomRun::Draft::erase(const std::string& tree, const std::string& key) {
  if (failed) return;
  const auto erased = run.call([&] { return writer.erase(trees.at(tree), key); });
  failed = doomed = !erased.has_value();
  if (erased) {
    EXPECT_EQ(*erased, state[tree].erase(key) == 1);
  }
}

void OomRun::Draft::expect_state() {
  if (!failed) run.expect_state(writer, state);
}

void OomRun::transact(const std::function<void(Draft&)>& change, Durability durability, bool wait) {
  auto writer = call([&] { return db_->begin_write(); });
  if (!writer) return;
  Draft draft{*this, *writer, history_.back(), false};
  change(draft);
  const auto outcome =
      call([&] { return wait ? writer->commit(durability) : writer->commit_async(); });
  if (draft.doomed) {
    EXPECT_FALSE(outcome) << "a doomed transaction was committed";
    return;
  }
  committed(outcome, std::move(draft.state), durability != Durability::kLazy);
}

void OomRun::committed(const Result<CommitToken>& outcome, State state, bool sure) {
  if (!outcome) {
    // Only a frozen database leaves it open whether the log has the transaction.
    if (outcome.error().code() == ErrorCode::kPoisoned && !perhaps_) perhaps_ = std::move(state);
    return;
  }
  if (sure) history_.clear();
  history_.push_back(std::move(state));
}

// --- What is there.

template <class R>
void OomRun::expect_state(const R& reader, const State& state) {
  const auto trees = call([&] { return reader.trees(); });
  if (!trees) return;
  EXPECT_EQ(trees->size(), state.size());
  for (const TreeInfo& tree : *trees) {
    const auto expected = state.find(tree.name);
    if (expected == state.end()) {
      ADD_FAILURE() << "a tree named '" << tree.name << "'";
      continue;
    }
    EXPECT_EQ(tree.records, expected->second.size()) << tree.name;
    const auto named = call([&] { return reader.open_tree(tree.name); });
    if (named) {
      EXPECT_EQ(*named, tree.tree);
    }
    const auto count = call([&] { return reader.count(tree.tree); });
    if (count) {
      EXPECT_EQ(*count, expected->second.size());
    }
    expect_tree(call([&] { return reader.cursor(tree.tree); }), expected->second);
  }
}

// A move that fails leaves the cursor nowhere: it is sought again where it was to go.
void OomRun::expect_tree(Result<Cursor> cursor, const Contents& contents) {
  if (!cursor) return;
  auto on = call([&] { return cursor->first(); });
  for (const auto& [key, value] : contents) {
    if (!on) {
      EXPECT_FALSE(cursor->valid());
      on = call([&] { return cursor->seek(key); });
    }
    if (!on) return;
    if (!*on || cursor->key() != key) {
      ADD_FAILURE() << "no record of " << key;
      return;
    }
    const auto got = call([&] { return cursor->value(); });
    if (got) {
      EXPECT_TRUE(*got == value) << key;
    }
    on = call([&] { return cursor->next(); });
  }
  if (on) {
    EXPECT_FALSE(*on) << "a record too many";
  }
}

// What was given up half-way holds nothing: no version, no snapshot, no page id.
void OomRun::expect_no_leaks() {
  if (poisoned_ || !FailingMemory::is_over()) return;
  const auto checkpointed = call([&] { return db_->checkpoint(); });
  const auto report = call([&] { return db_->verify(); });
  if (!checkpointed || !report) return;
  const Stats stats = db_->stats();
  EXPECT_EQ(stats.open_snapshots, 0U);
  EXPECT_EQ(stats.cache_dirty_bytes, 0U);
  EXPECT_EQ(stats.cache_version_bytes, 0U);
  std::uint64_t pages = 1 + report->dying_pages;  // The catalog.
  for (const TreeSummary& tree : report->trees) pages += tree.pages + tree.overflow_pages;
  EXPECT_EQ(stats.pages, pages);
}

std::vector<State> OomRun::may_be_there() const {
  std::vector<State> states = history_;
  if (perhaps_) states.push_back(*perhaps_);
  return states;
}

// And that is the state from here on. Reads without counting.
void OomRun::expect_one_of(Database& db, const std::vector<State>& may_be) {
  State found;
  const ReadTransaction reader = MUST(db.begin_read());
  for (const TreeInfo& tree : MUST(reader.trees())) {
    found[tree.name] = contents_of(reader, tree.tree);
    EXPECT_EQ(tree.records, found[tree.name].size());
  }
  EXPECT_TRUE(std::find(may_be.begin(), may_be.end(), found) != may_be.end())
      << "what opens is none of the " << may_be.size() << " states that may be there";
  history_ = {std::move(found)};
  perhaps_.reset();
}

void OomRun::check_files(MemoryWorld& world, const std::vector<State>& may_be) {
  Options options = world.options();
  options.page_size = 4096;
  options.cache_bytes = 1 << 20;
  options.arena = frames_;
  Database db = MUST(Database::open(kPath, options));
  expect_one_of(db, may_be);
  // Mends a copy of the meta that a write cut short may have left bad.
  MUST(db.put("afterwards", "it goes on"));
  expect_sound(db);
  MUST(db.close());
}

void OomRun::check_what_is_left() {
  {
    const Counted counted;
    db_.reset();
  }
  const std::vector<State> may_be = may_be_there();
  check_files(*world_, may_be);
  if (world_ != &first_) check_files(first_, first_may_be_);
}

}  // namespace holdfast::testing
