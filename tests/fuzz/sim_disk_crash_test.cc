// What crashes of the simulated disk leave, class by class (F1 to F9 and F24 of sim_disk.h).
#include <algorithm>
#include <set>

#include "tests/fuzz/sim_disk_test_base.h"

namespace holdfast {
namespace {

using Kind = CrashPolicy::Kind;

TEST_F(SimDiskTest, SyncedDataUnderASyncedNameSurvivesEveryCrash) {
  for (const Kind kind : {Kind::kKeepNone, Kind::kKeepAll, Kind::kOrdered, Kind::kExt4Like,
                          Kind::kWeak, Kind::kProcessKill}) {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
      disk_.reset({});
      settled("db", block('a', 10'000));
      crash(kind, seed);
      ASSERT_EQ(cached("db"), block('a', 10'000));
      ASSERT_EQ(durable("db"), block('a', 10'000));
    }
  }
}

TEST_F(SimDiskTest, UnsyncedWritesGoWithKeepNoneAndStayWithKeepAll) {
  for (const bool keep : {false, true}) {
    disk_.reset({});
    File file = settled("db", block('a'));
    put(file, 0, block('b'));
    EXPECT_EQ(durable("db"), block('a'));
    EXPECT_EQ(cached("db"), block('b'));
    crash(keep ? Kind::kKeepAll : Kind::kKeepNone);
    EXPECT_EQ(cached("db"), block(keep ? 'b' : 'a'));
    EXPECT_EQ(durable("db"), cached("db"));
  }
}

TEST_F(SimDiskTest, WhatIsWrittenDuringASyncIsNotCoveredByIt) {
  for (const bool fails : {false, true}) {
    disk_.reset({});
    File file = settled("db", block('a', 8192));
    put(file, 0, block('b'));
    disk_.during_syncs([&](const std::string& path) {
      EXPECT_EQ(path, "db");
      EXPECT_EQ(durable("db"), block('a', 8192));
      put(file, 4096, block('c'));
    });
    Fault fault;
    fault.call = SimCall::kSync;
    if (fails) disk_.inject(fault);
    EXPECT_EQ(file->sync().has_value(), !fails);
    disk_.during_syncs({});
    EXPECT_EQ(durable("db"), fails ? block('a', 8192) : block('b') + block('a'));
    EXPECT_EQ(cached("db"), block('b') + block('c'));
    ASSERT_TRUE(file->sync());
    EXPECT_EQ(durable("db"), block(fails ? 'a' : 'b') + block('c'));
  }
}

TEST_F(SimDiskTest, AMachineThatStopsDuringASyncHasNotSynced) {
  File file = settled("db", block('a'));
  put(file, 0, block('b'));
  disk_.during_syncs([&](const std::string&) { EXPECT_FALSE(file->write(4096, {})); });
  disk_.crash_at_change(1, true);
  EXPECT_FALSE(file->sync());
  disk_.during_syncs({});
  EXPECT_EQ(durable("db"), block('a'));
}

TEST_F(SimDiskTest, ASyncedFileWithoutASyncedNameMayBeGone) {
  File file = create("db");
  put(file, 0, "data");
  ASSERT_TRUE(file->sync());
  crash(Kind::kKeepNone);
  EXPECT_FALSE(disk_.exists("db").value());
}

TEST_F(SimDiskTest, ASyncedNameWithoutSyncedDataIsAnEmptyFile) {
  File file = create("db");
  put(file, 0, "data");
  ASSERT_TRUE(disk_.sync_directory("."));
  crash(Kind::kKeepNone);
  EXPECT_TRUE(disk_.exists("db").value());
  EXPECT_EQ(cached("db"), "");
}

TEST_F(SimDiskTest, WeakCrashesTearAtSectorsAndReachEveryMix) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    disk_.reset({});
    File file = settled("db", block('a', 1024));
    put(file, 0, block('b', 1024));
    crash(Kind::kWeak, seed);
    seen.insert(cached("db").substr(0, 1) + cached("db").substr(512, 1));
    for (const std::size_t sector : {0u, 512u}) {
      ASSERT_EQ(cached("db").substr(sector, 512), block(cached("db")[sector], 512));
    }
  }
  EXPECT_EQ(seen, (std::set<std::string>{"aa", "ab", "ba", "bb"}));
}

TEST_F(SimDiskTest, LargeSectorsTearOnlyAtTheirBounds) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    disk_.reset({});
    File file = settled("db", block('a', 8192));
    put(file, 0, block('b', 8192));
    CrashPolicy policy;
    policy.sector_bytes = 4096;
    disk_.crash(policy, seed);
    for (const std::size_t at : {0u, 4096u}) {
      ASSERT_EQ(cached("db").substr(at, 4096), block(cached("db")[at]));
    }
  }
}

TEST_F(SimDiskTest, AGrownFileMayHoldZerosGarbageOrOldBlocks) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 600; ++seed) {
    disk_.reset({});
    settled("other", block('o'));
    File file = settled("db", "");
    put(file, 0, block('n', 512));
    crash(Kind::kWeak, seed);
    const std::string now = cached("db");
    if (now.empty())
      seen.insert("short");
    else if (now == block('n', 512))
      seen.insert("new");
    else if (now == block('\0', 512))
      seen.insert("zero");
    else if (now == block('o', 512))
      seen.insert("stale");
    else
      seen.insert("garbage");
  }
  EXPECT_EQ(seen, (std::set<std::string>{"short", "new", "zero", "stale", "garbage"}));
}

TEST_F(SimDiskTest, OrderedCrashesKeepAPrefix) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    disk_.reset({});
    File first = settled("a", block('0', 512));
    File second = settled("b", block('0', 512));
    put(first, 0, block('1', 512));
    put(second, 0, block('2', 512));
    put(first, 0, block('3', 512));
    crash(Kind::kOrdered, seed);
    seen.insert(cached("a").substr(0, 1) + cached("b").substr(0, 1));
  }
  EXPECT_EQ(seen, (std::set<std::string>{"00", "10", "12", "32"}));
}

