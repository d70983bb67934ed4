#include "fuzz/lab/judge.h"

#include <utility>

#include "engine/base/bytes.h"
#include "engine/base/limits.h"
#include "fuzz/lab/compare.h"
#include "fuzz/lab/lab_database.h"

namespace holdfast {
namespace {

using Verdict = Judge::Verdict;

Verdict wrong(std::string what) {
  return {Shown::kWrong, 0, std::move(what)};
}

// Good enough is a code that says damage and a place that says where.
Verdict named(const Error& error, Shown shown) {
  const ErrorCode code = error.code();
  const bool damage = code == ErrorCode::kDamaged || code == ErrorCode::kNotADatabase ||
                      code == ErrorCode::kUnsupportedFormat;
  const bool missing = shown == Shown::kRefused && code == ErrorCode::kNotFound;
  if ((!damage && !missing) || error.place().file.empty()) {
    return wrong("the error doesn't name damage and its place: " + error.to_string());
  }
  return {shown, 0, error.to_string()};
}

}  // namespace

std::string to_string(const Outcome& outcome) {
  constexpr const char* kNames[] = {"right data", "named by what is hit", "refused", "WRONG"};
  const char* const name =
      outcome.undecidable ? "undecidable" : kNames[static_cast<int>(outcome.shown)];
  return name + (outcome.what.empty() ? "" : ": " + outcome.what);
}

void OutcomeCounts::add(const Outcome& outcome) {
  ++cases;
  if (outcome.undecidable) {
    ++undecidable;
    return;
  }
  right += outcome.shown == Shown::kRight ? 1 : 0;
  refused += outcome.shown == Shown::kRefused ? 1 : 0;
  named += outcome.shown == Shown::kNamed ? 1 : 0;
}

void OutcomeCounts::add(const OutcomeCounts& more) {
  cases += more.cases;
  right += more.right;
  refused += more.refused;
  named += more.named;
  undecidable += more.undecidable;
}

Judge::Judge(SimDisk& disk)
    : disk_(disk), environment_{&disk_, &clock_, &random_}, arena_(kMinCacheBytes) {}

Verdict Judge::judge(const States& states, OpenMode mode) {
  Options options;
  options.mode = mode;
  options.cache_bytes = kMinCacheBytes;
  options.background = Background::kHost;
  options.arena = arena_.bytes();
  options.environment = &environment_;
  clock_.reset();
  random_.reset(1);
  const std::uint64_t alterations = disk_.alterations();
  auto database = Database::open(LabDatabase::kPath, options);
  Verdict verdict;
  if (database) {
    verdict = judge_opened(*database, states);
    disk_.crash_at_call(1);
  } else {
    verdict = named(database.error(), Shown::kRefused);
    if (disk_.alterations() != alterations) {
      verdict = wrong("the opening was refused, and changed something: " + verdict.what);
    }
  }
  return verdict;
}

Verdict Judge::judge_opened(Database& database, const States& states) {
  const std::uint64_t found = database.stats().newest_txn;
  auto reader = database.begin_read();
  if (!reader) return wrong("begin_read(): " + reader.error().to_string());
  const Model::Trees* expected = states(found);
  if (expected == nullptr) return wrong("opens with transaction " + std::to_string(found));
  Verdict verdict = walk(*reader, *expected);
  verdict.txn = found;
  if (verdict.shown != Shown::kNamed) return verdict;
  const auto report = database.verify();
  if (report && report->findings.empty()) {
    return wrong("verify() finds nothing where a read says: " + verdict.what);
  }
  return verdict;
}

Verdict Judge::walk(const Reader& reader, const Model::Trees& expected) {
  Verdict verdict{.shown = Shown::kRight, .txn = 0, .what = {}};
  const auto trees = reader.trees();
  if (trees && trees->size() != expected.size()) {
    return wrong("there are " + std::to_string(trees->size()) + " trees");
  }
  for (const auto& [name, records] : expected) {
    Verdict one = walk_tree(reader, name, records);
    if (one.shown == Shown::kWrong) return one;
    if (one.shown == Shown::kNamed) verdict = std::move(one);
  }
  return verdict;
}

// Each record by its key, so that what damage leaves readable is compared too; then all in order,
// so that nothing appears.
Verdict Judge::walk_tree(const Reader& reader, std::string_view name,
                         const Model::Records& records) {
  const auto tree = reader.open_tree(name);
  if (!tree) return named(tree.error(), Shown::kNamed);
  Verdict verdict{.shown = Shown::kRight, .txn = 0, .what = {}};
  for (const auto& [key, value] : records) {
    const auto got = reader.get(*tree, key);
    if (!got) {
      verdict = named(got.error(), Shown::kNamed);
      if (verdict.shown == Shown::kWrong) return verdict;
    } else if (!*got || **got != value) {
      return wrong("get() of " + show_bytes(key) +
                   (*got ? " gives another value" : " finds nothing"));
    }
  }
  auto cursor = reader.cursor(*tree);
  if (!cursor) return named(cursor.error(), Shown::kNamed);
  auto want = records.begin();
  auto on = cursor->first();
  for (; on && *on; on = cursor->next(), ++want) {
    if (want == records.end() || cursor->key() != want->first) {
      return wrong("a scan shows " + show_bytes(cursor->key()) + " where it doesn't belong");
    }
  }
  if (!on) return named(on.error(), Shown::kNamed);
  return want == records.end() ? verdict : wrong("a scan ends early");
}

}  // namespace holdfast
