// A log that somebody has forged, every checksum right: records that make no sense, numbers without
// measure, places that aren't there. An error or an answer; never a crash, a hang, or memory
// without bound.
#include <chrono>

#include "tests/engine/forged_files.h"

namespace holdfast {
namespace {

constexpr std::uint32_t kPageSize = 4096;

class ForgedLogTest : public testing::Test {
 protected:
  ForgedLogTest() {
    MemoryWorld world;
    Options options = world.options();
    options.page_size = kPageSize;
    Database db = MUST(Database::open("db", options));
    WriteTransaction writer = MUST(db.begin_write());
    for (int i = 0; i < 300; ++i) MUST(writer.put(numbered(i), std::string(150, 'v')));
    MUST(writer.commit());
    MUST(db.checkpoint());
    for (int i = 0; i < 5; ++i) MUST(db.put(numbered(i), "in the log"));
    files_ = sound_ = world.files();
    for (const auto& [name, bytes] : files_) {
      if (name != "db") log_ = name;
    }
  }

  // The last transaction does this instead.
  void forge(const std::function<void(std::vector<std::byte>&)>& records) {
    files_ = sound_;
    std::vector<std::byte> payload;
    records(payload);
    ForgedSegment(files_[log_]).write_last(payload);
  }
  // Uses what was forged in every way, within reason.
  HostileUse::Seen use() {
    const auto begun = std::chrono::steady_clock::now();
    auto seen = HostileUse(files_).run();
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(60));
    return seen;
  }
  static std::vector<std::byte> image_of(PageId id, std::uint64_t tag) {
    std::vector<std::byte> page(kPageSize);
    format_page(page, tag, TxnNumber{1}, id, kDefaultTree, PageKind::kOverflow, 0);
    return page;
  }
  std::uint64_t tag() { return ForgedFile(files_["db"]).meta().tag(); }

