#include "fuzz/explore/scenarios.h"

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
  };
  return all;
}

}  // namespace holdfast::explore
