// The rules M1 to M3 of the meta store, and which block is believed when some are bad.
#include "engine/file/meta_store.h"

#include "engine/base/limits.h"
#include "tests/file/file_fixture.h"

namespace holdfast {
namespace {

class MetaStoreTest : public FileTest {
 protected:
  MetaStore with_generations(int count) {
    MetaStore store = MetaStore::blank(file_);
    for (int i = 1; i <= count; ++i) {
      Meta meta = some_meta();
      meta.txn = TxnNumber{static_cast<std::uint64_t>(i)};
      store.write(meta).value();
    }
    file_.calls.clear();
    return store;
  }
};

TEST_F(MetaStoreTest, M1WritesTheOtherPairThenSyncsThenReadsBack) {
  MetaStore store = with_generations(0);
  store.write(some_meta()).value();
  const std::vector<std::string> first = {"write 0", "write 32768", "sync", "read_past_cache 0",
                                          "read_past_cache 32768"};
  EXPECT_EQ(file_.calls, first);
  file_.calls.clear();
  store.write(some_meta()).value();
  const std::vector<std::string> second = {"write 16384", "write 49152", "sync",
                                           "read_past_cache 16384", "read_past_cache 49152"};
  EXPECT_EQ(file_.calls, second);
  file_.calls.clear();
  store.write(some_meta()).value();
  EXPECT_EQ(file_.calls, first);
  EXPECT_EQ(store.meta().generation, 3U);
}

TEST_F(MetaStoreTest, AMetaThatNobodyCouldReadIsNotWritten) {
  MetaStore store = with_generations(2);
  Meta meta = some_meta();
  meta.map_height = 5;
  const auto written = store.write(meta);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code(), ErrorCode::kInternal);
  EXPECT_TRUE(file_.calls.empty());
  EXPECT_EQ(MetaStore::open(file_).value().meta().generation, 2U);
}

TEST_F(MetaStoreTest, M1AWriteThatNeverReachedTheMediumFails) {
  MetaStore store = with_generations(2);
  file_.drop_writes = true;
  auto written = store.write(some_meta());
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code(), ErrorCode::kIo);
  file_.drop_writes = false;
  EXPECT_EQ(MetaStore::open(file_).value().meta().generation, 2U);
}

TEST_F(MetaStoreTest, M2AnyFailedStepFailsTheWriteAndTheOldGenerationStands) {
  for (const std::string failing :
       {"write 0", "write 32768", "sync", "read_past_cache 0", "read_past_cache 32768"}) {
    MetaStore store = with_generations(2);
    file_.fail_at = [&](const std::string& call) -> Result<void> {
      if (call == failing) return fail(ErrorCode::kIo, "no");
      return {};
    };
    EXPECT_FALSE(store.write(some_meta())) << failing;
    file_.fail_at = nullptr;
    const Meta chosen = MetaStore::open(file_).value().meta();
    EXPECT_TRUE(chosen.generation == 2 || chosen.generation == 3) << failing;
  }
}

TEST_F(MetaStoreTest, M3OpeningWritesNothing) {
  with_generations(3);
  corrupt(meta_offset(0));
  file_.calls.clear();
  MetaStore store = MetaStore::open(file_).value();
  for (const std::string& call : file_.calls) EXPECT_EQ(call.substr(0, 4), "read");
  EXPECT_EQ(store.bad_copies(), 1U);
  EXPECT_EQ(store.meta().generation, 3U);
  file_.calls.clear();
  store.restore_copies().value();
  EXPECT_EQ(file_.calls, (std::vector<std::string>{"write 0", "sync", "read_past_cache 0"}));
  EXPECT_EQ(MetaStore::open(file_).value().bad_copies(), 0U);
  file_.calls.clear();
  store.restore_copies().value();
  EXPECT_TRUE(file_.calls.empty());
}

