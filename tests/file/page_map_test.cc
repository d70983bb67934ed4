// The page map: what is written comes back, through growth in height, gaps, twins gone bad, and
// attempts that are given up.
#include "engine/file/page_map.h"

#include <map>
#include <random>

#include "tests/file/file_fixture.h"

namespace holdfast {
namespace {

class PageMapTest : public FileTest {
 protected:
  PageMapTest() { slots_.open(0).value(); }

  // One checkpoint: these leaves get these contents. Answers the meta that names the result.
  Meta change(PageMap& map, const std::map<std::uint32_t, std::uint32_t>& leaves) {
    MapUpdate update(map, TxnNumber{++txn_});
    slots_.reserve(static_cast<std::uint32_t>(leaves.size()) * map.pages_per_leaf_change() + 8)
        .value();
    for (const auto& [index, seed] : leaves) {
      update.write_leaf(index, entries(index, seed)).value();
      model_[index] = seed;
    }
    update.finish().value();
    Meta meta = some_meta();
    meta.map_root = update.root();
    meta.map_height = update.height();
    meta.id_high_water = (model_.rbegin()->first + 1) * kFanout;
    for (Slot slot : update.install()) slots_.free(slot);
    EXPECT_EQ(map.root(), meta.map_root);
    EXPECT_EQ(map.height(), meta.map_height);
    return meta;
  }
  std::vector<MapEntry> entries(std::uint32_t index, std::uint32_t seed) const {
    std::vector<MapEntry> made(kFanout);
    for (std::uint32_t i = 0; i < kFanout; ++i)
      made[i] = make_entry(Slot{index * 7 + i + seed}, std::uint64_t{i} * seed);
    return made;
  }
  void expect_model(const PageMap& map) {
    std::vector<MapEntry> found(kFanout);
    for (const auto& [index, seed] : model_) {
      auto read = map.read_leaf(index, found);
      ASSERT_TRUE(read) << "leaf " << index << ": " << read.error().to_string();
      ASSERT_TRUE(found == entries(index, seed)) << "leaf " << index;
    }
    map.read_leaf(100'000, found).value();
    EXPECT_EQ(found, std::vector<MapEntry>(kFanout));
  }
  PageMap fresh() { return PageMap(file_, slots_, 4096, some_meta().tag()); }

  static constexpr std::uint32_t kFanout = (4096 - kMapBodyAt) / sizeof(MapEntry);
  static constexpr std::uint32_t kInnerFanout = (4096 - kMapBodyAt) / 16;
  SlotSpace slots_{file_, 4096};
  std::uint64_t txn_ = 1;
  std::map<std::uint32_t, std::uint32_t> model_;
};

TEST_F(PageMapTest, GrowsLeafByLeafThroughThreeLevels) {
  PageMap map = fresh();
  EXPECT_EQ(map.leaf_fanout(), kFanout);
  Meta meta;
  for (std::uint32_t leaf = 0; leaf < kInnerFanout + 20; ++leaf) {
    meta = change(map, {{leaf, leaf + 1}, {0, leaf + 5}});
    const std::uint32_t height = leaf == 0 ? 0 : leaf < kInnerFanout ? 1 : 2;
    ASSERT_EQ(meta.map_height, height) << leaf;
    if (leaf % 50 == 0 || leaf > kInnerFanout) {
      PageMap again = fresh();
      must(again.open(meta));
      expect_model(again);
    }
  }
  expect_model(map);
}

TEST_F(PageMapTest, GrowsOverGapsAndSeveralLevelsAtOnce) {
  for (std::uint32_t far : {1U, 2U, kInnerFanout - 1, kInnerFanout, kInnerFanout + 1,
                            3 * kInnerFanout, kInnerFanout * kInnerFanout + 5}) {
    model_.clear();
    PageMap map = fresh();
    change(map, {{0, 9}});
    // What was there before isn't touched by the transaction that makes the map higher.
    const Meta meta = change(map, {{far, 4}});
    expect_model(map);
    PageMap again = fresh();
    must(again.open(meta));
    expect_model(again);
    const Meta later = change(again, {{far / 2 + 1, 6}});
    PageMap third = fresh();
    must(third.open(later));
    expect_model(third);
  }
}

// DR-C20: docs/SCENARIOS.md.
TEST_F(PageMapTest, EachCopyOfRootAndInnerPagesMayRot) {
  PageMap map = fresh();
  change(map, {{0, 1}, {1, 2}, {5, 3}});
  const Meta meta = change(map, {{0, 4}, {kInnerFanout, 5}});
  for (const MapRef& ref : map.all_refs()) {
    if (ref.slots[1] == kNoSlot) continue;
    for (int copy = 0; copy < 2; ++copy) {
      corrupt(slots_.offset_of(ref.slots[copy]) + 100);
      PageMap again = fresh();
      must(again.open(meta));
      expect_model(again);
      corrupt(slots_.offset_of(ref.slots[copy]) + 100);  // Back.
    }
    corrupt(slots_.offset_of(ref.slots[0]) + 100);
    corrupt(slots_.offset_of(ref.slots[1]) + 2000);
    PageMap again = fresh();
    auto opened = again.open(meta);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code(), ErrorCode::kDamaged);
    EXPECT_EQ(opened.error().place().file, "db");
    EXPECT_TRUE(opened.error().place().offset.has_value());
    corrupt(slots_.offset_of(ref.slots[0]) + 100);
    corrupt(slots_.offset_of(ref.slots[1]) + 2000);
  }
}

// Of two copies one is bad and one can't be read, whichever comes first: that one may be whole.
TEST_F(PageMapTest, ACopyThatCannotBeReadIsNoDamage) {
  PageMap map = fresh();
  const Meta meta = change(map, {{0, 1}});
  for (int bad = 0; bad < 2; ++bad) {
    corrupt(slots_.offset_of(meta.map_root.slots[bad]) + 100);
    file_.fail_at = [&](const std::string& call) -> Result<void> {
      if (call == "read " + std::to_string(slots_.offset_of(meta.map_root.slots[1 - bad])))
        return fail(ErrorCode::kIo, "unreadable");
      return {};
    };
    PageMap again = fresh();
    must(again.open(meta));
    std::vector<MapEntry> found(kFanout);
    const auto read = again.read_leaf(0, found);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code(), ErrorCode::kIo) << read.error().to_string();
    file_.fail_at = {};
    corrupt(slots_.offset_of(meta.map_root.slots[bad]) + 100);  // Back.
  }
}

TEST_F(PageMapTest, ABadLeafTakesOnlyItsOwnPages) {
  PageMap map = fresh();
  change(map, {{0, 1}, {1, 2}, {2, 3}});
  const Meta meta = change(map, {{0, 4}});  // No longer the root: one copy.
  std::vector<MapEntry> found(kFanout);
  for (const MapRef& ref : map.all_refs()) {
    if (ref.slots[1] == kNoSlot) corrupt(slots_.offset_of(ref.slots[0]) + 64);
  }
  PageMap again = fresh();
  must(again.open(meta));
  for (std::uint32_t leaf : {0U, 1U, 2U})
    EXPECT_EQ(again.read_leaf(leaf, found).error().code(), ErrorCode::kDamaged);
  again.read_leaf(3, found).value();
}

TEST_F(PageMapTest, P1AnAbandonedUpdateGivesItsSlotsBackAndChangesNothing) {
  PageMap map = fresh();
  const Meta meta = change(map, {{0, 1}, {3, 2}});
  const std::uint64_t free_before = slots_.free_slots();
  std::vector<Slot> named;
  map.collect_slots(named);
  slots_.reserve(20).value();
  MapUpdate update(map, TxnNumber{50});
  update.write_leaf(0, entries(0, 77)).value();
  update.write_leaf(600, entries(600, 78)).value();
  update.finish().value();
  for (Slot slot : update.abandon()) {
    EXPECT_EQ(std::count(named.begin(), named.end(), slot), 0) << "nothing is overwritten";
    slots_.free(slot);
  }
  slots_.unreserve(20);
  EXPECT_GE(slots_.free_slots(), free_before);
  expect_model(map);
  PageMap again = fresh();
  must(again.open(meta));
  expect_model(again);
}

TEST_F(PageMapTest, ReplacedSlotsAreAllGivenBack) {
  PageMap map = fresh();
  std::mt19937 random(2);
  for (int round = 0; round < 300; ++round)
    change(map, {{static_cast<std::uint32_t>(random() % 40), static_cast<std::uint32_t>(round)},
                 {static_cast<std::uint32_t>(random() % 40), static_cast<std::uint32_t>(round)}});
  std::vector<Slot> named;
  map.collect_slots(named);
  EXPECT_EQ(slots_.free_slots(), slots_.allocated() - named.size());
  expect_model(map);
}

}  // namespace
}  // namespace holdfast
