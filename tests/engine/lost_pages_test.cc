// A kill leaves changes in the log, and rot takes pages of the file that they build on: writing is
// refused with the list, reading goes on beside the hole.
#include <algorithm>

#include "engine/base/limits.h"
#include "engine/base/result.h"
#include "engine/file/meta_format.h"
#include "tests/engine/engine_fixture.h"
#include "tests/regress/hooked_storage.h"

namespace holdfast {
namespace {

constexpr int kRecords = 2000;

std::string key_of(int n) {
  return "key " + numbered(n);
}

class LostPagesTest : public ::testing::Test {
 protected:
  // All records are in the file; then records `first`, `first` + 1, … change in the log alone.
  void kill_after_changing(int first, int count) {
    MemoryWorld world;
    Options options = world.options();
    options.page_size = 4096;
    Database db = MUST(Database::open("db", options));
    {
      WriteTransaction writer = MUST(db.begin_write());
      for (int i = 0; i < kRecords; ++i) MUST(writer.put(key_of(i), "old value of " + numbered(i)));
      MUST(writer.commit());
    }
    MUST(db.checkpoint());
    WriteTransaction writer = MUST(db.begin_write());
    for (int i = first; i < first + count; ++i)
      MUST(writer.put(key_of(i), "new value of " + numbered(i)));
    MUST(writer.commit());
    files_ = world.files();
  }

  // Flips a bit of every leaf that holds one of these values; answers how many there are.
  int rot_leaf_with(const std::string& value) {
    std::vector<std::byte>& bytes = files_["db"];
    int found = 0;
    for (std::size_t at = kHeaderRegionBytes; at + 4096 <= bytes.size(); at += 4096) {
      const auto page = std::span(bytes).subspan(at, 4096);
      const auto* text = reinterpret_cast<const std::byte*>(value.data());
      if (std::ranges::search(page, std::span(text, value.size())).empty()) continue;
      page[2000] ^= std::byte{16};
      ++found;
    }
    return found;
  }