// It may be a newer generation, of a crash, that is read next time: what that needs is free now.
TEST_F(MetaStoreTest, M3ACopyOfTheOtherPairThatCouldNotBeReadGetsWhatItsTwinHas) {
  with_generations(3);
  std::array<std::byte, kMetaBytes> twin{}, block{};
  file_.read(meta_offset(3), twin).value();
  file_.fail_at = [&](const std::string& call) -> Result<void> {
    if (call == "read_past_cache 16384") return fail(ErrorCode::kIo, "no");
    return {};
  };
  MetaStore store = MetaStore::open(file_).value();
  file_.fail_at = nullptr;
  EXPECT_EQ(store.meta().generation, 3U);
  EXPECT_EQ(store.bad_copies(), 0U);
  corrupt(meta_offset(1));
  file_.calls.clear();
  store.restore_copies().value();
  EXPECT_EQ(file_.calls,
            (std::vector<std::string>{"write 16384", "sync", "read_past_cache 16384"}));
  file_.read(meta_offset(1), block).value();
  EXPECT_EQ(block, twin);
  file_.calls.clear();
  store.restore_copies().value();
  EXPECT_TRUE(file_.calls.empty());
}

// A generation that came in between is not written over by what a copy had before it.
TEST_F(MetaStoreTest, M3WhatCouldNotBeReadIsNoMatterOnceAGenerationIsThere) {
  with_generations(3);
  file_.fail_at = [&](const std::string& call) -> Result<void> {
    if (call == "read_past_cache 16384") return fail(ErrorCode::kIo, "no");
    return {};
  };
  MetaStore store = MetaStore::open(file_).value();
  file_.fail_at = nullptr;
  ASSERT_TRUE(store.write(store.meta()));
  file_.calls.clear();
  store.restore_copies().value();
  EXPECT_TRUE(file_.calls.empty());
  EXPECT_EQ(MetaStore::open(file_).value().bad_copies(), 0U);
}

TEST_F(MetaStoreTest, TheNewestGoodBlockIsChosenWhateverElseIsBad) {
  for (unsigned bad = 0; bad < 15; ++bad) {
    with_generations(4);  // 3 in the first pair, 4 in the second.
    for (unsigned copy = 0; copy < kMetaCopies; ++copy) {
      if ((bad >> copy) & 1) corrupt(meta_offset(copy) + 300);
    }
    const MetaStore store = MetaStore::open(file_).value();
    const bool newest_there = (bad & 0b1010) != 0b1010;
    EXPECT_EQ(store.meta().generation, newest_there ? 4U : 3U) << bad;
    EXPECT_EQ(raw(store.meta().txn), store.meta().generation);
  }
  with_generations(4);
  for (unsigned copy = 0; copy < kMetaCopies; ++copy) corrupt(meta_offset(copy) + 300);
  EXPECT_EQ(MetaStore::open(file_).error().code(), ErrorCode::kDamaged);
}