  MemoryWorld::Files sound_;
  MemoryWorld::Files files_;
  std::string log_;
};

TEST_F(ForgedLogTest, WithoutAChangeItIsTheSame) {
  const auto seen = use();
  EXPECT_TRUE(seen.errors.empty()) << seen.errors[0];
  EXPECT_EQ(seen.findings, 0);
  EXPECT_EQ(seen.read_only.size(), 300U);
}

TEST_F(ForgedLogTest, FreesOfAllThePagesThereAre) {
  for (std::uint32_t first : {0U, 1U, 2U, 5U, 1000U, 0x80000000U, 0xFFFFFFF0U, 0xFFFFFFFFU}) {
    for (std::uint32_t count : {0U, 1U, 3U, 0x7FFFFFFFU, 0xFFFFFFFFU, 0U - first}) {
      forge([&](auto& payload) { append_free(payload, PageId{first}, count); });
      use();
      if (HasFatalFailure()) FAIL() << first << " " << count;
    }
  }
}

TEST_F(ForgedLogTest, ImagesOfPagesWithAnyIdAndAnyContent) {
  for (std::uint32_t id : {0U, 1U, 2U, 3U, 100'000U, 0x7FFFFFFFU, 0xFFFFFF00U, 0xFFFFFFFFU}) {
    for (std::uint16_t gap_end : {0, 30, 4000, 4096, 65535}) {
      if (id > 1'000'000 && gap_end != 30) continue;  // They take a while.
      std::vector<std::byte> page = image_of(PageId{id}, tag());
      store16(page.data() + page_at::kGapEnd, gap_end);
      const ImageRange whole[] = {{page_at::kTag, std::span(page).subspan(page_at::kTag)}};
      forge([&](auto& payload) { append_image(payload, PageId{id}, whole); });
      use();
      if (HasFatalFailure()) FAIL() << id << " " << gap_end;
    }
  }
}

// An id at the end of the numbers, and nothing else: what it costs in memory.
TEST_F(ForgedLogTest, APageWithTheLastIdCostsLittle) {
  const PageId id{0xFFFFFEFF};
  std::vector<std::byte> page = image_of(id, tag());
  const ImageRange whole[] = {{page_at::kTag, std::span(page).subspan(page_at::kTag)}};
  forge([&](auto& payload) { append_image(payload, id, whole); });
  MemoryWorld world;
  world.put(files_);
  Options options = world.options();
  options.mode = OpenMode::kReadOnly;
  auto db = Database::open("db", options);
  if (!db) return;
  (void)db->verify();
  EXPECT_LE(db->stats().table_bytes, std::uint64_t{1} << 20);
}

TEST_F(ForgedLogTest, ImageRangesThatOverlapOrLeaveThePage) {
  std::vector<std::byte> page = image_of(PageId{2}, tag());
  for (std::uint16_t second : {8, 9, 2000, 4090, 4096, 65535}) {
    const ImageRange ranges[] = {{page_at::kTag, std::span(page).subspan(page_at::kTag)},
                                 {second, std::span(page).first(100)}};
    forge([&](auto& payload) { append_image(payload, PageId{2}, ranges); });
    use();
  }
  forge([&](auto& payload) {
    append_image(payload, PageId{2}, {});
    payload[5] = std::byte{255};  // Ranges that aren't there.
  });
  EXPECT_EQ(use().opened, 0);
}

TEST_F(ForgedLogTest, PlacesInSlotsOfOthersAndBeyondTheFile) {
  ForgedFile file(files_["db"]);
  const MapEntry root = file.entry(PageId{2});
  for (std::uint32_t slot : {0U, 1U, 2U, raw(entry_slot(root)), 0x7FFFFFFFU, 0xFFFFFFFFU}) {
    for (std::uint32_t id : {1U, 2U, 7U, 0xFFFFFFFFU}) {
      forge([&](auto& payload) { append_place(payload, PageId{id}, Slot{slot}, 0); });
      use();
    }
  }
}

TEST_F(ForgedLogTest, EditsThatLeaveThePageOrBuildOnNothing) {
  const auto edit = [](std::uint16_t at, std::uint16_t field, std::size_t bytes) {
    std::vector<std::byte> edits(4 + bytes, std::byte{0x5A});
    store16(edits.data(), at);
    store16(edits.data() + 2, field);
    return edits;
  };
  for (const auto& edits : {edit(0, 8, 8), edit(4090, 20, 20), edit(100, 0x8000 | 4000, 2),
                            edit(40, 3000, 3), edit(65535, 65535, 2), edit(40, 4000, 4000)}) {
    for (std::uint64_t base : {std::uint64_t{0}, std::uint64_t{2}, ~std::uint64_t{0}}) {
      for (std::uint32_t id : {0U, 1U, 2U, 3U, 0xFFFFFFFFU}) {
        forge([&](auto& payload) { append_edits(payload, PageId{id}, TxnNumber{base}, edits); });
        use();
      }
    }
  }
}

TEST_F(ForgedLogTest, TransactionNumbersWithoutRoomForTheNext) {
  for (std::uint64_t txn : {~std::uint64_t{0}, std::uint64_t{1} << 63}) {
    files_ = sound_;
    ForgedSegment segment(files_[log_]);
    segment.last().txn = TxnNumber{txn};
    std::vector<std::byte> payload;
    append_free(payload, PageId{3}, 0);
    segment.write_last(payload);
    MemoryWorld world;
    world.put(files_);
    EXPECT_CODE(Database::open("db", world.options()), ErrorCode::kDamaged);
  }
}

TEST_F(ForgedLogTest, SegmentHeadersWithAnyNumbers) {
  for (std::uint64_t value :
       {std::uint64_t{0}, std::uint64_t{7}, std::uint64_t{1} << 62, std::uint64_t{1} << 63,
        ~std::uint64_t{0} - 4096, ~std::uint64_t{0}}) {
    for (int field = 0; field < 6; ++field) {
      for (bool beside : {false, true}) {
        files_ = sound_;
        // The forged one in its place, or a second one of a later epoch beside it.
        if (beside) files_["db.log-99-1"] = files_[log_];
        ForgedSegment segment(files_[beside ? "db.log-99-1" : log_]);
        SegmentHeader& header = segment.header();
        if (beside) header.ref.epoch = EpochNumber{raw(header.ref.epoch) + 1};
        if (field == 0) header.ref.epoch = EpochNumber{value};
        if (field == 1) header.ref.start = Lsn{value};
        if (field == 2) header.durable_lsn = Lsn{value};
        if (field == 3) header.durable_txn = TxnNumber{value};
        if (field == 4) header.flags = static_cast<std::uint32_t>(value);
        if (field == 5) header.chain = value;
        segment.write_header();
        use();
        if (HasFatalFailure()) FAIL() << field << " " << value;
      }
    }
  }
}

// What a forger of the epochs could do to commits that come later.
TEST_F(ForgedLogTest, AnEpochWithoutRoomForTheNextTakesNoCommitAway) {
  files_["db.log-99-1"] = files_[log_];
  ForgedSegment segment(files_["db.log-99-1"]);
  segment.header().ref.epoch = EpochNumber{~std::uint64_t{0}};
  segment.header().ref.start = Lsn{12345};
  segment.write_header();
  MemoryWorld world;
  world.put(files_);
  auto db = Database::open("db", world.options());
  if (!db) return;
  MUST(db->put("a", "b"));
  MemoryWorld after;
  after.put(world.files());
  Database again = MUST(Database::open("db", after.options()));
  EXPECT_EQ(MUST(again.get("a")), "b");
}

// The file names a place in its log that the log doesn't reach: part of it has been cut off.
TEST_F(ForgedLogTest, ALogThatEndsBeforeThePlaceThatTheFileNames) {
  ForgedFile file(files_["db"]);
  for (std::uint64_t beyond : {std::uint64_t{8}, std::uint64_t{4096}, std::uint64_t{1} << 40}) {
    files_ = sound_;
    ForgedFile forged(files_["db"]);
    forged.meta().log_lsn =
        lsn_at(forged.meta().segment_start, align_up(files_[log_].size(), 8)) + beyond;
    forged.write_meta();
    MemoryWorld world;
    world.put(files_);
    EXPECT_CODE(Database::open("db", world.options()), ErrorCode::kDamaged);
  }
}

}  // namespace
}  // namespace holdfast
