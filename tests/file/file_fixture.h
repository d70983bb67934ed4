// A tree file in memory for the tests of engine/file, with a switch that makes writes go wrong.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/result.h"
#include "engine/file/meta_format.h"
#include "engine/storage/memory_storage.h"

namespace holdfast {

// Passes everything on, and tells or falsifies what passes.
class WatchedFile final : public StorageFile {
 public:
  explicit WatchedFile(std::unique_ptr<StorageFile> inner) : inner_(std::move(inner)) {}

  std::vector<std::string> calls;  // "write 16384", "sync", "read_past_cache 0" …
  std::function<Result<void>(const std::string& call)> fail_at;
  bool drop_writes = false;  // Acknowledges writes that never happen.

  const std::string& path() const override { return inner_->path(); }
  Result<std::uint64_t> size() override { return inner_->size(); }
  Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> buffer) override {
    TRY(note("read " + std::to_string(offset)));
    return inner_->read(offset, buffer);
  }
  Result<void> write(std::uint64_t offset, std::span<const std::byte> bytes) override {
    TRY(note("write " + std::to_string(offset)));
    if (drop_writes) return {};
    return inner_->write(offset, bytes);
  }
  Result<std::size_t> read_past_cache(std::uint64_t offset, std::span<std::byte> buffer) override {
    TRY(note("read_past_cache " + std::to_string(offset)));
    return inner_->read_past_cache(offset, buffer);
  }
  bool reads_past_cache() const override { return true; }
  Result<void> allocate(std::uint64_t offset, std::uint64_t length) override {
    TRY(note("allocate"));
    return inner_->allocate(offset, length);
  }
  Result<void> truncate(std::uint64_t size) override {
    TRY(note("truncate"));
    return inner_->truncate(size);
  }
  Result<void> sync() override {
    TRY(note("sync"));
    return inner_->sync();
  }
  Result<void> lock(LockMode mode) override { return inner_->lock(mode); }

 private:
  Result<void> note(const std::string& call) {
    calls.push_back(call);
    return fail_at ? fail_at(call) : Result<void>();
  }
  std::unique_ptr<StorageFile> inner_;
};

// Unwraps, or ends the test with the error's own words.
template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().to_string());
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

class FileTest : public testing::Test {
 protected:
  static Meta some_meta() {
    Meta meta;
    meta.page_size = 4096;
    meta.uuid[0] = std::byte{7};
    meta.creator = "a test";
    meta.txn = TxnNumber{1};
    return meta;
  }
  void corrupt(std::uint64_t offset) {
    std::byte byte[1];
    ASSERT_EQ(file_.read(offset, byte).value(), 1U);
    byte[0] ^= std::byte{0x10};
    file_.write(offset, byte).value();
  }

  MemoryStorage storage_;
  WatchedFile file_{storage_.open("db", FileMode::kCreateNew).value()};
};

}  // namespace holdfast
