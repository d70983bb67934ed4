#include "fuzz/explore/scenarios.h"

#include <optional>

#include "fuzz/explore/database_scenario.h"

namespace holdfast::explore {
namespace {

using Threads = std::vector<std::function<void()>>;

// Group commit: who leads, who waits, whose groups one sync serves.
class TwoCommitters final : public DatabaseScenario {
 public:
  Threads threads() override {
    return {[this] { commit(Durability::kSync); }, [this] { commit(Durability::kSync); }};
  }
};

// What a sync in flight makes durable must still be there when it is.
class CommittersAndReader final : public DatabaseScenario {
 public:
  Threads threads() override {
    return {[this] { commit(Durability::kSync); }, [this] { commit(Durability::kLazy); },
            [this] { read_and_expect_at_least(acknowledged()); }};
  }
};

class CommitAndReader final : public DatabaseScenario {
 public:
  Threads threads() override {
    return {[this] { commit(Durability::kSync); },
            [this] {
              std::uint64_t seen = 0;
              {
                auto reader = database().begin_read();
                if (!good(reader, "begin_read")) return;
                seen = read_state(*reader);
                if (read_state(*reader) != seen) fault("a snapshot has changed");
              }
              read_and_expect_at_least(seen);
            }};
  }
};

// Versions pile up behind a reader that stays, and go when it ends.
class LongReader final : public DatabaseScenario {
 public:
  Threads threads() override {
    return {[this] {
              commit(Durability::kOs);
              commit(Durability::kSync);
            },
            [this] {
              auto reader = database().begin_read();
              if (!good(reader, "begin_read")) return;
              const std::uint64_t seen = read_state(*reader);
              auto second = database().begin_read();
              if (!good(second, "begin_read")) return;
              if (read_state(*second) < seen) fault("time went back");
              if (read_state(*reader) != seen) fault("a snapshot has changed");
            }};
  }
};

class CommitAndCheckpoint final : public DatabaseScenario {
 public:
  Threads threads() override {
    return {[this] { commit(Durability::kSync); },
            [this] { good(database().checkpoint(), "checkpoint"); }};
  }
};

class CheckpointAndReader final : public DatabaseScenario {
 public:
  CheckpointAndReader() { commit(Durability::kSync); }
  Threads threads() override {
    return {[this] { good(database().checkpoint(), "checkpoint"); },
            [this] { read_and_expect_at_least(acknowledged()); }};
  }
};

class CommitReaderCheckpoint final : public DatabaseScenario {
 public:
  Threads threads() override {
    return {[this] { commit(Durability::kSync); },
            [this] { read_and_expect_at_least(acknowledged()); },
            [this] { good(database().checkpoint(), "checkpoint"); }};
  }
};

// Acknowledged before durable; another thread makes it so.
class LazyCommitAndSync final : public DatabaseScenario {
 public:
  Threads threads() override {
    return {[this] {
              commit(Durability::kLazy);
              read_and_expect_at_least(acknowledged());
            },
            [this] {
              const std::uint64_t n = acknowledged();
              if (good(database().sync(), "sync")) promised(n);
            }};
  }
};

class BackgroundAndCommits final : public DatabaseScenario {
 public:
  Threads threads() override {
    return {[this] {
              commit(Durability::kLazy);
              commit(Durability::kSync);
            },
            [this] {
              for (int i = 0; i < 3; ++i) good(database().run_background(), "run_background");
            }};
  }
};

// Who leads and who follows, and when the next one leads. Numbers as far above those of commit().
class TwoBatches final : public DatabaseScenario {
 public:
  Threads threads() override {
    return {[this] { write("101"); }, [this] { write("102"); }};
  }

