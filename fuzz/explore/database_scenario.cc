#include "fuzz/explore/database_scenario.h"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <set>

namespace holdfast::explore {
namespace {

constexpr std::size_t kArenaBytes = std::size_t{2} << 20;
constexpr const char* kPath = "dir/db";

// One for the database under test and one for those that judge; both last as long as the process.
std::span<std::byte> arena(int which) {
  static std::byte* const arenas[2] = {
      static_cast<std::byte*>(std::aligned_alloc(4096, kArenaBytes)),
      static_cast<std::byte*>(std::aligned_alloc(4096, kArenaBytes))};
  return {arenas[which], kArenaBytes};
}

// Most schedules leave the same few images. Answers whether this one was passed here before.
bool was_judged(const SimDisk& disk, std::uint64_t promised) {
  static std::set<std::array<std::uint64_t, 3>> judged;
  const auto hash = disk.durable_hash();
  return !judged.insert({hash[0], hash[1], promised}).second;
}

}  // namespace

DatabaseScenario::DatabaseScenario(const Options& options, std::size_t frames_bytes)
    : options_(options), disk_(std::make_unique<SimDisk>()) {
  options_.background = Background::kHost;
  options_.cache_bytes = std::min(options_.cache_bytes, kArenaBytes);
  options_.arena = arena(0).first(std::min(options_.cache_bytes, frames_bytes));
  open();
  if (database_ != nullptr) commit(Durability::kSync);
  power_cuts_.clear();
}

Options DatabaseScenario::options_on(SimDisk& disk) {
  environment_ = {&disk, &clock_, &random_};
  Options options = options_;
  options.environment = &environment_;
  return options;
}

void DatabaseScenario::open() {
  auto opened = Database::open(kPath, options_on(*disk_));
  if (good(opened, "open")) database_ = std::make_unique<Database>(std::move(*opened));
}

void DatabaseScenario::fault(const std::string& what) {
  if (fault_.empty()) fault_ = what;
}

void DatabaseScenario::commit(Durability durability) {
  auto writer = database_->begin_write();
  if (!good(writer, "begin_write")) return;
  const std::uint64_t n = writer->txn();
  for (const char* key : {"a", "b"}) {
    if (!good(writer->put(key, std::to_string(n)), "put")) return;
  }
  if (!good(writer->commit(durability), "commit")) return;
  acknowledged_ = std::max(acknowledged_, n);
  if (durability == Durability::kSync) promised(n);
}

void DatabaseScenario::promised(std::uint64_t n) {
  // A look at the medium conflicts with every storage call: the explorer must know.
  (void)disk_->exists(kPath);
  auto disk = std::make_unique<SimDisk>();
  disk->become(*disk_);
  power_cuts_.emplace_back(n, std::move(disk));
}

std::uint64_t DatabaseScenario::read_state(const Reader& reader) {
  auto a = reader.get("a");
  if (!good(a, "get a")) return 0;
  auto b = reader.get("b");
  if (!good(b, "get b")) return 0;
  if (!*a || *a != *b) {
    fault("a snapshot of transaction " + std::to_string(reader.txn()) +
          " has a = " + a->value_or("nothing") + " and b = " + b->value_or("nothing"));
    return 0;
  }
  return std::strtoull((*a)->c_str(), nullptr, 10);
}

void DatabaseScenario::read_and_expect_at_least(std::uint64_t n) {
  auto reader = database_->begin_read();
  if (!good(reader, "begin_read")) return;
  const std::uint64_t state = read_state(*reader);
  if (state < n) {
    fault("state " + std::to_string(n) + " had been seen or promised, and a later reader sees " +
          std::to_string(state));
  }
  if (read_state(*reader) != state) fault("a snapshot has changed");
}

void DatabaseScenario::judge_database(Database& database, std::uint64_t at_least,
                                      const char* when) {
  auto reader = database.begin_read();
  if (!good(reader, when)) return;
  if (const std::uint64_t state = read_state(*reader); state < at_least) {
    fault(std::string(when) + ": state " + std::to_string(at_least) + " was promised, and " +
          std::to_string(state) + " is there");
  }
  auto report = database.verify();
  if (!good(report, when)) return;
  if (!report->sound()) fault(std::string(when) + ": " + report->findings[0].detail);
}

std::string DatabaseScenario::judge() {
  if (!fault_.empty()) return fault_;
  // Where a thread has closed it, there is only the file to look at.
  const auto synced = database_->sync();
  if (!synced && synced.error().code() == ErrorCode::kInvalidArgument) return judge_files();
  good(synced, "sync");
  // Nothing may have stayed behind: no snapshot, no version, no dirty page. Before any reader
  // comes: it would tidy up.
  Stats stats = database_->stats();
  if (stats.open_snapshots != 0) fault("a snapshot was left open");
  if (stats.cache_version_bytes != 0) fault("superseded versions were left behind");
  judge_database(*database_, acknowledged_, "afterwards");
  good(database_->checkpoint(), "checkpoint");
  stats = database_->stats();
  if (stats.cache_dirty_bytes != 0) fault("a checkpoint left dirty pages behind");
  good(database_->close(), "close");
  return judge_files();
}

std::string DatabaseScenario::judge_files() {
  database_.reset();
  options_.arena = arena(1).first(options_.cache_bytes);
  options_.mode = OpenMode::kReadWrite;
  power_cuts_.emplace_back(acknowledged_, std::move(disk_));
  for (auto& [n, disk] : power_cuts_) {
    if (!fault_.empty()) break;
    disk->crash({.kind = CrashPolicy::Kind::kKeepNone}, 1);
    if (was_judged(*disk, n)) continue;
    auto opened = Database::open(kPath, options_on(*disk));
    if (!good(opened, "opening after a power cut")) break;
    judge_database(*opened, n, "after a power cut");
    good(opened->close(), "closing after a power cut");
  }
  return fault_;
}

}  // namespace holdfast::explore
