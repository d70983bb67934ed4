// Free page ids were given out twice, and values of different keys shared pages.
//
// A checkpoint between groups of redo gave back the ids that redo had freed so far; the scan for
// free space after redo found the same ids unused and gave them back again. Where free ids of
// before lay right below them, the two runs overlapped.
//
// Likewise a scan that met an unreadable map leaf: the ids found up to there were free already when
// the next checkpoint scanned again, and those that an open transaction had taken looked free.
#include <gtest/gtest.h>

#include "engine/file/meta_format.h"
#include "engine/page/page_format.h"
#include "fuzz/lab/sim_environment.h"
#include "holdfast/database.h"
#include "tests/regress/hooked_storage.h"

namespace holdfast::testing {
namespace {

struct Machine {
  SimClock clock;
  SimRandom random{1};
  HookedStorage first, second;
  Environment environment{&first, &clock, &random};

  Database open(std::size_t cache_bytes = std::size_t{16} << 20) {
    Options options;
    options.environment = &environment;
    options.background = Background::kHost;
    options.page_size = 4096;
    options.cache_bytes = cache_bytes;
    auto opened = Database::open("dir/db", options);
    EXPECT_TRUE(opened.has_value()) << opened.error().to_string();
    return std::move(*opened);
  }
};

std::string key(char kind, int i) {
  return kind + std::to_string(i);
}
std::string value(int i, std::size_t size) {
  return std::string(size, static_cast<char>('A' + i % 26));
}
void put(Database& db, char kind, int from, int to, std::size_t size) {
  for (int i = from; i < to; ++i)
    ASSERT_TRUE(db.put(key(kind, i), value(i, size)).has_value()) << i;
}
void erase(Database& db, char kind, int from, int to) {
  for (int i = from; i < to; ++i) ASSERT_TRUE(db.erase(key(kind, i)).has_value()) << i;
}
void expect_values(Database& db, char kind, int from, int to, std::size_t size) {
  for (int i = from; i < to; ++i) {
    const auto found = db.get(key(kind, i));
    ASSERT_TRUE(found.has_value()) << i << ' ' << found.error().to_string();
    ASSERT_TRUE(*found == value(i, size)) << i;
  }
  const auto verified = db.verify();
  ASSERT_TRUE(verified.has_value());
  EXPECT_EQ(verified->findings_total, 0u);
}

TEST(Regress, IdsFreedBeforeARecoveryCheckpoint) {
  Machine machine;
  {
    Database db = machine.open();
    put(db, 'k', 0, 40, 40000);
    erase(db, 'k', 0, 5);
    ASSERT_TRUE(db.checkpoint().has_value());
    erase(db, 'k', 5, 20);
    put(db, 'k', 20, 80, 50000);
    machine.first.copy_to(machine.second, "dir", "db");  // The machine stops here.
  }
  machine.environment.storage = &machine.second;
  Database db = machine.open(std::size_t{1} << 20);
  ASSERT_GT(db.stats().checkpoints, 0u);
  put(db, 'n', 0, 200, 9000);
  expect_values(db, 'n', 0, 200, 9000);
}

TEST(Regress, IdsFoundAgainBehindAnUnreadableMapLeaf) {
  Machine machine;
  {
    Database db = machine.open();
    put(db, 'k', 0, 120, 40000);
    ASSERT_TRUE(db.checkpoint().has_value());
    erase(db, 'k', 5, 25);
    ASSERT_TRUE(db.close().has_value());
  }
  auto file = *machine.first.open("dir/db", FileMode::kReadWrite);
  std::vector<std::byte> page(4096);
  for (std::uint64_t at = kHeaderRegionBytes; *file->read(at, page) == page.size(); at += 4096) {
    if (page_kind(page.data()) != PageKind::kMapLeaf || page_id(page.data()) != PageId{1}) continue;
    page[100] ^= std::byte{1};
    ASSERT_TRUE(file->write(at, page).has_value());
  }
  file.reset();
  Database db = machine.open();
  {
    auto writer = *db.begin_write();
    ASSERT_TRUE(writer.put("m", value(12, 40000)).has_value());
    ASSERT_TRUE(db.checkpoint().has_value());
    ASSERT_TRUE(writer.commit().has_value());
  }
  put(db, 'n', 0, 30, 40000);
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(*db.get(key('n', i)) == value(i, 40000)) << i;
  const auto first = db.get("m");
  ASSERT_TRUE(first.has_value()) << first.error().to_string();
  EXPECT_TRUE(*first == value(12, 40000));
  EXPECT_LE(db.recovery().notes.size(), 2u);
}

}  // namespace
}  // namespace holdfast::testing
