// The promises of engine/storage/storage.h, asked of any implementation. Each program that includes
// this names its own in an INSTANTIATE_TEST_SUITE_P.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/storage/storage.h"

namespace holdfast {
struct StorageUnderTest {
  std::string name;
  std::function<std::unique_ptr<Storage>()> make;
  bool on_disk = false;  // In a directory that is made and removed.
};

inline void PrintTo(const StorageUnderTest& storage, std::ostream* out) {
  *out << storage.name;
}

inline std::string test_name(const testing::TestParamInfo<StorageUnderTest>& info) {
  return info.param.name;
}

class StorageContract : public testing::TestWithParam<StorageUnderTest> {
 protected:
  void SetUp() override {
    if (GetParam().on_disk) {
      std::string pattern = (std::filesystem::temp_directory_path() / "holdfast-XXXXXX").string();
      ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
      directory_ = pattern;
    }
    storage_ = GetParam().make();
  }
  void TearDown() override {
    if (GetParam().on_disk) std::filesystem::remove_all(directory_);
  }

  std::string path(const std::string& name) const { return directory_ + "/" + name; }

  std::unique_ptr<StorageFile> create(const std::string& name) {
    auto file = storage_->open(path(name), FileMode::kCreateNew);
    EXPECT_TRUE(file) << file.error().to_string();
    return file ? std::move(*file) : nullptr;
  }

  static void put(StorageFile& file, std::uint64_t offset, std::string_view text) {
    const auto written = file.write(offset, as_bytes(text));
    EXPECT_TRUE(written) << written.error().to_string();
  }

  static std::string get(StorageFile& file, std::uint64_t offset, std::size_t length) {
    std::string text(length, '?');
    const auto count = file.read(offset, std::as_writable_bytes(std::span(text)));
    EXPECT_TRUE(count) << count.error().to_string();
    text.resize(count ? *count : 0);
    return text;
  }

