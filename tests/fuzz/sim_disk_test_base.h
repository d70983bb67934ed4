// What the tests of the simulated disk have in common: short words for its calls.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

#include "engine/base/bytes.h"
#include "fuzz/lab/sim_disk.h"

namespace holdfast {

using File = std::unique_ptr<StorageFile>;

class SimDiskTest : public testing::Test {
 protected:
  static std::string block(char fill, std::size_t bytes = 4096) { return std::string(bytes, fill); }

  File create(const std::string& path) { return disk_.open(path, FileMode::kCreateNew).value(); }
  File open(const std::string& path) { return disk_.open(path, FileMode::kReadWrite).value(); }
  // A file of the given content that any crash leaves alone.
  File settled(const std::string& path, std::string_view text) {
    File file = create(path);
    put(file, 0, text);
    EXPECT_TRUE(file->sync());
    EXPECT_TRUE(disk_.sync_directory("."));
    return file;
  }
  static void put(const File& file, std::uint64_t offset, std::string_view text) {
    const auto written = file->write(offset, as_bytes(text));
    EXPECT_TRUE(written) << written.error().to_string();
  }
  static std::string text_of(std::span<const std::byte> bytes) {
    return std::string(as_view(bytes.data(), bytes.size()));
  }
  std::string durable(const std::string& path) { return text_of(disk_.durable_bytes(path)); }
  std::string cached(const std::string& path) { return text_of(disk_.cached_bytes(path)); }
  static std::string read_medium(const File& file, std::uint64_t offset, std::size_t length) {
    std::string text(length, '?');
    const auto count = file->read_past_cache(offset, std::as_writable_bytes(std::span(text)));
    EXPECT_TRUE(count);
    text.resize(count ? *count : 0);
    return text;
  }
  void crash(CrashPolicy::Kind kind, std::uint64_t seed = 1) {
    CrashPolicy policy;
    policy.kind = kind;
    disk_.crash(policy, seed);
  }

  SimDisk disk_;
};

}  // namespace holdfast
