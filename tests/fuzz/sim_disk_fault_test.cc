// Crash points, injected faults, media faults and the rule of the simulated disk.
#include "fuzz/lab/sim_environment.h"
#include "tests/fuzz/sim_disk_test_base.h"

namespace holdfast {
namespace {

using Kind = CrashPolicy::Kind;

TEST_F(SimDiskTest, FromTheCrashPointOnNothingHasAnyEffect) {
  for (const bool takes_effect : {false, true}) {
    disk_.reset({});
    File file = settled("db", "aaaa");
    disk_.crash_at_call(2, takes_effect);
    put(file, 0, "b");
    const auto stopped = file->write(1, as_bytes("b"));
    ASSERT_FALSE(stopped);
    EXPECT_EQ(stopped.error().code(), ErrorCode::kIo);
    EXPECT_NE(stopped.error().message().find("simulated crash"), std::string::npos);
    EXPECT_TRUE(disk_.crashed());
    const std::uint64_t calls = disk_.calls();
    EXPECT_FALSE(file->write(2, as_bytes("b")));
    EXPECT_FALSE(file->sync());
    EXPECT_FALSE(disk_.remove("db"));
    EXPECT_FALSE(disk_.open("db", FileMode::kReadOnly));
    EXPECT_EQ(disk_.calls(), calls);
    crash(Kind::kKeepAll);
    EXPECT_FALSE(disk_.crashed());
    EXPECT_EQ(cached("db"), takes_effect ? "bbaa" : "baaa");
    EXPECT_TRUE(disk_.open("db", FileMode::kReadOnly));
  }
}

TEST_F(SimDiskTest, ChangesCountOnlyWhatACrashCanTellApart) {
  File file = settled("db", "aaaa");
  const std::uint64_t changes = disk_.changes();
  char byte = 0;
  ASSERT_TRUE(file->read(0, std::as_writable_bytes(std::span(&byte, 1))));
  ASSERT_TRUE(disk_.exists("db"));
  EXPECT_EQ(disk_.changes(), changes);
  disk_.crash_at_change(1, true);
  EXPECT_FALSE(file->sync());
  EXPECT_EQ(disk_.changes(), changes + 1);
}

TEST_F(SimDiskTest, FaultsStrikeTheCallTheyAreMeantFor) {
  File file = settled("db", "aaaa");
  File other = settled("db.log.1", "");
  Fault fault;
  fault.call = SimCall::kWrite;
  fault.path_contains = ".log";
  fault.nth = 2;
  fault.code = ErrorCode::kDiskFull;
  disk_.inject(fault);
  put(file, 0, "b");
  put(other, 0, "x");
  const auto struck = other->write(10, as_bytes("yyyy"));
  ASSERT_FALSE(struck);
  EXPECT_EQ(struck.error().code(), ErrorCode::kDiskFull);
  EXPECT_EQ(struck.error().place().file, "db.log.1");
  put(other, 10, "yyyy");
  fault.nth = 1;
  fault.for_ever = true;
  disk_.inject(fault);
  EXPECT_FALSE(other->write(20, as_bytes("z")));
  EXPECT_FALSE(other->write(20, as_bytes("z")));
  disk_.clear_faults();
  put(other, 20, "z");
}

TEST_F(SimDiskTest, EveryKindOfCallCanFail) {
  File file = settled("db", "aaaa");
  char byte = 0;
  const auto buffer = std::as_writable_bytes(std::span(&byte, 1));
  const auto fails = [&](SimCall call, auto&& action) {
    Fault fault;
    fault.call = call;
    disk_.inject(fault);
    EXPECT_FALSE(action()) << sim_call_name(call);
    EXPECT_TRUE(action()) << sim_call_name(call);
  };
  fails(SimCall::kOpen, [&] { return disk_.open("db", FileMode::kReadOnly).has_value(); });
  fails(SimCall::kRead, [&] { return file->read(0, buffer).has_value(); });
  fails(SimCall::kReadPastCache, [&] { return file->read_past_cache(0, buffer).has_value(); });
  fails(SimCall::kWrite, [&] { return file->write(0, buffer).has_value(); });
  fails(SimCall::kSync, [&] { return file->sync().has_value(); });
  fails(SimCall::kSyncDirectory, [&] { return disk_.sync_directory(".").has_value(); });
  fails(SimCall::kAllocate, [&] { return file->allocate(0, 9).has_value(); });
  fails(SimCall::kTruncate, [&] { return file->truncate(2).has_value(); });
  fails(SimCall::kLook, [&] { return disk_.exists("db").has_value(); });
  fails(SimCall::kRename, [&] { return disk_.rename("db", "db2", true).has_value(); });
  fails(SimCall::kRemove, [&] { return disk_.remove("db2").has_value(); });
}

TEST_F(SimDiskTest, AFailedSyncIsNotMadeGoodByALaterOne) {
  for (const SyncLoss loss : {SyncLoss::kCacheNew, SyncLoss::kCacheOld, SyncLoss::kReportedLate}) {
    bool lost = false, kept = false;
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
      disk_.reset({});
      File file = settled("db", block('a'));
      put(file, 0, block('b'));
      Fault fault;
      fault.call = SimCall::kSync;
      fault.sync_loss = loss;
      disk_.inject(fault);
      EXPECT_EQ(file->sync().has_value(), loss == SyncLoss::kReportedLate);
      EXPECT_EQ(cached("db"), block(loss == SyncLoss::kCacheOld ? 'a' : 'b'));
      EXPECT_EQ(file->sync().has_value(), loss != SyncLoss::kReportedLate);
      EXPECT_EQ(durable("db"), block('a'));
      crash(Kind::kWeak, seed);
      lost |= cached("db") == block('a');
      kept |= cached("db") == block('b');
      EXPECT_EQ(cached("db"), durable("db"));
    }
    EXPECT_TRUE(lost && kept);
  }
}

TEST_F(SimDiskTest, ReadingTheMediumSettlesWhatAFailedSyncLeftOpen) {
  bool lost = false, kept = false;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    SimDisk::Options options;
    options.seed = seed;
    disk_.reset(options);
    File file = settled("db", block('a'));
    put(file, 0, block('b'));
    Fault fault;
    fault.call = SimCall::kSync;
    disk_.inject(fault);
    EXPECT_FALSE(file->sync());
    const std::string read = read_medium(file, 0, 4096);
    EXPECT_EQ(cached("db"), read) << "the cache was dropped for it";
    crash(Kind::kWeak, seed);
    EXPECT_EQ(durable("db"), read);
    lost |= read == block('a');
    kept |= read == block('b');
  }
  EXPECT_TRUE(lost && kept);
}

