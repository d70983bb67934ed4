// One run of a workload through the public interface while memory fails, and the model that says
// what each call may answer and which states may open afterwards.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tests/engine/engine_fixture.h"
#include "tests/oom/failing_memory.h"

namespace holdfast::testing {

// Too long for a string that needs no memory: errors on their way to being made carry it.
inline constexpr const char* kPath = "a database with a long name";

// Tree name -> contents; the default tree's name is empty.
using State = std::map<std::string, Contents>;

// Moves on with each look, so that background work has something due, at the same places in every
// run.
class SteppingClock final : public Clock {
 public:
  std::chrono::steady_clock::time_point now() override {
    return std::chrono::steady_clock::time_point(std::chrono::milliseconds(ms_ += 40));
  }
  std::uint64_t wall_us() override { return static_cast<std::uint64_t>(ms_) * 1000; }

 private:
  std::int64_t ms_ = 1;
};

class OomRun {
 public:
  // `frames`: memory that runs share, one after the other.
  explicit OomRun(std::span<std::byte> frames) : frames_(frames) {}

  // Everything, with memory failing as FailingMemory was told.
  void workload();
  // With memory again: what opens is a state that may be there, and sound.
  void check_what_is_left();

  [[nodiscard]] bool all_went_well() const { return errors_ == 0; }

 private:
  // Runs one call of the interface. Nothing may be thrown, and nothing may be answered but success
  // and what want of memory may cause.
  template <class F>
  auto call(F&& f) -> decltype(f()) {
    try {
      const Counted counted;
      auto result = f();
      if (!result) note(result.error());
      return result;
    } catch (...) {
      ADD_FAILURE() << "an exception came out of a call";
      throw;
    }
  }
  void note(const Error& error);

  // A write transaction and what it makes of the state; the first error ends it.
  struct Draft {
    OomRun& run;
    WriteTransaction& writer;
    State state;
    bool failed = false;
    bool doomed = false;
    std::map<std::string, Tree> trees{{"", Tree{}}};

    void tree(const std::string& name);
    void put(const std::string& tree, const std::string& key, const std::string& value);
    void erase(const std::string& tree, const std::string& key);
    void expect_state();
  };
  void transact(const std::function<void(Draft&)>& change,
                Durability durability = Durability::kSync, bool wait = true);
  void committed(const Result<CommitToken>& outcome, State state, bool sure);

  void open(MemoryWorld& world);
  void populate();
  void change_under_a_reader();
  void abort_one();
  void roll_back_and_go_on();
  void release_a_savepoint();
  void all_or_nothing();
  void write_a_batch();
  void look_for_many(const ReadTransaction& reader, const Contents& contents);
  void commit_without_waiting();
  void work_in_background();
  void look_around();
  void kill();
  void expect_no_leaks();
  void close();

  template <class R>
  void expect_state(const R& reader, const State& state);
  void expect_tree(Result<Cursor> cursor, const Contents& contents);
  void expect_one_of(Database& db, const std::vector<State>& may_be);
  void check_files(MemoryWorld& world, const std::vector<State>& may_be);
  [[nodiscard]] std::vector<State> may_be_there() const;

  std::span<std::byte> frames_;
  SteppingClock clock_;
  MemoryWorld first_;
  MemoryWorld second_;  // What a kill left of the first.
  std::vector<State> first_may_be_;
  MemoryWorld* world_ = nullptr;
  std::optional<Database> db_;
  std::vector<State> history_{{{"", {}}}};  // From the one that is surely there to the newest.
  std::optional<State> perhaps_;            // A commit after them whose outcome isn't known.
  bool poisoned_ = false;
  int errors_ = 0;
};

}  // namespace holdfast::testing
