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

class BackupTest : public SpaceTest {
 protected:
  Options small_pages(std::uint32_t page_size = 4096) {
    Options options = world_.options();
    options.page_size = page_size;
    return options;
  }
  // What is in it, which is sound.
  Contents copied(const std::string& name) {
    Options options = world_.options();
    options.mode = OpenMode::kReadOnly;
    Database copy = MUST(Database::open(name, options));
    expect_sound(copy);
    Contents found = contents_of(copy);
    MUST(copy.close());
    return found;
  }
  // A world with this file of pages of 4 KiB as "db", and a bit of one slot flipped.
  static void put_with_a_rotten_slot(MemoryWorld& world, std::vector<std::byte> file,
                                     std::uint64_t slot) {
    file[kHeaderRegionBytes + (slot - 1) * 4096 + 50] ^= std::byte{4};
    world.put("db", file);
  }
};

class BackupStreamTest : public BackupTest {
 protected:
  RestoreOptions restoring() {
    RestoreOptions options;
    options.environment = world_.options().environment;
    return options;
  }
  Result<BackupReport> restore(const std::vector<BackupPart>& parts, const std::string& to) {
    return Database::restore(parts, to, restoring());
  }
  // The same, and the file is taken away.
  Contents taken(const std::string& name) {
    Contents found = copied(name);
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
