// Openings that no crash leads to, because files were taken away or overwritten: each of their
// storage calls fails. They reach the places that call storage and that `crashlab run faults` can't
// reach; fuzz/sites.py names them.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "fuzz/lab/sim_disk.h"
#include "fuzz/lab/sim_environment.h"
#include "fuzz/lab/sim_sites.h"
#include "holdfast/database.h"

namespace holdfast {
namespace {

class OddOpenings : public testing::Test {
 protected:
  Result<Database> open(OpenMode mode) {
    Options options;
    options.mode = mode;
    options.page_size = 4096;
    options.cache_bytes = std::size_t{1} << 20;
    options.environment = &environment_;
    options.background = Background::kHost;
    return Database::open("db", options);
  }

  // Some commits, then a kill.
  void live() {
    Database db = *open(OpenMode::kCreate);
    for (const char* key : {"a", "b", "c"}) ASSERT_TRUE(db.put(key, "value"));
    disk_.crash_at_call(1);
  }
  std::string log() {
    for (std::string& path : disk_.paths()) {
      if (path != "db") return std::move(path);
    }
    return {};
  }

  // What the opening answers when nothing fails, and when each of its calls does, in turn.
  void every_call(OpenMode mode, ErrorCode expected) {
    SimDisk before;
    before.become(disk_);
    SimSites sites;
    sites.keep_order();
    disk_.note_sites(&sites);
    const auto answer = open(mode);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code(), expected);
    const auto hash = before.durable_hash();
    const std::size_t calls = sites.order().size();
    ASSERT_GT(calls, 3u);
    for (std::size_t call = 1; call <= calls; ++call) {
      for (const bool for_ever : {false, true}) {
        disk_.become(before);
        Fault fault;
        fault.nth = call;
        fault.for_ever = for_ever;
        disk_.inject(fault);
        const auto refused = open(mode);
        ASSERT_FALSE(refused) << "call " << call;
        EXPECT_TRUE(refused.error().code() == ErrorCode::kIo || refused.error().code() == expected)
            << "call " << call << ": " << refused.error().to_string();
        EXPECT_EQ(disk_.durable_hash(), hash) << "call " << call << " and something has changed";
      }
    }
    disk_.note_sites(nullptr);
    EXPECT_EQ(sites.covered(), sites.all().size());
  }

  SimDisk disk_;
  SimClock clock_;
  SimRandom random_{1};
  Environment environment_{&disk_, &clock_, &random_};
};

TEST_F(OddOpenings, ALogWithoutItsDatabase) {
  live();
  disk_.crash({.kind = CrashPolicy::Kind::kKeepAll}, 0);
  disk_.drop_file("db");
  every_call(OpenMode::kCreate, ErrorCode::kDamaged);
}

TEST_F(OddOpenings, ALogWhoseHeadersAreGone) {
  live();
  disk_.crash({.kind = CrashPolicy::Kind::kKeepAll}, 0);
  const std::vector<std::byte> nothing(8192);
  disk_.patch(log(), 0, nothing);
  every_call(OpenMode::kReadWrite, ErrorCode::kDamaged);
}

// The look at the log is through the cache where nothing may be written.
TEST_F(OddOpenings, ALogWhoseHeadersAreGoneReadOnly) {
  live();
  disk_.crash({.kind = CrashPolicy::Kind::kKeepAll}, 0);
  const std::vector<std::byte> nothing(8192);
  disk_.patch(log(), 0, nothing);
  every_call(OpenMode::kReadOnly, ErrorCode::kDamaged);
}

}  // namespace
}  // namespace holdfast
