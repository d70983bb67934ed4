// The figures of the engine beside LMDB's and the bare disk's, in one run on the same data.
//
//   peer_bench [--records N] [--rounds N] [--dir DIR] [--only NAME] [--json]
//
// Every figure is the median of several rounds, in which the engines take turns; what is printed is
// the rate of each and the ratio. 16-byte keys in random order, 100-byte values.
#include <fcntl.h>
#include <lmdb.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "holdfast/holdfast.h"
#include "tests/bench/race.h"

namespace {

using namespace holdfast;
using namespace holdfast::bench;

void load(Database& db, Lmdb& peer) {
  for (std::uint64_t base = 0; base < settings.records; base += 10'000) {
    auto writer = must(db.begin_write());
    MDB_txn* txn;
    lmdb(mdb_txn_begin(peer.env, nullptr, 0, &txn));
    for (std::uint64_t n = base; n < std::min(base + 10'000, settings.records); ++n) {
      char key[17];
      make_key(n, key);
      std::string value = make_value(n);
      must(writer.put({key, 16}, value));
      MDB_val k{16, key};
      MDB_val v{value.size(), value.data()};
      lmdb(mdb_put(txn, peer.dbi, &k, &v, 0));
    }
    must(writer.commit(Durability::kOs));
    lmdb(mdb_txn_commit(txn));
  }
}

void bench_reads(Database& db, Lmdb& peer) {
  const std::uint64_t count = 500'000;
  std::uint64_t ours_at = 1;
  std::uint64_t theirs_at = 1;
  auto ours = [&] {
    auto reader = must(db.begin_read());
    std::string value;
    for (std::uint64_t i = 0; i < count; ++i) {
      char key[17];
      make_key(next_random(ours_at) % settings.records, key);
      if (!must(reader.get_into({}, {key, 16}, value))) die("a record is missing");
    }
  };
  auto theirs = [&] {
    MDB_txn* txn;
    lmdb(mdb_txn_begin(peer.env, nullptr, MDB_RDONLY, &txn));
    std::string value;
    for (std::uint64_t i = 0; i < count; ++i) {
      char key[17];
      make_key(next_random(theirs_at) % settings.records, key);
      MDB_val k{16, key};
      MDB_val v;
      lmdb(mdb_get(txn, peer.dbi, &k, &v));
      value.assign(static_cast<char*>(v.mv_data), v.mv_size);
    }
    mdb_txn_abort(txn);
  };
  report("random_read", "lmdb", race(count, ours, theirs), "1/s");
}

void bench_scan(Database& db, Lmdb& peer) {
  std::uint64_t sum = 0;
  auto ours = [&] {
    auto reader = must(db.begin_read());
    auto cursor = must(reader.cursor());
    for (bool on = must(cursor.first()); on; on = must(cursor.next()))
      sum += must(cursor.value()).size() + cursor.key().size();
  };
  auto theirs = [&] {
    MDB_txn* txn;
    lmdb(mdb_txn_begin(peer.env, nullptr, MDB_RDONLY, &txn));
    MDB_cursor* cursor;
    lmdb(mdb_cursor_open(txn, peer.dbi, &cursor));
    MDB_val k;
    MDB_val v;
    while (mdb_cursor_get(cursor, &k, &v, MDB_NEXT) == 0) sum += k.mv_size + v.mv_size;
    mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
  };
  report("scan", "lmdb", race(settings.records, ours, theirs), "1/s");
  if (sum == 0) die("nothing was scanned");
}

void bench_os_puts(Database& db, Lmdb& peer) {
  const std::uint64_t count = 20'000;
  std::uint64_t ours_at = 7;
  std::uint64_t theirs_at = 7;
  auto ours = [&] {
    for (std::uint64_t i = 0; i < count; ++i) {
      char key[17];
      make_key(next_random(ours_at) % settings.records, key);
      auto writer = must(db.begin_write());
      must(writer.put({key, 16}, make_value(i)));
      must(writer.commit(Durability::kOs));
    }
  };
  auto theirs = [&] {
    for (std::uint64_t i = 0; i < count; ++i) {
      char key[17];
      make_key(next_random(theirs_at) % settings.records, key);
      std::string value = make_value(i);
      MDB_txn* txn;
      lmdb(mdb_txn_begin(peer.env, nullptr, 0, &txn));
      MDB_val k{16, key};
      MDB_val v{value.size(), value.data()};
      lmdb(mdb_put(txn, peer.dbi, &k, &v, 0));
      lmdb(mdb_txn_commit(txn));
    }
  };
  report("put_os", "lmdb_nosync", race(count, ours, theirs), "1/s");
}

void commit_durably(Database& db, std::uint64_t count, std::uint64_t seed) {
  for (std::uint64_t i = 0; i < count; ++i) {
    char key[17];
    make_key(next_random(seed) % settings.records, key);
    auto writer = must(db.begin_write());
    must(writer.put({key, 16}, make_value(i)));
    must(writer.commit(Durability::kSync));
  }
}

void bench_durable(Database& db) {
  const std::uint64_t count = 100;
  const std::string path = settings.dir + "/peer_bench.raw";
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0644);
  std::vector<char> block(4096, 'x');
  for (std::uint64_t i = 0; i < count; ++i) {
    if (pwrite(fd, block.data(), block.size(), static_cast<off_t>(i * 4096)) != 4096)
      die("raw write failed");
  }
  fsync(fd);
  std::uint64_t seed = 11;
  auto ours = [&] { commit_durably(db, count, ++seed); };
  auto theirs = [&] {
    for (std::uint64_t i = 0; i < count; ++i) {
      if (pwrite(fd, block.data(), block.size(), static_cast<off_t>(i * 4096)) != 4096)
        die("raw write failed");
      fdatasync(fd);
    }
  };
  report("put_sync", "bare_overwrite", race(count, ours, theirs, 20), "1/s");
  close(fd);
  unlink(path.c_str());
}

void bench_threads(Database& db) {
  const std::uint64_t count = 1000;
  std::uint64_t seed = 1000;
  auto eight = [&] {
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t)
      threads.emplace_back([&db, s = ++seed] { commit_durably(db, count, s); });
    for (auto& thread : threads) thread.join();
  };
  auto one = [&] { commit_durably(db, count, ++seed); };
  Rates rates = race(count, eight, one, 5);
  rates.ours *= 8;
  report("put_sync_8_threads", "one_thread", rates, "1/s");
}

