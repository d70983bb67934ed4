// Damage is named where it lies: file, offset, page and tree, whichever way it is met.
#include <algorithm>

#include "engine/file/meta_format.h"
#include "tests/engine/engine_fixture.h"

namespace holdfast {
namespace {

class DamagePlacesTest : public testing::Test {
 protected:
  DamagePlacesTest() {
    options_.page_size = 4096;
    Database db = MUST(Database::open("db", options_));
    WriteTransaction writer = MUST(db.begin_write());
    const Tree tree = MUST(writer.create_tree("second"));
    for (int i = 0; i < 500; ++i) MUST(writer.put(tree, numbered(i), "value of " + numbered(i)));
    MUST(writer.put(tree, "long", std::string(20'000, 'x')));
    MUST(writer.commit());
    MUST(db.close());
  }

  // Rots the one page that has these bytes: its offset in the file.
  std::uint64_t rot(const std::string& bytes_of_it) {
    auto file = MUST(world_.storage().open("db", FileMode::kReadWrite));
    std::vector<std::byte> page(4096);
    const auto* text = reinterpret_cast<const std::byte*>(bytes_of_it.data());
    for (std::uint64_t at = kHeaderRegionBytes; MUST(file->read(at, page)) == 4096; at += 4096) {
      if (std::ranges::search(page, std::span(text, bytes_of_it.size())).empty()) continue;
      page[3000] ^= std::byte{1};
      MUST(file->write(at, page));
      return at;
    }
    throw std::runtime_error("no such page");
  }

  template <class T>
  void expect_place(const Result<T>& result, std::uint64_t offset) {
    ASSERT_FALSE(result.has_value());
    const ErrorPlace& place = result.error().place();
    EXPECT_EQ(result.error().code(), ErrorCode::kDamaged) << result.error().to_string();
    EXPECT_EQ(place.file, "db");
    EXPECT_EQ(place.offset, offset);
    EXPECT_TRUE(place.page.has_value());
    EXPECT_EQ(place.tree, tree_number_);
    EXPECT_NE(result.error().to_string().find("tree " + std::to_string(tree_number_)),
              std::string::npos)
        << result.error().to_string();
  }

  Database open() {
    Database db = MUST(Database::open("db", options_));
    const ReadTransaction reader = MUST(db.begin_read());
    tree_ = MUST(reader.open_tree("second"));
    tree_number_ = tree_.id();
    return db;
  }

  MemoryWorld world_;
  Options options_ = world_.options();
  Tree tree_;
  std::uint32_t tree_number_ = 0;
};

TEST_F(DamagePlacesTest, ALeaf) {
  const std::uint64_t offset = rot("value of " + numbered(250));
  Database db = open();
  const ReadTransaction reader = MUST(db.begin_read());
  expect_place(reader.get(tree_, numbered(250)), offset);
  Cursor cursor = MUST(reader.cursor(tree_));
  expect_place(cursor.seek(numbered(250)), offset);
  Result<bool> on = cursor.first();
  while (on && *on) on = cursor.next();
  expect_place(on, offset);
  on = cursor.last();
  while (on && *on) on = cursor.prev();
  expect_place(on, offset);
  WriteTransaction writer = MUST(db.begin_write());
  expect_place(writer.put(tree_, numbered(250), "new"), offset);
}

TEST_F(DamagePlacesTest, AnOverflowPage) {
  const std::uint64_t offset = rot(std::string(3000, 'x'));
  Database db = open();
  const ReadTransaction reader = MUST(db.begin_read());
  expect_place(reader.get(tree_, "long"), offset);
  Cursor cursor = MUST(reader.cursor(tree_));
  ASSERT_TRUE(MUST(cursor.seek("long")));
  expect_place(cursor.value(), offset);
}

TEST_F(DamagePlacesTest, Verify) {
  const std::uint64_t leaf = rot("value of " + numbered(250));
  const std::uint64_t overflow = rot(std::string(3000, 'x'));
  Database db = open();
  const VerifyReport report = MUST(db.verify());
  for (const std::uint64_t offset : {leaf, overflow}) {
    EXPECT_TRUE(std::ranges::any_of(report.findings, [&](const Finding& finding) {
      return finding.file == "db" && finding.offset == offset && finding.page.has_value();
    })) << offset;
  }
  for (const Finding& finding : report.findings) {
    EXPECT_FALSE(finding.file.empty()) << finding.code;
    EXPECT_TRUE(finding.offset.has_value()) << finding.code;
  }
}

}  // namespace
}  // namespace holdfast