 private:
  void write(const char* value) {
    WriteBatch batch;
    for (const char* key : {"a", "b"}) good(batch.put(key, value), "put into a batch");
    if (good(database().write(batch, Durability::kSync), "write")) promised(101);
    read_and_expect_at_least(101);
  }
};

// One is refused: the other goes through, whoever leads.
class GoodAndBadBatch final : public DatabaseScenario {
 public:
  Threads threads() override {
    return {[this] {
              WriteBatch batch;
              for (const char* key : {"a", "b"}) good(batch.put(key, "101"), "put into a batch");
              if (good(database().write(batch, Durability::kSync), "write")) promised(101);
            },
            [this] {
              WriteBatch batch;
              good(batch.put("a", "nobody may see this"), "put into a batch");
              good(batch.put(Tree(99), "a", "nor this"), "put into a batch");
              const auto refused = database().write(batch, Durability::kSync);
              if (refused || refused.error().code() != ErrorCode::kNotFound)
                fault("a batch for a tree that isn't there was not refused");
              read_and_expect_at_least(1);
            }};
  }
};

// A cache of few pages: whoever reads long values makes others' pages go and come back.
class Eviction : public DatabaseScenario {
 public:
  Eviction() : DatabaseScenario(few_frames()) {
    for (const char* key : kLong) {
      good(database().put(key, std::string(kLongBytes, key[0])), "put a long value");
      good(database().checkpoint(), "checkpoint");  // Clean pages may go.
    }
    // The others' pages fill the memory.
    for (const char* key : {kLong[1], kLong[2]}) good(database().get(key), "get a long value");
  }

 protected:
  void read_long(const char* key) {
    auto reader = database().begin_read();
    if (!good(reader, "begin_read")) return;
    const std::uint64_t seen = read_state(*reader);
    const std::uint64_t evicted = database().stats().pages_evicted;
    const auto value = reader->get(key);
    if (!good(value, "get a long value")) return;
    if (!*value || **value != std::string(kLongBytes, key[0])) fault("a long value is wrong");
    if (database().stats().pages_evicted == evicted) fault("no page had to go");
    if (read_state(*reader) != seen) fault("a snapshot has changed");
  }
  static constexpr const char* kLong[] = {"long", "more", "next"};

 private:
  static constexpr std::size_t kLongBytes = 400'000;  // Some 25 of the 60 frames.
  static Options few_frames() {
    Options options;
    options.page_size = 16384;
    options.cache_bytes = std::size_t{1} << 20;
    return options;
  }
};

class EvictionAndCommit final : public Eviction {
 public:
  Threads threads() override {
    return {[this] { read_long(kLong[0]); }, [this] { commit(Durability::kSync); }};
  }
};

class EvictionAndCheckpoint final : public Eviction {
 public:
  EvictionAndCheckpoint() { commit(Durability::kSync); }
  Threads threads() override {
    return {[this] { read_long(kLong[0]); },
            [this] { good(database().checkpoint(), "checkpoint"); }};
  }
};

// Frames so few that the page table is dropped whenever a part of it is loaded: by whoever reads a
// long value, while a checkpoint finds pages in their slots already.
class DroppingAndCheckpoint final : public DatabaseScenario {
 public:
  DroppingAndCheckpoint() : DatabaseScenario(small_table(), std::size_t{256} << 10) {
    good(database().put("other", std::string(kLongBytes, 'o')), "put a long value");
    good(database().checkpoint(), "checkpoint");
    good(database().put("long", std::string(kLongBytes, 'l')), "put a long value");
  }
  Threads threads() override {
    return {[this] { good(database().checkpoint(), "checkpoint"); },
            [this] { read_long("other"); }};
  }

 private:
  static constexpr std::size_t kLongBytes = 300'000;  // Placed, and with a group of its own.
  static Options small_table() {
    Options options;
    options.page_size = 4096;
    options.cache_bytes = std::size_t{1} << 20;
    return options;
  }
  void read_long(const char* key) {
    const auto value = database().get(key);
    if (!good(value, "get a long value")) return;
    if (!*value || **value != std::string(kLongBytes, key[0])) fault("a long value is wrong");
  }
};

// Pages are moved down that nobody has in memory, nor where they lie; meanwhile their neighbours
// are read, and with those it is learnt where they lie.
class CompactionAndReader final : public DatabaseScenario {
 public:
  CompactionAndReader() : DatabaseScenario(small_table(), std::size_t{256} << 10) {
    for (const char* key : {"near", "gone", "far", "read", "tail"}) {
      good(database().put(key, std::string(kLongBytes, key[0])), "put a long value");
      good(database().checkpoint(), "checkpoint");
    }
    good(database().erase("gone"), "erase");
    good(database().checkpoint(), "checkpoint");
    good(database().checkpoint(), "checkpoint");
    good(database().get("far"), "get a long value");  // Where the others lie is dropped for it.
  }
  Threads threads() override {
    return {[this] {
              const auto report = database().compact();
              if (good(report, "compact") && report->pages_moved == 0) fault("nothing was moved");
            },
            [this] {
              const auto value = database().get("read");
              if (!good(value, "get a long value")) return;
              if (!*value || **value != std::string(kLongBytes, 'r'))
                fault("a long value is wrong");
            }};
  }

