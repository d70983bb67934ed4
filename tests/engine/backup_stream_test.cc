// Backups as streams: what went in comes out, whole, or nothing does, and the error says where.
#include "engine/base/bytes.h"
#include "engine/base/checksum.h"
#include "engine/file/backup_format.h"
#include "tests/engine/backup_fixture.h"
#include "tests/engine/sim_world.h"

namespace holdfast {
namespace {

TEST_F(BackupStreamTest, WhatIsRestoredIsByteForByteWhatAFileBackupMakes) {
  for (const std::uint32_t page_size : {4096U, 32768U}) {
    const std::string name = "db" + std::to_string(page_size);
    Database db = MUST(Database::open(name, small_pages(page_size)));
    MUST(fill(db, 0, 800, 300, 'a'));
    MUST(fill(db, 100, 120, 50'000, 'v'));
    MUST(clear(db, 300, 350));
    const std::uint64_t id = MUST(db.keep_checkpoint()).id;
    const Contents then = contents_of(db);
    MUST(fill(db, 0, 800, 300, 'b'));
    BackupOptions options;
    options.checkpoint = id;
    MUST(db.backup(name + ".file", options));
    const std::string bytes = streamed(db, 0, id);
    const BackupReport report = MUST(restore({part_of(bytes)}, name + ".restored"));
    EXPECT_TRUE(report.sound());
    EXPECT_TRUE(world_.files()[name + ".file"] == world_.files()[name + ".restored"]);
    EXPECT_EQ(taken(name + ".restored"), then);
    // The newest state too, and from a file that holds the stream.
    const std::string newest = streamed(db);
    world_.put(name + ".stream", {as_bytes(newest).begin(), as_bytes(newest).end()});
    MUST(restore({{name + ".stream"}}, name + ".restored"));
    EXPECT_EQ(taken(name + ".restored"), contents_of(db));
    // A database as the first part.
    MUST(restore({{name + ".file"}}, name + ".restored"));
    EXPECT_EQ(taken(name + ".restored"), then);
    expect_sound(db);
    MUST(db.close());
  }
}

TEST_F(BackupStreamTest, ItIsWrittenForwardsInPiecesOfBoundedSize) {
  Database db = MUST(Database::open("db", small_pages()));
  MUST(fill(db, 0, 3000, 200, 'a'));
  std::size_t most = 0;
  std::size_t calls = 0;
  const BackupReport report = MUST(db.backup([&](std::string_view bytes) -> Result<void> {
    most = std::max(most, bytes.size());
    // It may use the database meanwhile.
    if (++calls == 2) MUST(db.put("meanwhile", "written"));
    return {};
  }));
  EXPECT_GE(calls, 5U);
  EXPECT_LE(most, kPieceHeadBytes + kPieceBytesMost);
  EXPECT_GT(report.bytes, report.pages * 4096);
  EXPECT_LT(report.bytes, report.pages * 4096 * 101 / 100 + 8192);
  EXPECT_EQ(db.stats().kept_table_bytes, 0U);
  MUST(db.close());
}

TEST_F(BackupStreamTest, ASinkOrASourceThatFailsEndsItWithItsOwnErrorAndLeavesNothing) {
  Database db = MUST(Database::open("db", small_pages()));
  MUST(fill(db, 0, 1000, 200, 'a'));
  const std::string bytes = streamed(db);
  for (int call = 1; call < 4; ++call) {
    int left = call;
    EXPECT_CODE(db.backup([&](std::string_view) -> Result<void> {
      if (--left == 0) return std::unexpected(Error(ErrorCode::kTimedOut, "mine"));
      return {};
    }),
                ErrorCode::kTimedOut);
    left = call;
    EXPECT_CODE(db.backup([&](std::string_view) -> Result<void> {
      if (--left == 0) throw 1;
      return {};
    }),
                ErrorCode::kCancelled);
    EXPECT_EQ(db.stats().kept_table_bytes, 0U);
  }
  EXPECT_CODE(db.backup(BackupSink()), ErrorCode::kInvalidArgument);
  const std::size_t before = files();
  const auto failing = [&](std::span<char>) -> Result<std::size_t> {
    return std::unexpected(Error(ErrorCode::kTimedOut, "mine"));
  };
  EXPECT_CODE(restore({{"x", failing}}, "new"), ErrorCode::kTimedOut);
  const auto throwing = [&](std::span<char>) -> Result<std::size_t> { throw 1; };
  EXPECT_CODE(restore({{"x", throwing}}, "new"), ErrorCode::kCancelled);
  EXPECT_CODE(restore({}, "new"), ErrorCode::kInvalidArgument);
  EXPECT_CODE(restore({part_of(bytes)}, ""), ErrorCode::kInvalidArgument);
  EXPECT_CODE(restore({{"nothing"}}, "new"), ErrorCode::kNotFound);
  EXPECT_CODE(restore({part_of(bytes)}, "db"), ErrorCode::kAlreadyExists);
  RestoreOptions options = restoring();
  for (const char* stage : {"restore", "verify"}) {
    options.progress = [&](const Progress& progress) { return progress.stage != stage; };
    EXPECT_CODE(Database::restore({part_of(bytes)}, "new", options), ErrorCode::kCancelled);
  }
  EXPECT_EQ(files(), before);
  MUST(db.close());
}

class BrokenStreamTest : public BackupStreamTest {
 protected:
  void SetUp() override {
    Database db = MUST(Database::open("db", small_pages()));
    MUST(fill(db, 0, 4000, 200, 'a'));
    bytes_ = streamed(db);
    MUST(db.close());
    std::size_t at = kStreamHeadBytes;
    while (at < bytes_.size()) {
      const auto* head = reinterpret_cast<const std::byte*>(bytes_.data() + at);
      const std::uint32_t pages = load32(head + piece_at::kPages);
      const std::size_t size =
          kPieceHeadBytes + (pages == 0 ? kStreamEndBytes : pages * (kPageHeadInPiece + 4096));
      pieces_.push_back(bytes_.substr(at, size));
      at += size;
    }
    ASSERT_GE(pieces_.size(), 4U);
  }
  [[nodiscard]] std::string head() const { return bytes_.substr(0, kStreamHeadBytes); }
  void expect_damage(const std::string& bytes, std::uint64_t at) {
    const std::size_t before = files();
    const auto restored = restore({part_of(bytes)}, "new");
    ASSERT_FALSE(restored) << "at " << at;
    EXPECT_EQ(restored.error().code(), ErrorCode::kDamaged) << restored.error().to_string();
    EXPECT_EQ(restored.error().place().file, "stream");
    EXPECT_EQ(restored.error().place().offset, at) << restored.error().to_string();
    EXPECT_EQ(files(), before);
  }

  std::string bytes_;
  std::vector<std::string> pieces_;
};

TEST_F(BrokenStreamTest, OneThatIsCutAnywhereRestoresNothing) {
  for (std::size_t cut = 8; cut < bytes_.size(); cut = cut * 9 / 8 + 1)
    expect_damage(bytes_.substr(0, cut), cut);
  const std::size_t end = bytes_.size() - pieces_.back().size();
  for (const std::size_t cut : {end - 1, end, end + 1, bytes_.size() - 1})
    expect_damage(bytes_.substr(0, cut), cut);
  for (const std::size_t cut : {0U, 1U, 7U}) expect_damage(bytes_.substr(0, cut), cut);
}

TEST_F(BrokenStreamTest, AnyFlippedBitIsFoundWhereItIs) {
  std::size_t begins = 0;
  const auto flip = [&](std::size_t at, std::size_t expected) {
    std::string flipped = bytes_;
    flipped[at] = static_cast<char>(flipped[at] ^ 16);
    expect_damage(flipped, expected);
  };
  for (std::size_t at = 8; at < kStreamHeadBytes; at += 131) flip(at, 0);
  begins = kStreamHeadBytes;
  for (const std::string& piece : pieces_) {
    for (const std::size_t at : {std::size_t{1}, std::size_t{9}, std::size_t{41}, std::size_t{50},
                                 piece.size() / 2, piece.size() - 1})
      flip(begins + at, begins);
    begins += piece.size();
  }
}

TEST_F(BrokenStreamTest, PiecesThatAreMissingDoubledSwappedOrAnothersAreFoundWhereTheyAre) {
  const auto joined = [&](const std::vector<std::size_t>& order) {
    std::string all = head();
    for (const std::size_t i : order) all += pieces_[i];
    return all;
  };
  std::vector<std::size_t> in_order(pieces_.size());
  for (std::size_t i = 0; i < in_order.size(); ++i) in_order[i] = i;
  ASSERT_EQ(joined(in_order), bytes_);
  const std::uint64_t second = kStreamHeadBytes + pieces_[0].size();
  auto order = in_order;
  order.erase(order.begin() + 1);
  expect_damage(joined(order), second);
  order = in_order;
  order.insert(order.begin() + 1, 0);
  expect_damage(joined(order), second);
  order = in_order;
  std::swap(order[1], order[2]);
  expect_damage(joined(order), second);
  expect_damage(bytes_ + pieces_.back(), bytes_.size());
  expect_damage(bytes_ + bytes_, bytes_.size());
  // The same state once more: each piece is sound, and another's.
  Database db = MUST(Database::open("db", small_pages()));
  const std::string again = streamed(db);
  MUST(db.close());
  ASSERT_EQ(again.size(), bytes_.size());
  expect_damage(bytes_.substr(0, second) + again.substr(second), second);
  expect_damage(head() + again.substr(kStreamHeadBytes), kStreamHeadBytes);
}

TEST_F(BrokenStreamTest, WhatIsNoStreamIsSaidToBeNone) {
  EXPECT_CODE(restore({part_of("what is this, then?")}, "new"), ErrorCode::kNotADatabase);
  const auto file = world_.files()["db"];
  const std::string database(as_view(file.data(), file.size()));
  EXPECT_CODE(restore({part_of(database)}, "new"), ErrorCode::kInvalidArgument);
  world_.put("text", std::vector<std::byte>(100, std::byte{'x'}));
  EXPECT_CODE(restore({{"text"}}, "new"), ErrorCode::kNotADatabase);
  // A newer format says so, whatever else it changed.
  std::array<std::byte, kStreamHeadBytes> newer;
  std::copy_n(as_bytes(bytes_).begin(), newer.size(), newer.begin());
  store32(newer.data() + stream_at::kFormat, kStreamFormat + 1);
  store64(newer.data() + stream_at::kCheck, hash64(std::span(newer).first<stream_at::kCheck>()));
  EXPECT_CODE(restore({part_of(std::string(as_view(newer.data(), newer.size())))}, "new"),
              ErrorCode::kUnsupportedFormat);
}

// Every storage call of a restore fails once, or the machine stops there.
TEST(RestoreFailureTest, WhateverFailsLeavesNoFileOfThatName) {
  SimWorld origin;
  std::string full;
  std::string more;
  Contents expected;
  {
    Database db = MUST(Database::open("db", origin.options()));
    for (int i = 0; i < 40; ++i) MUST(db.put(numbered(i), std::string(300, 'a')));
    const std::uint64_t id = MUST(db.keep_checkpoint()).id;
    BackupOptions options;
    options.checkpoint = id;
    MUST(db.backup(into(full), options));
    for (int i = 20; i < 60; ++i) MUST(db.put(numbered(i), std::string(300, 'b')));
    options.checkpoint = 0;
    options.since = id;
    MUST(db.backup(into(more), options));
    expected = contents_of(db);
    MUST(db.close());
  }
  for (const bool stops : {false, true}) {
    bool ended = false;
    for (std::uint64_t call = 1; !ended && call < 400; ++call) {
      SimWorld world;
      RestoreOptions options;
      options.environment = world.options().environment;
      if (stops) {
        world.disk.crash_at_call(call);
      } else {
        for (const SimCall kind : {SimCall::kWrite, SimCall::kSync, SimCall::kAllocate,
                                   SimCall::kReadPastCache, SimCall::kTruncate, SimCall::kRename})
          world.fail_call(kind, call, ErrorCode::kIo, false, "new");
      }
      const auto done = Database::restore({part_of(full), part_of(more)}, "new", options);
      if (stops) {
        ended = world.disk.calls() < call;
        world.lose_power();
      } else {
        ended = done.has_value();
        world.disk.clear_faults();
      }
      if (done || MUST(world.disk.exists("new"))) {
        Database copy = MUST(Database::open("new", world.options()));
        EXPECT_EQ(contents_of(copy), expected);
        expect_sound(copy);
        MUST(copy.close());
      } else {
        if (!stops) {
          EXPECT_EQ(MUST(world.disk.list(".", "new")).size(), 0U) << "call " << call;
        }
        MUST(Database::restore({part_of(full), part_of(more)}, "new", options));
        EXPECT_EQ(MUST(world.disk.list(".", "new")).size(), 1U);
      }
    }
    EXPECT_TRUE(ended);
  }
}

}  // namespace
}  // namespace holdfast