TEST_F(MetaStoreTest, WithoutMagicItIsNoDatabase) {
  EXPECT_EQ(MetaStore::open(file_).error().code(), ErrorCode::kNotADatabase);
  const std::vector<std::byte> text(100'000, std::byte{'x'});
  file_.write(0, text).value();
  EXPECT_EQ(MetaStore::open(file_).error().code(), ErrorCode::kNotADatabase);
}

TEST_F(MetaStoreTest, AReadErrorIsThatErrorWhenNothingElseIsGood) {
  with_generations(2);
  file_.fail_at = [&](const std::string& call) -> Result<void> {
    if (call.starts_with("read")) return fail(ErrorCode::kIo, "bad sector");
    return {};
  };
  EXPECT_EQ(MetaStore::open(file_).error().code(), ErrorCode::kIo);
}

TEST_F(MetaStoreTest, EveryFieldComesBack) {
  Meta meta = some_meta();
  meta.epoch = EpochNumber{5};
  meta.log_lsn = Lsn{77};
  meta.log_chain = 78;
  meta.log_beside = true;
  meta.segment_epoch = EpochNumber{4};
  meta.segment_salt[3] = std::byte{9};
  meta.segment_start = Lsn{70};
  meta.epoch_salt[4] = std::byte{8};
  meta.epoch_start = Lsn{71};
  meta.map_height = 2;
  meta.map_root = {{Slot{3}, Slot{4}}, 99};
  meta.id_high_water = 12;
  meta.slot_high_water = 13;
  meta.pages = 14;
  meta.compatible = 1;
  meta.read_only_compatible = 2;
  MetaStore store = MetaStore::blank(file_);
  store.write(meta).value();
  const Meta back = MetaStore::open(file_).value().meta();
  EXPECT_EQ(back.creator, "a test");
  EXPECT_EQ(back.uuid, meta.uuid);
  EXPECT_EQ(back.epoch, meta.epoch);
  EXPECT_EQ(back.log_lsn, meta.log_lsn);
  EXPECT_EQ(back.log_chain, meta.log_chain);
  EXPECT_TRUE(back.log_beside);
  EXPECT_EQ(back.segment_epoch, meta.segment_epoch);
  EXPECT_EQ(back.segment_salt, meta.segment_salt);
  EXPECT_EQ(back.segment_start, meta.segment_start);
  EXPECT_EQ(back.epoch_salt, meta.epoch_salt);
  EXPECT_EQ(back.epoch_start, meta.epoch_start);
  EXPECT_EQ(back.map_height, meta.map_height);
  EXPECT_EQ(back.map_root, meta.map_root);
  EXPECT_EQ(back.id_high_water, meta.id_high_water);
  EXPECT_EQ(back.slot_high_water, meta.slot_high_water);
  EXPECT_EQ(back.pages, meta.pages);
  EXPECT_EQ(back.compatible, 1U);
  EXPECT_EQ(back.read_only_compatible, 2U);
  EXPECT_EQ(back.generation, 1U);
}

TEST_F(MetaStoreTest, AListOfKeptCheckpointsComesBackAndImpossibleOnesAreDamage) {
  Meta meta;
  meta.page_size = 4096;
  meta.generation = 20;
  meta.txn = TxnNumber{50};
  meta.id_high_water = 90;
  meta.slot_high_water = 80;
  for (std::size_t i = 0; i < kKeptMax; ++i) {
    meta.kept[i] = {.id = 10 + i,
                    .txn = TxnNumber{40 + i},
                    .map_root = {{Slot{3}, Slot{4}}, 5},
                    .map_height = 2,
                    .id_high_water = 90,
                    .slot_high_water = 80,
                    .pages = 7,
                    .wall_us = 8};
  }
  std::array<std::byte, kMetaBytes> block;
  const auto decoded = [&] {
    encode_meta(meta, block);
    return decode_meta(block);
  };
  EXPECT_EQ(decoded().value().kept, meta.kept);
  EXPECT_EQ(load64(block.data() + meta_at::kReadOnlyCompatible), kFeatureKept);
  const Meta good = meta;
  const auto refused = [&](auto change) {
    meta = good;
    change(meta.kept[3]);
    return !decoded() && decoded().error().code() == ErrorCode::kDamaged;
  };
  EXPECT_TRUE(refused([](KeptMap& kept) { kept.id = 0; })) << "others behind none";
  EXPECT_TRUE(refused([](KeptMap& kept) { kept.id = 12; })) << "twice";
  EXPECT_TRUE(refused([](KeptMap& kept) { kept.id = 21; })) << "of a generation to come";
  EXPECT_TRUE(refused([](KeptMap& kept) { kept.txn = TxnNumber{51}; }));
  EXPECT_TRUE(refused([](KeptMap& kept) { kept.map_height = 5; }));
  EXPECT_TRUE(refused([](KeptMap& kept) { kept.id_high_water = kPageIdEnd + 1; }));
  // Ids that were spoken for then, and weren't needed.
  EXPECT_FALSE(refused([](KeptMap& kept) { kept.id_high_water = 91; }));
  EXPECT_TRUE(refused([](KeptMap& kept) { kept.slot_high_water = 81; }));
  meta = good;
  meta.kept = {};
  EXPECT_TRUE(decoded().value().kept_maps().empty());
  EXPECT_EQ(load64(block.data() + meta_at::kReadOnlyCompatible), 0U);
}

}  // namespace
}  // namespace holdfast