TEST_F(SimDiskTest, WritingABlockAgainAfterAFailedSyncMakesItGood) {
  File file = settled("db", block('a'));
  put(file, 0, block('b'));
  Fault fault;
  fault.call = SimCall::kSync;
  disk_.inject(fault);
  EXPECT_FALSE(file->sync());
  put(file, 0, block('b'));
  ASSERT_TRUE(file->sync());
  crash(Kind::kKeepNone);
  EXPECT_EQ(cached("db"), block('b'));
}

TEST_F(SimDiskTest, AFullDiskRefusesToGrowAndNothingElse) {
  File file = settled("db", block('a'));
  disk_.set_capacity(8192);
  put(file, 4096, block('b'));
  EXPECT_EQ(file->write(8192, as_bytes("c")).error().code(), ErrorCode::kDiskFull);
  EXPECT_EQ(file->allocate(0, 8193).error().code(), ErrorCode::kDiskFull);
  EXPECT_EQ(file->size().value(), 8192u);
  put(file, 0, block('c'));
  ASSERT_TRUE(file->truncate(4096));
  put(create("other"), 0, block('d'));
  ASSERT_TRUE(disk_.remove("other"));
  EXPECT_TRUE(file->allocate(4096, 4096)) << "a removed file's space is free";
}

TEST_F(SimDiskTest, LostMisdirectedAndDuplicatedWrites) {
  using Effect = Fault::Effect;
  for (const Effect effect : {Effect::kLose, Effect::kMisdirect, Effect::kDuplicate}) {
    disk_.reset({});
    File file = settled("db", block('a') + block('b'));
    Fault fault;
    fault.effect = effect;
    fault.call = SimCall::kWrite;
    disk_.inject(fault);
    put(file, 0, block('n'));
    ASSERT_TRUE(file->sync());
    EXPECT_EQ(cached("db"), block('n') + block('b')) << "the cache doesn't know";
    const std::string medium = effect == Effect::kLose        ? block('a') + block('b')
                               : effect == Effect::kMisdirect ? block('a') + block('n')
                                                              : block('n') + block('n');
    EXPECT_EQ(read_medium(file, 0, 8192), medium);
    crash(Kind::kKeepAll);
    EXPECT_EQ(cached("db"), medium);
  }
}

TEST_F(SimDiskTest, ReadsPastTheCacheOnlyWhereThatCanBeHad) {
  SimDisk::Options options;
  options.reads_past_cache = false;
  disk_.reset(options);
  File file = settled("db", "aaaa");
  disk_.flip_bit("db", 0, SimDisk::Where::kMedium);
  EXPECT_FALSE(file->reads_past_cache());
  EXPECT_EQ(read_medium(file, 0, 4), "aaaa");
  options.reads_past_cache = true;
  disk_.reset(options);
  file = settled("db", "aaaa");
  disk_.flip_bit("db", 0, SimDisk::Where::kMedium);
  EXPECT_EQ(read_medium(file, 0, 4), "`aaa");
  put(file, 1, "b");
  EXPECT_EQ(read_medium(file, 0, 4), "`baa") << "dirty pages are not dropped";
  EXPECT_EQ(cached("db"), "`baa") << "the clean ones are";
}

