// What goes on where the disk is full: erasing and dropping, whatever the order, before and after a
// crash; and what is put, once there is room in the file itself. F4.
#include <utility>
#include <vector>

#include "tests/engine/full_disk_fixture.h"

namespace holdfast {
namespace {

class EmergencyReserveTest : public FullDiskFixture {};

// DR-C14: docs/SCENARIOS.md. The emergency reserve: whatever is put is refused, and each record can
// still be erased, in a transaction of its own; afterwards there is room, for the same handle.
TEST_F(EmergencyReserveTest, WhatOnlyFreesGoesOnWhereNothingElseDoes) {
  for (std::uint64_t kib = 1200; kib <= 2600; kib += 28) {
    model_.clear();
    refused_ = 0;
    SimWorld world(disk_of(kib));
    Database db = MUST(Database::open("db", options(world)));
    {
      WriteTransaction writer = MUST(db.begin_write());
      const Tree tree = MUST(writer.create_tree("goes"));
      for (int i = 0; i < 100; ++i) MUST(writer.put(tree, numbered(i), std::string(700, 'g')));
      MUST(writer.commit());
    }
    std::mt19937 random(static_cast<unsigned>(kib));
    fill(db, [&] { return random() % 5 == 0 ? 9000 : random() % 900; });
    ASSERT_EQ(contents_of(db), model_);
    const std::vector<std::string> keys = keys_in_any_order(random);
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
    for (int i = 0; i < 20; ++i) put(db, numbered(i), std::string(300, 'n'));
    MUST(db.close());
    recover(world);
    if (HasFailure()) FAIL() << kib << " KiB";
  }
}

// A crash in the midst of it: opening needs no room, and erasing goes on, after compact() at worst.
TEST_F(EmergencyReserveTest, WhatOnlyFreesGoesOnAfterACrash) {
  for (std::uint64_t kib = 1200; kib <= 2600; kib += 140) {
    model_.clear();
    refused_ = 0;
    SimWorld world(disk_of(kib));
    Options small = options(world);
    small.cache_bytes = 1 << 20;
    Database db = MUST(Database::open("db", small));
    std::mt19937 random(static_cast<unsigned>(kib));
    fill(db, [&] { return random() % 900; });
    const std::vector<std::string> keys = keys_in_any_order(random);
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

// Crash after crash, hardly anything erased between them: each opening's log goes, be there room
// for the next one or not. After sixty lives all that is left is erased.
TEST_F(EmergencyReserveTest, CrashesInARowUseUpNothing) {
  for (std::uint64_t kib = 1200; kib <= 2600; kib += 350) {
    SimWorld world(disk_of(kib));
    std::mt19937 random(static_cast<unsigned>(kib));
    Database db = full_database(world, random);
    const std::vector<std::string> keys = keys_in_any_order(random);
    for (std::size_t life = 0; life < 60; ++life) {
      ASSERT_TRUE(MUST(db.erase(keys[life]))) << kib << " KiB, life " << life;
      model_.erase(keys[life]);
      ASSERT_EQ(db.stats().log_file_bytes, log_bytes(world)) << kib << " KiB, life " << life;
      world.lose_power();
      db = MUST(Database::open("db", options(world)));
      ASSERT_EQ(contents_of(db), model_) << kib << " KiB, life " << life;
      ASSERT_EQ(db.stats().log_file_bytes, log_bytes(world)) << kib << " KiB, life " << life;
    }
    for (const auto& [key, value] : std::exchange(model_, {})) ASSERT_TRUE(MUST(db.erase(key)));
    MUST(db.close());
    recover(world);
    if (HasFailure()) FAIL() << kib << " KiB";
  }
}

// An opening whose own log finds no room even so counts what it has folded in no longer.
TEST_F(EmergencyReserveTest, ALogThatWasFoldedInIsNotCounted) {
  SimWorld world(disk_of(1200));
  std::mt19937 random(1200);
  Database db = full_database(world, random);
  world.lose_power();
  db = MUST(Database::open("db", options(world)));
  EXPECT_GT(db.stats().log_file_bytes, 0U);
  world.fail_call(SimCall::kAllocate, 1, ErrorCode::kDiskFull, true, "db.log-tmp");
  EXPECT_CODE(db.erase(model_.begin()->first), ErrorCode::kDiskFull);
  EXPECT_EQ(log_bytes(world), 0U);
  EXPECT_EQ(db.stats().log_file_bytes, 0U);
  world.disk.clear_faults();
  EXPECT_EQ(contents_of(db), model_);
  for (const auto& [key, value] : std::exchange(model_, {})) ASSERT_TRUE(MUST(db.erase(key)));
  MUST(db.close());
  recover(world);
}

// Crash after crash, and the machine stops at each change that the last erase makes, which folds an
// old log in: what is there afterwards is the state before or after, and all of it can be erased.
TEST_F(EmergencyReserveTest, ACrashWhileTheOldLogIsFoldedIn) {
  int stops_after_a_fold = 0;
  for (std::size_t lives = 6; lives < 16; ++lives) {
    bool went_on = false;
    for (std::uint64_t stop = 1; !went_on; ++stop) {
      SimWorld world(disk_of(1200));
      std::mt19937 random(1200);
      Database db = full_database(world, random);
      const std::vector<std::string> keys = keys_in_any_order(random);
      for (std::size_t life = 0; life < lives; ++life) {
        ASSERT_TRUE(MUST(db.erase(keys[life])));
        model_.erase(keys[life]);
        world.lose_power();
        db = MUST(Database::open("db", options(world)));
      }
      world.disk.trace_calls(true);
      world.disk.crash_at_change(stop, stop % 2 == 0);
      Contents with = model_;
      if (db.erase(keys[lives])) with.clear();
      model_.erase(keys[lives]);
      went_on = !world.disk.crashed();
      const std::vector<std::string> trace = world.disk.take_trace();
      if (std::any_of(trace.begin(), trace.end(), [](const std::string& call) {
            return call.find("remove db.log-") != std::string::npos &&
                   call.find("-tmp-") == std::string::npos;
          }))
        ++stops_after_a_fold;
      world.disk.crash({}, stop);
      db = MUST(Database::open("db", options(world)));
      const Contents found = contents_of(db);
      ASSERT_TRUE(found == model_ || found == with) << lives << " lives, change " << stop;
      for (const auto& [key, value] : found) ASSERT_TRUE(MUST(db.erase(key)));
      MUST(db.close());
      model_.clear();
      recover(world);
      if (HasFailure()) FAIL() << lives << " lives, change " << stop;
    }
  }
  EXPECT_GT(stops_after_a_fold, 10);
}

// The tree file has the disk, and hardly anything in it: what is put has room at once, after an
// opening too.
TEST_F(EmergencyReserveTest, AFileThatIsMostlyFreeGivesTheLogRoom) {
  SimWorld world(disk_of(4000));
  Database db = MUST(Database::open("db", options(world)));
  std::mt19937 random(11);
  fill(db, [&] { return random() % 900; });
  for (const auto& [key, value] : std::exchange(model_, {})) ASSERT_TRUE(MUST(db.erase(key)));
  for (int life = 0; life < 3; ++life) {
    for (int i = 0; i < 300; ++i)
      put(db, numbered(i), std::string(300, static_cast<char>('a' + life)));
    world.lose_power();
    db = MUST(Database::open("db", options(world)));
    ASSERT_EQ(contents_of(db), model_);
  }
  MUST(db.close());
  recover(world);
}

// Many times over, with the log in one large file and what is free all over the tree file.
TEST_F(EmergencyReserveTest, WhateverIsThereCanBeErasedInAnyOrder) {
  for (const unsigned seed : {4U, 5U}) {
    model_.clear();
    std::mt19937 random(seed);
    SimWorld world(disk_of(8192));
    Options large_log = world.options();
    large_log.cache_bytes = 2 << 20;
    Database db = MUST(Database::open("db", large_log));
    bool fills = true;
    refused_ = 0;
    int times_full = 0;
    for (int op = 0; times_full < 20; ++op) {
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
TEST_F(EmergencyReserveTest, WhatIsFreeIsLookedForBeforeFullIsAnswered) {
  SimWorld world(disk_of(4000));
  Options large_log = world.options();
  large_log.cache_bytes = 4 << 20;
  large_log.checkpoint_log_bytes = 8 << 20;
  large_log.log_segment_bytes = 1 << 20;
  Database db = MUST(Database::open("db", large_log));
  std::mt19937 random(3);
  fill(db, [&] { return random() % 900; });
  const std::vector<std::string> all = keys();
  const auto erase = [&](std::size_t from, std::size_t to) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (i % 40 < from || i % 40 >= to) continue;
      ASSERT_TRUE(MUST(db.erase(all[i])));
      model_.erase(all[i]);
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
  put(db, first, "again");
  ASSERT_EQ(contents_of(db), model_);
  expect_sound(db);
}

// A cut that fails takes nothing away: once it can be done, there is as much room as before.
TEST_F(EmergencyReserveTest, ACutThatFailsCostsNoRoom) {
  for (std::uint64_t kib = 1200; kib < 2600; kib += 200) {
    SimWorld world(disk_of(kib));
    std::mt19937 random(static_cast<unsigned>(kib));
    Database db = full_database(world, random);
    world.fail_call(SimCall::kTruncate, 1, ErrorCode::kIo, true, "db");
    for (const std::string& key : keys_in_any_order(random)) {
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
TEST_F(EmergencyReserveTest, TheReserveIsThereAfterAThousandRefusals) {
  SimWorld world(disk_of(1500));
  Database db = MUST(Database::open("db", options(world)));
  std::mt19937 random(3);
  while (refused_ < 1000) {
    const std::string key = numbered(static_cast<int>(random() % 4000));
    const std::string value(random() % 700, 'v');
    if (may_be_full(db.put(key, value), "put")) model_[key] = value;
  }
  for (const auto& [key, value] : std::exchange(model_, {})) ASSERT_TRUE(MUST(db.erase(key)));
  ASSERT_EQ(contents_of(db), model_);
  MUST(db.close());
  recover(world);
}

// A machine that stops right after the file was cut for the log, in each place where that is done,
// and others take what is given back: the file reaches as far as its meta says.
TEST_F(EmergencyReserveTest, WhatIsLentIsNeededByNoMeta) {
  int cuts = 0;
  for (std::uint64_t kib = 1200; kib <= 2000; kib += 100) {
    std::vector<std::uint64_t> stops = {0};
    for (std::size_t at = 0; at < stops.size(); ++at) {
      SimWorld world(disk_of(kib));
      std::mt19937 random(static_cast<unsigned>(kib));
      Database db = full_database(world, random);
      const std::vector<std::string> keys = keys_in_any_order(random);
      world.disk.set_capacity(64 << 10);
      if (stops[at] == 0) {
        world.disk.trace_calls(true);
      } else {
        world.disk.crash_at_call(stops[at], true);
      }
      for (const std::string& key : keys) {
        if (!db.erase(key)) break;
        model_.erase(key);
      }
      if (stops[at] == 0) {
        const std::vector<std::string> trace = world.disk.take_trace();
        for (std::size_t call = 0; call < trace.size(); ++call) {
          if (trace[call].find("truncate db ") != std::string::npos) stops.push_back(call + 1);
        }
        continue;
      }
      ++cuts;
      ASSERT_TRUE(world.disk.crashed());
      world.disk.crash({.kind = CrashPolicy::Kind::kProcessKill}, 1);
      world.disk.set_capacity(std::uint64_t{64} << 20);
      db = MUST(Database::open("db", options(world)));
      ASSERT_EQ(contents_of(db), model_);
      expect_sound(db);
    }
  }
  EXPECT_GT(cuts, 20);
}

// Nothing that puts or makes something has any of it, each in the smallest form there is.
TEST_F(EmergencyReserveTest, NothingThatGrowsHasIt) {
  SimWorld world(disk_of(1500));
  Database db = MUST(Database::open("db", options(world)));
  {
    WriteTransaction writer = MUST(db.begin_write());
    MUST(writer.create_tree("loaded"));
    MUST(writer.create_tree("renamed"));
    MUST(writer.commit());
  }
  std::mt19937 random(3);
  fill(db, [&] { return random() % 900; });
  const auto refused = [&](const char* what, auto change) {
    WriteTransaction writer = MUST(db.begin_write());
    EXPECT_TRUE(change(writer)) << what;
    EXPECT_EQ(code_of(writer.commit()), ErrorCode::kDiskFull) << what;
  };
  const std::string there = model_.begin()->first;
  refused("put", [](WriteTransaction& writer) { return writer.put("n", "v"); });
  refused("replace", [&](WriteTransaction& writer) { return writer.replace(there, "v"); });
  refused("compare and set",
          [](WriteTransaction& writer) { return writer.compare_and_set("n", {}, "v"); });
  refused("create", [](WriteTransaction& writer) { return writer.create_tree("n"); });
  refused("rename", [](WriteTransaction& writer) {
    return writer.rename_tree(writer.open_tree("renamed").value(), "n");
  });
  refused("bulk load", [](WriteTransaction& writer) {
    const std::vector<std::pair<std::string, std::string>> records = {{"n", "v"}};
    return writer.bulk_load(writer.open_tree("loaded").value(), records.begin(), records.end());
  });
  refused("stream", [](WriteTransaction& writer) {
    ValueWriter value = writer.put_stream("n").value();
    return value.append("v") ? value.finish() : Result<void>();
  });
  for (const auto& [key, value] : std::exchange(model_, {})) ASSERT_TRUE(MUST(db.erase(key)));
  expect_sound(db);
}

}  // namespace
}  // namespace holdfast