  std::string directory_ = "dir";
  std::unique_ptr<Storage> storage_;
};

TEST_P(StorageContract, ReadsBackWhatWasWritten) {
  auto file = create("a");
  put(*file, 0, "hello, world");
  put(*file, 7, "there");
  EXPECT_EQ(get(*file, 0, 12), "hello, there");
  EXPECT_EQ(file->size().value(), 12u);
  EXPECT_EQ(file->path(), path("a"));
  EXPECT_TRUE(file->sync());
  std::string text(5, '?');
  EXPECT_EQ(file->read_past_cache(7, std::as_writable_bytes(std::span(text))).value(), 5u);
  EXPECT_EQ(text, "there");
}

TEST_P(StorageContract, LargeTransfersAcrossAnyBoundary) {
  auto file = create("a");
  std::string big(1'000'003, '\0');
  for (std::size_t i = 0; i < big.size(); ++i) big[i] = static_cast<char>(i * 2654435761u >> 24);
  put(*file, 65'533, big);
  EXPECT_EQ(file->size().value(), 65'533 + big.size());
  EXPECT_EQ(get(*file, 65'533, big.size()), big);
  EXPECT_EQ(get(*file, 0, 65'533), std::string(65'533, '\0'));
}

TEST_P(StorageContract, ReadsEndAtTheEndOfTheFile) {
  auto file = create("a");
  put(*file, 0, "12345");
  EXPECT_EQ(get(*file, 3, 10), "45");
  EXPECT_EQ(get(*file, 5, 10), "");
  EXPECT_EQ(get(*file, 1'000'000, 10), "");
  EXPECT_EQ(get(*file, ~std::uint64_t{0} - 3, 10), "");
  EXPECT_EQ(get(*file, 2, 0), "");
  std::string text(4, '?');
  EXPECT_EQ(file->read_past_cache(100, std::as_writable_bytes(std::span(text))).value(), 0u);
  EXPECT_FALSE(file->write(~std::uint64_t{0} - 3, as_bytes("123456")));
  EXPECT_EQ(file->size().value(), 5u);
}

TEST_P(StorageContract, TruncateAndAllocateLeaveZeros) {
  auto file = create("a");
  put(*file, 0, "abcdefgh");
  ASSERT_TRUE(file->truncate(3));
  EXPECT_EQ(get(*file, 0, 10), "abc");
  ASSERT_TRUE(file->truncate(6));
  EXPECT_EQ(get(*file, 0, 10), std::string("abc\0\0\0", 6));
  ASSERT_TRUE(file->allocate(2, 8));
  EXPECT_EQ(get(*file, 0, 20), std::string("abc\0\0\0\0\0\0\0", 10));
  ASSERT_TRUE(file->allocate(0, 4)) << "what is there already keeps its bytes";
  EXPECT_EQ(get(*file, 0, 20), std::string("abc\0\0\0\0\0\0\0", 10));
  ASSERT_TRUE(file->allocate(100, 0));
  EXPECT_EQ(file->size().value(), 10u);
}

TEST_P(StorageContract, OpenModes) {
  EXPECT_EQ(storage_->open(path("a"), FileMode::kReadOnly).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(storage_->open(path("a"), FileMode::kReadWrite).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(storage_->open(path("a"), FileMode::kReadWrite).error().place().file, path("a"));
  EXPECT_FALSE(storage_->exists(path("a")).value());
  put(*create("a"), 0, "x");
  EXPECT_TRUE(storage_->exists(path("a")).value());
  EXPECT_EQ(storage_->open(path("a"), FileMode::kCreateNew).error().code(),
            ErrorCode::kAlreadyExists);
  auto reader = storage_->open(path("a"), FileMode::kReadOnly);
  ASSERT_TRUE(reader);
  EXPECT_EQ(get(**reader, 0, 5), "x");
  EXPECT_FALSE((*reader)->write(0, as_bytes("y")));
  EXPECT_FALSE((*reader)->truncate(0));
  EXPECT_EQ(get(**reader, 0, 5), "x");
}

TEST_P(StorageContract, RenameWithAndWithoutReplacing) {
  put(*create("a"), 0, "A");
  put(*create("b"), 0, "B");
  auto refused = storage_->rename(path("a"), path("b"), false);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kAlreadyExists);
  auto b = storage_->open(path("b"), FileMode::kReadOnly).value();
  EXPECT_EQ(get(*b, 0, 5), "B");
  ASSERT_TRUE(storage_->rename(path("a"), path("c"), false));
  EXPECT_FALSE(storage_->exists(path("a")).value());
  ASSERT_TRUE(storage_->rename(path("c"), path("b"), true));
  EXPECT_EQ(get(*b, 0, 5), "B") << "an open file outlives its name";
  auto now = storage_->open(path("b"), FileMode::kReadOnly).value();
  EXPECT_EQ(get(*now, 0, 5), "A");
  EXPECT_EQ(storage_->rename(path("c"), path("d"), true).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(storage_->rename(path("c"), path("d"), false).error().code(), ErrorCode::kNotFound);
}

TEST_P(StorageContract, RemoveAndSyncDirectory) {
  auto file = create("a");
  put(*file, 0, "still here");
  ASSERT_TRUE(storage_->remove(path("a")));
  EXPECT_FALSE(storage_->exists(path("a")).value());
  EXPECT_EQ(get(*file, 0, 20), "still here");
  EXPECT_EQ(storage_->remove(path("a")).error().code(), ErrorCode::kNotFound);
  EXPECT_TRUE(storage_->sync_directory(directory_));
}

TEST_P(StorageContract, ListIsSortedAndFiltered) {
  for (const char* name : {"db.log.2", "db", "db.log.10", "other", "db.log.1"}) create(name);
  EXPECT_EQ(storage_->list(directory_, "db.log.").value(),
            (std::vector<std::string>{"db.log.1", "db.log.10", "db.log.2"}));
  EXPECT_EQ(storage_->list(directory_, "").value().size(), 5u);
  EXPECT_TRUE(storage_->list(directory_, "nothing").value().empty());
}

TEST_P(StorageContract, LocksBetweenOpenFilesOfOneProcess) {
  auto first = create("a");
  auto second = storage_->open(path("a"), FileMode::kReadWrite).value();
  ASSERT_TRUE(first->lock(LockMode::kExclusive));
  ASSERT_TRUE(first->lock(LockMode::kExclusive)) << "what one has can be asked for again";
  auto busy = second->lock(LockMode::kShared);
  ASSERT_FALSE(busy);
  EXPECT_EQ(busy.error().code(), ErrorCode::kBusy);
  EXPECT_NE(busy.error().message().find("this process"), std::string::npos);
  storage_->open(path("a"), FileMode::kReadOnly).value().reset();
  EXPECT_FALSE(second->lock(LockMode::kShared)) << "closing a third must not let go of the lock";
  first.reset();
  ASSERT_TRUE(second->lock(LockMode::kShared));
  auto third = storage_->open(path("a"), FileMode::kReadOnly).value();
  ASSERT_TRUE(third->lock(LockMode::kShared));
  EXPECT_FALSE(second->lock(LockMode::kExclusive));
  third.reset();
  EXPECT_TRUE(second->lock(LockMode::kExclusive));
}

TEST_P(StorageContract, SetsOfTransfers) {
  auto file = create("a");
  std::string one = "one", two = "two", back(8, '?'), nothing(4, '?');
  IoRequest writes[2];
  writes[0] = {
      IoRequest::Kind::kWrite, file.get(), 0, std::as_writable_bytes(std::span(one)), 0, {}};
  writes[1] = {
      IoRequest::Kind::kWrite, file.get(), 3, std::as_writable_bytes(std::span(two)), 0, {}};
  storage_->submit(writes);
  storage_->complete(writes);
  EXPECT_FALSE(writes[0].error || writes[1].error);
  EXPECT_EQ(writes[1].transferred, 3u);
  IoRequest reads[2];
  reads[0] = {
      IoRequest::Kind::kRead, file.get(), 0, std::as_writable_bytes(std::span(back)), 0, {}};
  reads[1] = {
      IoRequest::Kind::kRead, file.get(), 6, std::as_writable_bytes(std::span(nothing)), 9, {}};
  storage_->submit(reads);
  storage_->complete(reads);
  EXPECT_EQ(reads[0].transferred, 6u);
  EXPECT_EQ(back.substr(0, 6), "onetwo");
  EXPECT_EQ(reads[1].transferred, 0u);
}

TEST_P(StorageContract, AdviceChangesNothing) {
  auto file = create("a");
  put(*file, 0, "content");
  file->will_read(0, 4);
  file->will_read(3, 1 << 20);
  file->will_read(~std::uint64_t{0}, ~std::uint64_t{0});
  EXPECT_EQ(get(*file, 0, 7), "content");
}

}  // namespace holdfast