  MemoryWorld::Files files_;
};

TEST_F(LostPagesTest, WritingIsRefusedWithTheListAndReadingGoesOn) {
  kill_after_changing(700, 1);
  ASSERT_EQ(rot_leaf_with("old value of " + numbered(700)), 1);
  MemoryWorld world;
  world.put(files_);
  auto refused = Database::open("db", world.options());
  EXPECT_CODE(refused, ErrorCode::kDamaged);
  EXPECT_NE(refused.error().message().find("open read-only"), std::string::npos);
  EXPECT_NE(refused.error().message().find("page"), std::string::npos);
  EXPECT_EQ(world.files(), files_);

  Options options = world.options();
  options.mode = OpenMode::kReadOnly;
  Database db = MUST(Database::open("db", options));
  ASSERT_EQ(db.recovery().pages_lost.size(), 1U);
  EXPECT_TRUE(db.recovery().pages_lost[0].place().page.has_value());
  EXPECT_TRUE(db.recovery().pages_lost[0].place().offset.has_value());
  EXPECT_NE(db.recovery().to_string().find("1 page that the log changes can't be read"),
            std::string::npos);
  int unreadable = 0;
  for (int i = 0; i < kRecords; ++i) {
    auto value = db.get(key_of(i));
    if (value) {
      EXPECT_EQ(value->value(), "old value of " + numbered(i));
    } else {
      EXPECT_EQ(value.error().code(), ErrorCode::kDamaged);
      ++unreadable;
    }
  }
  EXPECT_CODE(db.get(key_of(700)), ErrorCode::kDamaged);
  EXPECT_LT(unreadable, 150);
  EXPECT_FALSE(MUST(db.verify()).sound());
  MUST(db.close());
  EXPECT_EQ(world.files(), files_);
}

// The old bytes are fine again when they are read a second time: the page's new state stays
// unknown, and the old one must not pass for it.
TEST_F(LostPagesTest, AnOldStateDoesNotTakeThePlaceOfALostOne) {
  kill_after_changing(700, 1);
  const MemoryWorld::Files sound = files_;
  ASSERT_EQ(rot_leaf_with("old value of " + numbered(700)), 1);
  MemoryWorld world;
  world.put(files_);
  Options options = world.options();
  options.mode = OpenMode::kReadOnly;
  Database db = MUST(Database::open("db", options));
  {
    auto file = MUST(world.storage().open("db", FileMode::kReadWrite));
    MUST(file->write(0, sound.at("db")));
  }
  EXPECT_CODE(db.get(key_of(700)), ErrorCode::kDamaged);
  EXPECT_EQ(MUST(db.get(key_of(3))), "old value of " + numbered(3));
}

TEST_F(LostPagesTest, EveryLostPageIsListed) {
  kill_after_changing(0, kRecords / 2);
  int rotten = 0;
  for (int i = 0; i < kRecords; i += 100) rotten += rot_leaf_with("old value of " + numbered(i));
  ASSERT_GT(rotten, 5);
  MemoryWorld world;
  world.put(files_);
  Options options = world.options();
  options.mode = OpenMode::kReadOnly;
  Database db = MUST(Database::open("db", options));
  // Leaves that the log replaces as a whole need no base, and those it doesn't touch aren't read.
  const std::size_t lost = db.recovery().pages_lost.size();
  EXPECT_LT(lost, static_cast<std::size_t>(rotten));
  for (int i = 0; i < kRecords; ++i) {
    auto value = db.get(key_of(i));
    const std::string wanted = (i < kRecords / 2 ? "new value of " : "old value of ") + numbered(i);
    if (value) {
      EXPECT_EQ(value->value(), wanted);
    }
  }
}

// Redo of a log that the cache can't hold writes checkpoints on its way. None may pass a change
// that couldn't be made: the log would be let go of, and with it what a later opening, or another
// copy of the page, could still mend.
TEST_F(LostPagesTest, NoCheckpointPassesALostPage) {
  MemoryWorld before;
  Options options = before.options();
  options.page_size = 4096;
  Database db = MUST(Database::open("db", options));
  const std::string filler(300, '.');
  const auto write = [&](const char* what, int from, int to) {
    WriteTransaction writer = MUST(db.begin_write());
    for (int i = from; i < to; ++i) MUST(writer.put(key_of(i), what + numbered(i) + filler));
    MUST(writer.commit());
  };
  for (int i = 0; i < 4000; i += 100) write("old value of ", i, i + 100);
  MUST(db.checkpoint());
  for (int i = 0; i < 4000; i += 10) write("new value of ", i, i + 1);
  files_ = before.files();
  // Without rot such an opening does write.
  for (const bool rotten : {false, true}) {
    if (rotten) {
      ASSERT_EQ(rot_leaf_with("old value of " + numbered(1)), 1);
    }
    MemoryWorld world;
    world.put(files_);
    Options small = world.options();
    small.cache_bytes = kMinCacheBytes;
    const auto opened = Database::open("db", small);
    EXPECT_EQ(opened.has_value(), !rotten);
    EXPECT_EQ(world.files() == files_, rotten);
  }
}

// What storage refuses to read may be whole: the error says so by its code.
TEST_F(LostPagesTest, APageThatStorageRefusesToReadIsNoDamage) {
  kill_after_changing(700, 1);
  const auto& bytes = files_["db"];
  const std::string value = "old value of " + numbered(700);
  const auto* text = reinterpret_cast<const std::byte*>(value.data());
  const auto hit = std::ranges::search(bytes, std::span(text, value.size()));
  ASSERT_FALSE(hit.empty());
  const auto at = static_cast<std::uint64_t>(hit.begin() - bytes.begin());
  testing::HookedStorage storage;
  for (const auto& [name, content] : files_) {
    auto file = MUST(storage.memory().open(name, FileMode::kCreateNew));
    MUST(file->write(0, content));
  }
  storage.on_read = [&](const std::string& path, std::uint64_t from) -> Result<void> {
    if (path == "db" && from > at - 4096 && from <= at)
      return fail(ErrorCode::kIo, "the medium says no");
    return {};
  };
  Environment environment = system_environment();
  environment.storage = &storage;
  Options options;
  options.environment = &environment;
  options.background = Background::kHost;
  auto refused = Database::open("db", options);
  EXPECT_CODE(refused, ErrorCode::kIo);
  EXPECT_NE(refused.error().message().find("the medium says no"), std::string::npos);
  storage.on_read = {};
  Database db = MUST(Database::open("db", options));
  EXPECT_EQ(MUST(db.get(key_of(700))), "new value of " + numbered(700));
}

// The log frees the page further on: nobody needs what it was.
TEST_F(LostPagesTest, APageThatTheLogFreesIsNotMissed) {
  MemoryWorld before;
  Options options = before.options();
  options.page_size = 4096;
  Database db = MUST(Database::open("db", options));
  for (int from = 0; from < kRecords; from += 100) {
    WriteTransaction writer = MUST(db.begin_write());
    for (int i = from; i < from + 100; ++i)
      MUST(writer.put(key_of(i), "old value of " + numbered(i)));
    MUST(writer.commit());
  }
  MUST(db.checkpoint());
  MUST(db.put(key_of(700), "new value"));
  {
    // In one transaction, so that no image of the page comes between.
    WriteTransaction writer = MUST(db.begin_write());
    for (int i = 400; i < 1000; ++i) ASSERT_TRUE(MUST(writer.erase(key_of(i))));
    MUST(writer.commit());
  }
  files_ = before.files();
  ASSERT_EQ(rot_leaf_with("old value of " + numbered(700)), 1);
  MemoryWorld world;
  world.put(files_);
  Database after = MUST(Database::open("db", world.options()));
  EXPECT_TRUE(after.recovery().pages_lost.empty());
  EXPECT_EQ(contents_of(after).size(), kRecords - 600U);
  MUST(after.put("more", "data"));
  MUST(after.close());
  Database again = MUST(Database::open("db", world.options()));
  EXPECT_EQ(contents_of(again).size(), kRecords - 599U);
  expect_sound(again);
}

}  // namespace
}  // namespace holdfast
