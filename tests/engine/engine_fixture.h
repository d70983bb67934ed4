// What the engine's tests share: a directory of its own for real files, a storage in memory whose
// files can be copied as a crash would leave them, and words for what tests do all the time.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "engine/base/environment.h"
#include "engine/storage/memory_storage.h"
#include "holdfast/holdfast.h"

namespace holdfast {

// Unwraps, or ends the test with the error's own words.
template <class T>
T must(Result<T> result, const char* what) {
  if (!result) throw std::runtime_error(std::string(what) + ": " + result.error().to_string());
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}
#define MUST(expression) ::holdfast::must((expression), #expression)

template <class T>
ErrorCode code_of(const Result<T>& result) {
  return result ? ErrorCode{} : result.error().code();
}

#define EXPECT_CODE(expression, wanted)                                     \
  do {                                                                      \
    auto&& tried = (expression);                                            \
    EXPECT_FALSE(tried.has_value()) << #expression;                         \
    if (!tried) {                                                           \
      EXPECT_EQ(tried.error().code(), wanted) << tried.error().to_string(); \
    }                                                                       \
  } while (false)

class TempDirectory {
 public:
  TempDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "holdfast-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
    path_ = pattern;
  }
  ~TempDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;

  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  [[nodiscard]] const std::string& path() const { return path_; }
  // Every file and all its bytes.
  [[nodiscard]] std::map<std::string, std::string> contents() const {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      std::ifstream in(entry.path(), std::ios::binary);
      files[entry.path().filename().string()] = {std::istreambuf_iterator<char>(in), {}};
    }
    return files;
  }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(path_))
      found.push_back(entry.path().filename().string());
    return found;
  }

 private:
  std::string path_;
};

// Files in memory with the real clock and randomness.
class MemoryWorld {
 public:
  using Files = std::map<std::string, std::vector<std::byte>>;

  MemoryWorld() : environment_(system_environment()) { environment_.storage = &storage_; }
  MemoryWorld(const MemoryWorld&) = delete;
  MemoryWorld& operator=(const MemoryWorld&) = delete;

  Storage& storage() { return storage_; }
  [[nodiscard]] Options options() {
    Options options;
    options.environment = &environment_;
    options.background = Background::kHost;
    return options;
  }
  // All files as they are now: what a killed process leaves.
  [[nodiscard]] Files files() {
    Files found;
    const auto names = storage_.list(".", "").value();
    for (const std::string& name : names) {
      auto file = storage_.open(name, FileMode::kReadOnly).value();
      std::vector<std::byte> bytes(file->size().value());
      if (file->read(0, bytes).value() != bytes.size()) throw std::runtime_error("short read");
      found[name] = std::move(bytes);
    }
    return found;
  }
  void put(const std::string& name, const std::vector<std::byte>& bytes) {
    auto file = storage_.open(name, FileMode::kCreateNew).value();
    file->write(0, bytes).value();
  }
  void put(const Files& files) {
    for (const auto& [name, bytes] : files) put(name, bytes);
  }

 private:
  MemoryStorage storage_;
  Environment environment_;
};

using Contents = std::map<std::string, std::string>;

template <class R>
Contents contents_of(const R& reader, Tree tree = {}) {
  Contents found;
  Cursor cursor = MUST(reader.cursor(tree));
  for (bool on = MUST(cursor.first()); on; on = MUST(cursor.next()))
    found.emplace(cursor.key(), MUST(cursor.value()));
  return found;
}

inline Contents contents_of(Database& db, Tree tree = {}) {
  const ReadTransaction reader = MUST(db.begin_read());
  return contents_of(reader, tree);
}

inline void expect_sound(Database& db) {
  const VerifyReport report = MUST(db.verify());
  for (const Finding& finding : report.findings)
    ADD_FAILURE() << finding.code << ": " << finding.detail << " page " << finding.page.value_or(0);
  EXPECT_TRUE(report.sound());
}

inline std::string numbered(std::uint64_t n, int width = 8) {
  std::string digits = std::to_string(n);
  return std::string(width > static_cast<int>(digits.size()) ? width - digits.size() : 0, '0') +
         digits;
}

}  // namespace holdfast