TEST_F(SimDiskTest, WeakCrashesReorderAcrossFiles) {
  bool second_without_first = false;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    disk_.reset({});
    File first = settled("a", "0");
    File second = settled("b", "0");
    put(first, 0, "1");
    put(second, 0, "1");
    crash(Kind::kWeak, seed);
    second_without_first |= cached("a") == "0" && cached("b") == "1";
  }
  EXPECT_TRUE(second_without_first);
}

TEST_F(SimDiskTest, Ext4LikeCrashesKeepNoSizeWithoutItsData) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    disk_.reset({});
    File file = settled("db", "");
    put(file, 0, block('a'));
    put(file, 4096, block('b'));
    crash(Kind::kExt4Like, seed);
    ASSERT_TRUE(cached("db").empty() || cached("db") == block('a') ||
                cached("db") == block('a') + block('b'));
    seen.insert(cached("db"));
  }
  EXPECT_EQ(seen.size(), 3u);
}

TEST_F(SimDiskTest, NamesAreLostEachOnItsOwn) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    disk_.reset({});
    settled("old", "");
    create("new");
    ASSERT_TRUE(disk_.remove("old"));
    crash(Kind::kWeak, seed);
    std::string names;
    for (const std::string& path : disk_.paths()) names += path + " ";
    seen.insert(names);
  }
  EXPECT_EQ(seen, (std::set<std::string>{"", "new ", "new old ", "old "}));
}

TEST_F(SimDiskTest, ARenameIsWholeLostOrWithoutReplacingUnderBothNames) {
  for (const bool replace : {false, true}) {
    std::set<std::string> seen;
    for (std::uint64_t seed = 0; seed < 500; ++seed) {
      disk_.reset({});
      if (replace) settled("db", "old");
      settled("temporary", "new");
      ASSERT_TRUE(disk_.rename("temporary", "db", replace));
      crash(Kind::kWeak, seed);
      std::string state;
      for (const std::string& path : disk_.paths()) state += path + "=" + cached(path) + " ";
      seen.insert(state);
    }
    if (replace) {
      EXPECT_EQ(seen, (std::set<std::string>{"db=new ", "db=old temporary=new "}));
    } else {
      EXPECT_EQ(seen,
                (std::set<std::string>{"db=new ", "temporary=new ", "db=new temporary=new "}));
    }
  }
}

