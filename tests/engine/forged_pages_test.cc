// Pages, map and metas that somebody has forged, every checksum right: answers or errors, never a
// crash, a hang, memory without bound, or one page given out twice.
#include <random>

#include "engine/base/limits.h"
#include "engine/tree/node_view.h"
#include "engine/tree/overflow.h"
#include "tests/engine/forged_files.h"

namespace holdfast {
namespace {

constexpr std::uint32_t kPageSize = 4096;
constexpr int kRecords = 2000;

class ForgedPagesTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    MemoryWorld world;
    Options options = world.options();
    options.page_size = kPageSize;
    Database db = MUST(Database::open("db", options));
    WriteTransaction writer = MUST(db.begin_write());
    const Tree other = MUST(writer.create_tree("other"));
    for (int i = 0; i < kRecords; ++i) {
      const std::string value = value_of(i);
      MUST(writer.put(numbered(i), value));
      if (i % 10 == 0) MUST(writer.put(other, numbered(i), value));
    }
    MUST(writer.commit());
    MUST(db.close());
    sound_ = world.files();
  }
  static void TearDownTestSuite() { sound_.clear(); }
  static std::string value_of(int i) {
    return i % 100 == 7 ? std::string(10'000, 'o') + numbered(i)
                        : std::string(static_cast<std::size_t>(i) % 200, 'v') + numbered(i);
  }

  // The n-th page of the kind in the default tree.
  PageId nth(PageKind kind, std::size_t n, TreeId tree = kDefaultTree) {
    const auto pages = forged_.pages(kind, tree);
    return pages.at(n % pages.size());
  }
  HostileUse::Seen use() { return HostileUse(files_).run(); }
  // All that is answered is what was stored.
  static void expect_right(const HostileUse::Seen& seen) {
    for (const auto& [key, value] : seen.read_only) {
      ASSERT_EQ(value, value_of(std::stoi(key))) << key;
    }
  }

  static void set_child(std::byte* page, std::uint32_t index, PageId child) {
    NodeView node;
    Record record;
    ASSERT_EQ(NodeView::open(page, kPageSize, page_tree(page), node), nullptr);
    ASSERT_TRUE(node.record(index, record));
    store(page + (as_bytes(record.payload).data() - page), child);
  }
  // Gives the first long value this place, or the second's where `first` is no page; answers the
  // first's key.
  std::string forge_stub(PageId first, std::uint32_t bytes) {
    struct Found {
      PageId leaf;
      std::size_t at;
      std::string key;
      std::string stub;
    };
    std::vector<Found> found;
    for (PageId leaf : forged_.pages(PageKind::kLeaf, kDefaultTree)) {
      const std::byte* page = forged_.page(leaf).data();
      NodeView node;
      EXPECT_EQ(NodeView::open(page, kPageSize, kDefaultTree, node), nullptr);
      for (std::uint32_t i = 0; i < node.count(); ++i) {
        Record record;
        if (!node.record(i, record) || !record.overflow) continue;
        Found next{leaf, static_cast<std::size_t>(as_bytes(record.payload).data() - page), {}, {}};
        EXPECT_TRUE(node.key(i, next.key));
        next.stub = record.payload;
        found.push_back(next);
      }
    }
    const std::size_t capacity = overflow_page_capacity(kPageSize);
    const OverflowStub forged{first, static_cast<std::uint32_t>((bytes + capacity - 1) / capacity),
                              bytes};
    const std::string stub = first == kNoPage ? found.at(1).stub : forged.encode();
    second_key_ = found.at(1).key;
    forged_.change(found.at(0).leaf, [&](std::byte* page) {
      std::memcpy(page + found[0].at, stub.data(), stub.size());
    });
    return found[0].key;
  }

  static MemoryWorld::Files sound_;
  std::string second_key_;
  MemoryWorld::Files files_ = sound_;
  ForgedFile forged_{files_["db"]};
};
MemoryWorld::Files ForgedPagesTest::sound_;

TEST_F(ForgedPagesTest, AFileThatIsMendedWithoutAChangeIsTheSame) {
  for (std::uint32_t id = 1; id < forged_.id_end(); ++id) {
    if (!forged_.page(PageId{id}).empty()) forged_.mend(PageId{id});
  }
  EXPECT_TRUE(files_["db"] == sound_["db"] || forged_.id_end() > 1);
  const auto seen = use();
  EXPECT_EQ(seen.read_only.size(), static_cast<std::size_t>(kRecords));
  EXPECT_TRUE(seen.errors.empty()) << seen.errors[0];
  EXPECT_EQ(seen.findings, 0);
  expect_right(seen);
}

TEST_F(ForgedPagesTest, RandomFieldsOfRandomPages) {
  for (unsigned seed = 0; seed < 250; ++seed) {
    std::mt19937 random(seed);
    files_ = sound_;
    forged_ = ForgedFile(files_["db"]);
    for (unsigned pages = 1 + random() % 6; pages > 0; --pages) {
      const PageId id{1 + static_cast<std::uint32_t>(random() % (forged_.id_end() - 1))};
      if (forged_.page(id).empty()) continue;
      forged_.change(id, [&](std::byte* page) {
        for (unsigned changes = 1 + random() % 5; changes > 0; --changes) {
          const std::size_t at = random() % 3 == 0 ? page_at::kTree + random() % 4000
                                                   : page_at::kTree + random() % 200;
          switch (random() % 4) {
            case 0:
              page[at] = static_cast<std::byte>(random());
              break;
            case 1:
              store16(page + at, static_cast<std::uint16_t>(random() % 4200));
              break;
            case 2:
              std::memmove(page + at, page + page_at::kTree + random() % 200, random() % 40);
              break;
            default:
              store32(page + at,
                      static_cast<std::uint32_t>(random() % 3 == 0 ? ~0U : random() % 90));
          }
        }
        // verify_page() sees to this before a tree sees a page.
        const auto begin = page_gap_begin(page);
        const auto end = page_gap_end(page);
        if (random() % 10 != 0 && (begin < kPageHeadBytes || begin > end || end > kPageSize)) {
          store16(page + page_at::kGapBegin, kPageHeadBytes);
          store16(page + page_at::kGapEnd, kPageSize);
        }
      });
    }
    use();
    if (HasFatalFailure()) FAIL() << "seed " << seed;
  }
}

// The heads say one order, the keys another: what is inserted between them lies nowhere.
TEST_F(ForgedPagesTest, HeadsThatLieAboutTheKeys) {
  for (std::size_t n = 0; n < 12; ++n) {
    files_ = sound_;
    forged_ = ForgedFile(files_["db"]);
    const PageId id = nth(PageKind::kLeaf, 3 * n);
    forged_.change(id, [&](std::byte* page) {
      for (std::uint32_t i = 0; i < page_count(page); ++i)
        store32(page + kNodeHeadEnd + i * kHeadBytes, n % 2 == 0 ? i : 0xFFFFFF00 + i);
    });
    const auto seen = use();
    EXPECT_GT(seen.findings, 0);
    expect_right(seen);
  }
}

// A page id that was never given out, in a file that says all ids were: the tables in memory must
// not follow it, nor verify() walk there.
TEST_F(ForgedPagesTest, IdsFarBeyondTheMapCostNothing) {
  forged_.meta().id_high_water = kPageIdEnd;
  forged_.write_meta();
  const PageId root = nth(PageKind::kInner, 0);
  forged_.change(root, [&](std::byte* page) { set_child(page, 1, PageId{kPageIdEnd - 1}); });
  MemoryWorld world;
  world.put(files_);
  Options options = world.options();
  options.cache_bytes = std::size_t{1} << 20;
  Database db = MUST(Database::open("db", options));
  const std::uint64_t before = db.stats().table_bytes;
  int unreadable = 0;
  for (int i = 0; i < kRecords; ++i) unreadable += db.get(numbered(i)) ? 0 : 1;
  EXPECT_GT(unreadable, 0);
  EXPECT_LE(db.stats().table_bytes, before + 64 * 1024);
  const VerifyReport report = MUST(db.verify());
  EXPECT_GT(report.findings_total, 0U);
  EXPECT_LE(db.stats().table_bytes, before + 64 * 1024);
}

// What a record names is freed with it. Pages that don't exist can't be.
TEST_F(ForgedPagesTest, AValueThatClaimsPagesBeyondTheMapCannotBeErased) {
  for (PageId first : {PageId{3}, PageId{forged_.id_end() - 1}, PageId{0xFFF00000}}) {
    files_ = sound_;
    forged_ = ForgedFile(files_["db"]);
    forged_.meta().id_high_water = kPageIdEnd;
    forged_.write_meta();
    const std::string key = forge_stub(first, 3U << 30);
    MemoryWorld world;
    world.put(files_);
    Options options = world.options();
    options.cache_bytes = std::size_t{1} << 20;
    Database db = MUST(Database::open("db", options));
    EXPECT_CODE(db.get(key), ErrorCode::kDamaged);
    EXPECT_CODE(db.erase(key), ErrorCode::kDamaged);
    EXPECT_CODE(db.put(key, "other"), ErrorCode::kDamaged);
    EXPECT_LE(db.stats().table_bytes + db.stats().cache_frame_bytes, options.cache_bytes);
    MUST(db.put("more", "data"));
    EXPECT_EQ(MUST(db.get("more")), "data");
  }
}

// Two records share a run: erasing both would free it twice, and give its ids to two others.
TEST_F(ForgedPagesTest, PagesThatAreNamedTwiceAreFreedOnce) {
  const std::string first = forge_stub(kNoPage, 0);
  for (bool together : {false, true}) {
    MemoryWorld world;
    world.put(files_);
    Database db = MUST(Database::open("db", world.options()));
    auto writer = MUST(db.begin_write());
    ASSERT_TRUE(MUST(writer.erase(first)));
    if (!together) {
      MUST(writer.commit());
      writer = MUST(db.begin_write());
    }
    EXPECT_CODE(writer.erase(second_key_), ErrorCode::kDamaged);
    writer.abort();
    MUST(db.checkpoint());
    // Both runs are there again where the first erase was given up with the second.
    EXPECT_EQ(db.erase(second_key_).has_value(), together);
  }
}

TEST_F(ForgedPagesTest, ANewTreeDoesNotTakeTheIdOfAnother) {
  forged_.change(kCatalogRoot, [&](std::byte* page) {
    NodeView node;
    ASSERT_EQ(NodeView::open(page, kPageSize, kCatalogTree, node), nullptr);
    std::string key;
    Record record;
    for (std::uint32_t i = 0; i < node.count(); ++i) {
      ASSERT_TRUE(node.key(i, key) && node.record(i, record));
      if (key == "i") store32(page + (as_bytes(record.payload).data() - page), 2);
    }
  });
  MemoryWorld world;
  world.put(files_);
  Database db = MUST(Database::open("db", world.options()));
  WriteTransaction writer = MUST(db.begin_write());
  EXPECT_CODE(writer.create_tree("new"), ErrorCode::kDamaged);
  writer.abort();
  EXPECT_GT(MUST(db.verify()).findings_total, 0U);
  const ReadTransaction reader = MUST(db.begin_read());
  EXPECT_EQ(MUST(reader.get(MUST(reader.open_tree("other")), numbered(10))), value_of(10));
}

TEST_F(ForgedPagesTest, ANameThatLeadsToNoTreeIsFound) {
  forged_.change(kCatalogRoot, [&](std::byte* page) {
    const std::string_view all = as_view(page, kPageSize);
    std::size_t at = 0;
    // In the tree's own record and in the name's; only the name's ends like this.
    for (; (at = all.find("other", at)) != std::string_view::npos; ++at) {
      if (page[at + 5] == std::byte{2}) page[at + 4] = std::byte{'t'};
    }
  });
  MemoryWorld world;
  world.put(files_);
  Database db = MUST(Database::open("db", world.options()));
  const VerifyReport report = MUST(db.verify());
  ASSERT_GT(report.findings_total, 0U);
  EXPECT_EQ(report.findings[0].code, "catalog");
}

// The next numbers would begin again at zero, and the next opening take an older state for newer.
TEST_F(ForgedPagesTest, NumbersWithoutRoomForTheNextAreImpossible) {
  for (int field = 0; field < 5; ++field) {
    for (std::uint64_t value : {~std::uint64_t{0}, ~std::uint64_t{0} - 1, std::uint64_t{1} << 63}) {
      files_ = sound_;
      forged_ = ForgedFile(files_["db"]);
      Meta& meta = forged_.meta();
      if (field == 0) meta.generation = value;
      if (field == 1) meta.txn = TxnNumber{value};
      if (field == 2) meta.epoch = EpochNumber{value};
      if (field == 3) meta.log_lsn = Lsn{value};
      if (field == 4) meta.segment_start = Lsn{value};
      forged_.write_meta();
      MemoryWorld world;
      world.put(files_);
      EXPECT_CODE(Database::open("db", world.options()), ErrorCode::kDamaged);
    }
  }
}

TEST_F(ForgedPagesTest, MapEntriesThatLeadAnywhere) {
  std::mt19937 random(8);
  for (int round = 0; round < 150; ++round) {
    files_ = sound_;
    forged_ = ForgedFile(files_["db"]);
    for (unsigned changes = 1 + random() % 4; changes > 0; --changes) {
      const PageId id{static_cast<std::uint32_t>(random() % (forged_.id_end() + 20))};
      const PageId other{1 + static_cast<std::uint32_t>(random() % (forged_.id_end() - 1))};
      const std::uint32_t slots[] = {0, 1, 0xFFFFFFFF, 0x80000000,
                                     static_cast<std::uint32_t>(random() % 400)};
      const MapEntry entry = random() % 3 == 0 ? forged_.entry(other)
                                               : make_entry(Slot{slots[random() % 5]}, random());
      forged_.set_entry(id, entry);
    }
    const auto seen = use();
    expect_right(seen);
    if (HasFatalFailure()) FAIL() << "round " << round;
  }
}

// The root of the map names a second copy that was never written, or is the first one.
TEST_F(ForgedPagesTest, TwinsThatDiffer) {
  std::vector<Slot> seconds{Slot{0}, Slot{1}, Slot{0xFFFFFFFF}, forged_.meta().map_root.slots[0]};
  for (Slot second : seconds) {
    for (bool swapped : {false, true}) {
      files_ = sound_;
      forged_ = ForgedFile(files_["db"]);
      MapRef& root = forged_.meta().map_root;
      root.slots[1] = second;
      if (swapped) std::swap(root.slots[0], root.slots[1]);
      forged_.write_meta();
      expect_right(use());
    }
  }
}

TEST_F(ForgedPagesTest, MetasWithAbsurdHeightsAndHighWaters) {
  for (std::uint32_t height : {0U, 1U, 2U, 4U}) {
    for (std::uint32_t high : {0U, 1U, 2U, 70U, 0x7FFFFFFFU, 0xFFFFFFFFU}) {
      files_ = sound_;
      forged_ = ForgedFile(files_["db"]);
      forged_.meta().map_height = height;
      forged_.meta().slot_high_water = high;
      forged_.write_meta();
      use();
      forged_.meta().map_height = 0;
      forged_.meta().id_high_water = high;
      forged_.write_meta();
      use();
    }
  }
}

}  // namespace
}  // namespace holdfast
