// Options::accept_damaged_log on logs that are really damaged: what opens is the good prefix,
// exactly and to the last transaction; nothing is written; without it the opening is refused.
#include "engine/base/limits.h"
#include "tests/engine/forged_files.h"

namespace holdfast {
namespace {

class DamagedLogTest : public testing::Test {
 protected:
  // Twelve transactions in the log, whose states are known; the last is durable and vouched for.
  void make(std::uint64_t segment_bytes, std::size_t value_bytes) {
    MemoryWorld world;
    Options options = world.options();
    options.page_size = 4096;
    options.log_segment_bytes = segment_bytes;
    Database db = MUST(Database::open("db", options));
    states_.emplace_back();
    for (int i = 0; i < 12; ++i) {
      WriteTransaction writer = MUST(db.begin_write());
      Contents next = states_.back();
      for (int n = 0; n < 3; ++n) {
        next[numbered(i * 2 + n)] = std::string(value_bytes, static_cast<char>('a' + i));
        MUST(writer.put(numbered(i * 2 + n), next[numbered(i * 2 + n)]));
      }
      MUST(writer.commit());
      states_.push_back(next);
    }
    first_txn_ = db.stats().newest_txn - 12;
    files_ = world.files();
  }

  // Answers how many transactions are left; fails the test if they are no prefix.
  std::size_t expect_prefix(const MemoryWorld::Files& damaged, const std::string& what) {
    MemoryWorld world;
    world.put(damaged);
    Options options = world.options();
    options.mode = OpenMode::kReadOnly;
    auto refused = Database::open("db", options);
    if (refused) MUST(refused->close());
    options.mode = OpenMode::kReadWrite;
    EXPECT_EQ(Database::open("db", options).has_value(), refused.has_value()) << what;
    options.mode = OpenMode::kReadOnly;
    options.accept_damaged_log = true;
    Database db = MUST(Database::open("db", options));
    const std::size_t left = MUST(db.begin_read()).txn() - first_txn_;
    EXPECT_LT(left, states_.size()) << what;
    EXPECT_EQ(contents_of(db), states_[left]) << what;
    EXPECT_EQ(db.recovery().recovered_txn, first_txn_ + left) << what;
    const bool is_damaged = db.recovery().log_end == LogEnd::kDamaged;
    EXPECT_EQ(is_damaged, !refused) << what;
    if (is_damaged) {
      EXPECT_EQ(db.recovery().first_lost_txn, first_txn_ + left + 1) << what;
      EXPECT_EQ(refused.error().code(), ErrorCode::kDamaged);
      EXPECT_FALSE(refused.error().place().file.empty());
    }
    EXPECT_CODE(db.begin_write(), ErrorCode::kReadOnly);
    EXPECT_CODE(db.checkpoint(), ErrorCode::kReadOnly);
    MUST(db.close());
    EXPECT_TRUE(world.files() == damaged) << what;
    return left;
  }

  MemoryWorld::Files files_;
  std::vector<Contents> states_;
  std::uint64_t first_txn_ = 0;
};

TEST_F(DamagedLogTest, AByteOfEachPlaceOfTheLog) {
  make(1 << 20, 300);
  std::vector<std::size_t> seen(states_.size());
  for (const auto& [name, bytes] : files_) {
    if (name == "db") continue;
    for (std::size_t at = kSegmentBodyOffset; at < bytes.size(); at += 41) {
      MemoryWorld::Files damaged = files_;
      damaged[name][at] ^= std::byte{0x20};
      ++seen[expect_prefix(damaged, name + " byte " + std::to_string(at))];
      if (HasFailure()) return;
    }
  }
  for (std::size_t left = 0; left + 1 < seen.size(); ++left)
    EXPECT_GT(seen[left], 0U) << "no damage right after transaction " << left;
}

TEST_F(DamagedLogTest, SegmentsMissingAndBlocksZeroed) {
  make(kLogSegmentMin, 9000);
  ASSERT_GT(files_.size(), 3U) << "several segments";
  for (const auto& [name, bytes] : files_) {
    if (name == "db") continue;
    for (std::size_t block = 0; block * 4096 < bytes.size(); block += 3) {
      MemoryWorld::Files damaged = files_;
      std::fill_n(damaged[name].begin() + static_cast<std::ptrdiff_t>(block * 4096),
                  std::min<std::size_t>(4096, bytes.size() - block * 4096), std::byte{0});
      expect_prefix(damaged, name + " block " + std::to_string(block));
      if (HasFailure()) return;
    }
    // The first is named by the file itself; without it there is no log to accept.
    MemoryWorld::Files missing = files_;
    missing.erase(name);
    MemoryWorld world;
    world.put(missing);
    Options options = world.options();
    options.mode = OpenMode::kReadOnly;
    options.accept_damaged_log = true;
    auto db = Database::open("db", options);
    if (!db) {
      EXPECT_EQ(db.error().code(), ErrorCode::kDamaged);
    } else {
      expect_prefix(missing, name + " missing");
    }
  }
}

}  // namespace
}  // namespace holdfast