TEST_F(SimDiskTest, AKilledProcessLosesNothingButItsCacheIsStillUnsynced) {
  File file = settled("db", "old");
  put(file, 0, "new");
  ASSERT_TRUE(file->lock(LockMode::kExclusive));
  crash(Kind::kProcessKill);
  EXPECT_EQ(cached("db"), "new");
  EXPECT_EQ(durable("db"), "old");
  File again = open("db");
  EXPECT_TRUE(again->lock(LockMode::kExclusive));
  crash(Kind::kKeepNone);
  EXPECT_EQ(cached("db"), "old");
}

TEST_F(SimDiskTest, OpenFilesOfTheOldLifeAreOfNoUse) {
  File file = settled("db", "old");
  crash(Kind::kKeepAll);
  char byte = 0;
  const auto buffer = std::as_writable_bytes(std::span(&byte, 1));
  EXPECT_EQ(file->read(0, buffer).error().code(), ErrorCode::kIo);
  EXPECT_EQ(file->write(0, buffer).error().code(), ErrorCode::kIo);
  EXPECT_EQ(file->sync().error().code(), ErrorCode::kIo);
  EXPECT_EQ(file->size().error().code(), ErrorCode::kIo);
  EXPECT_EQ(file->lock(LockMode::kShared).error().code(), ErrorCode::kIo);
}

TEST_F(SimDiskTest, ASyncCoversOnlyCompletedTransfers) {
  File file = settled("db", "aaaa");
  std::string text = "b";
  IoRequest request{
      IoRequest::Kind::kWrite, file.get(), 0, std::as_writable_bytes(std::span(text)), 0, {}};
  disk_.submit({&request, 1});
  ASSERT_TRUE(file->sync());
  EXPECT_EQ(durable("db"), "aaaa");
  EXPECT_EQ(cached("db"), "baaa");
  disk_.complete({&request, 1});
  EXPECT_FALSE(request.error);
  ASSERT_TRUE(file->sync());
  EXPECT_EQ(durable("db"), "baaa");
}

TEST_F(SimDiskTest, TruncationIsUndoneOrKept) {
  for (const bool keep : {false, true}) {
    disk_.reset({});
    File file = settled("db", "0123456789");
    ASSERT_TRUE(file->truncate(4));
    ASSERT_TRUE(file->allocate(0, 6));
    EXPECT_EQ(cached("db"), std::string("0123\0\0", 6));
    crash(keep ? Kind::kKeepAll : Kind::kKeepNone);
    EXPECT_EQ(cached("db"), keep ? std::string("0123\0\0", 6) : "0123456789");
  }
}

TEST_F(SimDiskTest, EveryUnitIsListedAndEveryMaskIsItsOwnImage) {
  File file = settled("db", block('a', 1024));
  put(file, 0, block('b', 1024));
  put(file, 512, block('c', 512));
  put(file, 0, block('b', 512));
  create("new");
  SimDisk before;
  before.become(disk_);
  const std::vector<CrashUnit> units = before.crash_units(512);
  ASSERT_EQ(units.size(), 5u);
  EXPECT_EQ(before.describe(units[0]).substr(0, 20), "write 0 to 512 of db");
  EXPECT_EQ(before.describe(units[4]).substr(0, 10), "create new");
  std::set<std::array<std::uint64_t, 2>> images;
  SimDisk after;
  for (std::uint64_t mask = 0; mask < 32; ++mask) {
    after.become(before);
    after.crash_keeping(512, mask);
    images.insert(after.durable_hash());
  }
  EXPECT_EQ(images.size(), 2u * 3u * 2u) << "first sector, second sector, name";
}

TEST_F(SimDiskTest, APartOfASectorGoesWithWhatWasWrittenAroundIt) {
  File file = settled("db", block('a', 512));
  put(file, 0, "bbbb");
  put(file, 4, "cccc");
  disk_.crash_keeping(512, 0b10);
  EXPECT_EQ(cached("db").substr(0, 10), "bbbbccccaa");
}

TEST_F(SimDiskTest, TheSameSeedLeavesTheSame) {
  std::array<std::uint64_t, 2> first{};
  for (int round = 0; round < 3; ++round) {
    SimDisk::Options options;
    options.seed = 7;
    disk_.reset(options);
    File file = settled("db", block('a', 9000));
    for (int i = 0; i < 20; ++i) put(file, static_cast<std::uint64_t>(i) * 777, block('b', 900));
    crash(Kind::kWeak, 99);
    if (round == 0) first = disk_.durable_hash();
    EXPECT_EQ(disk_.durable_hash(), first);
  }
}

}  // namespace
}  // namespace holdfast
