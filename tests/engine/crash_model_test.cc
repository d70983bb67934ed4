// The API against std::map with crashes among the commands: the machine stops after so many storage
// calls that change something, and of what was not synced, the named units are lost. What fails
// shrinks to the fewest commands, and to the image of the crash with the fewest losses.
#include <rapidcheck.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <sstream>

#include "engine/base/bytes.h"
#include "tests/engine/sim_world.h"

namespace holdfast {
namespace {

constexpr std::size_t kCacheBytes = std::size_t{1} << 20;
constexpr int kKeys = 24;

struct Command {
  enum Kind : std::uint8_t { kPut, kErase, kCommit, kAbort, kCheckpoint, kStep, kReopen, kCrash };
  Kind kind = kPut;
  std::uint16_t key = 0;  // Of a commit, its durability; of a crash, the changes until it strikes.
  std::uint16_t size = 0;
  // Of a crash: which units are lost, counted round where there are fewer; 0 alone: a kill, which
  // loses nothing.
  std::vector<std::uint16_t> lost;
};

std::ostream& operator<<(std::ostream& out, const Command& command) {
  static constexpr std::array<const char*, 8> kNames = {"put",        "erase", "commit", "abort",
                                                        "checkpoint", "step",  "reopen", "crash"};
  out << kNames[command.kind];
  if (command.kind == Command::kPut) return out << " k" << command.key << " s" << command.size;
  if (command.kind == Command::kErase) return out << " k" << command.key;
  if (command.kind == Command::kCommit) return out << " d" << command.key % 3;
  if (command.kind != Command::kCrash) return out;
  out << " after " << command.key << " changes, losing";
  for (const std::uint16_t unit : command.lost) out << ' ' << unit;
  return out << (command.lost.empty() ? " nothing" : "");
}

rc::Gen<Command> a_command() {
  using Fields =
      std::tuple<Command::Kind, std::uint16_t, std::uint16_t, std::vector<std::uint16_t>>;
  const auto number = [](int end) {
    return rc::gen::inRange<std::uint16_t>(0, static_cast<std::uint16_t>(end));
  };
  const auto kind = rc::gen::weightedElement<Command::Kind>({{20, Command::kPut},
                                                             {6, Command::kErase},
                                                             {10, Command::kCommit},
                                                             {1, Command::kAbort},
                                                             {3, Command::kCheckpoint},
                                                             {4, Command::kStep},
                                                             {1, Command::kReopen},
                                                             {5, Command::kCrash}});
  return rc::gen::map(rc::gen::tuple(kind, number(kKeys), number(1 << 12),
                                     rc::gen::container<std::vector<std::uint16_t>>(number(256))),
                      [](Fields fields) {
                        return Command{
                            std::get<0>(fields), std::get<1>(fields), std::get<2>(fields),
                            std::get<0>(fields) == Command::kCrash ? std::get<3>(std::move(fields))
                                                                   : std::vector<std::uint16_t>{}};
                      });
}

// Runs commands on a database and on maps; throws where they differ.
class CrashModelRun {
 public:
  explicit CrashModelRun(std::span<std::byte> arena) : arena_(arena) { open(); }
  ~CrashModelRun() {
    writer_.reset();
    if (db_ && !world_.disk.crashed()) world_.disk.crash_at_call(1);
    db_.reset();
  }
  CrashModelRun(const CrashModelRun&) = delete;
  CrashModelRun& operator=(const CrashModelRun&) = delete;

  void apply(const Command& command) {
    if (command.kind == Command::kCrash) {
      if (armed_) strike();
      armed_ = command;
      world_.disk.crash_at_change(1 + command.key);
      return;
    }
    act(command);
    if (world_.disk.crashed()) strike();
  }
  void end() {
    if (armed_) strike();
    reopen();
    if (world_.disk.crashed()) strike();
    compare();
  }
  // What the last crash decided on.
  [[nodiscard]] const std::string& last_crash() const { return last_crash_; }

 private:
  static void check(bool right, const std::string& what) {
    if (!right) throw std::runtime_error(what);
  }
  // False when the machine has stopped; any other error is wrong.
  template <class T>
  bool done(const Result<T>& result) {
    if (result) return true;
    check(world_.disk.crashed(), result.error().to_string());
    return false;
  }
  void open() {
    Options options = world_.options();
    options.arena = arena_;
    options.cache_bytes = kCacheBytes;
    options.log_segment_bytes = 64 << 10;
    options.checkpoint_log_bytes = 24 << 10;
    options.lazy_interval = std::chrono::hours(1);
    auto opened = Database::open("db", options);
    if (done(opened)) db_ = *std::move(opened);
  }
  bool writing() {
    if (writer_) return true;
    auto begun = db_->begin_write();
    if (!done(begun)) return false;
    writer_ = *std::move(begun);
    pending_ = history_.back();
    return true;
  }
  static std::string key_of(std::uint16_t n) { return n == 0 ? "" : "key " + std::to_string(n); }
  static std::string value_of(const Command& command) {
    const std::size_t bytes = command.size % 7 == 0 ? command.size * 2 : command.size % 300;
    return std::string(bytes, static_cast<char>('a' + command.size % 26)) +
           std::to_string(command.size);
  }

