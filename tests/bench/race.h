// What the benchmarks share: two engines in turns on the same data, the median of their rates, and
// the ratio.
#pragma once

#include <lmdb.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "holdfast/holdfast.h"

namespace holdfast::bench {

[[noreturn]] inline void die(const std::string& what) {
  std::fprintf(stderr, "peer_bench: %s\n", what.c_str());
  std::exit(1);
}

template <class T>
T must(Result<T> result) {
  if (!result) die(result.error().to_string());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

inline void lmdb(int rc) {
  if (rc != 0) die(mdb_strerror(rc));
}

struct Settings {
  std::uint64_t records = 1'000'000;
  int rounds = 5;
  std::string dir = ".";
  std::string only;
  bool json = false;
};
inline Settings settings;

inline double seconds(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

inline std::uint64_t mix(std::uint64_t x) {
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccdULL;
  x ^= x >> 33;
  x *= 0xc4ceb9fe1a85ec53ULL;
  return x ^ (x >> 33);
}

inline void make_key(std::uint64_t n, char* key) {
  std::snprintf(key, 17, "%016lx", mix(n));
}

inline std::string make_value(std::uint64_t n) {
  std::string value(100, 'v');
  std::snprintf(value.data(), 20, "%lu", n);
  return value;
}

inline std::uint64_t next_random(std::uint64_t& state) {
  state = state * 6364136223846793005ULL + 1442695040888963407ULL;
  return mix(state);
}

// One pair of rivals: each does `count` operations a round; rates in operations a second.
struct Rates {
  double ours;
  double theirs;
};

inline void report(const char* name, const char* peer, Rates rates, const char* unit) {
  if (settings.json) {
    std::printf("{\"figure\":\"%s\",\"ours\":%.1f,\"%s\":%.1f,\"ratio\":%.3f,\"unit\":\"%s\"}\n",
                name, rates.ours, peer, rates.theirs, rates.ours / rates.theirs, unit);
  } else {
    std::printf("%-28s %12.0f %s   %-12s %12.0f   ratio %.2f\n", name, rates.ours, unit, peer,
                rates.theirs, rates.ours / rates.theirs);
  }
  std::fflush(stdout);
}

// In short turns, so that a disk or a neighbour that changes its mind touches both.
inline Rates race(std::uint64_t count, const std::function<void()>& ours,
                  const std::function<void()>& theirs, int turns = 1) {
  std::vector<double> our_rates;
  std::vector<double> their_rates;
  for (int round = 0; round < settings.rounds * turns; ++round) {
    const bool we_begin = round % 2 == 0;
    if (we_begin) our_rates.push_back(static_cast<double>(count) / seconds(ours));
    their_rates.push_back(static_cast<double>(count) / seconds(theirs));
    if (!we_begin) our_rates.push_back(static_cast<double>(count) / seconds(ours));
  }
  return {median(our_rates), median(their_rates)};
}

struct Lmdb {
  MDB_env* env = nullptr;
  MDB_dbi dbi = 0;
  explicit Lmdb(const std::string& path, unsigned flags) {
    lmdb(mdb_env_create(&env));
    lmdb(mdb_env_set_mapsize(env, std::size_t{8} << 30));
    lmdb(mdb_env_open(env, path.c_str(), MDB_NOSUBDIR | flags, 0644));
    MDB_txn* txn;
    lmdb(mdb_txn_begin(env, nullptr, 0, &txn));
    lmdb(mdb_dbi_open(txn, nullptr, 0, &dbi));
    lmdb(mdb_txn_commit(txn));
  }
  ~Lmdb() { mdb_env_close(env); }
};

inline Options big_cache() {
  Options options;
  options.cache_bytes = std::size_t{1} << 30;
  return options;
}

// What neither engine's cache holds, in cold_reads.cc. The files are left as they are.
void bench_cold(const std::string& ours, const std::string& theirs);

}  // namespace holdfast::bench
