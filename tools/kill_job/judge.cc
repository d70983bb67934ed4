// Two walks side by side, the tree's cursor and the expected map, until both have ended.
#include "tools/kill_job/judge.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>

#include "holdfast/holdfast.h"

namespace holdfast::kill_job {
namespace {

constexpr std::size_t kFaultsMax = 10;

class Comparison {
 public:
  explicit Comparison(Verdict& verdict) : verdict_(verdict) {}

  void fault(std::string sentence) {
    if (verdict_.faults.size() < kFaultsMax) verdict_.faults.push_back(std::move(sentence));
  }

  void tree(const ReadTransaction& reader, const std::string& name, const TreeState& expected) {
    auto tree = reader.open_tree(name);
    if (!tree) {
      if (tree.error().code() != ErrorCode::kNotFound || !expected.empty()) {
        fault(tree.error().to_string());
      }
      return;
    }
    auto cursor = reader.cursor(*tree);
    if (!cursor) return fault(cursor.error().to_string());
    auto on = cursor->first();
    auto want = expected.begin();
    while (on && *on) {
      ++verdict_.records;
      const std::string_view key = cursor->key();
      for (; want != expected.end() && want->first < key; ++want) missing(name, want->first);
      if (want == expected.end() || want->first != key) {
        fault(fmt::format("Tree \"{}\" has a record too many, {}.", name, key));
      } else {
        auto value = cursor->value();
        if (!value) return fault(value.error().to_string());
        if (*value != want->second) {
          fault(fmt::format("Tree \"{}\" has another value for {} than was written.", name, key));
        }
        ++want;
      }
      on = cursor->next();
    }
    if (!on) fault(on.error().to_string());
    for (; want != expected.end(); ++want) missing(name, want->first);
  }

 private:
  void missing(const std::string& tree, const std::string& key) {
    fault(fmt::format("Tree \"{}\" lacks the record {}.", tree, key));
  }

  Verdict& verdict_;
};

// The number of the last transaction, as the database itself tells it.
Result<std::uint64_t> last_transaction(const ReadTransaction& reader) {
  auto tree = reader.open_tree(kTreeNames[static_cast<int>(Where::kJob)]);
  if (!tree && tree.error().code() == ErrorCode::kNotFound) return 0;
  if (!tree) return std::unexpected(tree.error());
  auto counter = reader.get(*tree, kCounterKey);
  if (!counter) return std::unexpected(counter.error());
  std::uint64_t n = 0;
  if (*counter) std::from_chars((*counter)->data(), (*counter)->data() + (*counter)->size(), n);
  return n;
}

void compare(Database& database, const History& history, Verdict& verdict) {
  Comparison comparison(verdict);
  auto reader = database.begin_read();
  if (!reader) return comparison.fault(reader.error().to_string());
  auto transaction = last_transaction(*reader);
  if (!transaction) return comparison.fault(transaction.error().to_string());
  verdict.transaction = *transaction;
  State expected;
  history.state_after(*transaction, expected);
  for (int i = 0; i < kTrees; ++i) comparison.tree(*reader, kTreeNames[i], expected[i]);
  auto trees = reader->trees();
  if (!trees) return comparison.fault(trees.error().to_string());
  if (trees->size() > kTrees) comparison.fault("There are trees that nobody made.");
}

}  // namespace

Verdict judge(const std::string& path, const History& history, bool read_only) {
  Verdict verdict;
  Options options;
  options.mode = read_only ? OpenMode::kReadOnly : OpenMode::kReadWrite;
  const auto start = std::chrono::steady_clock::now();
  auto database = Database::open(path, options);
  verdict.open_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (!database) {
    verdict.faults.push_back(database.error().to_string());
    return verdict;
  }
  verdict.opened = true;
  verdict.report = database->recovery().to_string();
  const LogEnd end = database->recovery().log_end;
  verdict.commit_cut = end == LogEnd::kUnfinished || end == LogEnd::kTorn;
  verdict.recovered_txn = database->recovery().recovered_txn;
  verdict.checkpoint_pages = database->recovery().checkpoint_in_flight;
  const Stats stats = database->stats();
  verdict.file_bytes = stats.file_bytes;
  verdict.log_bytes = stats.log_file_bytes;
  compare(*database, history, verdict);
  if (!read_only) {
    // Makes closing fold the log in, so that the next report speaks of the next kill alone.
    if (auto done = database->checkpoint(); !done) {
      verdict.faults.push_back(done.error().to_string());
    }
  }
  if (auto closed = database->close(); !closed) {
    verdict.faults.push_back(closed.error().to_string());
  }
  return verdict;
}

}  // namespace holdfast::kill_job