  void act(const Command& command) {
    switch (command.kind) {
      case Command::kPut:
        if (!writing()) return;
        if (done(writer_->put(key_of(command.key), value_of(command)))) {
          pending_[key_of(command.key)] = value_of(command);
        }
        return;
      case Command::kErase: {
        if (!writing()) return;
        const auto erased = writer_->erase(key_of(command.key));
        if (done(erased)) {
          check(*erased == (pending_.erase(key_of(command.key)) != 0), "erase()'s answer");
        }
        return;
      }
      case Command::kCommit:
        return commit(static_cast<Durability>(command.key % 3));
      case Command::kAbort:
        writer_.reset();
        return;
      case Command::kCheckpoint:
        (void)done(db_->checkpoint());
        return;
      case Command::kStep:
        for (int i = 0; i <= command.key && done(db_->run_background()); ++i) continue;
        return;
      case Command::kReopen:
        return reopen();
      case Command::kCrash:
        return;
    }
  }

  void commit(Durability durability) {
    if (!writer_) return;
    const auto token = writer_->commit(durability);
    writer_.reset();
    history_.push_back(pending_);  // A crash in the middle may leave it too.
    if (!done(token)) return;
    if (durability != Durability::kLazy) kept_by_kill_ = history_.size() - 1;
    if (durability == Durability::kSync) kept_ = history_.size() - 1;
  }
  void reopen() {
    writer_.reset();
    const bool closed = done(db_->close());
    db_.reset();
    if (!closed) return;
    history_ = {history_.back()};
    kept_ = kept_by_kill_ = 0;
    open();
    if (db_) compare();
  }

  // The crash that is due, now if it hasn't struck by itself.
  void strike() {
    writer_.reset();
    if (!world_.disk.crashed()) world_.disk.crash_at_call(1);
    db_.reset();
    const Command crash = *std::exchange(armed_, std::nullopt);
    const bool killed = crash.lost == std::vector<std::uint16_t>{0};
    lose(crash, killed);
    open();
    check(db_.has_value(), "no opening after a crash");
    const State found = contents_of(MUST(db_->begin_read()));
    const std::size_t least = killed ? kept_by_kill_ : kept_;
    const auto from = history_.begin() + static_cast<std::ptrdiff_t>(least);
    check(std::find(from, history_.end(), found) != history_.end(),
          "what was found after a crash is no state that it may leave");
    history_ = {found};
    kept_ = kept_by_kill_ = 0;
    compare();
  }
  void lose(const Command& crash, bool killed) {
    if (killed) {
      last_crash_ = "a kill";
      return world_.disk.crash({.kind = CrashPolicy::Kind::kProcessKill}, 0);
    }
    const std::vector<CrashUnit> units = world_.disk.crash_units();
    std::vector<Fate> fates(units.size(), Fate::kKept);
    std::ostringstream story;
    for (const std::uint16_t unit : crash.lost) {
      if (units.empty()) break;
      fates[unit % units.size()] = Fate::kLost;
      story << "\n  lost: " << world_.disk.describe(units[unit % units.size()]);
    }
    last_crash_ = "a loss of power" + story.str();
    world_.disk.crash_with(512, fates);
  }

  void compare() {
    check(contents_of(MUST(db_->begin_read())) == history_.back(), "contents");
    const VerifyReport report = MUST(db_->verify());
    for (const Finding& finding : report.findings) {
      // One copy of a meta may be torn by a crash; the next write mends it.
      check(finding.code == "meta_copy", finding.code + ": " + finding.detail);
    }
    check(!world_.disk.violation(), world_.disk.violation().value_or(""));
  }

  using State = Contents;
  std::span<std::byte> arena_;
  SimWorld world_;
  std::optional<Database> db_;
  std::optional<WriteTransaction> writer_;
  State pending_;
  std::vector<State> history_ = {{}};  // Since the last opening; the last one is the newest.
  std::size_t kept_ = 0;               // A loss of power leaves this state at least,
  std::size_t kept_by_kill_ = 0;       // and a kill this one.
  std::optional<Command> armed_;
  std::string last_crash_;
};

TEST(CrashModelTest, AnyCommandsWithAnyCrashes) {
  const auto memory = std::make_unique<std::byte[]>(kCacheBytes + 4096);
  const auto at = reinterpret_cast<std::uintptr_t>(memory.get());
  const std::span<std::byte> arena(memory.get() + (align_up(at, 4096) - at), kCacheBytes);
  for (int round = 0; round < 5; ++round) {
    const bool good = rc::check([&] {
      const auto commands = *rc::gen::scale(
          4.0, rc::gen::container<std::vector<Command>>(rc::gen::scale(0.25, a_command())));
      CrashModelRun run(arena);
      try {
        for (const Command& command : commands) run.apply(command);
        run.end();
      } catch (const std::exception& error) {
        RC_FAIL(std::string(error.what()) + "; the last crash was " + run.last_crash());
      }
    });
    ASSERT_TRUE(good);
  }
}

}  // namespace
}  // namespace holdfast
