// A simulated disk of some size that gets full, and a model of what was acknowledged on it.
#pragma once

#include <algorithm>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/engine/sim_world.h"

namespace holdfast {

class FullDiskFixture : public testing::Test {
 protected:
  static SimDisk::Options disk_of(std::uint64_t kib) {
    SimDisk::Options options;
    options.capacity_bytes = kib << 10;
    return options;
  }
  // Answers whether it was done; anything but kDiskFull fails the test.
  template <class T>
  bool may_be_full(const Result<T>& result, const char* what) {
    if (result) return true;
    ++refused_;
    EXPECT_EQ(result.error().code(), ErrorCode::kDiskFull)
        << what << ": " << result.error().to_string();
    return false;
  }

  static Options options(SimWorld& world) {
    Options options = world.options();
    options.log_segment_bytes = 64 << 10;
    options.checkpoint_log_bytes = 96 << 10;
    return options;
  }

  bool commit_some(Database& db, std::mt19937& random, int round) {
    Contents next = model_;
    auto writer = db.begin_write();
    if (!may_be_full(writer, "begin")) return false;
    for (int i = 0; i < 6; ++i) {
      const std::string key = numbered(random() % 60);
      if (random() % 4 == 0) {
        if (!may_be_full(writer->erase(key), "erase")) return false;
        next.erase(key);
      } else {
        next[key] = std::string(random() % 5 == 0 ? 9000 : random() % 700,
                                static_cast<char>('a' + round % 26));
        if (!may_be_full(writer->put(key, next[key]), "put")) return false;
      }
    }
    if (!may_be_full(writer->commit(), "commit")) return false;
    model_ = std::move(next);
    return true;
  }

  // Records with values of so many bytes, until 20 were refused; the last have hardly any.
  template <class Bytes>
  void fill(Database& db, Bytes bytes) {
    const int already = refused_;
    for (int i = 0; refused_ < already + 20; ++i) {
      const std::string value(refused_ > already + 10 ? 1 : bytes(), 'v');
      if (may_be_full(db.put(numbered(i), value), "put")) model_[numbered(i)] = value;
    }
  }
  // A new model, and a database that is filled with what it says.
  Database full_database(SimWorld& world, std::mt19937& random) {
    model_.clear();
    refused_ = 0;
    Database db = MUST(Database::open("db", options(world)));
    fill(db, [&] { return random() % 900; });
    return db;
  }
  static std::uint64_t log_bytes(const SimWorld& world) {
    std::uint64_t bytes = 0;
    for (const std::string& path : world.disk.paths())
      bytes += path.starts_with("db.log-") ? world.disk.cached_bytes(path).size() : 0;
    return bytes;
  }
  [[nodiscard]] std::vector<std::string> keys() const {
    std::vector<std::string> keys;
    for (const auto& [key, value] : model_) keys.push_back(key);
    return keys;
  }
  [[nodiscard]] std::vector<std::string> keys_in_any_order(std::mt19937& random) const {
    std::vector<std::string> all = keys();
    std::shuffle(all.begin(), all.end(), random);
    return all;
  }
  void put(Database& db, const std::string& key, const std::string& value) {
    MUST(db.put(key, value));
    model_[key] = value;
  }
  // With room again: all is there, all of it can be changed.
  void recover(SimWorld& world) {
    world.disk.clear_faults();
    Database db = MUST(Database::open("db", options(world)));
    ASSERT_EQ(contents_of(db), model_);
    expect_sound(db);
    std::mt19937 random(9);
    ASSERT_TRUE(commit_some(db, random, 3));
    MUST(db.checkpoint());
    MUST(db.close());
    ASSERT_EQ(world.disk.paths(), std::vector<std::string>{"db"});
    db = MUST(Database::open("db", options(world)));
    ASSERT_EQ(contents_of(db), model_);
    EXPECT_FALSE(world.disk.violation()) << *world.disk.violation();
  }

  Contents model_;
  int refused_ = 0;
};

}  // namespace holdfast