// Kills a child that has left about 64 MiB of log, then times the opening.
void bench_open() {
  const std::string path = settings.dir + "/peer_bench.crash.db";
  const pid_t child = fork();
  if (child == 0) {
    Options options = big_cache();
    options.checkpoint_log_bytes = std::uint64_t{1} << 40;
    auto db = must(Database::open(path, options));
    for (std::uint64_t n = 0; db.stats().log_bytes < (std::uint64_t{64} << 20);) {
      auto writer = must(db.begin_write());
      for (int i = 0; i < 100; ++i, ++n) {
        char key[17];
        make_key(n, key);
        must(writer.put({key, 16}, make_value(n)));
      }
      must(writer.commit(Durability::kOs));
    }
    must(db.sync());
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  auto db = must(Database::open(path, big_cache()));
  std::printf("open_after_crash             %12.3f s for %.1f MiB of log, %lu transactions\n",
              db.recovery().seconds, static_cast<double>(db.recovery().log_bytes_read) / (1 << 20),
              db.recovery().transactions_replayed);
  must(db.close());
  unlink(path.c_str());
}

void bench_empty() {
  const std::string path = settings.dir + "/peer_bench.empty.db";
  auto resident = [] {
    long pages = 0;
    long resident_pages = 0;
    FILE* statm = std::fopen("/proc/self/statm", "r");
    if (statm == nullptr || std::fscanf(statm, "%ld %ld", &pages, &resident_pages) != 2)
      die("no /proc/self/statm");
    std::fclose(statm);
    return resident_pages * sysconf(_SC_PAGESIZE);
  };
  const long before = resident();
  Options options;
  options.cache_bytes = std::size_t{1} << 20;
  auto db = must(Database::open(path, options));
  must(db.put("a", "b"));
  must(db.erase("a"));
  const long during = resident();
  must(db.close());
  struct stat st{};
  stat(path.c_str(), &st);
  std::printf("empty_database               %12ld bytes on disk, %ld bytes of memory\n",
              static_cast<long>(st.st_size), during - before);
  unlink(path.c_str());
}

void parse(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    auto value = [&] {
      if (i + 1 >= argc) die(arg + " needs a value");
      return std::string(argv[++i]);
    };
    if (arg == "--records")
      settings.records = std::stoull(value());
    else if (arg == "--rounds")
      settings.rounds = std::stoi(value());
    else if (arg == "--dir")
      settings.dir = value();
    else if (arg == "--only")
      settings.only = value();
    else if (arg == "--json")
      settings.json = true;
    else
      die("usage: peer_bench [--records N] [--rounds N] [--dir DIR] [--only NAME] [--json]");
  }
}

}  // namespace

int main(int argc, char** argv) {
  parse(argc, argv);
  auto wanted = [](const char* name) { return settings.only.empty() || settings.only == name; };
  if (wanted("empty")) bench_empty();
  if (wanted("open")) bench_open();
  const std::string ours = settings.dir + "/peer_bench.db";
  const std::string theirs = settings.dir + "/peer_bench.mdb";
  for (const std::string& path : {ours, theirs, theirs + "-lock"}) unlink(path.c_str());
  {
    auto db = must(Database::open(ours, big_cache()));
    Lmdb peer(theirs, MDB_NOSYNC);
    load(db, peer);
    must(db.checkpoint());
    if (wanted("read")) bench_reads(db, peer);
    if (wanted("scan")) bench_scan(db, peer);
    if (wanted("os")) bench_os_puts(db, peer);
    if (wanted("sync")) bench_durable(db);
    if (wanted("threads")) bench_threads(db);
    must(db.close());
  }
  if (wanted("cold")) bench_cold(ours, theirs);
  for (const std::string& path : {ours, theirs, theirs + "-lock"}) unlink(path.c_str());
  return 0;
}