 private:
  static constexpr std::size_t kLongBytes = 96'000;
  static Options small_table() {
    Options options;
    options.page_size = 4096;
    options.cache_bytes = std::size_t{1} << 20;
    return options;
  }
};

// Old versions are collected when a snapshot ends, while another thread makes new ones.
class Collection final : public DatabaseScenario {
 public:
  Collection() {
    auto reader = database().begin_read();
    if (good(reader, "begin_read")) held_.emplace(*std::move(reader));
    commit(Durability::kSync);
  }
  Threads threads() override {
    return {[this] {
              if (held_ && read_state(*held_) != acknowledged_before_)
                fault("a snapshot has changed");
              held_.reset();
              read_and_expect_at_least(acknowledged_before_ + 1);
            },
            [this] { commit(Durability::kSync); },
            [this] { good(database().run_background(), "run_background"); }};
  }

 private:
  const std::uint64_t acknowledged_before_ = acknowledged();
  std::optional<ReadTransaction> held_;
};

// close() comes too early as long as a snapshot is open, and then folds all in.
class ReaderAndClose final : public DatabaseScenario {
 public:
  ReaderAndClose() {
    commit(Durability::kLazy);
    auto reader = database().begin_read();
    if (good(reader, "begin_read")) held_.emplace(*std::move(reader));
  }
  Threads threads() override {
    return {[this] {
              if (held_) (void)read_state(*held_);
              held_.reset();
            },
            [this] {
              for (int i = 0; i < 3; ++i) {
                const auto closed = database().close();
                if (closed) return;
                if (closed.error().code() != ErrorCode::kInvalidArgument)
                  return fault("close: " + closed.error().to_string());
              }
            }};
  }

 private:
  std::optional<ReadTransaction> held_;
};

template <class S>
ScenarioKind kind(const char* name, const char* story) {
  return {name, story, [] { return std::make_unique<S>(); }};
}

}  // namespace

std::span<const ScenarioKind> scenarios() {
  static const ScenarioKind all[] = {
      kind<TwoCommitters>("two-committers", "two durable commits at once"),
      kind<CommittersAndReader>("two-committers-reader", "a durable and a lazy commit, a reader"),
      kind<CommitAndReader>("commit-reader", "a durable commit beside two short readers"),
      kind<LongReader>("long-reader", "two commits while one reader stays and another comes"),
      kind<CommitAndCheckpoint>("commit-checkpoint", "a durable commit beside a checkpoint"),
      kind<CheckpointAndReader>("checkpoint-reader", "a checkpoint beside a reader"),
      kind<CommitReaderCheckpoint>("commit-reader-checkpoint", "all three at once"),
      kind<LazyCommitAndSync>("lazy-sync", "a lazy commit beside a sync of everything"),
      kind<TwoBatches>("two-batches", "two batches at once, in one transaction or two"),
      kind<GoodAndBadBatch>("refused-batch", "a batch beside one that is refused"),
      kind<BackgroundAndCommits>("background", "two commits beside the background's steps"),
      kind<EvictionAndCommit>("eviction-commit", "a read that evicts beside a durable commit"),
      kind<EvictionAndCheckpoint>("eviction-checkpoint", "a read that evicts beside a checkpoint"),
      kind<DroppingAndCheckpoint>("dropping-checkpoint",
                                  "a read that has the page table dropped beside a checkpoint"),
      kind<CompactionAndReader>("compaction-reader", "a compaction beside a read of what it moves"),
      kind<Collection>("collection", "a snapshot ends beside a commit and the background"),
      kind<ReaderAndClose>("reader-close", "close() while the last snapshot ends"),
  };
  return all;
}

}  // namespace holdfast::explore
