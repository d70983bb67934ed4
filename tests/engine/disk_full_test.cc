// A full disk, at every allocation of a life with commits, checkpoints, a close and an opening:
// what needs room fails alone with kDiskFull, reads go on, nothing acknowledged is lost, and work
// goes on once there is room.
#include <random>
#include <utility>

#include "tests/engine/sim_world.h"

namespace holdfast {
namespace {

class DiskFullTest : public testing::Test {
 protected:
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

  // One life after another on one disk. The model says at each moment what was acknowledged.
  void live(SimWorld& world) {
    std::mt19937 random(5);
    for (int life = 0; life < 3; ++life) {
      auto db = Database::open("db", options(world));
      if (!may_be_full(db, "open")) return;
      ASSERT_EQ(contents_of(*db), model_) << "opened";
      for (int round = 0; round < 14; ++round) {
        if (!commit_some(*db, random, round)) {
          ASSERT_EQ(contents_of(*db), model_) << "after a commit that was refused";
        }
        if (round % 5 == 4) may_be_full(db->checkpoint(), "checkpoint");
        auto stepped = db->run_background();
        may_be_full(stepped, "step");
        ASSERT_EQ(contents_of(*db), model_);
      }
      if (life == 1) {
        world.lose_power();
      } else {
        may_be_full(db->close(), "close");
      }
    }
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
  static SimWorld& reset(std::optional<SimWorld>& world) { return world.emplace(); }

  Contents model_;
  int refused_ = 0;
};

TEST_F(DiskFullTest, EveryAllocationRefusedOnceAndForEver) {
  for (bool for_ever : {false, true}) {
    int sites = 0;
    for (std::uint64_t nth = 1;; ++nth) {
      model_.clear();
      refused_ = 0;
      SimWorld world;
      world.fail_call(SimCall::kAllocate, nth, ErrorCode::kDiskFull, for_ever);
      live(world);
      recover(world);
      if (HasFailure()) FAIL() << "allocation " << nth << (for_ever ? " and all after it" : "");
      if (refused_ == 0 && nth > 60) break;
      sites += refused_ != 0 ? 1 : 0;
    }
    RecordProperty(for_ever ? "sites_for_ever" : "sites_once", sites);
    // What is refused once is tried again, with less, or after a checkpoint.
    if (for_ever)
      EXPECT_GT(sites, 10);
    else
      EXPECT_EQ(sites, 0);
  }
}

TEST_F(DiskFullTest, ADiskOfEverySizeUpToTheOneThatIsNeeded) {
  int refused_ever = 0;
  for (std::uint64_t kib = 64; kib <= 2048; kib += kib < 512 ? 12 : 60) {
    model_.clear();
    refused_ = 0;
    SimDisk::Options disk_options;
    disk_options.capacity_bytes = kib << 10;
    SimWorld world(disk_options);
    live(world);
    refused_ever += refused_;
    world.disk.set_capacity(std::uint64_t{64} << 20);
    recover(world);
    if (HasFailure()) FAIL() << kib << " KiB";
  }
  EXPECT_GT(refused_ever, 20);
}

// The disk is full and stays so: reading and looking go on, over closes and openings.
// DR-C14: docs/SCENARIOS.md.
TEST_F(DiskFullTest, AFullDiskIsReadable) {
  SimWorld world;
  {
    Database db = MUST(Database::open("db", options(world)));
    std::mt19937 random(5);
    for (int round = 0; round < 10; ++round) ASSERT_TRUE(commit_some(db, random, round));
    world.fail_call(SimCall::kAllocate, 1, ErrorCode::kDiskFull, true);
    bool full = false;
    for (int round = 0; round < 200 && !full; ++round) full = !commit_some(db, random, round);
    EXPECT_TRUE(full);
    ASSERT_EQ(contents_of(db), model_);
    expect_sound(db);
    may_be_full(db.close(), "close");
  }
  for (OpenMode mode : {OpenMode::kReadOnly, OpenMode::kReadWrite}) {
    Options with_mode = options(world);
    with_mode.mode = mode;
    Database db = MUST(Database::open("db", with_mode));
    ASSERT_EQ(contents_of(db), model_);
    expect_sound(db);
  }
  recover(world);
}

// DR-C14: docs/SCENARIOS.md. The emergency reserve: whatever is put is refused, and each record can
// still be erased, in a transaction of its own; afterwards there is room, for the same handle.
TEST_F(DiskFullTest, WhatOnlyFreesGoesOnWhereNothingElseDoes) {
  for (std::uint64_t kib = 1200; kib <= 2600; kib += 28) {
    model_.clear();
    refused_ = 0;
    SimDisk::Options disk_options;
    disk_options.capacity_bytes = kib << 10;
    SimWorld world(disk_options);
    Database db = MUST(Database::open("db", options(world)));
    {
      WriteTransaction writer = MUST(db.begin_write());
      const Tree tree = MUST(writer.create_tree("goes"));
      for (int i = 0; i < 100; ++i) MUST(writer.put(tree, numbered(i), std::string(700, 'g')));
      MUST(writer.commit());
    }
    std::mt19937 random(static_cast<unsigned>(kib));
    for (int i = 0; refused_ < 20; ++i) {
      const std::size_t bytes = refused_ > 10 ? 1 : random() % 5 == 0 ? 9000 : random() % 900;
      const std::string value(bytes, 'v');
      if (may_be_full(db.put(numbered(i), value), "put")) model_[numbered(i)] = value;
    }
    ASSERT_EQ(contents_of(db), model_);
    std::vector<std::string> keys;
    for (const auto& [key, value] : model_) keys.push_back(key);
    std::shuffle(keys.begin(), keys.end(), random);
    for (std::size_t i = 0; i < keys.size() / 2; ++i) {
      ASSERT_TRUE(MUST(db.erase(keys[i]))) << kib << " KiB";
      model_.erase(keys[i]);
      if (i == 7) {
        WriteTransaction writer = MUST(db.begin_write());
        MUST(writer.drop_tree(MUST(writer.open_tree("goes"))));
        MUST(writer.commit());
      }
    }
    MUST(db.checkpoint());
    MUST(db.reclaim());
    MUST(db.compact());
    ASSERT_EQ(contents_of(db), model_);
    expect_sound(db);
    for (int i = 0; i < 20; ++i) {
      const std::string value(300, 'n');
      MUST(db.put(numbered(i), value));
      model_[numbered(i)] = value;
    }
    MUST(db.close());
    recover(world);
    if (HasFailure()) FAIL() << kib << " KiB";
  }
}

// A crash in the midst of it: opening needs no room, and erasing goes on, after compact() at worst.
TEST_F(DiskFullTest, WhatOnlyFreesGoesOnAfterACrash) {
  for (std::uint64_t kib = 1200; kib <= 2600; kib += 140) {
    model_.clear();
    refused_ = 0;
    SimDisk::Options disk_options;
    disk_options.capacity_bytes = kib << 10;
    SimWorld world(disk_options);
    Options small = options(world);
    small.cache_bytes = 1 << 20;
    Database db = MUST(Database::open("db", small));
    std::mt19937 random(static_cast<unsigned>(kib));
    for (int i = 0; refused_ < 20; ++i) {
      const std::string value(refused_ > 10 ? 1 : random() % 900, 'v');
      if (may_be_full(db.put(numbered(i), value), "put")) model_[numbered(i)] = value;
    }
    std::vector<std::string> keys;
    for (const auto& [key, value] : model_) keys.push_back(key);
    std::shuffle(keys.begin(), keys.end(), random);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (i % 40 == 20 && i < 400) {
        world.lose_power();
        db = MUST(Database::open("db", small));
        ASSERT_EQ(contents_of(db), model_) << kib << " KiB, " << i;
      }
      auto erased = db.erase(keys[i]);
      if (!erased && i % 40 == 20) {
        // The new log finds no room at the file's end.
        MUST(db.compact());
        erased = db.erase(keys[i]);
      }
      ASSERT_TRUE(MUST(std::move(erased))) << kib << " KiB, " << i;
      model_.erase(keys[i]);
      // The checkpoint that is due after a recovery lets go of the logs before it.
      while (i % 40 == 20 && MUST(db.run_background())) {
      }
    }
    MUST(db.close());
    recover(world);
    if (HasFailure()) FAIL() << kib << " KiB";
  }
}

// The tree file has the disk, and hardly anything in it: what is put has room at once, after an
// opening too.
TEST_F(DiskFullTest, AFileThatIsMostlyFreeGivesTheLogRoom) {
  SimDisk::Options disk_options;
  disk_options.capacity_bytes = 4000 << 10;
  SimWorld world(disk_options);
  Database db = MUST(Database::open("db", options(world)));
  std::mt19937 random(11);
  for (int i = 0; refused_ < 20; ++i) {
    const std::string value(refused_ > 10 ? 1 : random() % 900, 'v');
    if (may_be_full(db.put(numbered(i), value), "put")) model_[numbered(i)] = value;
  }
  for (const auto& [key, value] : std::exchange(model_, {})) ASSERT_TRUE(MUST(db.erase(key)));
  for (int life = 0; life < 3; ++life) {
    for (int i = 0; i < 300; ++i) {
      const std::string value(300, static_cast<char>('a' + life));
      MUST(db.put(numbered(i), value));
      model_[numbered(i)] = value;
    }
    world.lose_power();
    db = MUST(Database::open("db", options(world)));
    ASSERT_EQ(contents_of(db), model_);
  }
  MUST(db.close());
  recover(world);
}

// Many times over, with the log in one large file and what is free all over the tree file.
TEST_F(DiskFullTest, WhateverIsThereCanBeErasedInAnyOrder) {
  for (const unsigned seed : {4U, 5U}) {
    model_.clear();
    std::mt19937 random(seed);
    SimDisk::Options disk_options;
    disk_options.capacity_bytes = 8 << 20;
    SimWorld world(disk_options);
    Options large_log = world.options();
    large_log.cache_bytes = 2 << 20;
    Database db = MUST(Database::open("db", large_log));
    bool fills = true;
    refused_ = 0;
    int times_full = 0;
    for (int op = 0; times_full < 12; ++op) {
      if (op % 5 == 0) may_be_full(db.run_background(), "background");
      if (fills) {
        const std::string key = numbered(random() % 9000);
        const std::string value(random() % 2500, 'a');
        if (may_be_full(db.put(key, value), "put")) model_[key] = value;
        if (refused_ > 10) fills = false;
        continue;
      }
      auto at = model_.lower_bound(numbered(random() % 9000));
      if (at == model_.end()) at = model_.begin();
      const auto erased = db.erase(at->first);
      ASSERT_TRUE(erased) << "seed " << seed << ", full for the " << times_full
                          << "th time: " << erased.error().to_string();
      model_.erase(at);
      if (model_.size() < 300) {
        fills = true;
        refused_ = 0;
        ++times_full;
      }
    }
    ASSERT_EQ(contents_of(db), model_);
    MUST(db.close());
    recover(world);
  }
}

// After a crash, where a copy of the meta is bad, what is free isn't known before a checkpoint.
TEST_F(DiskFullTest, WhatIsFreeIsLookedForBeforeFullIsAnswered) {
  SimDisk::Options disk_options;
  disk_options.capacity_bytes = 4000 << 10;
  SimWorld world(disk_options);
  Options large_log = world.options();
  large_log.cache_bytes = 4 << 20;
  large_log.checkpoint_log_bytes = 8 << 20;
  large_log.log_segment_bytes = 1 << 20;
  Database db = MUST(Database::open("db", large_log));
  std::mt19937 random(3);
  for (int i = 0; refused_ < 20; ++i) {
    const std::string value(refused_ > 10 ? 1 : random() % 900, 'v');
    if (may_be_full(db.put(numbered(i), value), "put")) model_[numbered(i)] = value;
  }
  std::vector<std::string> keys;
  for (const auto& [key, value] : model_) keys.push_back(key);
  const auto erase = [&](std::size_t from, std::size_t to) {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (i % 40 < from || i % 40 >= to) continue;
      ASSERT_TRUE(MUST(db.erase(keys[i])));
      model_.erase(keys[i]);
    }
  };
  erase(0, 25);
  MUST(db.checkpoint());
  erase(30, 31);
  std::uint64_t used = 0;
  for (const std::string& path : world.disk.paths()) used += world.disk.cached_bytes(path).size();
  world.disk.set_capacity(used);
  world.lose_power();
  for (const std::uint64_t copy : {0U, 16384U}) world.disk.flip_bit("db", (copy + 100) * 8);
  db = MUST(Database::open("db", large_log));
  ASSERT_EQ(db.recovery().meta_copies_bad, 1U);
  ASSERT_GT(db.recovery().pages_changed, 0U);
  ASSERT_EQ(contents_of(db), model_);
  const std::string first = model_.begin()->first;
  ASSERT_TRUE(MUST(db.erase(first)));
  MUST(db.put(first, "again"));
  model_[first] = "again";
  ASSERT_EQ(contents_of(db), model_);
  expect_sound(db);
}

// A cut that fails takes nothing away: once it can be done, there is as much room as before.
TEST_F(DiskFullTest, ACutThatFailsCostsNoRoom) {
  for (std::uint64_t kib = 1200; kib < 2600; kib += 200) {
    model_.clear();
    refused_ = 0;
    SimDisk::Options disk_options;
    disk_options.capacity_bytes = kib << 10;
    SimWorld world(disk_options);
    Database db = MUST(Database::open("db", options(world)));
    std::mt19937 random(static_cast<unsigned>(kib));
    for (int i = 0; refused_ < 20; ++i) {
      const std::string value(refused_ > 10 ? 1 : random() % 900, 'v');
      if (may_be_full(db.put(numbered(i), value), "put")) model_[numbered(i)] = value;
    }
    world.fail_call(SimCall::kTruncate, 1, ErrorCode::kIo, true, "db");
    std::vector<std::string> keys;
    for (const auto& [key, value] : model_) keys.push_back(key);
    std::shuffle(keys.begin(), keys.end(), random);
    for (const std::string& key : keys) {
      if (db.erase(key)) model_.erase(key);
    }
    world.disk.clear_faults();
    ASSERT_EQ(contents_of(db), model_);
    for (const auto& [key, value] : std::exchange(model_, {}))
      ASSERT_TRUE(MUST(db.erase(key))) << kib << " KiB";
    MUST(db.close());
    recover(world);
    if (HasFailure()) FAIL() << kib << " KiB";
  }
}

// What commits of others may use isn't the reserve, however often they try.
TEST_F(DiskFullTest, TheReserveIsThereAfterAThousandRefusals) {
  SimDisk::Options disk_options;
  disk_options.capacity_bytes = 1500 << 10;
  SimWorld world(disk_options);
  Database db = MUST(Database::open("db", options(world)));
  std::mt19937 random(3);
  while (refused_ < 1000) {
    const std::string key = numbered(static_cast<int>(random() % 4000));
    const std::string value(random() % 700, 'v');
    if (may_be_full(db.put(key, value), "put")) model_[key] = value;
  }
  const Contents full = model_;
  for (const auto& [key, value] : full) ASSERT_TRUE(MUST(db.erase(key)));
  model_.clear();
  ASSERT_EQ(contents_of(db), model_);
  MUST(db.close());
  recover(world);
}

// A slot whose write failed isn't used again, and so the next checkpoint may lack one that was
// reserved. On a full disk that is a full disk, not a broken promise inside.
TEST_F(DiskFullTest, PageWritesThatFailOnAFullDisk) {
  SimWorld world;
  Database db = MUST(Database::open("db", options(world)));
  std::mt19937 random(5);
  for (int round = 0; round < 3; ++round) ASSERT_TRUE(commit_some(db, random, round));
  world.fail_call(SimCall::kAllocate, 1, ErrorCode::kDiskFull, true);
  // Each takes a slot away. In the end the checkpoint lacks one.
  Fault page_write;
  page_write.call = SimCall::kWrite;
  page_write.path_is = "db";
  ErrorCode code = ErrorCode::kIo;
  for (int i = 0; i < 500 && code == ErrorCode::kIo; ++i) {
    world.disk.inject(page_write);
    code = code_of(db.checkpoint());
  }
  EXPECT_EQ(code, ErrorCode::kDiskFull);
  ASSERT_EQ(contents_of(db), model_);
  EXPECT_CODE(db.close(), ErrorCode::kDiskFull);
  recover(world);
}

}  // namespace
}  // namespace holdfast