TEST_F(SimDiskTest, UnreadableSectorsFilesFromOutsideAndLyingSyncs) {
  disk_.set_file("db", as_bytes("from outside"));
  EXPECT_EQ(durable("db"), "from outside");
  disk_.patch("db", 5, as_bytes("INSIDE"));
  File file = open("db");
  disk_.make_unreadable("db", 3, 2);
  char bytes[4];
  const auto buffer = std::as_writable_bytes(std::span(bytes));
  EXPECT_EQ(file->read(0, buffer).error().code(), ErrorCode::kIo);
  EXPECT_TRUE(file->read(5, buffer));
  crash(Kind::kKeepAll);
  EXPECT_FALSE(open("db")->read(2, buffer));
  disk_.make_readable("db");
  EXPECT_TRUE(open("db")->read(2, buffer));
  disk_.drop_file("db");
  EXPECT_TRUE(disk_.paths().empty());

  SimDisk::Options options;
  options.kind = DiskKind::kLying;
  disk_.reset(options);
  settled("db", "never written");
  crash(Kind::kKeepNone);
  EXPECT_TRUE(disk_.paths().empty());
}

TEST_F(SimDiskTest, ASealedLogBlockIsNeverWrittenAgain) {
  File log = create("db.log.1");
  put(log, 0, block('\0', 16'384));
  put(log, 0, "head");
  ASSERT_TRUE(log->sync());
  put(log, 4096, "next block, zeros until now");
  put(log, 4200, "unsynced yet");
  EXPECT_FALSE(disk_.violation());
  put(log, 4, "more in a sealed block");
  ASSERT_TRUE(disk_.violation());
  EXPECT_NE(disk_.violation()->find("db.log.1"), std::string::npos) << *disk_.violation();
  disk_.clear_violation();
  ASSERT_TRUE(log->truncate(8192));
  EXPECT_FALSE(disk_.violation());
  ASSERT_TRUE(log->truncate(100));
  EXPECT_TRUE(disk_.violation());
  disk_.clear_violation();
  ASSERT_TRUE(disk_.remove("db.log.1"));
  EXPECT_FALSE(disk_.violation());
}

TEST_F(SimDiskTest, NeededRangesOfAWatchedFileAreNeverWritten) {
  File file = settled("db", block('a') + block('b') + block('c'));
  int asked = 0;
  disk_.watch("db", [&](const std::string& path, std::span<const std::byte> bytes) {
    EXPECT_EQ(path, "db");
    ++asked;
    // The first byte says which block is needed besides the first.
    const std::uint64_t needed = bytes[0] == std::byte{'a'} ? 1 : 2;
    return std::vector<NeededRange>{{0, 1, "meta"}, {needed * 4096, 4096, "the newest page"}};
  });
  put(file, 2 * 4096, block('x'));
  put(file, 2 * 4096, block('y'));
  EXPECT_EQ(asked, 1) << "asked only once while nothing was synced";
  EXPECT_FALSE(disk_.violation());
  ASSERT_TRUE(file->sync());
  disk_.patch("db", 0, as_bytes("z"));
  put(file, 4096, block('b'));
  EXPECT_EQ(asked, 1) << "what is there already hurts nothing";
  put(file, 4096, block('n'));
  EXPECT_EQ(asked, 2);
  EXPECT_FALSE(disk_.violation());
  put(file, 3 * 4096 - 1, "over the end");
  ASSERT_TRUE(disk_.violation());
  EXPECT_NE(disk_.violation()->find("the newest page at 8192 to 12288"), std::string::npos)
      << *disk_.violation();
  put(file, 0, "z");
  EXPECT_EQ(disk_.violation()->find("meta"), std::string::npos) << "the first one is kept";
}

TEST_F(SimDiskTest, TheTraceTellsTheStory) {
  SimDisk::Options options;
  options.trace = true;
  disk_.reset(options);
  settled("db", "abc");
  EXPECT_EQ(disk_.trace(), (std::vector<std::string>{"1 open db", "2 write db 0 to 3", "3 sync db",
                                                     "4 sync_directory ."}));
}

TEST(SimEnvironment, TimeMovesWhenToldAndRandomnessRepeats) {
  SimClock clock;
  const auto before = clock.now();
  const std::uint64_t wall = clock.wall_us();
  EXPECT_EQ(clock.now(), before);
  clock.advance(std::chrono::milliseconds(5));
  EXPECT_EQ(clock.now() - before, std::chrono::milliseconds(5));
  EXPECT_EQ(clock.wall_us(), wall + 5000);
  SimRandom one(3), two(3), three(4);
  const auto first = one.bytes16();
  EXPECT_EQ(first, two.bytes16());
  EXPECT_NE(first, one.bytes16());
  EXPECT_NE(first, three.bytes16());
}

}  // namespace
}  // namespace holdfast
