#include "recovery/redo.h"

#include "engine/page/edit.h"
#include "engine/page/page_format.h"
#include "tests/recovery/scan_fixture.h"

namespace holdfast::testing {
namespace {

constexpr std::size_t kPage = 4096;

class Pages final : public RedoTarget {
 public:
  Result<std::span<std::byte>> base(PageId id) override {
    if (!pages.contains(id)) return fail(ErrorCode::kDamaged, "no base");
    return std::span(pages[id]);
  }
  Result<std::span<std::byte>> blank(PageId id) override {
    lost.erase(id);
    pages[id].assign(kPage, std::byte{0});
    return std::span(pages[id]);
  }
  Result<void> place(PageId id, Slot slot, std::uint64_t check, TxnNumber txn) override {
    calls.push_back("place " + std::to_string(raw(id)) + " " + std::to_string(raw(slot)) + " " +
                    std::to_string(check) + " " + std::to_string(raw(txn)));
    return {};
  }
  Result<void> free(PageId first, std::uint32_t count, TxnNumber txn) override {
    calls.push_back("free " + std::to_string(raw(first)) + " " + std::to_string(count) + " " +
                    std::to_string(raw(txn)));
    return {};
  }
  Result<void> lose(PageId id, const Error& why) override {
    pages.erase(id);
    lost.emplace(id, why);
    return {};
  }
  bool is_lost(PageId id) const override { return lost.contains(id); }
  Result<void> committed(const LogPlace&) override { return {}; }
  std::map<PageId, Error> lost;
  std::map<PageId, std::vector<std::byte>> pages;
  std::vector<std::string> calls;
};

std::vector<std::byte> new_page(PageId id, TxnNumber txn) {
  std::vector<std::byte> page(kPage);
  format_page(page, 1, txn, id, kDefaultTree, PageKind::kLeaf, 0);
  return page;
}

TEST(Redo, EditsImagePlaceFree) {
  Pages target;
  std::vector<std::byte> page = new_page(PageId{3}, TxnNumber{1});
  std::vector<std::byte> payload;
  const ImageRange whole[] = {{0, page}};
  append_image(payload, PageId{3}, whole);
  append_place(payload, PageId{4}, Slot{9}, 77);
  append_free(payload, PageId{5}, 2);
  ASSERT_TRUE(redo_payload(payload, TxnNumber{1}, target).has_value());
  EXPECT_EQ(target.pages[PageId{3}], page);
  EXPECT_EQ(target.calls, (std::vector<std::string>{"place 4 9 77 1", "free 5 2 1"}));

  EditList list = EditList::on(TxnNumber{1});
  Editor editor(page, &list);
  editor.write(1000, as_bytes("hello"));
  editor.move(1001, 1000, 5);
  payload.clear();
  append_edits(payload, PageId{3}, list.base(), list.bytes());
  ASSERT_TRUE(redo_payload(payload, TxnNumber{2}, target).has_value());
  store(page.data() + page_at::kTxn, TxnNumber{2});
  EXPECT_EQ(target.pages[PageId{3}], page);

  // The version is another one now.
  const auto again = redo_payload(payload, TxnNumber{3}, target);
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().code(), ErrorCode::kDamaged);
  EXPECT_EQ(again.error().place().page, 3u);
  EXPECT_EQ(again.error().place().txn, 3u);
}

TEST(Redo, AnImageOfAnotherPageIsRefused) {
  Pages target;
  const std::vector<std::byte> page = new_page(PageId{3}, TxnNumber{1});
  std::vector<std::byte> payload;
  const ImageRange whole[] = {{0, page}};
  append_image(payload, PageId{4}, whole);
  EXPECT_EQ(redo_payload(payload, TxnNumber{1}, target).error().code(), ErrorCode::kDamaged);
}

TEST(Redo, EditsOfALostPageWaitForAWholeOne) {
  Pages target;
  std::vector<std::byte> page = new_page(PageId{3}, TxnNumber{1});
  EditList list = EditList::on(TxnNumber{1});
  Editor(page, &list).write(1000, as_bytes("hello"));
  std::vector<std::byte> edits;
  append_edits(edits, PageId{3}, list.base(), list.bytes());
  ASSERT_TRUE(redo_payload(edits, TxnNumber{2}, target).has_value());
  ASSERT_TRUE(redo_payload(edits, TxnNumber{3}, target).has_value());
  EXPECT_TRUE(target.lost.contains(PageId{3}));
  EXPECT_TRUE(target.pages.empty());

  std::vector<std::byte> image;
  const ImageRange whole[] = {{0, page}};
  append_image(image, PageId{3}, whole);
  ASSERT_TRUE(redo_payload(image, TxnNumber{4}, target).has_value());
  EXPECT_TRUE(target.lost.empty());
  store(page.data() + page_at::kTxn, TxnNumber{4});
  EXPECT_EQ(target.pages[PageId{3}], page);
}

// The first pass found it sound.
TEST(Redo, ALogThatReadsDifferentlyTheSecondTimeIsAnError) {
  LogEnv env;
  auto log = env.start(1, {});
  ASSERT_TRUE(put(*log, 1).has_value());
  ASSERT_TRUE(log->sync_through(TxnNumber{1}).has_value());
  const auto outcome = recover(*env.storage, start_of(*log));
  ASSERT_TRUE(outcome.has_value());
  env.storage->bytes("dir/db.log-1-1")[kSegmentBodyOffset + 4] ^= std::byte{1};
  auto files = LogFiles::open(*env.storage, "dir/db", test_uuid(), false);
  ASSERT_TRUE(files.has_value());
  Collector collector;
  const auto done = redo_log(*files, *outcome, collector);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), ErrorCode::kDamaged);
  EXPECT_EQ(done.error().place().file, "dir/db.log-1-1");
  EXPECT_TRUE(collector.txns.empty());
}

TEST(Redo, HostileEditsAreErrors) {
  Pages target;
  target.pages[PageId{3}] = new_page(PageId{3}, TxnNumber{1});
  const std::vector<std::byte> garbage(9, std::byte{0xFF});
  std::vector<std::byte> payload;
  append_edits(payload, PageId{3}, TxnNumber{1}, garbage);
  const auto done = redo_payload(payload, TxnNumber{2}, target);
  EXPECT_EQ(done.error().code(), ErrorCode::kDamaged);
  EXPECT_EQ(done.error().place().page, 3u);
}

}  // namespace
}  // namespace holdfast::testing
