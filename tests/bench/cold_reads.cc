// Reads of what is in no cache: each round begins with files that the system has forgotten.
#include <fcntl.h>
#include <unistd.h>

#include <optional>
#include <string_view>

#include "tests/bench/race.h"

namespace holdfast::bench {
namespace {

constexpr std::uint64_t kKeys = 4000;

void forget(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY);
  if (file < 0 || ::fdatasync(file) != 0 || ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED) != 0)
    die("the system's cache could not be emptied");
  ::close(file);
}

Options small_cache() {
  Options options;
  options.mode = OpenMode::kReadOnly;
  options.cache_bytes = std::size_t{16} << 20;
  return options;
}

std::vector<std::string> random_keys(std::uint64_t& state) {
  std::vector<std::string> keys;
  for (std::uint64_t i = 0; i < kKeys; ++i) {
    char key[17];
    make_key(next_random(state) % settings.records, key);
    keys.emplace_back(key, 16);
  }
  return keys;
}

void get_singly(const std::string& path, std::uint64_t& state) {
  forget(path);
  auto db = must(Database::open(path, small_cache()));
  auto reader = must(db.begin_read());
  for (const std::string& key : random_keys(state))
    if (!must(reader.get(key))) die("a record is missing");
}

void get_together(const std::string& path, std::uint64_t& state) {
  forget(path);
  auto db = must(Database::open(path, small_cache()));
  auto reader = must(db.begin_read());
  const std::vector<std::string> keys = random_keys(state);
  const std::vector<std::string_view> views(keys.begin(), keys.end());
  for (const auto& value : must(reader.get_many(views)))
    if (!value) die("a record is missing");
}

void scan_ours(const std::string& path, std::uint64_t& sum) {
  forget(path);
  auto db = must(Database::open(path, small_cache()));
  auto reader = must(db.begin_read());
  auto cursor = must(reader.cursor());
  for (bool on = must(cursor.first()); on; on = must(cursor.next()))
    sum += must(cursor.value()).size();
}

void get_theirs(const std::string& path, std::uint64_t& state) {
  forget(path);
  Lmdb peer(path, MDB_NORDAHEAD);
  MDB_txn* txn = nullptr;
  lmdb(mdb_txn_begin(peer.env, nullptr, MDB_RDONLY, &txn));
  for (std::string& key : random_keys(state)) {
    MDB_val k{key.size(), key.data()};
    MDB_val v;
    lmdb(mdb_get(txn, peer.dbi, &k, &v));
  }
  mdb_txn_abort(txn);
}

void scan_theirs(const std::string& path, std::uint64_t& sum) {
  forget(path);
  Lmdb peer(path, 0);
  MDB_txn* txn = nullptr;
  lmdb(mdb_txn_begin(peer.env, nullptr, MDB_RDONLY, &txn));
  MDB_cursor* cursor = nullptr;
  lmdb(mdb_cursor_open(txn, peer.dbi, &cursor));
  MDB_val k;
  MDB_val v;
  while (mdb_cursor_get(cursor, &k, &v, MDB_NEXT) == 0) sum += v.mv_size;
  mdb_cursor_close(cursor);
  mdb_txn_abort(txn);
}

}  // namespace

void bench_cold(const std::string& ours, const std::string& theirs) {
  std::uint64_t a = 3;
  std::uint64_t b = 3;
  std::uint64_t sum = 0;
  report("cold_get_many", "get",
         race(kKeys, [&] { get_together(ours, a); }, [&] { get_singly(ours, b); }), "1/s");
  report("cold_get", "lmdb",
         race(kKeys, [&] { get_singly(ours, a); }, [&] { get_theirs(theirs, b); }), "1/s");
  report("cold_scan", "lmdb",
         race(
             settings.records, [&] { scan_ours(ours, sum); }, [&] { scan_theirs(theirs, sum); }),
         "1/s");
  if (sum == 0) die("nothing was scanned");
}

}  // namespace holdfast::bench
