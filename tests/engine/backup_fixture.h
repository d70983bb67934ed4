// A database in memory whose states are backed up as streams, and restored.
#pragma once

#include <string>
#include <vector>

#include "tests/engine/space_fixture.h"

namespace holdfast {

inline BackupSink into(std::string& bytes) {
  return [&bytes](std::string_view more) -> Result<void> {
    bytes += more;
    return {};
  };
}

// A few bytes at a time.
inline BackupPart part_of(const std::string& bytes, std::size_t most = 100'000) {
  return {"stream", [&bytes, at = std::size_t{0}, most](std::span<char> buffer) mutable {
            const std::size_t n = std::min({buffer.size(), most, bytes.size() - at});
            std::copy_n(bytes.data() + at, n, buffer.data());
            at += n;
            return Result<std::size_t>(n);
          }};
}

class BackupStreamTest : public SpaceTest {
 protected:
  Options small_pages(std::uint32_t page_size = 4096) {
    Options options = world_.options();
    options.page_size = page_size;
    return options;
  }
  RestoreOptions restoring() {
    RestoreOptions options;
    options.environment = world_.options().environment;
    return options;
  }
  Result<BackupReport> restore(const std::vector<BackupPart>& parts, const std::string& to) {
    return Database::restore(parts, to, restoring());
  }
  // What is in it; taken away afterwards.
  Contents taken(const std::string& name) {
    Options options = world_.options();
    options.mode = OpenMode::kReadOnly;
    Database copy = MUST(Database::open(name, options));
    expect_sound(copy);
    Contents found = contents_of(copy);
    MUST(copy.close());
    MUST(world_.storage().remove(name));
    return found;
  }
  std::string streamed(Database& db, std::uint64_t since = 0, std::uint64_t checkpoint = 0) {
    std::string bytes;
    BackupOptions options;
    options.since = since;
    options.checkpoint = checkpoint;
    const BackupReport report = MUST(db.backup(into(bytes), options));
    EXPECT_EQ(report.bytes, bytes.size());
    EXPECT_TRUE(report.sound());
    return bytes;
  }
  std::size_t files() { return world_.files().size(); }
};

}  // namespace holdfast
