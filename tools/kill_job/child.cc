// Several writers, so that commits share syncs and overlap; one thread that checkpoints without
// pause; small log files, so that kills fall between them too.
#include "tools/kill_job/child.h"

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <thread>
#include <vector>

#include "holdfast/holdfast.h"

namespace holdfast::kill_job {
namespace {

constexpr int kWriters = 4;

[[noreturn]] void give_up(const std::string& what) {
  const std::string line = "child: " + what + "\n";
  if (write(2, line.data(), line.size()) < 0) _exit(4);
  _exit(3);
}

template <class T>
T need(Result<T> result) {
  if (!result) give_up(result.error().to_string());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

void tell(int pipe, const Message& message) {
  if (write(pipe, &message, sizeof message) != sizeof message) give_up("the parent has gone");
}

class Writers {
 public:
  Writers(Database& database, const History& history, int pipe)
      : database_(database), history_(history), pipe_(pipe) {}

  [[noreturn]] void run() {
    for (;;) {
      auto writer = database_.begin_write();
      if (!writer && writer.error().code() == ErrorCode::kTimedOut) continue;
      if (!writer) give_up(writer.error().to_string());
      const std::uint64_t n = change(*writer);
      tell(pipe_, {Message::Kind::kBegun, n, 0});
      const CommitToken token = commit(*writer, n);
      tell(pipe_, {Message::Kind::kAcknowledged, n, token});
    }
  }

 private:
  // Carries out the transaction that comes next, and answers its number.
  std::uint64_t change(WriteTransaction& writer) {
    Tree trees[kTrees];
    for (int i = 1; i < kTrees; ++i) trees[i] = need(writer.open_or_create_tree(kTreeNames[i]));
    const auto counter = need(writer.get(trees[static_cast<int>(Where::kJob)], kCounterKey));
    std::uint64_t n = 0;
    if (counter) std::from_chars(counter->data(), counter->data() + counter->size(), n);
    ++n;
    for (const Change& change : history_.changes(n)) {
      const Tree tree = trees[static_cast<int>(change.where)];
      if (change.value) {
        need(writer.put(tree, change.key, *change.value));
      } else {
        need(writer.erase(tree, change.key));
      }
    }
    return n;
  }

  // Every kind of commit that promises to survive SIGKILL.
  CommitToken commit(WriteTransaction& writer, std::uint64_t n) {
    CommitToken token = 0;
    switch (n % 4) {
      case 0:
        return need(writer.commit(Durability::kOs));
      case 1:
        token = need(writer.commit_async());
        break;
      case 2:
        token = need(writer.commit(Durability::kLazy));
        break;
      default:
        return need(writer.commit(Durability::kSync));
    }
    need(database_.wait_durable(token));
    return token;
  }

  Database& database_;
  const History& history_;
  int pipe_;
};

}  // namespace

void run_child(const std::string& path, const History& history, int pipe) {
  Options options;
  options.checkpoint_log_bytes = std::uint64_t{4} << 20;
  options.log_segment_bytes = std::uint64_t{2} << 20;
  Database database = need(Database::open(path, options));
  const auto server = database.serve();  // For whoever wants to look; the job does without, too.
  std::vector<std::thread> threads;
  for (int i = 0; i < kWriters; ++i) {
    threads.emplace_back([&] { Writers(database, history, pipe).run(); });
  }
  for (;;) {
    need(database.checkpoint());
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

}  // namespace holdfast::kill_job
