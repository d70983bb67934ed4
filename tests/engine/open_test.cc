// Opening and closing: every mode, every error code, what lies on disk before and after.
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "engine/base/bytes.h"
#include "engine/base/checksum.h"
#include "engine/base/limits.h"
#include "engine/file/meta_format.h"
#include "tests/engine/engine_fixture.h"

namespace holdfast {
namespace {

class OpenTest : public testing::Test {
 protected:
  std::string path() const { return directory_ / "db"; }
  static Options mode(OpenMode wanted) {
    Options options;
    options.mode = wanted;
    return options;
  }
  void make() {
    Database db = MUST(Database::open(path()));
    MUST(db.put("key", "value"));
    MUST(db.close());
  }
  void write_file(const std::string& bytes) { std::ofstream(path(), std::ios::binary) << bytes; }

  TempDirectory directory_;
};

TEST_F(OpenTest, ModesOnAMissingFile) {
  EXPECT_CODE(Database::open(path(), mode(OpenMode::kReadWrite)), ErrorCode::kNotFound);
  EXPECT_CODE(Database::open(path(), mode(OpenMode::kReadOnly)), ErrorCode::kNotFound);
  EXPECT_TRUE(directory_.names().empty());
  Database made = MUST(Database::open(path(), mode(OpenMode::kCreateNew)));
  EXPECT_TRUE(made.recovery().created);
}

TEST_F(OpenTest, ModesOnAnExistingFile) {
  make();
  EXPECT_CODE(Database::open(path(), mode(OpenMode::kCreateNew)), ErrorCode::kAlreadyExists);
  for (OpenMode wanted : {OpenMode::kReadWrite, OpenMode::kCreate, OpenMode::kReadOnly}) {
    Database db = MUST(Database::open(path(), mode(wanted)));
    EXPECT_FALSE(db.recovery().created);
    EXPECT_EQ(MUST(db.get("key")), "value");
  }
}

TEST_F(OpenTest, AMissingDirectoryIsNotFound) {
  EXPECT_CODE(Database::open(directory_ / "none/db"), ErrorCode::kNotFound);
}

// DR-A1: docs/SCENARIOS.md.
TEST_F(OpenTest, FilesThatAreNoDatabaseStayAsTheyAre) {
  for (const std::string& bytes : {std::string(), std::string("hello"), std::string(200'000, 'x'),
                                   std::string(100'000, '\0')}) {
    write_file(bytes);
    for (OpenMode wanted : {OpenMode::kCreate, OpenMode::kReadWrite, OpenMode::kReadOnly})
      EXPECT_CODE(Database::open(path(), mode(wanted)), ErrorCode::kNotADatabase);
    EXPECT_EQ(directory_.contents(), (std::map<std::string, std::string>{{"db", bytes}}));
  }
}

TEST_F(OpenTest, ADirectoryIsAnError) {
  ASSERT_EQ(::mkdir(path().c_str(), 0755), 0);
  for (OpenMode wanted : {OpenMode::kCreate, OpenMode::kReadWrite, OpenMode::kReadOnly}) {
    auto opened = Database::open(path(), mode(wanted));
    ASSERT_FALSE(opened);
    EXPECT_TRUE(opened.error().code() == ErrorCode::kNotADatabase ||
                opened.error().code() == ErrorCode::kIo)
        << opened.error().to_string();
  }
}

TEST_F(OpenTest, ANewerFormatIsNamed) {
  make();
  for (int which = 0; which < 2; ++which) {
    std::string bytes = directory_.contents()["db"];
    for (unsigned copy = 0; copy < kMetaCopies; ++copy) {
      std::byte* block = reinterpret_cast<std::byte*>(bytes.data()) + meta_offset(copy);
      if (which == 0) {
        store32(block + meta_at::kFormat, kFormatVersion + 1);
      } else {
        store64(block + meta_at::kIncompatible, 1);
      }
      store64(block + meta_at::kCheck, hash64({block, meta_at::kCheck}));
    }
    const std::string name = directory_ / ("newer" + std::to_string(which));
    std::ofstream(name, std::ios::binary) << bytes;
    auto opened = Database::open(name);
    EXPECT_CODE(opened, ErrorCode::kUnsupportedFormat);
    EXPECT_NE(opened.error().message().find("holdfast 0.1.0"), std::string::npos);
    EXPECT_NE(opened.error().message().find("format"), std::string::npos);
  }
}

// DR-C21: no pages of 64 KiB.
TEST_F(OpenTest, BadOptionsAreNamed) {
  const auto expect_bad = [&](auto change, const std::string& word) {
    Options options;
    change(options);
    auto opened = Database::open(path(), options);
    EXPECT_CODE(opened, ErrorCode::kInvalidArgument);
    EXPECT_NE(opened.error().message().find(word), std::string::npos) << opened.error().message();
  };
  for (std::uint32_t size : {0U, 1U, 2048U, 4095U, 5000U, 12288U, 65536U})
    expect_bad([&](Options& o) { o.page_size = size; }, "page_size");
  expect_bad([](Options& o) { o.cache_bytes = kMinCacheBytes - 1; }, "cache_bytes");
  expect_bad([](Options& o) { o.cache_bytes = 0; }, "cache_bytes");
  expect_bad([](Options& o) { o.log_segment_bytes = kLogSegmentMin - 1; }, "log_segment_bytes");
  expect_bad([](Options& o) { o.log_segment_bytes = kLogSegmentMax + 1; }, "log_segment_bytes");
  expect_bad([](Options& o) { o.accept_damaged_log = true; }, "accept_damaged_log");
  EXPECT_CODE(Database::open(""), ErrorCode::kInvalidArgument);
  EXPECT_TRUE(directory_.names().empty());
}

TEST_F(OpenTest, EveryPageSizeAndTheSmallestCache) {
  for (std::uint32_t size : {4096U, 8192U, 16384U, 32768U}) {
    Options options;
    options.page_size = size;
    // 32 frames and what is kept of each: at 32 KiB a page a little more than 1 MiB.
    options.cache_bytes = size == 32768 ? kMinCacheBytes + 65536 : kMinCacheBytes;
    const std::string name = directory_ / std::to_string(size);
    {
      Database db = MUST(Database::open(name, options));
      EXPECT_EQ(db.stats().page_size, size);
      for (int i = 0; i < 300; ++i) MUST(db.put(numbered(i), std::string(200, 'v')));
    }
    options.page_size = 4096;  // The file's own counts.
    Database db = MUST(Database::open(name, options));
    EXPECT_EQ(db.stats().page_size, size);
    EXPECT_EQ(contents_of(db).size(), 300U);
    expect_sound(db);
  }
}

TEST_F(OpenTest, ABudgetTooSmallForThePagesIsRefusedWithTheNumbers) {
  Options options;
  options.page_size = 32768;
  options.cache_bytes = kMinCacheBytes;
  auto opened = Database::open(path(), options);
  EXPECT_CODE(opened, ErrorCode::kInvalidArgument);
  EXPECT_NE(opened.error().message().find("32"), std::string::npos);
  EXPECT_TRUE(directory_.names().empty());
}

TEST_F(OpenTest, ASecondOpenInTheSameProcessIsBusy) {
  Database first = MUST(Database::open(path()));
  for (OpenMode wanted : {OpenMode::kCreate, OpenMode::kReadWrite, OpenMode::kReadOnly}) {
    auto second = Database::open(path(), mode(wanted));
    EXPECT_CODE(second, ErrorCode::kBusy);
    EXPECT_NE(second.error().message().find(std::to_string(::getpid())), std::string::npos);
  }
  // Nor under another name.
  ASSERT_EQ(::symlink(path().c_str(), (directory_ / "alias").c_str()), 0);
  EXPECT_CODE(Database::open(directory_ / "alias"), ErrorCode::kBusy);
  MUST(first.put("still", "works"));
  MUST(first.close());
  EXPECT_EQ(MUST(MUST(Database::open(path())).get("still")), "works");
}

TEST_F(OpenTest, ReadersShareAndRefuseChanges) {
  make();
  Database a = MUST(Database::open(path(), mode(OpenMode::kReadOnly)));
  Database b = MUST(Database::open(path(), mode(OpenMode::kReadOnly)));
  EXPECT_EQ(MUST(a.get("key")), "value");
  EXPECT_EQ(MUST(b.get("key")), "value");
  EXPECT_CODE(a.begin_write(), ErrorCode::kReadOnly);
  EXPECT_CODE(a.put("x", "y"), ErrorCode::kReadOnly);
  EXPECT_CODE(a.checkpoint(), ErrorCode::kReadOnly);
  EXPECT_CODE(Database::open(path()), ErrorCode::kBusy);
  EXPECT_TRUE(a.sync());
  expect_sound(a);
}

TEST_F(OpenTest, AtRestThereIsOneSmallFile) {
  {
    Database db = MUST(Database::open(path()));
    MUST(db.close());
  }
  EXPECT_EQ(directory_.names(), std::vector<std::string>{"db"});
  EXPECT_LE(std::filesystem::file_size(path()), 128U << 10);
  make();
  EXPECT_EQ(directory_.names(), std::vector<std::string>{"db"});
  EXPECT_LE(std::filesystem::file_size(path()), 128U << 10);
}

TEST_F(OpenTest, ADatabaseAtRestCanBeCopiedUnderAnyName) {
  make();
  std::filesystem::copy_file(path(), directory_ / "copy");
  Database copy = MUST(Database::open(directory_ / "copy"));
  Database original = MUST(Database::open(path()));  // Another file, another lock.
  EXPECT_EQ(MUST(copy.get("key")), "value");
  MUST(copy.put("key", "other"));
  MUST(original.put("more", "x"));
  EXPECT_EQ(MUST(original.get("key")), "value");
}

TEST_F(OpenTest, ClosingWaitsForTransactionsToEnd) {
  Database db = MUST(Database::open(path()));
  {
    ReadTransaction reader = MUST(db.begin_read());
    EXPECT_CODE(db.close(), ErrorCode::kInvalidArgument);
  }
  {
    WriteTransaction writer = MUST(db.begin_write());
    MUST(writer.put("a", "b"));
    EXPECT_CODE(db.close(), ErrorCode::kInvalidArgument);
    MUST(writer.put("c", "d"));  // Nothing happened.
    MUST(writer.commit());
  }
  EXPECT_EQ(contents_of(db).size(), 2U);
  MUST(db.close());
  MUST(db.close());
  EXPECT_EQ(directory_.names(), std::vector<std::string>{"db"});
}

TEST_F(OpenTest, AClosedDatabaseAnswersErrors) {
  Database db = MUST(Database::open(path()));
  MUST(db.put("a", "b"));
  MUST(db.close());
  EXPECT_CODE(db.begin_read(), ErrorCode::kInvalidArgument);
  EXPECT_CODE(db.begin_write(), ErrorCode::kInvalidArgument);
  EXPECT_CODE(db.get("a"), ErrorCode::kInvalidArgument);
  EXPECT_CODE(db.put("a", "c"), ErrorCode::kInvalidArgument);
  EXPECT_CODE(db.erase("a"), ErrorCode::kInvalidArgument);
  EXPECT_CODE(db.checkpoint(), ErrorCode::kInvalidArgument);
  EXPECT_CODE(db.verify(), ErrorCode::kInvalidArgument);
  EXPECT_CODE(db.wait_durable(1), ErrorCode::kInvalidArgument);
  EXPECT_CODE(db.sync(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(db.stats().page_size, 8192U);
  EXPECT_EQ(db.path(), path());
}

TEST_F(OpenTest, AnOpeningThatCommitsNothingWritesNothing) {
  make();
  const auto before = directory_.contents();
  for (OpenMode wanted : {OpenMode::kCreate, OpenMode::kReadOnly}) {
    Database db = MUST(Database::open(path(), mode(wanted)));
    EXPECT_EQ(MUST(db.get("key")), "value");
    if (wanted == OpenMode::kCreate) {
      WriteTransaction writer = MUST(db.begin_write());
      MUST(writer.put("never", "seen"));
      writer.abort();
      MUST(MUST(db.begin_write()).commit());  // Nothing changed: nothing to write.
    }
    MUST(db.close());
    EXPECT_TRUE(directory_.contents() == before);
  }
}

TEST_F(OpenTest, PermissionIsItsOwnError) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may open anything";
  make();
  ASSERT_EQ(::chmod(path().c_str(), 0400), 0);
  EXPECT_CODE(Database::open(path()), ErrorCode::kPermission);
  EXPECT_TRUE(Database::open(path(), mode(OpenMode::kReadOnly)));
}

TEST_F(OpenTest, LeftoversOfDeadCreationsGoAway) {
  write_file("half a database");
  std::filesystem::rename(path(), path() + ".new-0123456789abcdef");
  make();
  EXPECT_EQ(directory_.names(), std::vector<std::string>{"db"});
}

// A daemon opens "db" and goes to "/": its log must not stay behind, or begin, elsewhere.
TEST_F(OpenTest, TheWorkingDirectoryMayChange) {
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(directory_.path());
  std::filesystem::create_directory("elsewhere");
  {
    Database db = MUST(Database::open("db"));
    EXPECT_EQ(db.path(), "db");
    std::filesystem::current_path("elsewhere");
    MUST(db.put("key", "value"));
    EXPECT_TRUE(std::filesystem::is_empty("."));
    EXPECT_EQ(directory_.names().size(), 3U);  // The database, its log, the folder.
  }
  EXPECT_EQ(directory_.names().size(), 2U);
  std::filesystem::current_path(before);
  Database db = MUST(Database::open(path()));
  EXPECT_EQ(MUST(db.get("key")), "value");
}

TEST_F(OpenTest, TheLogLiesBesideTheFileAndNotBesideALinkToIt) {
  std::filesystem::create_directory(directory_ / "real");
  std::filesystem::create_directory(directory_ / "links");
  const std::string real = directory_ / "real/db";
  MUST(Database::open(real));
  ASSERT_EQ(::symlink("../real/db", (directory_ / "links/db").c_str()), 0);
  Database db = MUST(Database::open(directory_ / "links/db"));
  MUST(db.put("key", "value"));
  int beside_link = 0;
  for ([[maybe_unused]] const auto& entry :
       std::filesystem::directory_iterator(directory_ / "links"))
    ++beside_link;
  EXPECT_EQ(beside_link, 1);
  // What a kill leaves now opens by its own name.
  const std::string copies = directory_ / "copies";
  std::filesystem::copy(directory_ / "real", copies);
  Database copy = MUST(Database::open(copies + "/db"));
  EXPECT_EQ(MUST(copy.get("key")), "value");
}

TEST_F(OpenTest, APathWithAZeroByteIsRefused) {
  EXPECT_CODE(Database::open(path() + std::string(1, '\0') + "x"), ErrorCode::kInvalidArgument);
  EXPECT_TRUE(directory_.names().empty());
}

TEST_F(OpenTest, MovingADatabaseKeepsItOpen) {
  Database db = MUST(Database::open(path()));
  MUST(db.put("a", "1"));
  Database moved = std::move(db);
  EXPECT_EQ(MUST(moved.get("a")), "1");
  moved = MUST(Database::open(directory_ / "other"));  // Closes the first.
  Database again = MUST(Database::open(path()));
  EXPECT_EQ(MUST(again.get("a")), "1");
}

}  // namespace
}  // namespace holdfast
