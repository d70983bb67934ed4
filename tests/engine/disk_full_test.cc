// A full disk, at every allocation of a life with commits, checkpoints, a close and an opening:
// what needs room fails alone with kDiskFull, reads go on, nothing acknowledged is lost, and work
// goes on once there is room.
#include "tests/engine/full_disk_fixture.h"

namespace holdfast {
namespace {

class DiskFullTest : public FullDiskFixture {
 protected:
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
    SimWorld world(disk_of(kib));
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
